"""Whether the house is at work: leases, promises, planning and jobs that nobody takes care of."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callback.db.engine import is_postgresql
from callback.db.tables import Job
from callback.services.doctor.invariant import Finding, Invariant, by_query

PATIENCE = timedelta(minutes=15)
"""The ticks come every minute; what is left lying for so long has no worker."""


def _no_dead_letters(session: Session, _now: datetime) -> Iterable[Finding]:
    """Nudges are left out: the next tick gave them anew."""
    if is_postgresql(session):
        statement = "SELECT id, task_name FROM procrastinate_jobs WHERE status = 'failed' AND queueing_lock IS NULL"
        return [Finding(f"job {row[0]}", row[1]) for row in session.execute(text(statement))]
    dead = select(Job).where(Job.failed, Job.queueing_lock.is_(None))
    return [Finding(f"job {job.id}", f"{job.task}: {job.last_error}") for job in session.scalars(dead)]


def _no_job_waits_long(session: Session, now: datetime) -> Iterable[Finding]:
    if is_postgresql(session):
        statement = text(
            """SELECT job.id, job.task_name, job.status FROM (SELECT now() - CAST(:patience AS interval) AS late) t
            CROSS JOIN procrastinate_jobs job LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
            WHERE (job.status = 'todo' AND late > coalesce(
                       job.scheduled_at, (SELECT max(at) FROM procrastinate_events WHERE job_id = job.id)))
               OR (job.status = 'doing' AND late > coalesce(worker.last_heartbeat, '-infinity'))"""
        )
        rows = session.execute(statement, {"patience": PATIENCE})
        return [Finding(f"job {row[0]}", f"{row[1]} ({row[2]})") for row in rows]
    late = now - PATIENCE
    waiting = select(Job).where(Job.done_at.is_(None), Job.due_at < late)
    return [
        Finding(f"job {job.id}", job.task)
        for job in session.scalars(waiting)
        if job.claimed_until is None or job.claimed_until < late
    ]


WORKS: tuple[Invariant, ...] = (
    by_query(
        "leases_are_kept",
        """SELECT 'callback ' || id, lease_until FROM callbacks WHERE state = 'in_progress' AND lease_until < :late""",
        late=PATIENCE,
    ),
    by_query(
        "promises_are_watched",
        "SELECT 'promise ' || id, due_at FROM promises WHERE state = 'open' AND due_at < :late",
        late=PATIENCE,
    ),
    by_query(
        "planning_keeps_up",
        "SELECT 'case ' || id, plan_at FROM cases WHERE plan_at IS NOT NULL AND plan_at < :late",
        late=timedelta(hours=1),
    ),
    Invariant("no_dead_letters", _no_dead_letters),
    Invariant("no_job_waits_long", _no_job_waits_long),
)
