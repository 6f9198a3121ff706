"""The board, the lists behind its figures, and what a supervisor decides from there: in a real browser."""

from datetime import timedelta
from typing import Literal

from callback.services import escalations, handovers
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
def test_what_was_escalated_and_what_nobody_has_signed(
    site: Site, look: Look, language: Literal["en", "zh"], width: int
) -> None:
    busy_morning(site)
    now = site.clock()
    with site.house.sessions.begin() as session:
        handovers.give(
            session, agent_id=site.agent("limin").id, to_id=None, remarks="", by_subject={}, version=0, now=now,
            zone=site.house.zone,
        )  # fmt: skip
    escalations.look(site.house.sessions, now=now + timedelta(hours=3))
    page = site.open("/board", login="zhou", language=language, width=width)
    for kind in ("marked", "unsigned"):
        page.locator(f'#decisions a[href="/work?kind={kind}"]').click()
        page.locator("main ul.list > li").first.wait_for()
        look(page, f"work-{kind}", picture=False)
        page.go_back()


@BOTH
@WIDTHS
def test_the_story_of_a_callback(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    busy_morning(site)
    page = site.open("/work?kind=nobody_qualifies", login="zhou", language=language, width=width)
    page.locator(".work-what a").first.click()
    page.wait_for_url("**/callbacks/*")
    look(page, "callback")


def test_what_nobody_may_do_is_given_to_somebody_with_a_reason(site: Site) -> None:
    """From the figure to the decision: a rule about persons stands in the way, and the page says which."""
    busy_morning(site)
    page = site.open("/board", login="zhou")
    page.get_by_role("link", name="Nobody may make the call").click()
    page.locator(".work-what a").first.click()
    page.get_by_label("To whom").select_option(label="赵磊")
    page.get_by_text("赵磊 does not speak").last.wait_for()
    page.get_by_label("Reason for an exception").fill("He has learned enough English")
    page.get_by_role("button", name="Give", exact=True).click()
    page.get_by_text("Given to 赵磊.").wait_for()
    assert page.get_by_text("He has learned enough English").is_visible()
    page.goto(site.url + "/work?kind=nobody_qualifies")
    assert page.get_by_text("Everything has somebody who may call.").is_visible()


def test_what_the_reader_opened_stays_open_when_the_board_brings_itself_up_to_date(site: Site) -> None:
    busy_morning(site)
    page = site.open("/board", login="zhou")
    page.get_by_text("The figures as a table").click()
    page.locator("details.team summary").first.click()
    with page.expect_response("**/board/live**"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('desk:refresh'))")
    page.wait_for_timeout(1_000)
    page.get_by_role("columnheader", name="Dialled").wait_for()
    assert not page.locator("details.team").first.evaluate("element => element.open")
    assert page.locator("#hours-chart canvas").bounding_box() is not None
