"""Set-up without a programmer, used as a supervisor and an administrator would."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from callback.db.policies import load_policy
from callback.db.tables import Agent, Shift
from callback.services import escalations
from tests.browser.conftest import BOTH, DESKTOP, PHONE, WIDTHS, Site
from tests.browser.looking import Look

PEOPLE = {
    "setup": "/setup",
    "setup-agents": "/setup/agents",
    "setup-agent": "/setup/agents/3",
    "setup-agent-new": "/setup/agents/new",
    "setup-teams": "/setup/teams",
    "setup-team": "/setup/teams/1",
    "setup-skills": "/setup/skills",
    "setup-shifts": "/setup/shifts",
    "setup-shifts-one": "/setup/shifts/3?month=2026-05",
}
RULES = {
    "setup-policy": "/setup/policy",
    "setup-calendars": "/setup/calendars",
    "setup-retry": "/setup/retry",
    "setup-retry-one": "/setup/retry/busy",
    "setup-escalation": "/setup/escalation",
    "setup-escalation-one": "/setup/escalation/unhappy_critical",
    "setup-channels": "/setup/channels",
    "notices": "/notices",
}


@BOTH
@WIDTHS
@pytest.mark.parametrize("pages", [PEOPLE, RULES], ids=["people", "rules"])
def test_every_page(site: Site, look: Look, pages: dict[str, str], language: Literal["en", "zh"], width: int) -> None:
    escalations.look(site.house.sessions, now=site.clock())
    page = site.open("/setup", login="admin", language=language, width=width)
    for name, path in pages.items():
        if name == "notices":
            page = site.open(path, login="zhou", language=language, width=width)
        else:
            page.goto(site.url + path)
        look(page, name)


def _notice(page: Page) -> None:
    page.locator(".notice").first.wait_for()


def test_somebody_new_works_from_their_first_shift_on(site: Site, look: Look) -> None:
    """An agent, their password, their week, a day off; without a mouse where typing is quicker."""
    page = site.open("/setup/agents/new", login="admin")
    site.forgiven = ("422",)
    page.get_by_role("button", name="Add the agent").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    look(page, "setup-agent-faults", picture=False)
    page.get_by_label("Name", exact=True).fill("赵 <b>敏</b>")
    page.get_by_label("Agent number").fill("1099")
    page.get_by_label("Login").fill("zhaomin")
    page.get_by_role("button", name="billing").click()
    expect(page.get_by_label("Skills")).to_have_value("billing")
    page.get_by_role("button", name="Add the agent").click()
    page.locator("#secret").wait_for()
    look(page, "setup-agent-made", picture=False)
    page.get_by_role("link", name="Set the shifts").click()
    page.get_by_label("Monday", exact=True).fill("9-12, 13-18")
    page.get_by_role("button", name="Copy Monday to the days below").click()
    page.get_by_label("Sunday", exact=True).fill("")
    assert page.locator("[data-track=f-day_0] > span").count() == 2
    page.locator("#week-form").get_by_role("button", name="Save").click()
    _notice(page)
    with site.house.sessions() as session:
        agent = session.scalars(select(Agent).where(Agent.login == "zhaomin")).one()
        assert len(session.scalars(select(Shift).where(Shift.agent_id == agent.id)).all()) == 12
    page.locator("[data-day='2026-03-13']").click()
    expect(page.get_by_label("First day")).to_have_value("2026-03-13")
    page.get_by_label("Reason").fill("training")
    page.get_by_role("button", name="Enter").click()
    page.locator(".cell.is-absent").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".cell.is-absent").wait_for(state="detached")


def test_shorter_hours_say_what_has_to_move_first(site: Site, look: Look) -> None:
    page = site.open("/setup/shifts", login="zhou", width=PHONE, language="zh")
    page.get_by_role("link", name="李敏").click()
    for day in ("周一", "周二", "周三", "周四", "周五"):
        page.get_by_label(day, exact=True).fill("9-10")
    page.locator("#week-form").get_by_role("button", name="保存").click()
    page.locator("#effect").wait_for()
    look(page, "setup-shifts-effect")
    page.get_by_role("button", name="仍然保存").click()
    _notice(page)
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_label("周一", exact=True)).to_have_value("09:00–12:30, 13:30–18:00")


def test_many_at_once(site: Site, look: Look) -> None:
    page = site.open("/setup/agents?role=agent", login="admin")
    page.get_by_label("on this page").check()
    page.get_by_role("button", name="Change many").click()
    look(page, "setup-agents-many")
    page.locator("#m-skills").fill("VIP")
    page.locator("#many-form").get_by_role("button", name="Save").click()
    _notice(page)
    expect(page.locator("td .tag", has_text="VIP")).to_have_count(8)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("td .tag", has_text="VIP")).to_have_count(0)
    page.get_by_label("on this page").check()
    page.get_by_role("button", name="Set shifts").click()
    page.locator("#many-week").wait_for()
    look(page, "setup-shifts-many", picture=False)


def test_windows_are_held_within_the_law_tried_and_taken_back(site: Site, look: Look) -> None:
    page = site.open("/setup/policy", login="admin")
    site.forgiven = ("422",)
    windows = page.get_by_label("Calling windows")
    windows.fill("7-12")
    page.keyboard.press("Control+Enter")
    page.get_by_text("07:00–12:00 is outside 08:00–21:00").wait_for()
    expect(windows).to_be_focused()
    look(page, "setup-policy-faults", picture=False)
    windows.fill("10-12")
    page.get_by_role("button", name="What would it do to today's plan?").click()
    page.get_by_text("Callbacks placed").wait_for(timeout=60_000)
    look(page, "setup-policy-preview")
    page.get_by_role("button", name="Save").click()
    _notice(page)
    with site.house.sessions() as session:
        assert len(load_policy(session).calling_windows) == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Calling windows")).to_have_value("09:00–12:00, 14:00–20:00")


def test_two_who_change_one_line_and_a_rule_that_is_switched_off(site: Site) -> None:
    first = site.open("/setup/retry/busy", login="admin")
    second = site.open("/setup/retry/busy", login="admin")
    site.forgiven = ("409",)
    for page in (first, second):
        page.get_by_label("How long").first.fill("20")
    first.get_by_role("button", name="Save").click()
    first.locator("#retry-busy").get_by_text("after 20 min").wait_for()
    second.get_by_role("button", name="Save").click()
    second.get_by_role("alert").get_by_text("changed").first.wait_for()
    expect(second.get_by_label("How long").first).to_have_value("20")
    first.goto(site.url + "/setup/escalation")
    first.locator("#rule-overdue").get_by_role("button", name="Switch off").click()
    first.locator("#rule-overdue.is-off").wait_for()
    first.get_by_role("button", name="Undo").click()
    first.locator("#rule-overdue:not(.is-off)").wait_for()


def test_the_bell_counts_what_was_told(site: Site) -> None:
    escalations.look(site.house.sessions, now=site.clock())
    page = site.open("/notices", login="zhou", width=DESKTOP)
    bell = page.locator(".who .tag-bad")
    bell.wait_for()
    page.get_by_role("button", name="All read").click()
    bell.wait_for(state="detached")


NEWCOMERS = """login,name,number,role,team,skills
newcomer,赵敏,1099,agent,East Wing,billing
limin,李敏,1001,agent,,VIP
"""


@BOTH
@WIDTHS
def test_many_people_come_in_by_one_file(
    site: Site, look: Look, tmp_path: Path, language: Literal["en", "zh"], width: int
) -> None:
    """A faulty file by row, a good one looked over, written, its first passwords taken home, all of it taken back."""
    page = site.open("/setup/agents/import", login="admin", language=language, width=width)
    site.forgiven = ("422",)
    look(page, "setup-agents-import")
    path = tmp_path / "agents.csv"
    path.write_text("login,name,number,role\nx,,1098,king\n", encoding="utf-8")
    page.locator("input[type=file]").set_input_files(path)
    page.locator("#agents-file button").click()
    expect(page.locator("#agents-faults li")).to_have_count(2)
    look(page, "setup-agents-import-faults", picture=False)
    path = tmp_path / "more.csv"
    path.write_text(NEWCOMERS, encoding="gb18030")
    page.locator("input[type=file]").set_input_files(path)
    page.locator("#agents-file button").press("Enter")
    page.locator("#agents-write").wait_for()
    for summary in page.locator("#looked summary").all():
        summary.click()
    look(page, "setup-agents-import-looked")
    write = page.locator("#agents-write button")
    write.click()
    expect(page.locator("#make_teams-fault")).to_be_visible()
    page.locator("[name=make_teams]").check()
    write.click()
    page.locator("#agents-written").wait_for()
    look(page, "setup-agents-import-written", picture=False)
    with page.expect_download() as waited:
        page.locator("a[download]").click()
    assert "newcomer" in Path(waited.value.path()).read_text(encoding="utf-8-sig")
    page.locator("#agents-written button").click()
    _notice(page)
    with site.house.sessions() as session:
        assert not session.scalars(select(Agent).where(Agent.login == "newcomer")).one().active
