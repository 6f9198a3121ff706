"""Messages of many requests written in one transaction: whoever comes while one is being committed shares the next.

A request is answered when its own message is committed, never before. Under load that is one commit for all
connections instead of one for each, and alone it is the same as without.
"""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from callback.db.engine import SessionFactory
from callback.services import inbox
from callback.services.inbox import Written

MOST = 200
"""Messages of one transaction."""


class Mailbox:
    """One per process, for any number of threads and event loops."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._waiting: list[tuple[Written, Future[None]]] = []
        self._writing = False

    async def put(self, message: Written) -> None:
        """Returns once it is committed. Raises what the database raised; the carrier delivers it again then."""
        kept: Future[None] = Future()
        with self._lock:
            self._waiting.append((message, kept))
            begin = not self._writing
            self._writing = True
        if begin:
            asyncio.get_running_loop().run_in_executor(None, self._write)
        await asyncio.wrap_future(kept)

    def _write(self) -> None:
        while True:
            with self._lock:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if not batch:
                    self._writing = False
                    return
            self._keep(batch)

    def _keep(self, batch: Sequence[tuple[Written, Future[None]]]) -> None:
        error: BaseException | None = None
        try:
            with self._sessions.begin() as session:
                inbox.keep(session, [message for message, _ in batch])
        except BaseException as raised:
            error = raised
        if error is not None and len(batch) > 1:
            for one in batch:  # one that the database will not take does not take the others with it
                self._keep([one])
            return
        for _, kept in batch:
            if not kept.set_running_or_notify_cancel():
                continue  # the client went away; the message is written all the same
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)
