"""Quick replies without a programmer: written, illustrated, retired and brought back."""

from typing import Literal

from playwright.sync_api import expect

from callback.services.contents import CONTENT
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_quick_replies_are_seen_by_category(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    page = site.open("/setup/replies", login="zhou", language=language, width=width)
    expect(page.locator(".replies li").first).to_be_visible()
    look(page, "setup-replies")


def test_a_quick_reply_is_written_illustrated_retired_and_brought_back(site: Site, look: Look) -> None:
    page = site.open("/setup/replies", login="zhou", language="zh")
    page.keyboard.press("n")
    page.locator("#new").get_by_label("类别").fill("物流")
    page.locator("#new").get_by_label("标题").fill("<b>到货</b>时间")
    page.locator("#new").get_by_label("内容").fill("一般 3 天内送达。")
    page.locator("#new").get_by_role("button", name="保存").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("<b>到货</b>时间")
    picture = next((CONTENT / "quick_replies" / "pictures").glob("*.png"))
    page.locator("input[type=file]").set_input_files(picture)
    page.get_by_label("图片说明").fill("包装盒正面")
    page.get_by_role("button", name="添加图片").click()
    expect(page.get_by_role("img", name="包装盒正面")).to_be_visible()
    look(page, "setup-reply")
    page.get_by_label("内容").fill("一般 2 天内送达。")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".notice").first).to_contain_text("已保存")
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_label("内容")).to_have_value("一般 3 天内送达。")
    page.get_by_role("button", name="停用").click()
    expect(page.get_by_text("已停用。")).to_be_visible()
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("link", name="<b>到货</b>时间")).to_be_visible()


def test_two_supervisors_on_one_reply_get_a_clear_word(site: Site) -> None:
    first, second = (site.open("/setup/replies", login=login) for login in ("zhou", "admin"))
    for page in (first, second):
        page.locator(".replies a").first.click()
        page.wait_for_url("**/setup/replies/*")
    for page in (first, second):
        page.get_by_label("Text").fill("Words of " + page.url)
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Agents see it at once")).to_be_visible()
    site.forgiven = ("409",)
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.locator("#problem .fault")).to_be_visible()
    expect(second.get_by_label("Text")).to_have_value("Words of " + second.url)
