"""The dispatcher of one channel: claims what is due, hands it over in threads, records what became of it.

One for each channel in every worker process, on any number of machines: what is claimed, how fast and by whom is
decided in the database. What a dispatcher that dies has in its hands is looked after by the others.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from callback.bootstrap import House
from callback.channels.protocol import SendChannel
from callback.db import sends as rows
from callback.db.engine import reading
from callback.domain.words import CampaignState
from callback.log import get_logger
from callback.services import sends
from callback.services.sends import Claimed, Result
from callback.services.sends.compose import Compose, texts_of

log = get_logger(__name__)
T = TypeVar("T")

IDLE_S = 0.5
"""How often an idle dispatcher looks for work."""
LOOK_AFTER_S = 5.0
HALTED_S = 0.5
"""How old the knowledge of stopped campaigns may be when something leaves."""


class Dispatcher:
    """A thread that claims and records, and `settings.send_threads` threads that hand over."""

    def __init__(self, house: House, way: SendChannel, *, compose: Compose) -> None:
        self._house, self._way, self._compose = house, way, compose
        settings = house.settings
        self._threads = settings.send_threads
        self._timeout = timedelta(seconds=settings.send_timeout_s)
        self._lease = timedelta(seconds=settings.send_lease_s)
        self._settle = 2 * self._timeout
        self._stopping = threading.Event()
        self._done: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._under_way = 0
        self._halted: frozenset[int] = frozenset()
        self._halted_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"send-{way.name}", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name=f"look-after-{way.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._keeper.start()

    def stop(self, grace_s: float) -> bool:
        """Claim no more, wait for what is under way and record it; false when it took longer."""
        self._stopping.set()
        self._thread.join(grace_s)
        self._keeper.join(1.0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with ThreadPoolExecutor(self._threads, thread_name_prefix=f"hand-over-{self._way.name}") as pool:
            while not (self._stopping.is_set() and self._under_way == 0 and self._done.empty()):
                busy = self._round(pool)
                if not busy and self._under_way == 0:
                    self._stopping.wait(IDLE_S)

    def _round(self, pool: ThreadPoolExecutor) -> bool:
        """Record what is done, claim as much as fits; false when nothing was to be done."""
        busy = self._record()
        if self._stopping.is_set() or self._under_way > 3 * self._threads:
            return busy
        claimed = self._survive("claim", self._claim) or []
        self._under_way += len(claimed)
        for one in claimed:
            pool.submit(self._hand_over, one)
        return busy or bool(claimed)

    def _claim(self) -> list[Claimed]:
        house, now = self._house, self._house.clock()
        with reading(house.sessions) as session:
            if not rows.anything_due(session, channel=self._way.channel, now=now):
                return []
        with house.sessions.begin() as session:
            # Enough that no thread waits while the next batch is claimed, and no more than is handed over soon.
            limit = 6 * self._threads - self._under_way
            return sends.claim(session, way=self._way, now=now, lease=self._lease, limit=limit, compose=self._compose)

    def _hand_over(self, claimed: Claimed) -> None:
        result = sends.hand_over(
            claimed, way=self._way, now=self._house.clock(), timeout=self._timeout, halted=self._stopped_campaigns()
        )
        self._done.put(result)

    def _record(self) -> bool:
        """Write down what is done, as many as there are. Kept and tried again while the database does not answer: what
        has left is not forgotten because of that."""
        results: list[Result] = []
        try:
            results.append(self._done.get(timeout=0.05 if self._under_way else 0))
            while True:
                results.append(self._done.get_nowait())
        except queue.Empty:
            pass
        while results:
            if self._survive("record", lambda: self._write(results)):
                self._under_way -= len(results)
                return True
            if self._stopping.is_set():
                # The lease runs out, and the carrier is asked.
                self._under_way -= len(results)
                return True
        return False

    def _write(self, results: list[Result]) -> bool:
        with self._house.sessions.begin() as session:
            sends.record(session, results, way=self._way, now=self._house.clock(), settle=self._settle)
        return True

    def _stopped_campaigns(self) -> frozenset[int]:
        """Paused and cancelled ones, as they were at most `HALTED_S` ago: a stop acts on what is claimed already."""
        if time.monotonic() - self._halted_at > HALTED_S:
            self._halted_at = time.monotonic()
            found = self._survive("campaigns", self._read_stopped)
            self._halted = found if found is not None else self._halted
        return self._halted

    def _read_stopped(self) -> frozenset[int]:
        with reading(self._house.sessions) as session:
            by_state = rows.campaigns_by_state(session)
        return by_state[CampaignState.PAUSED] | by_state[CampaignState.CANCELLED]

    def _keep(self) -> None:
        """Ask the carrier about what may have left, all the time that the dispatcher runs."""
        while not self._stopping.is_set():
            looked_at = self._survive("look after", self._look_after)
            if not looked_at:
                self._stopping.wait(LOOK_AFTER_S)

    def _look_after(self) -> int:
        return sends.look_after(self._house.sessions, way=self._way, clock=self._house.clock, settle=self._settle)

    def _survive(self, what: str, work: Callable[[], T]) -> T | None:
        """The database may go away and come back; the dispatcher stays."""
        try:
            return work()
        except Exception:
            log.exception("the dispatcher goes on after an error", doing=what, channel=self._way.name)
            self._stopping.wait(1.0)
            return None


def make_dispatchers(house: House) -> list[Dispatcher]:
    """One for each channel that is in use."""
    compose = texts_of(house.settings)
    return [Dispatcher(house, way, compose=compose) for way in house.channels.values()]
