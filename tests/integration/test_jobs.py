"""The queue on both databases: in the change's transaction, at least once, poison laid aside."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from callback.bootstrap import House, build
from callback.db import jobs
from callback.db.engine import SessionFactory
from callback.db.jobs import MAX_TRIES, TableQueue, backoff, enqueue
from callback.db.tables import Job
from callback.settings import Settings
from callback.worker.procrastinate import ProcrastinateEngine
from callback.worker.tasks import TaskFunction
from callback.worker.threads import ThreadEngine

LEASE = timedelta(minutes=5)
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    house = build(settings)
    yield house
    house.close()


def waiting(house: House) -> list[tuple[str, dict[str, Any]]]:
    with house.sessions() as session:
        if house.settings.is_postgresql:
            rows = session.execute(
                text("SELECT task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
            )
            return [(task, args) for task, args in rows]
        unfinished = session.scalars(select(Job).where(Job.done_at.is_(None)).order_by(Job.id))
        return [(job.task, job.args) for job in unfinished]


@contextmanager
def working(house: House, tasks: dict[str, TaskFunction], threads: int = 4) -> Iterator[Any]:
    engine: ThreadEngine | ProcrastinateEngine
    if house.settings.is_postgresql:
        engine = ProcrastinateEngine(house, threads=threads, tasks=tasks)
    else:
        engine = ThreadEngine(house, threads=threads, tasks=tasks, poll_s=0.02)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(10)


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_a_job_comes_with_the_commit_and_goes_with_the_rollback(house: House) -> None:
    with house.sessions.begin() as session:
        enqueue(session, "greet", {"name": "李"})
    with house.sessions() as session:
        enqueue(session, "greet", {"name": "nobody"})
        session.rollback()
    assert waiting(house) == [("greet", {"name": "李"})]


def test_asking_twice_with_a_lock_is_asking_once(house: House) -> None:
    for _ in range(2):
        with house.sessions.begin() as session:
            enqueue(session, "plan", queueing_lock="plan")
            enqueue(session, "plan", queueing_lock="plan")
    with house.sessions.begin() as session:
        enqueue(session, "plan")
    assert len(waiting(house)) == 2


@ON_POSTGRESQL
def test_a_nudge_neither_waits_for_nor_breaks_another_transaction(house: House) -> None:
    with house.sessions.begin() as first, house.sessions.begin() as second:
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        enqueue(first, "plan", queueing_lock="plan")
        enqueue(second, "plan", queueing_lock="plan")
        assert second.scalar(text("SELECT 1")) == 1
    assert len(waiting(house)) == 1


def test_a_session_without_a_queue_drops_the_wish(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        enqueue(session, "plan")
    with sessions() as session:
        assert session.scalars(select(Job)).all() == []


def test_workers_do_every_job_once_and_survive_poison(house: House) -> None:
    done: list[int] = []
    lock = threading.Lock()

    def good(_house: House, n: int) -> None:
        with lock:
            done.append(n)

    def poison(_house: House) -> None:
        raise RuntimeError("poison")

    with house.sessions.begin() as session:
        enqueue(session, "poison")
        enqueue(session, "unknown")
        for n in range(40):
            enqueue(session, "good", {"n": n})
    with working(house, {"good": good, "poison": poison}):
        wait_for(lambda: len(done) >= 40)
        wait_for(lambda: {task for task, _ in waiting(house)} - {"unknown"} == {"poison"})
    assert sorted(done) == list(range(40))


def test_a_stopping_worker_finishes_what_it_began(house: House) -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow(_house: House) -> None:
        begun.set()
        time.sleep(0.5)
        ended.set()

    with house.sessions.begin() as session:
        enqueue(session, "slow")
    with working(house, {"slow": slow}) as engine:
        assert begun.wait(15)
        assert engine.stop(10)
    assert ended.is_set()


def test_a_job_due_later_waits(house: House) -> None:
    done = threading.Event()
    with house.sessions.begin() as session:
        enqueue(session, "later", due_at=house.clock() + timedelta(hours=1))
        enqueue(session, "now")
    with working(house, {"later": lambda _house: pytest.fail("too early"), "now": lambda _house: done.set()}):
        assert done.wait(15)
    assert "later" in [task for task, _ in waiting(house)]


@ON_POSTGRESQL
def test_the_jobs_of_a_dead_worker_are_taken_up_again(house: House) -> None:
    with house.sessions.begin() as session:
        enqueue(session, "work")
        enqueue(session, "nudge", queueing_lock="nudge")
        session.execute(text("SELECT procrastinate_fetch_job_v2(NULL, NULL) FROM generate_series(1, 2)"))
    engine = ProcrastinateEngine(house, threads=1, tasks={})
    assert engine.look_after() == 2
    assert waiting(house) == [("work", {})]
    assert engine.look_after() == 0


@ON_SQLITE
class TestTableQueue:
    """Claims, leases and dead letters of the embedded queue."""

    @pytest.fixture
    def queue(self, sessions: SessionFactory, now: datetime) -> SessionFactory:
        sessions.configure(info={"queue": TableQueue(lambda: now)})
        return sessions

    def test_a_failing_job_is_pushed_forward_and_laid_aside_at_last(self, queue: SessionFactory, now: datetime) -> None:
        with queue.begin() as session:
            enqueue(session, "poison")
        at = now
        for tries in range(1, MAX_TRIES + 1):
            with queue.begin() as session:
                job = jobs.claim(session, now=at, lease=LEASE)
                assert job is not None
                assert job.tries == tries
                assert jobs.fail(session, job, now=at, error="boom")
                assert jobs.claim(session, now=at, lease=LEASE) is None
            at += backoff(tries)
        with queue.begin() as session:
            assert jobs.claim(session, now=at + timedelta(days=9), lease=LEASE) is None
            row = session.scalars(select(Job)).one()
            assert row.failed
            assert row.last_error == "boom"

    def test_a_failed_nudge_makes_room_for_the_next(self, queue: SessionFactory, now: datetime) -> None:
        with queue.begin() as session:
            enqueue(session, "plan", queueing_lock="plan")
            job = jobs.claim(session, now=now, lease=LEASE)
            assert job is not None
            enqueue(session, "plan", queueing_lock="plan")
            assert jobs.fail(session, job, now=now, error="boom")
            again = jobs.claim(session, now=now, lease=LEASE)
            assert again is not None
            assert again.id != job.id

    def test_who_lost_the_lease_cannot_finish(self, queue: SessionFactory, now: datetime) -> None:
        with queue.begin() as session:
            enqueue(session, "work")
            lost = jobs.claim(session, now=now, lease=LEASE)
            assert lost is not None
            assert jobs.claim(session, now=now + LEASE - timedelta(seconds=1), lease=LEASE) is None
            taken = jobs.claim(session, now=now + LEASE, lease=LEASE)
            assert taken is not None
            assert taken.id == lost.id
            assert not jobs.finish(session, lost, now=now + LEASE)
            assert not jobs.renew(session, lost, now=now + LEASE, lease=LEASE)
            assert jobs.finish(session, taken, now=now + LEASE)

    def test_a_renewed_lease_holds_and_a_released_job_is_free(self, queue: SessionFactory, now: datetime) -> None:
        with queue.begin() as session:
            enqueue(session, "work")
            job = jobs.claim(session, now=now, lease=LEASE)
            assert job is not None
            assert jobs.renew(session, job, now=now + LEASE / 2, lease=LEASE)
            assert not jobs.anything_due(session, now + LEASE)
            assert jobs.release(session, job, now=now + LEASE)
            assert jobs.anything_due(session, now + LEASE)


def test_waits_between_tries_grow_to_an_hour() -> None:
    assert [int(backoff(tries).total_seconds()) for tries in (1, 2, 3, 4, 5, 6)] == [10, 40, 160, 640, 2560, 3600]
