"""Questionnaires without a programmer: looked at, edited, published, undone, out and in as XLSForm."""

import io
from pathlib import Path
from typing import Literal

import pytest
from openpyxl import load_workbook

from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_a_questionnaire_is_seen_as_every_channel_has_it(
    site: Site, look: Look, language: Literal["en", "zh"], width: int
) -> None:
    page = site.open("/setup/questionnaires", login="zhou", language=language, width=width)
    look(page, "questionnaires")
    page.get_by_role("link", name="版本 1" if language == "zh" else "Version 1").click()
    page.wait_for_url("**/setup/questionnaires/*")
    look(page, "questionnaire")


@pytest.mark.parametrize(("language", "width"), [("zh", 1440), ("en", 390)])
def test_a_question_is_added_faults_stand_beside_it_and_the_change_is_undone(
    site: Site, look: Look, language: Literal["en", "zh"], width: int
) -> None:
    zh = language == "zh"
    page = site.open("/setup/questionnaires/1/edit", login="zhou", language=language, width=width)
    page.get_by_role("button", name="长文本" if zh else "Long text", exact=True).click()
    added = page.locator("details.question").last
    added.get_by_role("textbox").first.wait_for()
    site.forgiven = ("422",)
    page.get_by_role("button", name="保存为草稿" if zh else "Save as a draft").click()
    added.locator(".fault").wait_for()
    look(page, "questionnaire-edit")
    fields = added.get_by_role("textbox")
    fields.nth(0).fill("还有什么想告诉我们的？")
    fields.nth(1).fill("Anything else you would like to tell us?")
    page.get_by_role("button", name="保存为草稿" if zh else "Save as a draft").click()
    page.wait_for_url("**/setup/questionnaires/2")
    page.get_by_role("button", name="发布" if zh else "Publish", exact=True).click()
    page.get_by_text("已生效" if zh else "is in force").wait_for()
    page.get_by_role("button", name="撤销" if zh else "Undo").click()
    page.wait_for_url("**/setup/questionnaires/3")
    assert page.get_by_text("还有什么想告诉我们的" if zh else "Anything else you would").count() == 0


def test_a_form_goes_out_is_changed_in_excel_and_comes_back(site: Site, tmp_path: Path) -> None:
    page = site.open("/setup/questionnaires", login="zhou")
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSForm").first.click()
    path = tmp_path / "form.xlsx"
    download.value.save_as(path)
    book = load_workbook(path)
    sheet = book["survey"]
    head = [cell.value for cell in sheet[1]]
    sheet.cell(row=3, column=head.index("relevant") + 1, value="today() > 3")
    file = io.BytesIO()
    book.save(file)
    page.get_by_role("button", name="Read an XLSForm").click()
    form = page.locator("#upload")
    files = {"name": "broken.xlsx", "mimeType": "application/octet-stream", "buffer": file.getvalue()}
    form.get_by_label("File").set_input_files(files)  # type: ignore[arg-type]  # a TypedDict of the library
    form.get_by_role("button", name="Read it").click()
    page.locator("#upload-result td", has_text="today() > 3").wait_for()
    form.get_by_label("File").set_input_files(path)
    form.get_by_role("button", name="Read it").click()
    page.get_by_text("Read as draft version 2").wait_for()
