"""Two planners of one shard at once end in one plan: on both databases."""

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time, timedelta
from multiprocessing.synchronize import Event
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from callback.db.engine import SessionFactory, make_engine, make_session_factory
from callback.db.planner_lock import only_planner
from callback.db.tables import Callback, Case, Decision, ShiftException
from callback.domain.assignment import Demand, Left, Placement, Roster
from callback.domain.policy import Policy
from callback.services.assignments import assign, prepare
from callback.services.optimum import OptimalAssigner
from callback.services.plans import plan
from callback.settings import load_settings
from tests.town import add_agent, fill

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PATIENCE_S = 20.0
GRACE_S = 1.5
"""So long a planner that does not wait would need to overtake the other."""


def decided(sessions: SessionFactory, now: datetime, *, cases: int, due: timedelta) -> None:
    """So many callbacks that wait for a place."""
    fill(sessions, now, cases=cases, due=due)
    plan(sessions, now=now)


def test_a_planner_that_comes_while_another_thinks_does_not_fill_the_same_slots(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now, hours=((time(10), time(11)),), days=range(2, 3))
    decided(sessions, now, cases=5, due=20 * MINUTE)
    second = threading.Thread(target=lambda: assign(sessions, now=now, zone=SHANGHAI))

    class Slow:
        """Thinks until the other planner has come and, if nothing stops it, gone."""

        def assign(
            self, demands: Iterable[Demand], roster: Roster, policy: Policy
        ) -> tuple[Sequence[Placement], Sequence[Left]]:
            decided(sessions, now, cases=5, due=20 * MINUTE)
            second.start()
            second.join(GRACE_S)
            return OptimalAssigner().assign(demands, roster, policy)

    assign(sessions, now=now, zone=SHANGHAI, assigner=Slow())
    second.join(PATIENCE_S)

    assert not second.is_alive()
    with sessions() as session:
        per_slot = select(func.count()).where(Callback.slot_id.is_not(None)).group_by(Callback.slot_id)
        assert sorted(session.scalars(per_slot)) == [5, 5]


def planner(sessions: SessionFactory, name: str | None) -> tuple[threading.Thread, threading.Event]:
    """One that wants to plan this shard, and whether it has got in."""
    inside = threading.Event()

    def work() -> None:
        with only_planner(sessions, name):
            inside.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, inside


@pytest.mark.parametrize(
    ("first", "second", "at_once"),
    [
        (None, None, False),
        (None, "team-1", False),
        ("team-1", None, False),
        ("team-1", "team-1", False),
        ("team-1", "team-2", True),
    ],
)
def test_who_waits_for_whom(sessions: SessionFactory, first: str | None, second: str | None, at_once: bool) -> None:
    with only_planner(sessions, first):
        thread, inside = planner(sessions, second)
        assert inside.wait(0.3) is at_once
    thread.join(PATIENCE_S)
    assert inside.is_set()


def hold_and_die(url: str, held: Event) -> None:
    engine = make_engine(load_settings(database_url=url))
    with only_planner(make_session_factory(engine), None):
        held.set()
        threading.Event().wait()


def test_a_planner_that_is_killed_keeps_nobody_waiting(sessions: SessionFactory, database_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    process = spawn.Process(target=hold_and_die, args=(database_url, held), daemon=True)
    process.start()
    try:
        assert held.wait(PATIENCE_S)
        thread, inside = planner(sessions, None)
        assert not inside.wait(0.3)
    finally:
        process.kill()
        process.join(PATIENCE_S)
    thread.join(PATIENCE_S)
    assert inside.is_set()


class Meanwhile:
    """Something happens while the planner thinks."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens

    def assign(
        self, demands: Iterable[Demand], roster: Roster, policy: Policy
    ) -> tuple[Sequence[Placement], Sequence[Left]]:
        answer = OptimalAssigner().assign(demands, roster, policy)
        self._happens()
        return answer


def test_what_was_taken_back_while_the_planner_thought_stays_taken_back(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
    decided(sessions, now, cases=3, due=20 * MINUTE)

    def told() -> None:
        with sessions.begin() as session:
            case = session.scalars(select(Case).order_by(Case.id)).first()
            assert case is not None
            case.told_at, case.plan_at = now, now
        plan(sessions, now=now)

    report = assign(sessions, now=now, zone=SHANGHAI, assigner=Meanwhile(told))
    with sessions() as session:
        states = session.scalars(select(Callback.state).order_by(Callback.id)).all()
    assert states[:3] == ["cancelled", "assigned", "assigned"]
    assert report.assigned == 2


def test_a_slot_that_has_gone_while_the_planner_thought_takes_no_plan_along(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        li = add_agent(session, "li", now=now, hours=((time(10), time(11)),), days=range(2, 3)).id
        add_agent(session, "zhao", now=now, hours=((time(10), time(11)),), days=range(2, 3))
    decided(sessions, now, cases=10, due=20 * MINUTE)

    def ill() -> None:
        with sessions.begin() as session:
            session.add(ShiftException(agent_id=li, day=now.date()))
        with sessions.begin() as session:
            prepare(session, now=now, moment=now, zone=SHANGHAI)

    assign(sessions, now=now, zone=SHANGHAI, assigner=Meanwhile(ill))
    with sessions() as session:
        whose = session.scalars(select(Callback.agent_id).where(Callback.state == "assigned")).all()
    assert whose
    assert li not in whose


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_writes_about_a_callback_and_the_planner_do_not_wait_for_each_other(
    sessions: SessionFactory, now: datetime
) -> None:
    """An escalation of the last of them and of the first, while all are planned in their order: nobody gives way."""
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
    decided(sessions, now, cases=3, due=20 * MINUTE)
    with sessions() as other:
        callback = other.scalars(select(Callback).order_by(Callback.id.desc())).first()
        assert callback is not None

        def told() -> None:
            about = {"case_id": callback.case_id, "callback_id": callback.id, "at": now}
            other.add(Decision(**about, about="escalation", rule="test", verdict="told"))
            other.flush()

        thinks = Meanwhile(told)
        planning = threading.Thread(target=lambda: assign(sessions, now=now, zone=SHANGHAI, assigner=thinks))
        planning.start()
        planning.join(PATIENCE_S)
        still = planning.is_alive()
        other.rollback()
    planning.join(PATIENCE_S)
    assert not still, "the planner waited for somebody who changes nothing of what it writes"
    with sessions() as session:
        assert set(session.scalars(select(Callback.state))) == {"assigned"}
