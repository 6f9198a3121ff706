"""The embedded engine: threads of this process carry the jobs of the table `jobs`."""

import threading
from datetime import timedelta

from callback.bootstrap import House
from callback.db import jobs
from callback.db.engine import reading
from callback.db.jobs import ClaimedJob
from callback.log import get_logger
from callback.worker.tasks import TASKS, TaskFunction

log = get_logger(__name__)

LEASE = timedelta(minutes=5)
"""A job whose process died is taken up again after this; a living one renews it in time."""
POLL_S = 0.5


class ThreadEngine:
    """Runs due jobs in `threads` threads until told to stop."""

    def __init__(
        self, house: House, *, threads: int, tasks: dict[str, TaskFunction] | None = None, poll_s: float = POLL_S
    ) -> None:
        self._house = house
        self._tasks = dict(TASKS) if tasks is None else tasks
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._held: dict[int, ClaimedJob] = {}
        self._held_lock = threading.Lock()
        # Daemons: when the grace period is over, the process may end although a job hangs.
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(1, threads + 1)
        ]
        self._keeper = threading.Thread(target=self._keep_leases, name="leases", daemon=True)

    def start(self) -> None:
        for thread in (*self._threads, self._keeper):
            thread.start()

    def stop(self, grace_s: float) -> bool:
        """Take no more jobs and wait for the running ones; give back what is not finished in time (then false)."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(grace_s)
        with self._held_lock:
            left = list(self._held.values())
        for job in left:
            with self._house.sessions.begin() as session:
                jobs.release(session, job, now=self._house.clock())
            log.warning("given back unfinished", task=job.task, job=job.id)
        return not left

    def look_after(self) -> int:
        """Nothing to do: a lease that nobody renews runs out by itself."""
        return 0

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self._one()
            except Exception:
                # The database, not the job: wait longer than a poll, and go on living.
                log.exception("the queue does not answer")
                busy = False
                self._stopping.wait(5)
            if not busy:
                self._stopping.wait(self._poll_s)

    def _one(self) -> bool:
        """Do one job; false when nothing is due."""
        job = self._claim()
        if job is None:
            return False
        try:
            self._run(job)
        finally:
            with self._held_lock:
                self._held.pop(job.id, None)
        return True

    def _claim(self) -> ClaimedJob | None:
        now = self._house.clock()
        with reading(self._house.sessions) as session:
            if not jobs.anything_due(session, now):
                return None
        with self._house.sessions.begin() as session:
            job = jobs.claim(session, now=now, lease=LEASE)
        if job is not None:
            with self._held_lock:
                self._held[job.id] = job
        return job

    def _run(self, job: ClaimedJob) -> None:
        error: str | None = None
        try:
            task = self._tasks.get(job.task)
            if task is None:
                raise LookupError(f"this version has no task {job.task!r}")
            task(self._house, **job.args)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
            log.exception("job failed", task=job.task, job=job.id, tries=job.tries)
        with self._house.sessions.begin() as session:
            now = self._house.clock()
            if error is None:
                jobs.finish(session, job, now=now)
            else:
                jobs.fail(session, job, now=now, error=error)

    def _keep_leases(self) -> None:
        while not self._stopping.wait(LEASE.total_seconds() / 3):
            with self._held_lock:
                held = list(self._held.values())
            for job in held:
                with self._house.sessions.begin() as session:
                    jobs.renew(session, job, now=self._house.clock(), lease=LEASE)
