"""The only module that reads the clock.

Everything else takes `now` as an argument. The edges (API, worker, commands) ask a `Clock`; the domain never does.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""A function without arguments that returns the present moment, aware, in UTC."""


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def shifted_clock(as_of: datetime) -> Clock:
    """A clock that reads `as_of` now and runs on from there; for a try-out on old data.

    `as_of` must be aware.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of must carry a time zone")
    offset: timedelta = as_of - utc_now()
    return lambda: utc_now() + offset
