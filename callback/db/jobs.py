"""Work that must follow a change, asked for in the change's own transaction.

Which queue carries it is decided in `bootstrap.py` and travels with the session: the embedded table, or Procrastinate
on PostgreSQL. Callers see `enqueue` alone.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, or_, select, text, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from callback.clock import Clock
from callback.db.claims import changed_one
from callback.db.tables import Job

MAX_TRIES = 5
"""After so many a job is a dead letter: kept with its error, shown by `callback doctor`, tried no more."""


class Queue(Protocol):
    """Carries jobs to workers. Delivery is at least once; what a job does is safe to do twice."""

    def put(
        self, session: Session, task: str, args: dict[str, Any], *, queueing_lock: str | None, due_at: datetime | None
    ) -> None: ...


def enqueue(
    session: Session,
    task: str,
    args: dict[str, Any] | None = None,
    *,
    queueing_lock: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """Ask for `task(**args)` after this transaction commits; a rollback takes the wish back.

    Without a `queueing_lock` the job is kept until it is done. With one it is a nudge: asking again before the first is
    started changes nothing, and a nudge may be lost when another transaction gives the same one and rolls back. Use it
    for work that a tick would find in the rows anyway. A session without a queue (a one-off command that does its own
    work) drops the wish, for the same reason.
    """
    queue: Queue | None = session.info.get("queue")
    if queue is not None:
        queue.put(session, task, args or {}, queueing_lock=queueing_lock, due_at=due_at)


def backoff(tries: int) -> timedelta:
    """Wait before the next try after `tries` failed ones: 10 s, 40 s, 160 s, … an hour at the most."""
    return timedelta(seconds=min(10 * 4 ** (tries - 1), 3600))


@dataclass(frozen=True, slots=True)
class TableQueue:
    """The embedded queue: a row in `jobs`. One machine; any number of threads and processes on it."""

    clock: Clock

    def put(
        self, session: Session, task: str, args: dict[str, Any], *, queueing_lock: str | None, due_at: datetime | None
    ) -> None:
        session.flush()
        job = {"task": task, "args": args, "queueing_lock": queueing_lock, "due_at": due_at or self.clock()}
        session.execute(insert(Job).values(**job).on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class ProcrastinateQueue:
    """On PostgreSQL: a row in Procrastinate's table, written on the session's own connection."""

    def put(
        self, session: Session, task: str, args: dict[str, Any], *, queueing_lock: str | None, due_at: datetime | None
    ) -> None:
        # Waiting for another transaction's uncommitted nudge could deadlock with the rows it has locked, and a unique
        # violation would abort this one. So: whoever is first in flight gives the nudge, the others go on.
        if queueing_lock is not None and not session.execute(_TRY_NUDGE, {"lock": queueing_lock}).scalar_one():
            return
        row = {"task": task, "lock": queueing_lock, "args": json.dumps(args), "due_at": due_at}
        session.execute(_DEFER, row)


_TRY_NUDGE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('callback.nudge.' || :lock, 0))")

_DEFER = text(
    # What procrastinate_defer_jobs_v1 does, with ON CONFLICT. The lock also keeps two such jobs from running at once.
    "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)"
    " VALUES ('default', :task, :lock, :lock, CAST(:args AS jsonb), CAST(:due_at AS timestamptz))"
    " ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job in a worker's hands. `tries` is the fence: a worker that lost its lease cannot finish it any more."""

    id: int
    task: str
    args: dict[str, Any]
    tries: int
    is_nudge: bool = False


def anything_due(session: Session, now: datetime) -> bool:
    """Whether a claim would find something; needs no write lock."""
    return session.scalar(select(Job.id).where(_ready(now)).limit(1)) is not None


def claim(session: Session, *, now: datetime, lease: timedelta) -> ClaimedJob | None:
    """Take the job that has waited longest; None when nothing is due."""
    job = session.scalars(select(Job).where(_ready(now)).order_by(Job.due_at, Job.id).limit(1)).first()
    if job is None:
        return None
    taken = update(Job).where(Job.id == job.id, Job.tries == job.tries, _ready(now))
    if not changed_one(session, taken.values(tries=Job.tries + 1, claimed_until=now + lease)):
        return None
    return ClaimedJob(
        id=job.id, task=job.task, args=job.args, tries=job.tries + 1, is_nudge=job.queueing_lock is not None
    )


def renew(session: Session, job: ClaimedJob, *, now: datetime, lease: timedelta) -> bool:
    """Keep a long job; false when it was lost meanwhile."""
    return changed_one(session, _held(job).values(claimed_until=now + lease))


def finish(session: Session, job: ClaimedJob, *, now: datetime) -> bool:
    """The work is done; false when somebody else has it by now."""
    return changed_one(session, _held(job).values(done_at=now, last_error=None))


def fail(session: Session, job: ClaimedJob, *, now: datetime, error: str) -> bool:
    """The work went wrong: push the job into the future, or lay it aside after `MAX_TRIES`.

    A nudge is laid aside at once: the next tick gives it anew.
    """
    if job.is_nudge or job.tries >= MAX_TRIES:
        return changed_one(session, _held(job).values(done_at=now, failed=True, last_error=error[:500]))
    again = now + backoff(job.tries)
    # It stays claimed until then: a free row would collide with a newer one of the same queueing lock.
    return changed_one(session, _held(job).values(due_at=again, claimed_until=again, last_error=error[:500]))


def release(session: Session, job: ClaimedJob, *, now: datetime) -> bool:
    """Give it back unfinished, as a worker does that must stop."""
    return changed_one(session, _held(job).values(claimed_until=now))


def _ready(now: datetime) -> ColumnElement[bool]:
    return (
        Job.done_at.is_(None) & (Job.due_at <= now) & or_(Job.claimed_until.is_(None), Job.claimed_until <= now)
    ).self_group()


def _held(job: ClaimedJob) -> Any:
    return update(Job).where(Job.id == job.id, Job.tries == job.tries, Job.done_at.is_(None))
