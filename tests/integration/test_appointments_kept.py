"""An appointment with an agent who turns out to be away: waited for, or kept by a colleague, and said so."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.tables import Appointment, Callback, Decision, Team
from callback.domain.words import CallbackState
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
