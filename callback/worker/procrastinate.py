"""The grown engine: Procrastinate carries the jobs over any number of machines."""

import asyncio
import threading
import time
from datetime import timedelta
from functools import partial

import procrastinate
from procrastinate.jobs import Job
from procrastinate.worker import Worker
from sqlalchemy import text

from callback.bootstrap import House
from callback.db.jobs import MAX_TRIES, backoff
from callback.log import get_logger
from callback.worker.tasks import TASKS, TaskFunction

log = get_logger(__name__)

DEAD_AFTER = timedelta(seconds=60)
"""A worker that has not shown a sign of life for so long is dead, and its jobs are taken up by others."""


class ProcrastinateEngine:
    """Runs Procrastinate's worker in a thread with an event loop of its own; tasks run in threads beside it."""

    def __init__(self, house: House, *, threads: int, tasks: dict[str, TaskFunction] | None = None) -> None:
        self._house = house
        self._concurrency = threads
        self._tasks = dict(TASKS) if tasks is None else tasks
        self._worker: Worker | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="procrastinate", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, grace_s: float) -> bool:
        """Take no more jobs and wait for the running ones; false when some were still running at the end."""
        self._stopping.set()
        end = time.monotonic() + grace_s
        while self._thread.is_alive() and time.monotonic() < end:
            # Again and again: a worker that is just starting forgets an earlier wish to stop.
            if self._worker is not None:
                self._worker.stop()  # type: ignore[no-untyped-call]
            self._thread.join(0.2)
        return not self._thread.is_alive()

    def look_after(self) -> int:
        """Put the jobs of dead workers back into the queue (or aside, after `MAX_TRIES`); how many there were."""
        with self._house.sessions.begin() as session:
            rows = session.execute(_RESCUE, {"dead_after": DEAD_AFTER.total_seconds(), "max_tries": MAX_TRIES}).all()
        for row in rows:
            log.warning("job of a dead worker", job=row.id, task=row.task_name, tries=row.attempts)
        return len(rows)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._work())
            except Exception:
                log.exception("the worker lost its database; starting again")
                self._stopping.wait(5)

    async def _work(self) -> None:
        app = make_app(self._house, self._tasks)
        async with app.open_async():
            self._worker = Worker(
                app=app,
                concurrency=self._concurrency,
                wait=True,
                install_signal_handlers=False,
                delete_jobs="successful",
            )
            await self._worker.run()  # type: ignore[no-untyped-call]


def make_app(house: House, tasks: dict[str, TaskFunction]) -> procrastinate.App:
    """Procrastinate's registry over our database, each task bound to the house."""
    url = house.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, max_size=8))
    for name, function in tasks.items():
        app.task(name=name, retry=_Retry())(partial(function, house))
    return app


class _Retry(procrastinate.BaseRetryStrategy):
    """The same steps as the embedded queue. A nudge is not repeated: the next tick gives it anew."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:  # noqa: ARG002
        tries = job.attempts + 1
        if job.queueing_lock is not None or tries >= MAX_TRIES:
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": int(backoff(tries).total_seconds())})


_RESCUE = text(
    """
    UPDATE procrastinate_jobs AS job
    SET status = CASE WHEN job.queueing_lock IS NOT NULL OR job.attempts + 1 >= :max_tries
                      THEN 'failed' ELSE 'todo' END::procrastinate_job_status,
        attempts = job.attempts + 1, worker_id = NULL, abort_requested = false
    WHERE job.status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate_workers AS worker
        WHERE worker.id = job.worker_id AND worker.last_heartbeat > now() - make_interval(secs => :dead_after)
    )
    RETURNING job.id, job.task_name, job.attempts
    """
)
