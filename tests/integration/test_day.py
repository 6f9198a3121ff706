"""An agent's day: what is on the page, why it may be empty, and the next call."""

import gzip
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import event

from callback.bootstrap import House
from callback.db.tables import Callback, Case, ContactPoint, Customer, Shift
from callback.domain.words import CallbackState, CaseStatus, Channel, ContactKind, Disposition, Purpose
from callback.services import days, shifts
from callback.services.agents import by_login
from tests.integration.call_centre import REACHED, Centre
from tests.integration.conftest import Desk, StandingClock


@pytest.fixture
def centre(house: House, clock: StandingClock) -> Centre:
    return Centre(house.sessions, house.settings, clock()).open()


def _day(house: House, agent_id: int, at: datetime) -> days.Day:
    with house.sessions() as session:
        return days.day_of(session, agent_id=agent_id, now=at, zone=house.zone)


def test_what_can_be_called_and_what_waits_for_the_customers_own_morning(
    centre: Centre, house: House, now: datetime
) -> None:
    li = centre.agent("li")
    here = centre.callback(li)
    new_york = centre.customer(time_zone="America/New_York", country="US", phones=["+12125550123"])
    there = centre.callback(li, case_id=centre.case(new_york))  # 22:00 there
    tonight = centre.callback(li, planned_at=now + timedelta(hours=4))

    day = _day(house, li, now)
    assert [entry.handle for entry in day.now] == [here]
    assert [entry.handle for entry in day.later] == [tonight, there]
    assert day.waiting == ()

    centre.finish(centre.start(here, li), li, Disposition.NO_ANSWER)
    day = _day(house, li, now)
    assert day.now == ()
    [wait] = [w for w in day.waiting if w.time_zone == "America/New_York"]
    assert (wait.count, wait.until.hour, wait.until.utcoffset()) == (1, 13, timedelta(0))  # 09:00 in New York


def test_the_days_figures(centre: Centre, house: House, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    tried, spoken, others = (
        centre.callback(agent, case_id=centre.case(centre.customer(phones=[f"+861380013801{number}"])))
        for number, agent in enumerate((li, li, wang))
    )
    centre.finish(centre.start(tried, li), li, Disposition.NO_ANSWER)
    call = centre.talk(centre.start(spoken, li, now=now + timedelta(minutes=1)), li, *REACHED)
    centre.finish(call, li, Disposition.REFUSED, now=now + timedelta(minutes=4))
    centre.finish(centre.start(others, wang), wang, Disposition.BUSY)

    day = _day(house, li, now + timedelta(minutes=5))
    figures = day.figures
    assert (figures.called, figures.reached, figures.average) == (2, 1, timedelta(minutes=3))
    assert [done.disposition for done in day.done] == [Disposition.REFUSED, Disposition.NO_ANSWER]
    assert _day(house, li, now + timedelta(days=1)).figures.called == 0


def test_a_call_under_way_is_apart_from_the_list(centre: Centre, house: House, now: datetime) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    call = centre.start(handle, li)
    day = _day(house, li, now)
    assert day.under_way is not None
    assert (day.under_way.attempt, day.now) == (call.attempt, ())
    assert day.under_way.address == "+86 138****8000"


def test_an_empty_day_says_why(desk: Desk, centre: Centre, house: House, now: datetime) -> None:
    browser = desk.agent("li")
    assert "no shift today" in browser.get("/day").text
    li = centre.agent("wang", time_zone="Asia/Shanghai")
    centre.callback(None)
    with house.sessions.begin() as session:
        agent = by_login(session, "wang")
        shifts.set_absent(
            session, li, first=now.date(), last=now.date(), reason="training", version=agent.version, now=now,
            actor_id=None,
        )  # fmt: skip
    day = _day(house, li, now)
    assert (day.shift.stretches, day.shift.absence, day.not_placed) == ((), "training", 1)
    assert day.shift.next_start == (now + timedelta(days=1)).replace(hour=1, minute=0)  # tomorrow 09:00 in Shanghai
    assert "1 callback has no agent yet" in browser.get("/day").text


def test_the_next_call_and_one_that_a_rule_forbids(desk: Desk, centre: Centre, clock: StandingClock) -> None:
    browser = desk.agent("li")
    handle = centre.callback(desk.ids["li"])
    sent = {"HX-Request": "true"}
    started = browser.post("/day/next", headers=sent)
    assert started.status_code == 204
    assert started.headers["HX-Redirect"].startswith("/calls/")
    assert browser.post("/day/next", headers=sent).headers["HX-Redirect"] == started.headers["HX-Redirect"]
    again = browser.post(f"/day/{handle}/start", headers=sent)
    assert again.headers["HX-Redirect"] == started.headers["HX-Redirect"]

    wang = desk.agent("wang")
    taken = wang.post(f"/day/{handle}/start", headers=sent)
    assert taken.status_code == 409
    assert "not yours any more" in taken.text

    mine = centre.callback(desk.ids["wang"])
    clock.advance(hours=2, minutes=30)  # 12:30: nobody is called at noon
    refused = wang.post(f"/day/{mine}/start", headers=sent)
    assert refused.status_code == 409
    assert "A rule forbids this now" in refused.text
    assert "The next legal moment is 14:00" in refused.text
    nothing = wang.post("/day/next", headers=sent)
    assert nothing.status_code == 204
    assert "desk:notice" in nothing.headers["HX-Trigger"]


def test_customers_are_masked_and_their_names_are_text(desk: Desk, centre: Centre) -> None:
    browser = desk.agent("li")
    customer = centre.customer(name="<b>x</b>", phones=["+8613800138999"])
    centre.callback(desk.ids["li"], case_id=centre.case(customer))
    page = browser.get("/day").text
    assert "+86 138****8999" in page
    assert "13800138999" not in page
    assert "<b>x</b>" not in page
    assert "电梯" not in page  # nothing of the case before the person is confirmed


def test_two_hundred_entries_are_one_light_page(desk: Desk, centre: Centre, house: House, now: datetime) -> None:
    browser = desk.agent("li")
    with house.sessions.begin() as session:
        for number in range(200):
            row = {"created_at": now, "updated_at": now}
            customer = Customer(
                source="t", external_id=f"K{number}", name=f"王小明{number}", language="zh", country="CN",
                time_zone=("Asia/Shanghai", "America/New_York", "Europe/London")[number % 3], **row,
            )  # fmt: skip
            customer.contact_points = [ContactPoint(kind=ContactKind.MOBILE, address=f"+8613800{number:06}")]
            case = Case(
                source="t", external_id=f"C{number}", customer=customer, subject="s", status=CaseStatus.PENDING,
                opened_at=now, promised_at=now + timedelta(minutes=17 * number), **row,
            )  # fmt: skip
            callback = Callback(
                handle=f"entry-{number}", case=case, customer=customer, purpose=Purpose.HOLDING, channel=Channel.AGENT,
                state=CallbackState.ASSIGNED, priority=50, earliest_at=now, due_at=now + timedelta(hours=5),
                agent_id=desk.ids["li"], planned_at=now + timedelta(minutes=number), **row,
            )  # fmt: skip
            session.add(callback)
    statements: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        statements.append(statement)

    bind = house.sessions.kw["bind"]
    event.listen(bind, "before_cursor_execute", note)
    page = browser.get("/day", headers={"Accept-Encoding": "identity"})
    event.remove(bind, "before_cursor_execute", note)
    assert page.text.count('class="entry') >= 200
    assert len(gzip.compress(page.content, 6)) < 30_000
    assert len(statements) <= 20, statements


def test_before_the_shift_calls_that_are_planned_for_later_may_be_made(
    desk: Desk, centre: Centre, clock: StandingClock, now: datetime
) -> None:
    """10:00 in Shanghai, the shift begins at 11:00: "nobody can be called" would not be true."""
    browser = desk.agent("li")
    li = desk.ids["li"]
    with centre.sessions.begin() as session:
        session.add(Shift(agent_id=li, weekday=now.weekday(), starts=time(11), ends=time(20)))
    handle = centre.callback(li, planned_at=now + timedelta(hours=1), due_at=now - timedelta(days=3))
    centre.callback(
        li, planned_at=now + timedelta(hours=2), case_id=centre.case(centre.customer(phones=["+8613800138011"]))
    )
    page = browser.get("/day").text
    assert "No call is due at this moment" in page
    assert "Your shift begins at 11:00" in page
    assert "2 callbacks that are planned for later may be called already" in page
    assert "btn-next" not in page  # it could only have said so
    started = browser.post(f"/day/{handle}/start", headers={"HX-Request": "true"})
    assert started.headers["HX-Redirect"].startswith("/calls/")


def test_an_agent_with_nothing_while_the_house_has_much(desk: Desk, centre: Centre, now: datetime) -> None:
    browser = desk.agent("li")
    for number in range(3):
        case = centre.case(centre.customer(phones=[f"+861380013700{number}"]))
        centre.callback(centre.agent(f"w{number}"), case_id=case)
    tomorrow = centre.case(centre.customer(phones=["+8613800137009"]))
    centre.callback(desk.ids["li"], case_id=tomorrow, planned_at=now + timedelta(days=1, hours=4))
    page = browser.get("/day").text
    assert "No callback waits to be given out." in page
    assert "Your next call is planned for tomorrow 14:00" in page.replace("Tomorrow", "tomorrow")
    assert "nobody has to be called" not in page
