"""Logging in, in a real browser."""

from typing import Literal

from callback.services.samples import PASSWORD
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_the_front_door(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    page = site.open("/login", language=language, width=width)
    look(page, "login")
    page.get_by_label("密码" if language == "zh" else "Password").fill("wrong password")
    page.get_by_label("账号" if language == "zh" else "Login").fill("limin")
    site.forgiven = ("401",)
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    look(page, "login-wrong", picture=False)
    page.get_by_label("密码" if language == "zh" else "Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/day")


def test_logged_out_in_the_middle_the_page_stays_and_goes_on(site: Site) -> None:
    page = site.open("/day", login="limin")
    site.clock.advance(hours=13)
    site.forgiven = ("401",)
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Password of 李敏").fill(PASSWORD)
    page.get_by_role("button", name="Log in and go on").click()
    page.get_by_role("dialog").wait_for(state="hidden")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
