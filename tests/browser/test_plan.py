"""The day's plan in a real browser: dragging, the same by keyboard and on a telephone, absences, undo."""

import re
from datetime import UTC, datetime, time
from typing import Literal

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select, update

from callback.db.tables import Agent, Callback, CaseHandler, Customer, Shift, ShiftException
from callback.domain.words import CallbackState, Purpose
from callback.services import outlooks
from tests.browser.conftest import BOTH, PHONE, WIDTHS, Site
from tests.browser.looking import Look

Language = Literal["en", "zh"]
Place = tuple[int | None, datetime | None, bool]


def place(site: Site, handle: str) -> Place:
    with site.house.sessions() as session:
        callback = session.scalars(select(Callback).where(Callback.handle == handle)).one()
        return callback.agent_id, callback.planned_at, callback.pinned


def drag(page: Page, chip: Locator, cell: Locator) -> None:
    """By hand: down, a few steps, up; on a screen that is tall enough for both ends, however many share a half hour."""
    page.set_viewport_size({"width": 1440, "height": 2400})
    chip.evaluate(
        "chip => { document.querySelector('#plan-scroll').scrollLeft = chip.closest('td').offsetLeft - 200; }"
    )
    chip.scroll_into_view_if_needed()
    start, end = chip.bounding_box(), cell.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + start["width"] / 2 + 12, start["y"] + start["height"] / 2 + 4)
    page.locator("#plan td.is-yes, #plan td.is-no").first.wait_for()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] - 6, steps=4)


def chip_of(site: Site, page: Page, login: str, purpose: Purpose) -> tuple[Locator, str]:
    """The first callback of this purpose in somebody's list of today."""
    agent = site.agent(login)
    with site.house.sessions() as session:
        wanted = (
            select(Callback.handle)
            .join(Customer, Customer.id == Callback.customer_id)
            .where(Callback.agent_id == agent.id, Callback.state == CallbackState.ASSIGNED, Callback.purpose == purpose)
            .where(Customer.language == "zh", Customer.time_zone == "Asia/Shanghai")
            .order_by(Callback.planned_at.desc())
        )
        handles = session.scalars(wanted).all()
    found = next(handle for handle in handles if page.locator(f"#c-{handle}").count())
    return page.locator(f"#c-{found}"), found


def cell_of(site: Site, page: Page, login: str, at: str) -> Locator:
    moment = datetime.fromisoformat(f"2026-03-11T{at}+08:00").astimezone(UTC)
    return page.locator(f"#a-{site.agent(login).id} td[data-at='{moment.isoformat()}']")


@BOTH
@WIDTHS
def test_the_days_plan(site: Site, look: Look, language: Language, width: int) -> None:
    team = site.agent("limin").team_id
    page = site.open(f"/plan?team={team}", login="zhou", language=language, width=width)
    expect(page.locator("#plan .chip").first).to_be_visible()
    look(page, "plan")


def test_a_chip_is_dragged_to_another_agent_and_back_by_undo(site: Site) -> None:
    page = site.open("/plan", login="zhou")
    chip, handle = chip_of(site, page, "limin", Purpose.ANSWER)
    before = place(site, handle)
    cell = cell_of(site, page, "wangqiang", "16:00:00")
    drag(page, chip, cell)
    expect(cell).to_have_class(re.compile("is-yes is-over"))
    page.mouse.up()
    page.get_by_text("王强 calls at").wait_for()
    agent_id, at, pinned = place(site, handle)
    assert (agent_id, pinned) == (site.agent("wangqiang").id, True)
    assert at
    assert 0 <= (at - datetime.fromisoformat("2026-03-11T16:00:00+08:00")).total_seconds() < 1800
    expect(cell.locator(f"#c-{handle}")).to_be_visible()

    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone:").wait_for()
    assert place(site, handle) == before


def test_an_illegal_move_is_refused_with_the_rule_named(site: Site) -> None:
    """A second call to somebody who handled the case: shown while it is in the air, refused when it is let go."""
    page = site.open("/plan", login="zhou")
    chip, handle = chip_of(site, page, "limin", Purpose.SECOND_CALL)
    wang = site.agent("wangqiang").id
    with site.house.sessions.begin() as session:
        callback = session.scalars(select(Callback).where(Callback.handle == handle)).one()
        callback.case.required_skill = None
        if not session.scalars(
            select(CaseHandler).where(CaseHandler.case_id == callback.case_id, CaseHandler.agent_id == wang)
        ).first():
            session.add(CaseHandler(case_id=callback.case_id, agent_id=wang, role="answered", at=site.clock()))
    before = place(site, handle)
    cell = cell_of(site, page, "wangqiang", "14:00:00")
    drag(page, chip, cell)
    expect(page.locator("#ghost p")).to_contain_text("王强 handled this case")
    expect(cell).to_have_class(re.compile("is-no is-over"))
    site.forgiven = ("409",)
    page.mouse.up()
    expect(page.locator("#problem")).to_contain_text("王强 handled this case; a second call is made by somebody else")
    assert place(site, handle) == before
    expect(page.locator(f"#a-{before[0]} #c-{handle}")).to_be_visible()


def test_a_time_off_shift_says_so(site: Site) -> None:
    """Where somebody is not at work there is no slot to ask the server about; the page has the word for it."""
    page = site.open("/plan", login="zhou")
    chip, handle = chip_of(site, page, "limin", Purpose.SECOND_CALL)
    before = place(site, handle)
    column = chip.evaluate("chip => chip.closest('td').cellIndex")
    cell = page.locator(f"#plan tbody tr > :nth-child({column + 1}).off").first  # seen without scrolling aside
    name = cell.locator("xpath=..").locator("th strong").inner_text()
    drag(page, chip, cell)
    expect(page.locator("#ghost p")).to_have_text(f"{name} is not at work at this time. Enter a shift for it first.")
    expect(cell).to_have_class(re.compile("is-no"))
    page.mouse.up()
    expect(page.locator("#problem")).to_contain_text(f"{name} is not at work at this time")
    assert place(site, handle) == before


@BOTH
@WIDTHS
def test_the_same_without_a_mouse(site: Site, look: Look, language: Language, width: int) -> None:
    """Keys on the desktop, taps on the telephone; then pinned no more."""
    page = site.open("/plan", login="zhou", language=language, width=width)
    chip, handle = chip_of(site, page, "limin", Purpose.ANSWER)
    wang = site.agent("wangqiang").id
    if width == PHONE:
        chip.tap()
    else:
        chip.focus()
        page.keyboard.press("Enter")
    page.locator("#chip[open]").wait_for()
    page.locator("#chip [name=agent]").select_option(str(wang))
    page.locator("#chip .time:not(.is-no)").last.wait_for()
    look(page, "plan-move")
    if width == PHONE:
        page.locator("#chip .time:not(.is-no)").last.tap()
    else:
        page.locator("#chip input[name=at]:enabled").last.focus()
        page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    page.locator(".notice").wait_for()
    assert place(site, handle)[::2] == (wang, True)
    expect(page.locator("#chip")).to_be_hidden()

    page.locator(f"#a-{wang} #c-{handle}").click()
    page.get_by_role("button", name="Unpin" if language == "en" else "取消固定").click()
    expect(page.locator(".notice")).to_have_count(2)
    assert place(site, handle)[::2] == (wang, False)


@BOTH
@WIDTHS
def test_absent_in_two_clicks_and_back(site: Site, look: Look, language: Language, width: int) -> None:
    limin = site.agent("limin").id
    page = site.open("/plan", login="zhou", language=language, width=width)
    page.locator(f"#a-{limin} .icon-button").click()
    page.locator("#absent[open] .outcome").wait_for()
    look(page, "plan-absent")
    page.locator("#absent .btn-primary").click()
    page.locator(".notice").wait_for()
    expect(page.locator(f"#a-{limin}")).to_have_class("is-absent")
    expect(page.locator(f"#a-{limin} .chip")).to_have_count(0)
    with site.house.sessions() as session:
        assert session.scalars(select(ShiftException.agent_id)).all() == [limin]
    page.locator(f"#a-{limin} .icon-button").click()
    expect(page.locator(f"#a-{limin} .chip").first).to_be_visible()
    with site.house.sessions() as session:
        assert session.scalars(select(ShiftException)).all() == []


def test_two_supervisors_at_one_chip(site: Site) -> None:
    """The second one is told, and sees where it stands now."""
    one, two = site.open("/plan", login="zhou"), site.open("/plan", login="admin")
    _, handle = chip_of(site, one, "limin", Purpose.ANSWER)
    drag(one, one.locator(f"#c-{handle}"), cell_of(site, one, "wangqiang", "16:00:00"))
    one.mouse.up()
    one.locator(".notice").wait_for()
    site.forgiven = ("409",)
    drag(two, two.locator(f"#c-{handle}"), cell_of(site, two, "wangqiang", "16:30:00"))
    two.mouse.up()
    expect(two.locator("#problem")).to_contain_text("Somebody else has changed it")
    expect(cell_of(site, two, "wangqiang", "16:00:00").locator(f"#c-{handle}")).to_be_visible()


def test_nobody_to_be_shown(site: Site, look: Look) -> None:
    page = site.open("/plan?q=nobody&day=nonsense&page=x&team=y", login="zhou", language="zh")
    page.get_by_text("没有找到已排班的座席").wait_for()
    look(page, "plan-empty", picture=False)


@BOTH
@WIDTHS
def test_what_if(site: Site, look: Look, language: Language, width: int) -> None:
    page = site.open("/plan/what-if", login="zhou", language=language, width=width)
    page.locator("select[name=absent]").select_option(str(site.agent("wangqiang").id))
    page.keyboard.press("Control+Enter")
    page.locator("#difference table").wait_for()
    page.locator("#difference summary").click()
    look(page, "plan-what-if")


@BOTH
@WIDTHS
def test_what_has_to_be_put_right(site: Site, look: Look, language: Language, width: int) -> None:
    with site.house.sessions.begin() as session:
        limin = session.scalars(select(Agent).where(Agent.login == "limin")).one()
        session.add(Shift(agent_id=limin.id, weekday=2, starts=time(22), ends=time(23)))
        session.execute(update(Agent).where(Agent.login == "grace").values(daily_capacity=0))
        outlooks.keep(session, outlooks.see(session, now=site.clock(), zone=site.house.zone))
    page = site.open("/plan/findings", login="zhou", language=language, width=width)
    look(page, "plan-findings")
    page.locator("#kind-shifts ~ ul a").first.click()
    page.wait_for_url("**/setup/shifts/*")
