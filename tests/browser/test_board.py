"""The board, the lists behind its figures, and what a supervisor decides from there: in a real browser."""

from typing import Literal

from tests.browser.busy import busy_morning
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_the_board(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    busy_morning(site)
    page = site.open("/board", login="zhou", language=language, width=width)
    look(page, "board")


def test_the_board_before_anything_has_happened(site: Site, look: Look) -> None:
    page = site.open("/board", login="zhou")
    assert page.get_by_text("Nobody has looked ahead yet").is_visible()
    page.get_by_role("button", name="Look ahead now").click()
    page.get_by_text("The worker is looking ahead").wait_for()
    look(page, "board-empty", picture=False)


@BOTH
@WIDTHS
def test_the_list_behind_a_figure(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    busy_morning(site)
    page = site.open("/board", login="zhou", language=language, width=width)
    page.locator("a.figure").first.click()
    page.wait_for_url("**/work?kind=overdue")
    look(page, "work")


@BOTH
@WIDTHS
def test_the_story_of_a_callback(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    busy_morning(site)
    page = site.open("/work?kind=nobody_qualifies", login="zhou", language=language, width=width)
    page.locator(".work-what a").first.click()
    page.wait_for_url("**/callbacks/*")
    look(page, "callback")
