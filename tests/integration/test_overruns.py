"""Calls that run over: what no longer fits is called sooner elsewhere, and nothing else moves. On both databases."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from callback.db.engine import SessionFactory, reading
from callback.db.policies import save_policy
from callback.db.tables import Agent, Callback, CaseHandler, Decision
from callback.domain.words import CallbackState, CaseStatus, Purpose
from callback.services import attempts, findings, questionnaires
from callback.services.planning import Planned, plan_day
from callback.settings import Settings
from tests.content import seed_scripts
from tests.town import add_agent, add_case, add_customer

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
Places = dict[int, tuple[str, datetime | None, int]]


def places(sessions: SessionFactory) -> Places:
    """Callback → (agent, moment, version)."""
    statement = select(Callback.id, Agent.login, Callback.planned_at, Callback.version)
    with sessions() as session:
        rows = session.execute(statement.outerjoin(Agent, Agent.id == Callback.agent_id).order_by(Callback.id))
        return {row.id: (row.login, row.planned_at, row.version) for row in rows}


def plan_now(sessions: SessionFactory, now: datetime) -> Planned:
    return plan_day(sessions, now=now, zone=SHANGHAI)


@pytest.fixture
def ten(sessions: SessionFactory, settings: Settings, now: datetime) -> Places:
    """Ten answers in Li's list, five in each of two half hours; she begins the first on time. Then Zhao comes in."""
    with sessions.begin() as session:
        seed_scripts(session, now)
        questionnaires.seed_content(session, now)
        li = add_agent(session, "li", now=now).id
        for _ in range(10):
            answered = {"answer": "已修好", "answered_at": now, "status": CaseStatus.PENDING}
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR, **answered)
    plan_now(sessions, now)
    with sessions.begin() as session:
        first = session.scalars(select(Callback).order_by(Callback.planned_at, Callback.id)).first()
        assert first is not None
        attempts.start(session, handle=first.handle, agent_id=li, now=now, settings=settings)
        add_agent(session, "zhao", now=now)
    return places(sessions)


def in_order(found: Places) -> list[int]:
    return sorted(found, key=lambda i: (found[i][1], i))


def changed(before: Places, after: Places) -> set[int]:
    return {i for i in before if before[i] != after[i]}


def test_only_what_no_longer_fits_moves_and_it_is_called_sooner(
    sessions: SessionFactory, ten: Places, now: datetime
) -> None:
    before = places(sessions)
    last_two = set(in_order(before)[-2:])
    with reading(sessions) as session:
        (fault,) = findings.find_faults(session, now=now + 20 * MINUTE)
    assert (fault.code, fault.who) == ("agent_behind", "Li")
    assert fault.params["count"] == 2

    done = plan_now(sessions, now + 20 * MINUTE)

    after = places(sessions)
    assert changed(before, after) == last_two, "the next half hour stays as Li sees it, and so does what still fits"
    assert (done.callbacks.moved, done.callbacks.overran, done.callbacks.released) == (2, 2, 0)
    for i in last_two:
        assert after[i][0] == "zhao"
        assert now + 20 * MINUTE <= after[i][1] < now + 63 * MINUTE, "Li would have come to it after eleven"  # type: ignore[operator]
    with sessions() as session:
        rules = session.execute(select(Decision.callback_id, Decision.rule).where(Decision.rule == "ran_over"))
        assert {row.callback_id for row in rules} == last_two
        assert not findings.find_faults(session, now=now + 20 * MINUTE)

    again = plan_now(sessions, now + 20 * MINUTE)
    assert (again.callbacks.moved, again.callbacks.assigned) == (0, 0)
    assert places(sessions) == after


def test_the_call_that_runs_over_does_not_move_itself(sessions: SessionFactory, ten: Places, now: datetime) -> None:
    plan_now(sessions, now + 50 * MINUTE)
    with sessions() as session:
        states = dict(session.execute(select(Callback.state, func.count()).group_by(Callback.state)).tuples().all())
    assert states == {CallbackState.IN_PROGRESS: 1, CallbackState.ASSIGNED: 9}
    first = in_order(ten)[0]
    assert places(sessions)[first] == ten[first]


def test_on_time_nothing_moves(sessions: SessionFactory, ten: Places, now: datetime) -> None:
    done = plan_now(sessions, now + 3 * MINUTE)
    assert done.callbacks.moved == 0
    assert places(sessions) == ten


def test_a_pinned_one_stays(sessions: SessionFactory, ten: Places, now: datetime) -> None:
    *_, fourth, last = in_order(ten)
    with sessions.begin() as session:
        session.execute(update(Callback).where(Callback.id == last).values(pinned=True))
    plan_now(sessions, now + 20 * MINUTE)
    after = places(sessions)
    assert after[last] == ten[last]
    assert after[fourth][0] == "zhao"


def test_without_anybody_sooner_the_list_stays_as_it_is(sessions: SessionFactory, ten: Places, now: datetime) -> None:
    with sessions.begin() as session:
        session.execute(update(Agent).where(Agent.login == "zhao").values(languages=["en"]))
    done = plan_now(sessions, now + 20 * MINUTE)
    assert (done.callbacks.moved, done.callbacks.left) == (0, {})
    assert places(sessions) == ten


def test_nobody_with_a_past_in_the_case_takes_over_a_second_call(
    sessions: SessionFactory, ten: Places, now: datetime
) -> None:
    last = in_order(ten)[-1]
    with sessions.begin() as session:
        zhao = session.scalars(select(Agent.id).where(Agent.login == "zhao")).one()
        callback = session.get_one(Callback, last)
        callback.purpose = Purpose.SECOND_CALL
        session.add(CaseHandler(case_id=callback.case_id, agent_id=zhao, role="answered", at=now))
    plan_now(sessions, now + 20 * MINUTE)
    assert places(sessions)[last][0] == "li"


def test_the_freeze_horizon_is_the_centres(sessions: SessionFactory, ten: Places, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"freeze": 0})
    plan_now(sessions, now + 20 * MINUTE)
    after = places(sessions)
    # Without one, two of this half hour go at once: they would begin at 10:33 and later.
    assert changed(ten, after) == set(in_order(ten)[3:5])
    assert {after[i][0] for i in in_order(ten)[3:5]} == {"zhao"}


def test_planning_tomorrow_today_moves_nothing_of_today(sessions: SessionFactory, ten: Places, now: datetime) -> None:
    tomorrow = (now + timedelta(days=1)).astimezone(SHANGHAI).date()
    plan_day(sessions, now=now + 20 * MINUTE, zone=SHANGHAI, day=tomorrow)
    assert places(sessions) == ten
