"""The reader of the inbox: what customers write is read within a moment of its acknowledgement, in their order."""

import threading

from callback.bootstrap import House
from callback.db import messages as rows
from callback.db.engine import reading
from callback.log import get_logger
from callback.services import inbox

log = get_logger(__name__)

IDLE_S = 0.2
AT_ONCE = 50


class Reader:
    """One thread. Any number of readers in any number of processes share the inbox."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, grace_s: float) -> bool:
        """Finish the message in hand; false when it took longer."""
        self._stopping.set()
        self._thread.join(grace_s)
        return not self._thread.is_alive()

    def round(self) -> int:
        """Read what waits; how many were read."""
        with reading(self._house.sessions) as session:
            found = rows.waiting(session, now=self._house.clock(), limit=AT_ONCE)
        done = 0
        for message_id in found:
            if self._stopping.is_set():
                break
            done += self._read(message_id)
        return done

    def _read(self, message_id: int) -> bool:
        house = self._house
        try:
            with house.sessions.begin() as session:
                return inbox.read(session, message_id, settings=house.settings, now=house.clock())
        except Exception:
            log.exception("a message could not be read; it is tried again", message=message_id)
        with house.sessions.begin() as session:
            inbox.could_not_be_read(session, message_id, now=house.clock())
        return False

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.round() > 0
            except Exception:
                # The database went away: the messages are in it, and the carrier keeps what was not acknowledged.
                log.exception("the inbox does not answer")
                busy = False
                self._stopping.wait(1.0)
            if not busy:
                self._stopping.wait(IDLE_S)
