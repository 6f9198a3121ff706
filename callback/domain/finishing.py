"""When the last of a campaign leaves, at a given pace and within the windows of the customers.

A fluid picture: between two moments at which some window opens or closes, everything that may leave shares the pace in
proportion to what is left of it. What is sent meanwhile to others, and what comes back for a second try, is not in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callback.domain.moment import Interval


@dataclass(frozen=True, slots=True)
class Stream:
    """`waiting` contacts of customers whose `windows` are the same, in order and apart from each other."""

    waiting: int
    windows: tuple[Interval, ...]

    def is_open(self, at: datetime) -> bool:
        return any(at in window for window in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """`done_at` None: not within the windows that were given. `left` when the windows that are open now have closed."""

    done_at: datetime | None
    closes_at: datetime | None
    """When the last window that is open now closes; None: none is."""
    left: int
    opens_at: datetime | None
    """When the next window opens, if none is open now."""


def finish(streams: Iterable[Stream], *, rate: float, now: datetime) -> Finish:
    """`rate`: contacts a second."""
    waiting = [stream for stream in streams if stream.waiting > 0]
    left = [float(stream.waiting) for stream in waiting]
    closes_at = max((w.end for s in waiting for w in s.windows if now in w), default=None)
    opens_at = min((w.start for s in waiting for w in s.windows if w.start > now), default=None)
    done_at, left_then = None if waiting else now, sum(left)
    here = now
    for until in _changes(waiting, now) if rate > 0 else ():
        open_ones = [place for place, stream in enumerate(waiting) if stream.is_open(here)]
        done_at = _serve(left, open_ones, rate=rate, here=here, until=until)
        here = until
        if closes_at is not None and here <= closes_at:
            left_then = sum(left)
        if done_at is not None:
            break
    return Finish(
        done_at=done_at,
        closes_at=closes_at,
        left=round(left_then) if done_at is None or closes_at is None or done_at > closes_at else 0,
        opens_at=opens_at if closes_at is None else None,
    )


def _changes(streams: Sequence[Stream], now: datetime) -> list[datetime]:
    """Every moment from now on at which a window opens or closes."""
    edges = {edge for stream in streams for window in stream.windows for edge in (window.start, window.end)}
    return sorted(edge for edge in edges if edge > now)


def _serve(
    left: list[float], open_ones: Sequence[int], *, rate: float, here: datetime, until: datetime
) -> datetime | None:
    """Take off `left` what leaves before `until`; the moment at which nothing at all is left."""
    wanted = sum(left[place] for place in open_ones)
    capacity = rate * (until - here).total_seconds()
    if wanted > capacity:
        for place in open_ones:
            left[place] -= capacity * left[place] / wanted
        return None
    for place in open_ones:
        left[place] = 0.0
    return here + timedelta(seconds=wanted / rate) if sum(left) == 0 else None
