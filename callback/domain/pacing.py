"""How fast a sender may go: a bucket of tokens, the room before the window closes, fair shares, and the breaker.

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


def fair_shares(wanted: Mapping[int, int], total: int) -> dict[int, int]:
    """`total` places among those who want some: everybody gets the same until they have enough (max-min fairness).

    Whoever has the smaller number goes first for a remainder. Never more than `total`, never more than was wanted.
    """
    shares = dict.fromkeys(wanted, 0)
    left = max(0, total)
    hungry = sorted((name for name, want in wanted.items() if want > 0), key=lambda name: (wanted[name], name))
    while hungry and left:
        each = max(1, left // len(hungry))
        still: list[int] = []
        for name in hungry:
            given = min(each, wanted[name] - shares[name], left)
            shares[name] += given
            left -= given
            if shares[name] < wanted[name]:
                still.append(name)
        hungry = still
    return shares


def interleaved(streams: Sequence[Sequence[int]]) -> list[int]:
    """One of each in turn: nobody waits behind the whole of another's."""
    longest = max((len(stream) for stream in streams), default=0)
    return [stream[place] for place in range(longest) for stream in streams if place < len(stream)]


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


def backoff(tries: int, *, chance: random.Random | None = None) -> timedelta:
    """Before a send is tried again after `tries` failed ones: 2 s, 4 s, 8 s … five minutes, with jitter."""
    return min(timedelta(seconds=2 ** min(tries, 10)), timedelta(minutes=5)) * jitter(chance)


def jitter(chance: random.Random | None = None) -> float:
    """0.75 to 1.25: many that failed together do not come back together."""
    return 0.75 + (chance or random).random() / 2
