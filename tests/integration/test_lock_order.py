"""Whoever changes many callbacks locks them by their ids, on PostgreSQL: two of them never wait in a circle."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from callback.db import bulk, slots
from callback.db.engine import SessionFactory
from callback.db.tables import Callback
from callback.domain.escalation import EscalationRule
from callback.domain.words import CallbackState, EscalationTrigger
from callback.services import escalations
from callback.services.plans import plan
from tests.town import add_agent, fill

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
TABLE: Any = Callback.__table__
PATIENCE_S = 20.0


def release(session: Session, ids: Sequence[int], now: datetime) -> None:
    slots.release(session, ids, now=now)


def write(session: Session, ids: Sequence[int], now: datetime) -> None:
    bulk.update_rows(session, TABLE, ("updated_at",), [(one, now) for one in ids])


def write_unchanged(session: Session, ids: Sequence[int], now: datetime) -> None:
    versions = dict(session.execute(select(Callback.id, Callback.version)).tuples().all())
    stamp = f"{now:%Y-%m-%d %H:%M:%S.%f}"
    bulk.update_unchanged(session, TABLE, ("updated_at", "version"), [(i, stamp, versions[i] + 1) for i in ids])


@pytest.fixture
def ids(sessions: SessionFactory, now: datetime) -> list[int]:
    """Assigned callbacks, of which the first lies last in the table and falls due last: no reading of the table, nor
    any index, has it first."""
    with sessions.begin() as session:
        agent_id = add_agent(session, "li", now=now).id
    fill(sessions, now, cases=6)
    plan(sessions, now=now)
    with sessions.begin() as session:
        found = sorted(session.scalars(select(Callback.id)))
        given = {"state": CallbackState.ASSIGNED, "agent_id": agent_id, "planned_at": now}
        session.execute(update(Callback).values(**given))
        for hours, callback_id in enumerate(reversed(found)):
            values = {"due_at": now - timedelta(hours=60 - hours), "version": Callback.version + 1}
            session.execute(update(Callback).where(Callback.id == callback_id).values(**values))
    return found


@ON_POSTGRESQL
@pytest.mark.parametrize("change", [release, write, write_unchanged])
def test_whoever_changes_many_waits_for_the_first_with_nothing_in_hand(
    sessions: SessionFactory, now: datetime, ids: list[int], change: Callable[[Session, Sequence[int], datetime], None]
) -> None:
    def work() -> None:
        with sessions.begin() as session:
            change(session, ids[::-1], now)

    _waits_with_nothing_in_hand(sessions, ids, work)


@ON_POSTGRESQL
def test_escalations_make_urgent_in_that_order(
    sessions: SessionFactory, now: datetime, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    urgent = EscalationRule(key="late", trigger=EscalationTrigger.OVERDUE, after=timedelta(hours=8), raise_to=95)
    monkeypatch.setattr(escalations, "rules", lambda _: [urgent])
    _waits_with_nothing_in_hand(sessions, ids, lambda: escalations.look(sessions, now=now))
    with sessions() as session:
        assert min(session.scalars(select(Callback.priority_floor))) > 0


def _waits_with_nothing_in_hand(sessions: SessionFactory, ids: Sequence[int], work: Callable[[], object]) -> None:
    """`work` begins with the first callback: while somebody else has that, the others are free."""
    worker = threading.Thread(target=work)
    with sessions() as session:
        session.execute(select(Callback.id).where(Callback.id == ids[0]).with_for_update(key_share=True))
        worker.start()
        _until_somebody_waits(sessions)
        free = select(Callback.id).where(Callback.id.in_(ids[1:])).with_for_update(nowait=True, key_share=True)
        try:
            assert len(session.scalars(free).all()) == len(ids) - 1
        except OperationalError:
            pytest.fail("it holds others while it waits")
        finally:
            session.rollback()
            worker.join(PATIENCE_S)
    assert not worker.is_alive()


def _until_somebody_waits(sessions: SessionFactory) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with sessions() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)
    pytest.fail("nobody waits for the first callback")
