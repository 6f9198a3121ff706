"""A million generated moments: not one of them is legal outside the windows, and none inside is refused.

The judge here is the wall clock as `zoneinfo` shows it, and nothing of `domain/moment.py`.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from callback.domain.facts import Calendar
from callback.domain.moment import is_legal, next_legal
from callback.domain.policy import Policy
from callback.domain.words import PartOfDay
from tests.unit.domain.zones import NOON_FOLD, NOON_GAP, STRANGE

MOMENTS = 1_000_000
SEEDS = (20260311, 20260312)
"""Half of them from each, so that two processes may share the work."""
FLOOR, CEILING = 8 * 60, 21 * 60
FIRST, LAST = datetime(1985, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)

CHINA = Calendar(
    holidays=frozenset(date(2026, 10, day) for day in range(1, 8)) | {date(2026, 3, 8), date(2011, 12, 31)},
    working_weekends=frozenset({date(2026, 10, 10), date(2026, 3, 29)}),
)
HOLIDAYS_AND_CHANGES = [datetime(2026, *day, tzinfo=UTC) for day in ((3, 8), (3, 11), (3, 29), (10, 3), (10, 10))]
ONE_HOUR = ((time(10, 30), time(11, 30)),)
POLICIES = (
    (Calendar(), Policy()),
    (CHINA, Policy(call_on_weekends=False)),
    (CHINA, Policy(calling_windows=((time(0), time(23, 59)),), call_on_holidays=True)),
    (
        Calendar(weekend=frozenset({4, 5})),
        Policy(calling_windows=((time(10, 30), time(11, 30)),), call_on_weekends=False),
    ),
)


def zones(chance: random.Random) -> list[ZoneInfo]:
    """All the strange ones, the made ones, and forty others."""
    others = sorted(zone for zone in available_timezones() if "/" in zone and zone not in STRANGE)
    return [ZoneInfo(key) for key in (*STRANGE, *chance.sample(others, 40))] + [NOON_GAP, NOON_FOLD]


def changes(zone: ZoneInfo) -> list[datetime]:
    """To the day, when the clock of `zone` was changed."""
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]
    return [a for a, b in pairwise(days) if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset()]


def moments(chance: random.Random) -> Iterator[tuple[datetime, ZoneInfo, Calendar, Policy]]:
    """Half of them within two days of a change of the clock, the rest anywhere in some hundred days of each zone."""
    known = []
    for zone in zones(chance):
        anywhere = [FIRST + timedelta(days=chance.randrange((LAST - FIRST).days)) for _ in range(100)]
        known.append((zone, [*anywhere, *HOLIDAYS_AND_CHANGES], (changes(zone) or anywhere)[-60:]))
    seconds = int(timedelta(days=2).total_seconds())
    for n in range(MOMENTS // len(SEEDS)):
        zone, anywhere, changed = chance.choice(known)
        day = chance.choice(changed if n % 2 else anywhere)
        spread = chance.randrange(-seconds, seconds) if n % 2 else chance.randrange(86_400)
        if n % 5 == 0:
            spread -= spread % 1800  # edges are where mistakes live
        yield (day + timedelta(seconds=spread), zone, *chance.choice(POLICIES))


@lru_cache(maxsize=64)
def minutes_of(walls: tuple[tuple[time, time], ...]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (max(start.hour * 60 + start.minute, FLOOR), min(end.hour * 60 + end.minute, CEILING)) for start, end in walls
    )


def judge(at: datetime, zone: ZoneInfo, calendar: Calendar, policy: Policy) -> bool:
    """Whether the wall clock of `zone` shows a time at which `policy` lets us call."""
    wall = at.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    if not any(start <= minute < end for start, end in minutes_of(policy.calling_windows)):
        return False
    day = wall.date()
    if day in calendar.working_weekends:
        return True
    if day in calendar.holidays and not policy.call_on_holidays:
        return False
    return policy.call_on_weekends or wall.weekday() not in calendar.weekend


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("seed", SEEDS)
def test_no_legal_moment_lies_outside_the_windows(seed: int) -> None:
    legal = 0
    outside: list[tuple[datetime, str, str]] = []
    for at, zone, calendar, policy in moments(random.Random(seed)):  # noqa: S311  reproducible, not secret
        expected = judge(at, zone, calendar, policy)
        legal += expected
        if is_legal(at, zone, calendar, policy) is not expected:
            outside.append((at, zone.key, f"legal: {not expected}"))
        found = next_legal(at, zone, calendar, policy)
        if found is None or found < at or not judge(found, zone, calendar, policy) or (expected and found != at):
            outside.append((at, zone.key, f"next: {found}"))
        if found is not None and not FLOOR <= (wall := found.astimezone(zone)).hour * 60 + wall.minute < CEILING:
            outside.append((at, zone.key, "outside the law"))
    assert outside == []
    assert 0.2 < legal * len(SEEDS) / MOMENTS < 0.8, "the sample says nothing when nearly all of it is the same"


def test_no_legal_minute_is_jumped_over() -> None:
    """Between a moment and the next legal one, every minute is looked at."""
    chance = random.Random(7)  # noqa: S311  reproducible, not secret
    generated = moments(chance)
    searched = 0
    while searched < 300:
        at, zone, calendar, policy = next(generated)
        avoid = frozenset(chance.sample(list(PartOfDay), chance.randrange(2)))
        found = next_legal(at, zone, calendar, policy, avoid=avoid)
        if found is None or found == at:
            continue
        searched += 1
        minute = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while minute < found:
            if judge(minute, zone, calendar, policy):
                assert part(minute.astimezone(zone)) in avoid, (at, zone.key, minute, found)
            minute += timedelta(minutes=1)


def part(wall: datetime) -> PartOfDay:
    if wall.hour < 12:
        return PartOfDay.MORNING
    return PartOfDay.AFTERNOON if wall.hour < 17 else PartOfDay.EVENING
