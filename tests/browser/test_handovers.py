"""The handover, in a real browser: filled in, given, read and signed by the next one."""

from typing import Literal

from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_one_gives_and_the_next_signs(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    english = language == "en"
    page = site.open("/handover", login="limin", language=language, width=width)
    assert page.locator(".point").count() > 3
    page.locator(".point input.form-control").first.fill("下午三点以后再打 / <b>after three</b>")
    page.locator("textarea[name=remarks]").fill("二号线路故障 / line 2 is down")
    page.reload()  # a crash: what was typed is still there
    assert page.locator("textarea[name=remarks]").input_value().startswith("二号线路")
    page.evaluate("scrollTo(0, 0)")
    look(page, "handover")
    page.get_by_role("button", name="Hand over" if english else "交班", exact=True).click()
    page.get_by_text("Handed over. It waits" if english else "已交班，等待").wait_for()

    next_one = site.open("/day", login="wangqiang", language=language, width=width)
    next_one.get_by_role("link", name="Read and sign" if english else "查看并签收").click()
    next_one.locator("#to-sign-title").wait_for()
    next_one.locator("section", has=next_one.locator("#to-sign-title")).get_by_role("link").first.click()
    next_one.get_by_text("<b>after three</b>").wait_for()
    look(next_one, "handover-read")
    next_one.get_by_role("button", name="Sign:" if english else "签收：").click()
    next_one.get_by_text("You take over from here" if english else "由您接班").wait_for()
