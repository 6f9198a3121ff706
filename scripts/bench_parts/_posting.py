"""A carrier that delivers customers' messages over many connections: a plain HTTP client on asyncio streams.

It is the load, not what is measured: requests are made and signed beforehand, and answers are read no further than
their status.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator


@dataclass(slots=True)
class Delivered:
    """What one run came to. Times are milliseconds, seen from the carrier."""

    times: list[float] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    """Statuses other than 200 and 204."""
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds


@dataclass(frozen=True, slots=True)
class _Errand:
    """One delivery. `rest`: what this customer writes after it; None for a repeated delivery."""

    request: bytes
    rest: Sequence[bytes] | None


def deliver(
    address: str, conversations: Sequence[Sequence[bytes]], *, connections: int, repeats: float, rate: float | None
) -> Delivered:
    """Deliver every conversation in its order, `repeats` (a share) of all messages twice.

    A customer's next message follows when the last one was answered. Half of the repetitions are under way at the same
    time as the first delivery, on another connection; the others come after it. `rate`: messages a second, each timed
    from the moment at which it was due; None: as fast as the answers come.
    """
    return asyncio.run(_Run(address, conversations, repeats=repeats, rate=rate).go(connections))


class _Run:
    def __init__(
        self, address: str, conversations: Sequence[Sequence[bytes]], *, repeats: float, rate: float | None
    ) -> None:
        self._host, self._port = urlsplit(address).hostname, urlsplit(address).port
        self._ready = deque(_Errand(one[0], one[1:]) for one in conversations)
        self._left = sum(len(one) for one in conversations)
        self._repeats, self._rate = repeats, rate
        self._chance = random.Random(1)
        self._delivered = Delivered()
        self._next_due = 0.0

    async def go(self, connections: int) -> Delivered:
        began = self._next_due = time.perf_counter()
        await asyncio.gather(*(self._connection() for _ in range(connections)))
        self._delivered.seconds = time.perf_counter() - began
        return self._delivered

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            while self._left or self._ready:
                if not self._ready:
                    await asyncio.sleep(0.001)
                    continue
                await self._deliver(self._ready.popleft(), reader, writer)
        finally:
            writer.close()

    async def _deliver(self, errand: _Errand, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if errand.rest is not None:
            self._left -= 1
            self._repeat(errand)
        due = await self._turn()
        writer.write(errand.request)
        status = await _status(reader)
        self._delivered.times.append((time.perf_counter() - due) * 1000)
        if status not in (200, 204):
            self._delivered.bad.append(status)
        if errand.rest:
            self._ready.append(_Errand(errand.rest[0], errand.rest[1:]))

    def _repeat(self, errand: _Errand) -> None:
        if self._chance.random() < self._repeats:
            again = _Errand(errand.request, None)
            if self._chance.random() < 0.5:
                self._ready.appendleft(again)
            else:
                self._ready.append(again)

    async def _turn(self) -> float:
        """The moment at which the next message is due; without a rate, now."""
        if self._rate is None:
            return time.perf_counter()
        due, self._next_due = self._next_due, self._next_due + 1 / self._rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        return due


def signed(url: str, form: dict[str, str], *, token: str, port: int) -> bytes:
    """One request of the carrier's, ready to be written: the signature is over the public `url`."""
    parts = urlsplit(url)
    body = urlencode(form).encode()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
        f"X-Twilio-Signature: {RequestValidator(token).compute_signature(url, form)}\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if "content-length:" in head:
        await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    return int(head.split(" ")[1])
