"""One planner of a shard at a time, over all machines: what a second one would read is what the first one writes.

PostgreSQL has advisory locks. Beside an SQLite database lie files that are locked: everybody who uses it is on one
machine, and the system gives the lock back however a planner ends. A transaction would not do: nobody could write
while a planner thinks.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callback.db.among import plain
from callback.db.engine import SessionFactory, is_postgresql

_PLANNER_LOCK = 0x43414C4C
"""An arbitrary number ("CALL") that no other advisory lock of ours uses."""


@contextmanager
def only_planner(sessions: SessionFactory, shard: str | None) -> Iterator[None]:
    """Nobody else plans this shard meanwhile (None: everything, then nobody else plans at all). A second one waits."""
    with sessions() as session:
        if is_postgresql(session):
            _lock_advisory(session, shard)
            yield
            session.rollback()
            return
        database = Path(str(session.get_bind().engine.url.database)).resolve()
    with ExitStack() as held:
        for name, how in _files(shard):
            file = held.enter_context(Path(f"{database}.{name}").open("ab"))
            fcntl.flock(file, how)  # each opening has a lock of its own, also in two threads of one process
        yield


def _files(shard: str | None) -> list[tuple[str, int]]:
    if shard is None:
        return [("planner", fcntl.LOCK_EX)]
    return [("planner", fcntl.LOCK_SH), (f"planner-{shard}", fcntl.LOCK_EX)]


def _lock_advisory(session: Session, shard: str | None) -> None:
    """Until the end of this transaction."""
    if shard is None:
        plain(session, select(func.pg_advisory_xact_lock(_PLANNER_LOCK, 0)))
    else:
        plain(session, select(func.pg_advisory_xact_lock_shared(_PLANNER_LOCK, 0)))
        plain(session, select(func.pg_advisory_xact_lock(_PLANNER_LOCK, func.hashtext(shard))))
