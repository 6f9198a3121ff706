"""My day, in a real browser."""

from typing import Literal

from sqlalchemy import update

from callback.db.callbacks import agent_list
from callback.db.tables import Callback
from callback.services import attempts, notes
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_my_day(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    page = site.open("/day", login="limin", language=language, width=width)
    assert page.locator(".entry").count() > 5
    look(page, "day")


def test_the_call_under_way_is_on_top_and_enter_leads_back_to_it(site: Site) -> None:
    me, other = site.agent("limin").id, site.agent("wangqiang").id
    with site.house.sessions.begin() as session:
        call = attempts.start_next(session, agent_id=me, now=site.clock(), settings=site.house.settings)
        assert call is not None
        notes.leave(session, callback=call.callback, text="she is in a meeting until three", by=other, now=site.clock())
        for _ in range(2):  # somebody answers, and it is the person: only then is the message told
            call = attempts.step(
                session, handle=call.attempt, agent_id=me, choice="1", fields={}, version=call.version,
                now=site.clock(),
            )  # fmt: skip
    page = site.open("/day", login="limin")
    page.get_by_role("heading", name="A call is under way").wait_for()
    assert page.locator(f"#entry-{call.callback}").count() == 0
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/calls/{call.attempt}")
    page.get_by_text("she is in a meeting until three").wait_for()
    page.get_by_role("button", name="Read").click()
    page.get_by_text("· read 10:00").wait_for()


def test_what_is_read_stays_where_it_is_when_the_list_changes(site: Site) -> None:
    page = site.open("/day", login="limin")
    me = site.agent("limin").id
    with site.house.sessions() as session:
        rows = agent_list(session, agent_id=me, until=site.clock.now.replace(hour=23), after=None, limit=50)
    read = page.locator(f"#entry-{rows[12].handle}")
    read.scroll_into_view_if_needed()
    page.mouse.wheel(0, 200)
    read.hover()
    before = read.bounding_box()
    other = site.agent("wangqiang").id
    with site.house.sessions.begin() as session:  # two calls above it go to somebody else
        for row in rows[:2]:
            session.execute(update(Callback).where(Callback.id == row.id).values(agent_id=other))
    with page.expect_response("**/day/list"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('desk:refresh'))")
    page.locator(f"#entry-{rows[0].handle}").wait_for(state="detached")
    after = read.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2


@BOTH
def test_a_message_of_a_colleague(site: Site, look: Look, language: Literal["en", "zh"]) -> None:
    me, other = site.agent("limin").id, site.agent("wangqiang").id
    with site.house.sessions.begin() as session:
        first = agent_list(session, agent_id=me, until=site.clock.now.replace(hour=23), after=None, limit=1)[0]
        notes.leave(
            session, callback=first.handle, text="客户下午要开会 / <b>busy</b> later", by=other, now=site.clock()
        )
    page = site.open("/day", login="limin", language=language)
    row = page.locator(f"#entry-{first.handle}")
    row.get_by_text("确认客户身份后" if language == "zh" else "once the person is confirmed").wait_for()
    assert row.get_by_text("busy").count() == 0  # it may tell of the case
    look(page, "day-message", picture=False)
