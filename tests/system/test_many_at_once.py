"""Grown: four worker processes and eight overlapping planners on one PostgreSQL. No callback twice, none lost."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, text

from callback.bootstrap import House, build
from callback.clock import utc_now
from callback.db.engine import reading
from callback.db.jobs import enqueue
from callback.db.tables import Callback, Case, Decision
from callback.domain.words import LIVE_STATES, CallbackState
from callback.services import samples
from callback.services.doctor import INVARIANTS, examine
from callback.services.planning import plan_day
from callback.settings import Settings
from tests.system.test_worker import Worker, wait_for

TIMES = 12
"""How often the sample's 200 cases are there in all: several chunks for the planners to take from each other."""
MULTIPLY = (
    """INSERT INTO customers (source, external_id, name, salutation, language, country, time_zone, special, consents,
                              created_at, updated_at)
    SELECT 'copy', id || '-' || n, name, salutation, language, country, time_zone, special, consents,
           created_at, updated_at
    FROM customers, generate_series(2, :times) AS n""",
    """INSERT INTO contact_points (customer_id, kind, address, position, state, fictional)
    SELECT copy.id, p.kind, p.address || split_part(copy.external_id, '-', 2), p.position, p.state, p.fictional
    FROM customers AS copy JOIN contact_points AS p ON p.customer_id = CAST(split_part(copy.external_id, '-', 1) AS int)
    WHERE copy.source = 'copy'""",
    """INSERT INTO cases (source, external_id, customer_id, subject, description, answer, kind, priority, status,
                          opened_at, answered_at, closed_at, told_at, promised_at, plan_at, repromises,
                          created_at, updated_at)
    SELECT 'copy', k.id || '-' || copy.external_id, copy.id, k.subject, k.description, k.answer, k.kind, k.priority,
           k.status, k.opened_at, k.answered_at, k.closed_at, k.told_at, k.promised_at, k.plan_at, 0,
           k.created_at, k.updated_at
    FROM customers AS copy JOIN cases AS k ON k.customer_id = CAST(split_part(copy.external_id, '-', 1) AS int)
    WHERE copy.source = 'copy'""",
)
PLANNERS = 8
WORKERS = 4
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    house = build(settings)
    yield house
    house.close()


def plan_by_itself(house: House) -> Counter[str]:
    """What one planner alone makes of the same cases."""
    samples.load(house.sessions, house.settings, clock=house.clock)
    with house.sessions.begin() as session:
        for statement in MULTIPLY:
            session.execute(text(statement), {"times": TIMES})
    plan_day(house.sessions, now=house.clock(), zone=house.zone)
    return purposes(house)


def purposes(house: House) -> Counter[str]:
    with reading(house.sessions) as session:
        rows = session.execute(select(Callback.purpose, func.count()).group_by(Callback.purpose)).tuples()
        return Counter({purpose.value: count for purpose, count in rows})


@pytest.mark.slow
@ON_POSTGRESQL
def test_four_workers_and_eight_planners_make_every_callback_once(house: House) -> None:
    alone = plan_by_itself(house)
    wake_everything(house, forget=True)
    workers = [Worker(house.settings) for _ in range(WORKERS)]
    gate = threading.Barrier(PLANNERS)
    failures: list[BaseException] = []

    def planner() -> None:
        own = build(house.settings)
        try:
            gate.wait()
            for _ in range(2):
                with own.sessions.begin() as session:
                    enqueue(session, "plan")
                plan_day(own.sessions, now=own.clock(), zone=own.zone)
                wake_everything(own, forget=False)
        except BaseException as error:
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=planner) for _ in range(PLANNERS)]
    try:
        wait_for(lambda: all(worker.is_at_work for worker in workers))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(180)
        plan_day(house.sessions, now=house.clock(), zone=house.zone)
        wait_for(lambda: not anything_due(house))
    finally:
        ends = [worker.stop(signal.SIGTERM) for worker in workers]
    assert failures == []
    assert [code for code, _ in ends] == [0] * WORKERS, ends
    assert not any("Traceback" in log for _, log in ends), ends
    assert purposes(house) == alone
    nothing_twice_nothing_lost(house)


def wake_everything(house: House, *, forget: bool) -> None:
    """Every case is due for a look again; with `forget`, as if nothing had ever been planned."""
    with house.sessions.begin() as session:
        if forget:
            session.connection().exec_driver_sql("ALTER TABLE decisions DISABLE TRIGGER USER")
            for table in (Decision, Callback):
                session.query(table).delete()
            session.connection().exec_driver_sql("ALTER TABLE decisions ENABLE TRIGGER USER")
        # In one order, or two of these would wait for each other; the planners themselves never wait for a case.
        session.execute(select(Case.id).order_by(Case.id).with_for_update(key_share=True))
        session.query(Case).update({"plan_at": utc_now()})


def anything_due(house: House) -> bool:
    with reading(house.sessions) as session:
        return session.scalar(select(Case.id).where(Case.plan_at <= utc_now()).limit(1)) is not None


def nothing_twice_nothing_lost(house: House) -> None:
    with reading(house.sessions) as session:
        live = Callback.state.in_(LIVE_STATES)
        twice = (
            select(Callback.case_id).where(live).group_by(Callback.case_id, Callback.purpose).having(func.count() > 1)
        )
        assert session.execute(twice).all() == []
        created = select(Decision.callback_id).where(Decision.about == "purpose", Decision.verdict == "created")
        decided = list(session.scalars(created))
        assert len(decided) == len(set(decided)) == session.scalar(select(func.count()).select_from(Callback))
        assert session.scalar(select(func.count()).where(Callback.state == CallbackState.ASSIGNED))
        broken = [one for one in examine(session, INVARIANTS, now=house.clock()) if not one.holds]
        assert broken == []
