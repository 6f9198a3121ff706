"""The worker as an operator runs it: a process of its own, on both databases, stopped by a signal."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from callback.bootstrap import House, build
from callback.clock import utc_now
from callback.db.engine import reading
from callback.db.jobs import enqueue
from callback.db.tables import Callback, Case, Job, LoginFailure, Promise
from callback.domain.words import PromiseState
from callback.services import samples
from callback.settings import Settings


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    house = build(settings)
    yield house
    house.close()


class Worker:
    """A running `callback worker`; its log is collected, `is_at_work` once it has started."""

    def __init__(self, settings: Settings) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CALLBACK_")},
            "CALLBACK_ENV_FILE": os.devnull,
            "CALLBACK_DATABASE_URL": settings.database_url,
            "CALLBACK_LOG_FORMAT": "json",
        }
        command = [sys.executable, "-m", "callback", "worker"]
        self.lines: list[str] = []
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as log:
            self.lines.extend(log)

    @property
    def is_at_work(self) -> bool:
        return any("worker started" in line for line in self.lines)

    def stop(self, number: int) -> tuple[int, str]:
        """Its exit code and its log; killed when it does not stop in a minute."""
        self.process.send_signal(number)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        return self.process.returncode, "".join(self.lines)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.1)


def test_a_worker_plans_watches_and_cleans_up_until_it_is_told_to_stop(house: House) -> None:
    samples.load(house.sessions, house.settings, clock=house.clock)
    now = utc_now()
    with house.sessions.begin() as session:
        session.add(LoginFailure(login="x", address="127.0.0.1", at=now - timedelta(days=3)))
        case = session.scalars(select(Case).order_by(Case.id).limit(1)).one()
        earlier = now - timedelta(hours=1)
        session.add(Promise(case_id=case.id, due_at=earlier, made_at=earlier))

    def all_done() -> bool:
        with reading(house.sessions) as session:
            planned = session.scalar(select(Callback.id).limit(1)) is not None
            due = select(Case.id).where(Case.plan_at <= utc_now()).limit(1)
            kept = select(Promise.id).where(Promise.state == PromiseState.OPEN, Promise.due_at < now).limit(1)
            leftovers = [session.scalar(query) for query in (select(LoginFailure.id).limit(1), kept, due)]
            return planned and leftovers == [None, None, None]

    worker = Worker(house.settings)
    try:
        wait_for(all_done)
    finally:
        code, log = worker.stop(signal.SIGTERM)
    assert code == 0, log
    assert '"clean": true' in log
    assert "Traceback" not in log


def test_a_killed_workers_job_is_done_by_the_next(house: House) -> None:
    """Killed in the middle of a job: nothing is lost, the job comes back when the lease or the heartbeat is over."""
    with house.sessions.begin() as session:
        enqueue(session, "purge")
    if house.settings.is_postgresql:
        with house.sessions.begin() as session:
            session.execute(text("SELECT procrastinate_fetch_job_v2(NULL, procrastinate_register_worker_v1())"))
            session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '5 minutes'"))
        left = text("SELECT count(*) FROM procrastinate_jobs WHERE queueing_lock IS NULL")
    else:
        with house.sessions.begin() as session:
            job = session.scalars(select(Job)).one()
            job.tries, job.claimed_until = 1, utc_now() - timedelta(seconds=1)
        left = text("SELECT count(*) FROM jobs WHERE queueing_lock IS NULL AND done_at IS NULL")

    def done() -> bool:
        with reading(house.sessions) as session:
            return not session.scalar(left)

    worker = Worker(house.settings)
    try:
        wait_for(done)
    finally:
        code, log = worker.stop(signal.SIGINT)
    assert code == 0, log
