"""The worker process: the clockwork asks for work, the engine does it, until somebody says stop."""

import signal
import threading
from queue import SimpleQueue
from types import FrameType
from typing import Protocol

from callback.bootstrap import House
from callback.clock import utc_now
from callback.log import get_logger
from callback.worker.procrastinate import ProcrastinateEngine
from callback.worker.reading import Reader
from callback.worker.sending import Dispatcher, make_dispatchers
from callback.worker.threads import ThreadEngine
from callback.worker.ticks import make_clockwork

log = get_logger(__name__)

GRACE_S = 30.0
"""How long running jobs may go on after a stop was asked for."""


class Engine(Protocol):
    """Carries jobs: threads on SQLite, Procrastinate on PostgreSQL."""

    def start(self) -> None: ...

    def stop(self, grace_s: float) -> bool: ...

    def look_after(self) -> int:
        """Take care of the jobs of dead workers; how many there were."""
        ...


def make_engine(house: House) -> Engine:
    threads = house.settings.worker_threads
    if house.settings.is_postgresql:
        return ProcrastinateEngine(house, threads=threads)
    return ThreadEngine(house, threads=threads)


def run(house: House, *, stop: threading.Event | None = None, grace_s: float = GRACE_S) -> bool:
    """Work until `stop` is set, or SIGTERM or SIGINT arrives. True when everything that was begun was finished."""
    stop = stop or threading.Event()
    stop_on_signals(stop)
    engine = make_engine(house)
    clockwork = make_clockwork(house)
    clockwork.add_job(engine.look_after, "interval", seconds=30, id="look_after", next_run_time=utc_now())
    dispatchers: list[Reader | Dispatcher] = [Reader(house), *make_dispatchers(house)]
    engine.start()
    for dispatcher in dispatchers:
        dispatcher.start()
    clockwork.start()
    log.info("worker started", threads=house.settings.worker_threads, database=house.engine.dialect.name)
    stop.wait()
    log.info("worker stopping")
    clockwork.shutdown(wait=True)
    sent = [dispatcher.stop(grace_s) for dispatcher in dispatchers]
    clean = engine.stop(grace_s) and all(sent)
    log.info("worker stopped", clean=clean)
    return clean


def stop_on_signals(stop: threading.Event) -> None:
    if threading.current_thread() is not threading.main_thread():
        return

    # The handler runs in the middle of whatever this thread does, also where `stop.wait()` holds the lock that `set`
    # asks for: then both would wait for ever. To put something into a SimpleQueue is safe at any moment.
    asked: SimpleQueue[int] = SimpleQueue()

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.put(number)

    def pass_on() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
