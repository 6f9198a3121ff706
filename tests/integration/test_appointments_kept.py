"""An appointment with an agent who turns out to be away: waited for, or kept by a colleague, and said so."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.policies import save_policy
from callback.db.tables import Agent, Appointment, Callback, Decision, Slot, Team
from callback.domain.words import CallbackState
from callback.services import findings
from callback.services.planning import plan_day
from tests.town import add_agent, add_case, add_customer

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
AT = datetime(2026, 3, 12, 2, 30, tzinfo=UTC)
"""Thursday, half past ten in Shanghai."""


@pytest.mark.parametrize(
    ("li_works", "wang_team", "expected"),
    [
        ((time(9), time(12)), 1, ("li", AT, "owner")),
        ((time(14), time(20)), 1, ("li", AT + timedelta(hours=3, minutes=30), "owner_later")),
        ((time(17), time(20)), 1, ("wang", AT, "team_instead")),
        ((time(17), time(20)), 2, ("wang", AT, "anybody_instead")),
    ],
)
def test_who_keeps_it(sessions: SessionFactory, li_works: Any, wang_team: int, expected: tuple[Any, ...]) -> None:
    with sessions.begin() as session:
        teams = [Team(name=str(n), created_at=NOW) for n in range(2)]
        session.add_all(teams)
        session.flush()
        li = add_agent(session, "li", now=NOW, hours=(li_works,), team_id=teams[0].id)
        wang = add_agent(session, "wang", now=NOW, hours=((time(9), time(12)),), team_id=teams[wang_team - 1].id)
        logins = {li.id: "li", wang.id: "wang"}
        customer = add_customer(session, now=NOW)
        add_case(session, customer, now=NOW, answer="已处理", answered_at=NOW, opened_at=NOW - timedelta(days=1))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    with sessions.begin() as session:
        callback = session.scalars(select(Callback)).one()
        session.add(Appointment(callback_id=callback.id, at=AT, agent_id=li.id, created_at=NOW))
        callback.state, callback.agent_id, callback.slot_id, callback.planned_at = (
            CallbackState.WAITING,
            None,
            None,
            None,
        )
        callback.next_try_at = AT
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    with sessions() as session:
        callback = session.scalars(select(Callback)).one()
        assert callback.agent_id is not None, callback.blocked_by
        last = session.scalars(select(Decision).order_by(Decision.id.desc())).first()
        assert last is not None
        assert (logins[callback.agent_id], callback.planned_at, last.rule) == expected


def test_a_lunch_break_has_no_calls_in_it(sessions: SessionFactory) -> None:
    """The break is the time between two stretches of a shift; calls wait for its end."""
    with sessions.begin() as session:
        add_agent(session, "li", now=NOW, hours=((time(9), time(10, 30)), (time(15), time(18))), daily_capacity=40)
        for _ in range(12):
            customer = add_customer(session, now=NOW)
            add_case(session, customer, now=NOW, answer="已处理", answered_at=NOW, opened_at=NOW - timedelta(days=1))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    with sessions() as session:
        clocks = [at.astimezone(SHANGHAI).time() for at in session.scalars(select(Callback.planned_at)) if at]
    assert len(clocks) == 12
    assert any(clock >= time(15) for clock in clocks)
    assert not [clock for clock in clocks if time(10, 30) <= clock < time(15)]


TEN = NOW + timedelta(hours=4, minutes=10)
"""Ten past two in the afternoon of the day on which we plan."""
MINUTE = timedelta(minutes=1)


def staff(sessions: SessionFactory, cases: int = 1, **people: dict[str, Any]) -> dict[int, str]:
    """Agents with their logins, and callbacks that have been planned."""
    with sessions.begin() as session:
        logins = {add_agent(session, login, now=NOW, **how).id: login for login, how in people.items()}
        for _ in range(cases):
            customer = add_customer(session, now=NOW)
            add_case(session, customer, now=NOW, answer="已处理", answered_at=NOW, opened_at=NOW - timedelta(days=1))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    return logins


def agree(sessions: SessionFactory, callback_id: int, at: datetime, agent_id: int | None) -> None:
    with sessions.begin() as session:
        session.add(Appointment(callback_id=callback_id, at=at, agent_id=agent_id, created_at=NOW))
        callback = session.get_one(Callback, callback_id)
        callback.state, callback.next_try_at = CallbackState.WAITING, at
        callback.agent_id = callback.slot_id = callback.planned_at = None


def places(sessions: SessionFactory, logins: dict[int, str]) -> list[tuple[str | None, datetime | None, str]]:
    """Of each callback: who, when, and by which rule."""
    with sessions() as session:
        rules = dict(
            session.execute(
                select(Decision.callback_id, Decision.rule).where(Decision.about == "assignment").order_by(Decision.id)
            )
            .tuples()
            .all()
        )
        return [
            (logins.get(c.agent_id or 0), c.planned_at, rules[c.id])
            for c in session.scalars(select(Callback).order_by(Callback.id))
        ]


def told(sessions: SessionFactory, now: datetime = NOW) -> list[str]:
    with sessions() as session:
        found = findings.find_faults(session, now=now)
        for fault in found:
            for language in ("en", "zh"):
                assert "{" not in findings.tell(fault, language, zone=SHANGHAI)
        return [fault.code for fault in found]


def id_of(logins: dict[int, str], login: str) -> int:
    return next(agent_id for agent_id, name in logins.items() if name == login)


def test_one_agent_is_not_promised_twice_at_one_minute(sessions: SessionFactory) -> None:
    """Neither in one planning, nor by what was promised before."""
    logins = staff(sessions, 3, li={}, zhao={})
    for number in (1, 2):
        agree(sessions, number, TEN, id_of(logins, "li"))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    agree(sessions, 3, TEN + MINUTE, id_of(logins, "li"))
    plan_day(sessions, now=NOW + MINUTE, zone=SHANGHAI)
    assert places(sessions, logins) == [
        ("li", TEN, "owner"),
        ("li", TEN + 6 * MINUTE, "owner_later"),
        ("li", TEN + 12 * MINUTE, "owner_later"),
    ]
    assert told(sessions) == ["appointment_late", "appointment_late"]


@pytest.mark.parametrize("li", [{"daily_capacity": 0}, {"languages": ["en"]}])
def test_an_owner_who_is_there_and_cannot_call_is_stood_in_for(sessions: SessionFactory, li: dict[str, Any]) -> None:
    logins = staff(sessions, li=li, zhao={})
    agree(sessions, 1, TEN, id_of(logins, "li"))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    assert places(sessions, logins) == [("zhao", TEN, "anybody_instead")]
    assert "appointment_late" not in told(sessions)


def test_what_nobody_can_keep_is_called_at_the_first_moment_and_told_by_name(sessions: SessionFactory) -> None:
    logins = staff(sessions, li={"hours": ((time(9), time(12)), (time(15), time(18)))})
    agree(sessions, 1, TEN, None)
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    three = NOW + timedelta(hours=5)
    assert places(sessions, logins) == [("li", three, "appointment_not_kept")]
    with sessions() as session:
        (fault,) = findings.find_faults(session, now=NOW)
        handle = session.scalars(select(Callback.handle)).one()
    assert findings.tell(fault, "en", zone=SHANGHAI) == (
        f"The appointment of callback {handle}, Wed, 11 Mar 2026, 14:10, is not kept to the minute: Li calls it "
        "Wed, 11 Mar 2026, 15:00. Tell the customer, or move it to somebody who is free then."
    )


def test_one_that_is_past_comes_before_what_is_due(sessions: SessionFactory) -> None:
    logins = staff(sessions, li={"hours": ((time(15), time(15, 30)),)})
    agree(sessions, 1, TEN, id_of(logins, "li"))
    with sessions.begin() as session:
        for _ in range(8):
            customer = add_customer(session, now=NOW)
            add_case(session, customer, now=NOW, answer="已处理", answered_at=NOW, promised_at=TEN)
    late = TEN + 51 * MINUTE
    plan_day(sessions, now=late, zone=SHANGHAI)
    assert places(sessions, logins)[0] == ("li", late, "appointment_not_kept")


def test_one_for_which_there_is_no_moment_at_all_waits_and_says_so(sessions: SessionFactory) -> None:
    logins = staff(sessions, li={"daily_capacity": 0}, zhao={})
    with sessions.begin() as session:
        session.get_one(Agent, id_of(logins, "zhao")).active = False
    agree(sessions, 1, TEN, id_of(logins, "li"))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    assert places(sessions, logins) == [(None, None, "appointment_not_kept")]
    assert told(sessions) == ["agent_without_capacity", "left_appointment_not_kept"]
    with sessions.begin() as session:
        assert session.scalars(select(Callback.blocked_by)).one() is None
        session.get_one(Agent, id_of(logins, "li")).daily_capacity = 40
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    assert places(sessions, logins) == [("li", TEN, "owner")]


def test_what_has_time_makes_room_for_an_appointment(sessions: SessionFactory) -> None:
    """The agent's half hour is full of calls that are due much later."""
    logins = staff(sessions, 6, li={"hours": ((time(14), time(15)),)})
    with sessions.begin() as session:
        slot = session.scalars(select(Slot.id).where(Slot.starts_at <= TEN, Slot.ends_at > TEN)).one()
        for number, callback in enumerate(session.scalars(select(Callback).where(Callback.id > 1)).all()):
            callback.slot_id, callback.planned_at = slot, TEN + (number - 2) * 5 * MINUTE
            callback.due_at = NOW + timedelta(days=3)
    agree(sessions, 1, TEN, id_of(logins, "li"))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    found = places(sessions, logins)
    assert found[0] == ("li", TEN, "owner")
    assert len([at for _, at, _ in found if at is not None and at >= TEN + 20 * MINUTE]) == 1, "one made room"


def test_who_is_off_is_another_matter_than_that_nobody_could(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        save_policy(session, now=NOW, figures={"planning_horizon_days": 1})
    logins = staff(sessions, li={"days": range(3, 7)})
    assert places(sessions, logins) == [(None, None, "no_agents")]
    assert told(sessions) == ["left_no_agents"]


def test_a_limit_of_calls_a_day_is_named_as_such(sessions: SessionFactory) -> None:
    logins = staff(sessions, li={"daily_capacity": 0})
    assert places(sessions, logins) == [(None, None, "day_full")]
    assert told(sessions) == ["agent_without_capacity", "left_day_full"]
