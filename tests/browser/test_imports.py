"""Cases from a file in the browser: looked at, told which column is what, tried, read in, refused rows to download."""

import csv
import io
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, expect
from sqlalchemy import select

from callback.db.tables import Case, Upload
from callback.worker.tasks import read_upload
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look

ROWS = [
    ["工单号", "标题", "问题描述", "处理状态", "客户姓名", "手机", "创建时间"],
    ["G-1", "净水器漏水", "昨天开始漏水", "处理中", "赵一", "13800138001", "2026/03/09 09:30"],
    ["G-2", "发票抬头错误", "请重开", "已办结", "钱二", "13800138002", "2026/03/08 14:05"],
    ["G-3", "安装预约", "想约周六", "新建", "孙三", "138", "2026/03/10 10:00"],
    ["G-4", "<b>退货</b>", "不想要了", "处理中", "李四", "13800138004", "08.03.2026"],
]


def _send(page: Page, tmp_path: Path, rows: list[list[str]] = ROWS) -> None:
    path = tmp_path / "工单 三月.csv"
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    page.locator("input[type=file]").set_input_files(path)
    page.locator("main form button.btn").click()
    page.wait_for_url(lambda url: "/setup/import/" in url)


def _work(site: Site) -> None:
    with site.house.sessions() as session:
        waiting = session.scalars(select(Upload.id).where(Upload.state == "queued")).all()
    for upload_id in waiting:
        read_upload(site.house, upload_id=upload_id)


@BOTH
@WIDTHS
def test_a_file_is_looked_at_before_anything_is_written(
    site: Site, look: Look, tmp_path: Path, language: Literal["en", "zh"], width: int
) -> None:
    page = site.open("/setup/import", login="zhou", language=language, width=width)
    look(page, "import", picture=False)
    _send(page, tmp_path)
    expect(page.locator("select[name='columns.external_id']")).to_have_value("工单号")
    expect(page.locator("#preview")).to_contain_text("G-1")
    expect(page.locator("#preview")).not_to_contain_text("13800138001")
    look(page, "import-mapping")
    # Left as it is, it stands in the list and can be gone on with.
    page.goto(f"{site.url}/setup/import")
    page.get_by_role("link", name="工单 三月.csv").click()
    expect(page.locator("#preview")).to_contain_text("G-1")


def test_a_file_is_tried_put_right_and_read_in(site: Site, look: Look, tmp_path: Path) -> None:
    page = site.open("/setup/import", login="zhou", language="zh")
    _send(page, tmp_path)
    page.get_by_role("button", name="试导入").click()
    expect(page.get_by_role("status").first).to_contain_text("等待后台处理")
    _work(site)
    expect(page.get_by_text("这是试导入")).to_be_visible()
    look(page, "import-tried")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载被拒绝的行").click()
    assert "G-3" not in download.value.path().read_text(encoding="utf-8-sig").splitlines()[0]
    page.get_by_role("link", name="继续").click()
    page.get_by_role("button", name="正式导入").dblclick()
    expect(page.locator("#progress")).to_be_visible()
    _work(site)
    expect(page.get_by_text("重复导入同一文件不会产生变化")).to_be_visible()
    with site.house.sessions() as session:
        found = session.scalars(select(Case.external_id).where(Case.source == "upload").order_by(Case.id)).all()
    assert found == ["G-1", "G-2", "G-4"]


def test_another_status_column_asks_what_its_values_mean(site: Site, tmp_path: Path) -> None:
    page = site.open("/setup/import", login="zhou")
    _send(
        page,
        tmp_path,
        [["id", "title", "state", "stage"], ["1", "A", "closed", "tier one"], ["2", "B", "open", "tier two"]],
    )
    expect(page.locator("#sorted input[value=closed]")).to_have_count(1)
    page.locator("select[name='columns.status']").select_option("stage")
    expect(page.locator("#sorted")).to_contain_text("tier two")
    expect(page.locator("#sorted input[value=closed]")).to_have_count(0)


def test_what_is_no_table_is_refused_with_what_to_do(site: Site, tmp_path: Path) -> None:
    page = site.open("/setup/import", login="zhou")
    path = tmp_path / "cases.xlsx"
    path.write_bytes(b"no workbook")
    site.forgiven = ("422",)
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator("#problem .fault")).to_be_visible()
