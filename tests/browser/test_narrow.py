"""On a telephone, and at 400 % on a desk: whatever things are called, nothing is wider than the window."""

import pytest
from playwright.sync_api import expect

from callback.db.tables import Team
from tests.browser.conftest import PHONE, Site

LONG = "The team for everything that nobody else in this house would like to be asked about, nor to answer"


@pytest.mark.parametrize("path", ["/board", "/plan", "/reassign", "/setup/agents", "/campaigns/new"])
def test_a_team_may_be_called_anything(site: Site, path: str) -> None:
    with site.house.sessions.begin() as session:
        session.add(Team(name=LONG, created_at=site.clock()))
    page = site.open(path, login="zhou", width=PHONE)
    for width in (PHONE, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_menu_closes_with_escape_and_the_focus_is_at_its_button(site: Site) -> None:
    page = site.open("/day", login="limin", width=PHONE)
    button = page.locator("[data-toggles=menu]")
    button.click()
    page.locator("#menu a").first.focus()
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("path", ["/day", "/handover", "/board", "/plan"])
def test_on_paper_stands_what_is_read_and_nothing_to_press(site: Site, path: str) -> None:
    page = site.open(path, login="zhou" if path in ("/board", "/plan") else "limin")
    page.emulate_media(media="print")
    expect(page.locator("main h1")).to_be_visible()
    for pressed in (".side", ".btn", "#notices"):
        assert page.locator(f"{pressed}:visible").count() == 0
