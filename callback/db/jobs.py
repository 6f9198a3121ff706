"""Work that must follow a change, asked for in the change's own transaction.

Which queue carries it is decided in `bootstrap.py` and travels with the session: the embedded table, or Procrastinate
on PostgreSQL. Callers see `enqueue` alone.
"""

from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session


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

    With a `queueing_lock`, asking again before the first is started changes nothing. A session without a queue (a
    one-off command that does its own work) drops the wish: the next tick would do the same work from the rows.
    """
    queue: Queue | None = session.info.get("queue")
    if queue is not None:
        queue.put(session, task, args or {}, queueing_lock=queueing_lock, due_at=due_at)
