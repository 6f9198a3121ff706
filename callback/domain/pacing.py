"""How fast a sender may go: a bucket of tokens, the room before the window closes, fair turns, and the breaker.

A token is a segment of a message or one call. Rates are tokens a second. The bucket and the breaker are rows of the
database, so any number of workers share them.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

BURST_S = 1.0
"""A sender that has rested may send so many seconds' worth at once."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`tokens` at the moment `at`. Negative after a message that was longer than what was left."""

    tokens: float
    at: datetime

    def refilled(self, *, rate: float, now: datetime) -> "Bucket":
        """The bucket at `now`. It never holds more than a burst, and at least one token fits in."""
        seconds = max(0.0, (now - self.at).total_seconds())
        return Bucket(min(self.tokens + seconds * rate, full(rate)), max(now, self.at))

    def without(self, tokens: float) -> "Bucket":
        return replace(self, tokens=self.tokens - tokens)


def full(rate: float) -> float:
    """What a bucket holds at the most."""
    return max(1.0, rate * BURST_S)


def room(*, rate: float, waiting: int, now: datetime, closes: datetime, margin: timedelta) -> int:
    """How many more the carrier can place before `closes`, with `waiting` in its queue already.

    A carrier keeps calls in its queue for a day and dials them whenever their turn comes: what it could not place
    before the customer's window closes is not handed over at all.
    """
    seconds = (closes - margin - now).total_seconds()
    return max(0, int(seconds * rate) - waiting)


@dataclass(frozen=True, slots=True)
class Dealt:
    """Who is chosen, in the order of their turns, and whose turn the last of them was."""

    chosen: tuple[int, ...]
    last: int


def deal(streams: Mapping[int, Sequence[int]], total: int, *, after: int) -> Dealt:
    """`total` places, dealt one at a time in turn: nobody waits behind the whole of another's (max-min fairness).

    The first turn is of whoever comes next after `after`, the one that was served last. With one place at a time, as a
    slow sender has, everybody's turn comes all the same, as long as whoever deals next begins after `last`.
    """
    names = sorted(streams)
    turns = [name for name in names if name > after] + [name for name in names if name <= after]
    chosen: list[int] = []
    last = after
    for place in range(max((len(stream) for stream in streams.values()), default=0)):
        for name in turns:
            if len(chosen) >= total:
                return Dealt(tuple(chosen), last)
            if place < len(streams[name]):
                chosen.append(streams[name][place])
                last = name
    return Dealt(tuple(chosen), last)


# ── The breaker ─────────────────────────────────────────────────────────────────────────────────────────────────────

TRIPS_AFTER = 5
"""Failures of the carrier in a row; one that is about a number is none."""
FIRST_REST = timedelta(seconds=15)
LONGEST_REST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed while `open_until` is None. After the rest one send tries whether the carrier is back."""

    failures: int = 0
    open_until: datetime | None = None

    def allows(self, now: datetime, wanted: int) -> int:
        """How many of `wanted` may go now: all, one to try, or none."""
        if self.open_until is None:
            return wanted
        return min(wanted, 1) if now >= self.open_until else 0

    def after_success(self) -> "Breaker":
        return Breaker()

    def after_failure(self, now: datetime, *, chance: random.Random | None = None) -> "Breaker":
        """One failure more; from `TRIPS_AFTER` on it opens, longer each time, with jitter."""
        failures = self.failures + 1
        if failures < TRIPS_AFTER:
            return Breaker(failures)
        if self.open_until is not None and now < self.open_until:
            return Breaker(self.failures, self.open_until)  # one that was under way already: not another outage
        rest = min(FIRST_REST * 2 ** min(failures - TRIPS_AFTER, 10), LONGEST_REST)
        return Breaker(failures, now + rest * jitter(chance))


LONGEST_OUTAGE = timedelta(days=1)
"""Failures while the breaker is open are counted all the same when a message has waited for so long."""
HEAD_START = timedelta(seconds=15)
"""What failed while the breaker was open leaves the next try to others: it may be this one that the carrier chokes on,
and as the first at every rest it would keep everybody else back."""


def another_try(breaker: Breaker, *, tries: int, since: datetime, now: datetime) -> tuple[int, datetime]:
    """How many tries count against a message that failed now and is kept since `since`, and when the next one is."""
    if breaker.open_until is None or now - since > LONGEST_OUTAGE:
        return tries + 1, now + backoff(tries + 1)
    return tries, max(now, breaker.open_until) + HEAD_START * jitter()


def backoff(tries: int, *, chance: random.Random | None = None) -> timedelta:
    """Before a send is tried again after `tries` failed ones: 2 s, 4 s, 8 s … five minutes, with jitter."""
    return min(timedelta(seconds=2 ** min(tries, 10)), timedelta(minutes=5)) * jitter(chance)


def jitter(chance: random.Random | None = None) -> float:
    """0.75 to 1.25: many that failed together do not come back together."""
    return 0.75 + (chance or random).random() / 2
