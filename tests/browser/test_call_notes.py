"""Notes of a call in a real browser: two windows, a slow network, a log-in that has run out."""

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from callback.db.tables import Attempt
from callback.services.samples import PASSWORD
from tests.browser.conftest import Site
from tests.browser.test_calls import begin


def notes_of(site: Site, address: str) -> str:
    with site.house.sessions() as session:
        return session.scalars(select(Attempt.notes).where(Attempt.handle == address.rsplit("/", 1)[-1])).one()


def write(page: Page, text: str) -> None:
    page.locator("#notes").fill(text)
    expect(page.locator("#notes-status")).to_have_text("Saved")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("zero one too three end", "zero one too three\nfour\n end"),  # in front
        ("one three end", "one three\nfour\n end"),  # deleted in the middle
        ("one two three end", "one two three\nfour\n end"),  # corrected
        ("zero one two three end more", "zero one two three\nfour\n end more"),  # all over
    ],
)
def test_what_is_typed_while_a_save_is_under_way_stays(site: Site, typed: str, kept: str) -> None:
    address = begin(site)
    first = site.open(address, login="limin")
    write(first, "one too three")
    second = site.open(address, login="limin")
    write(second, "one too three\nfour")
    held: list[Route] = []
    first.route("**/notes", lambda route: held.append(route), times=1)  # noqa: PLW0108  playwright wants a function
    first.locator("#notes").fill("one too three end")
    while not held:
        first.wait_for_timeout(20)
    first.locator("#notes").fill(typed)  # the network is slow: the save has not been answered yet
    held[0].continue_()
    expect(first.locator("#notes")).to_have_value(kept)
    expect(first.locator("#notes-status")).to_contain_text("both texts are kept")
    assert notes_of(site, address) == kept


def test_the_end_keeps_what_another_window_wrote(site: Site) -> None:
    address = begin(site)
    first = site.open(address, login="limin")
    second = site.open(address, login="limin")
    write(first, "from the first")
    write_in = second.locator("#notes")
    write_in.fill("from the second")
    expect(second.locator("#notes-status")).to_contain_text("both texts are kept")
    first.locator("#call-script .answer").first.focus()
    first.keyboard.press("f")
    first.locator("#close-form select[name=outcome]").select_option("no_answer")
    first.locator("#close-form button.btn-primary").click()  # its notes are those of before
    first.locator(".call-result").wait_for()
    assert notes_of(site, address) == "from the first\nfrom the second"


def test_logged_out_in_the_middle_is_said_as_what_it_is(site: Site) -> None:
    address = begin(site)
    page = site.open(address, login="limin", language="zh")
    site.clock.advance(hours=13)
    site.forgiven = ("401",)
    page.locator("#notes").fill("客户要求周三致电")
    status = page.locator("#notes-status")
    expect(status).to_contain_text("登录已失效")
    assert "网络" not in status.inner_text()
    page.locator("#login-again input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(status).to_have_text("已保存")
    assert notes_of(site, address) == "客户要求周三致电"
