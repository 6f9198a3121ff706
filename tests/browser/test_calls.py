"""The call, in a real browser: with the keyboard alone, through reloads, lost networks and second windows."""

from typing import Literal

from playwright.sync_api import Page, expect

from callback.domain.words import Purpose
from callback.services import attempts, callbacks
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


def begin(site: Site, *, login: str = "limin", purpose: Purpose = Purpose.ANSWER) -> str:
    """The first call of this kind on the agent's list, begun; its address."""
    agent_id = site.agent(login).id
    with site.house.sessions.begin() as session:
        today = callbacks.todays_list(session, agent_id=agent_id, now=site.clock(), zone=site.house.zone, limit=200)
        handle = next(e.handle for e in today.entries if e.purpose is purpose and e.waits_until is None)
        call = attempts.start(session, handle=handle, agent_id=agent_id, now=site.clock(), settings=site.house.settings)
    return f"/calls/{call.attempt}"


def press(page: Page, *keys: str) -> None:
    """Each key, and wait until the page has taken in what the server says to it."""
    for key in keys:
        with page.expect_response(lambda response: "/calls/" in response.url):
            page.keyboard.press(key)
        settled(page)


def settled(page: Page) -> None:
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


@BOTH
@WIDTHS
def test_looks(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    page = site.open(begin(site), login="limin", language=language, width=width)
    look(page, "call-prepare", picture=False)
    press(page, "1", "1")
    look(page, "call")
    press(page, "1", "1", "1", "1", "1", "1", "1")
    look(page, "call-question", picture=False)
    press(page, "1", "1", "5", "5")
    look(page, "call-nps")
    press(page, "x")
    press(page, "Enter", "1")
    look(page, "call-close")
    press(page, "Enter")
    page.wait_for_selector(".call-result")
    look(page, "call-result")
