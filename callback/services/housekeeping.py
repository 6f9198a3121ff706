"""What has to be done by the clock and belongs to nobody: broken promises, and what has served its time."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, func, select, text, update
from sqlalchemy.orm import Session

from callback.db.base import WithId
from callback.db.engine import is_postgresql
from callback.db.jobs import enqueue
from callback.db.tables import (
    Case,
    IdempotencyKey,
    Job,
    KeptPlan,
    LoginFailure,
    LoginSession,
    Move,
    Promise,
    SuppressionList,
)
from callback.domain.words import PromiseState

IDEMPOTENCY_KEPT = timedelta(hours=24)
LOGIN_FAILURES_KEPT = timedelta(days=1)
SESSIONS_KEPT = timedelta(days=30)
"""After they have ended: a supervisor may ask who was logged in."""
JOBS_KEPT = timedelta(days=1)
DEAD_LETTERS_KEPT = timedelta(days=7)
MOVES_KEPT = timedelta(days=7)
"""So long a move can be undone: nearly all of its callbacks have ended or changed by then, and stay where they are."""
REJECTS_KEPT = timedelta(days=7)
"""Refused rows of do-not-call lists: numbers of people, kept no longer than putting them right takes."""
AT_ONCE = 10_000
"""Rows of one kind in one transaction; what is left is thrown away by the next tick."""


def break_promises(session: Session, *, now: datetime) -> int:
    """Promises whose time has passed become `broken`, and the planner looks at their cases; how many there were."""
    overdue = select(Promise.id).where(Promise.state == PromiseState.OPEN, Promise.due_at <= now)
    overdue = overdue.order_by(Promise.id).limit(AT_ONCE).with_for_update(skip_locked=True)
    ids = session.scalars(overdue).all()
    if not ids:
        return 0
    broken = update(Promise).where(Promise.id.in_(ids), Promise.state == PromiseState.OPEN)
    session.execute(broken.values(state=PromiseState.BROKEN, settled_at=now))
    cases = select(Promise.case_id).where(Promise.id.in_(ids))
    # An earlier wish stays: it is due already.
    wake = update(Case).where(Case.id.in_(cases), func.coalesce(Case.plan_at, now + timedelta(days=1)) > now)
    session.execute(wake.values(plan_at=now), execution_options={"synchronize_session": False})
    enqueue(session, "plan", queueing_lock="plan")
    return len(ids)


def purge(session: Session, *, now: datetime, keep_plans: timedelta = timedelta(0)) -> dict[str, int]:
    """Throw away what has served its time; rows by table. `keep_plans`: how long the house wants its plannings."""
    thrown = {
        "login_sessions": _throw(session, LoginSession, LoginSession.expires_at < now - SESSIONS_KEPT),
        "login_failures": _throw(session, LoginFailure, LoginFailure.at < now - LOGIN_FAILURES_KEPT),
        "idempotency_keys": _throw(session, IdempotencyKey, IdempotencyKey.created_at < now - IDEMPOTENCY_KEPT),
        "suppression_lists": _throw(session, SuppressionList, SuppressionList.created_at < now - REJECTS_KEPT),
        "kept_plans": _throw(session, KeptPlan, KeptPlan.at < now - keep_plans),
        "moves": _throw(session, Move, Move.at < now - MOVES_KEPT),
    }
    if is_postgresql(session):
        thrown["procrastinate_jobs"] = _throw_procrastinate(session)
    else:
        old = (Job.done_at < now - JOBS_KEPT) & (~Job.failed | (Job.done_at < now - DEAD_LETTERS_KEPT))
        thrown["jobs"] = _throw(session, Job, old)
    return thrown


def _throw(session: Session, table: type[WithId], condition: ColumnElement[bool]) -> int:
    ids = select(table.id).where(condition).limit(AT_ONCE)
    gone = delete(table).where(table.id.in_(ids)).execution_options(synchronize_session=False)
    result: CursorResult[Any] = session.execute(gone)  # type: ignore[assignment]
    return result.rowcount


def _throw_procrastinate(session: Session) -> int:
    """Jobs that failed or were cancelled long ago; those that succeeded are gone already."""
    result: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        _OLD_PROCRASTINATE_JOBS, {"hours": DEAD_LETTERS_KEPT.total_seconds() / 3600, "limit": AT_ONCE}
    )
    return result.rowcount


_OLD_PROCRASTINATE_JOBS = text(
    """
    DELETE FROM procrastinate_jobs WHERE id IN (
        SELECT job.id FROM procrastinate_jobs AS job JOIN procrastinate_events AS event ON event.job_id = job.id
        WHERE job.status IN ('succeeded', 'failed', 'cancelled', 'aborted')
        GROUP BY job.id HAVING max(event.at) < now() - make_interval(hours => CAST(:hours AS int)) LIMIT :limit
    )
    """
)
