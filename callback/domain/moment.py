"""When a customer may be contacted: legal moments in their own zone, and wall-clock arithmetic.

Everything is decided on the customer's wall clock and answered in UTC. A window is the set of UTC instants at which
that clock shows a time inside it: a wall time that does not exist is never legal, one that exists twice is legal twice.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from callback.domain.facts import Calendar
from callback.domain.policy import LEGAL_CEILING, LEGAL_FLOOR, Policy
from callback.domain.words import PartOfDay

NOON = time(12)
EVENING = time(17)
_PARTS: tuple[tuple[time, time, PartOfDay], ...] = (
    (time.min, NOON, PartOfDay.MORNING),
    (NOON, EVENING, PartOfDay.AFTERNOON),
    (EVENING, time.max, PartOfDay.EVENING),
)
HORIZON = timedelta(days=366)
"""How far ahead a legal moment is looked for when nobody says how far: a policy may leave none at all."""
_ONE_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_NOWHERE: frozenset[PartOfDay] = frozenset()


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Half-open `[start, end)`, aware UTC."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


class CallingHours:
    """The legal moments of one zone under one calendar and one policy; each day is worked out once.

    Get it from `calling_hours`, which keeps one for each combination: the planner asks for a hundred thousand customers
    and they live in a handful of zones.
    """

    __slots__ = ("_calendar", "_days", "_holidays_too", "_walls", "_weekends_too", "zone")

    def __init__(
        self,
        zone: ZoneInfo,
        calendar: Calendar,
        *,
        walls: tuple[tuple[time, time], ...],
        weekends_too: bool,
        holidays_too: bool,
    ) -> None:
        self.zone = zone
        self._calendar = calendar
        self._walls = tuple(_by_part(walls))
        self._weekends_too = weekends_too
        self._holidays_too = holidays_too
        self._days: dict[date, tuple[tuple[Interval, PartOfDay], ...]] = {}

    def is_calling_day(self, day: date) -> bool:
        """Whether anybody is called on `day`; a make-up working day is a day like any other."""
        if day in self._calendar.working_weekends:
            return True
        if self._calendar.is_holiday(day) and not self._holidays_too:
            return False
        return self._weekends_too or not self._calendar.is_weekend(day)

    def stretches(self, day: date) -> tuple[tuple[Interval, PartOfDay], ...]:
        """The legal intervals of the local `day` in order, cut where the part of the day changes."""
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = self._work_out(day)
        return known

    def _work_out(self, day: date) -> tuple[tuple[Interval, PartOfDay], ...]:
        if not self.is_calling_day(day):
            return ()
        return tuple(
            sorted(
                (interval, part)
                for start, end, part in self._walls
                for interval in wall_intervals(datetime.combine(day, start), datetime.combine(day, end), self.zone)
            )
        )

    def windows(self, day: date) -> tuple[Interval, ...]:
        """The legal intervals of the local `day`, joined where they touch."""
        joined: list[Interval] = []
        for interval, _ in self.stretches(day):
            if joined and joined[-1].end == interval.start:
                joined[-1] = Interval(joined[-1].start, interval.end)
            else:
                joined.append(interval)
        return tuple(joined)

    def is_legal(self, at: datetime) -> bool:
        return any(at in interval for interval, _ in self.stretches(at.astimezone(self.zone).date()))

    def next_legal(
        self, at: datetime, *, avoid: frozenset[PartOfDay] = _NOWHERE, until: datetime | None = None
    ) -> datetime | None:
        """See the function `next_legal`."""
        last = at + HORIZON if until is None else until
        day = at.astimezone(self.zone).date()
        last_day = last.astimezone(self.zone).date()
        while day <= last_day:
            for interval, part in self.stretches(day):
                if interval.end > at and part not in avoid:
                    moment = max(interval.start, at)
                    return moment.astimezone(UTC) if moment < last else None
            day += _ONE_DAY
        return None


@lru_cache(maxsize=4096)
def _hours(
    zone: ZoneInfo, calendar: Calendar, walls: tuple[tuple[time, time], ...], weekends_too: bool, holidays_too: bool
) -> CallingHours:
    return CallingHours(zone, calendar, walls=walls, weekends_too=weekends_too, holidays_too=holidays_too)


def calling_hours(zone: ZoneInfo, calendar: Calendar, policy: Policy) -> CallingHours:
    """The one `CallingHours` of this zone, calendar and policy; only what bears on windows makes a difference."""
    return _hours(zone, calendar, policy.calling_windows, policy.call_on_weekends, policy.call_on_holidays)


def part_of_day(at: datetime, zone: ZoneInfo) -> PartOfDay:
    """Morning before 12:00, afternoon before 17:00, evening from then on, on the customer's wall clock."""
    wall = at.astimezone(zone).time()
    if wall < NOON:
        return PartOfDay.MORNING
    return PartOfDay.AFTERNOON if wall < EVENING else PartOfDay.EVENING


def windows(day: date, zone: ZoneInfo, calendar: Calendar, policy: Policy) -> tuple[Interval, ...]:
    """The UTC intervals in which a customer of `zone` may be contacted on the local `day`; none on a holiday."""
    return calling_hours(zone, calendar, policy).windows(day)


def is_legal(at: datetime, zone: ZoneInfo, calendar: Calendar, policy: Policy) -> bool:
    return calling_hours(zone, calendar, policy).is_legal(at)


def next_legal(
    at: datetime,
    zone: ZoneInfo,
    calendar: Calendar,
    policy: Policy,
    *,
    avoid: frozenset[PartOfDay] = _NOWHERE,
    until: datetime | None = None,
) -> datetime | None:
    """The earliest legal moment at or after `at` whose part of the day is not in `avoid`, in UTC.

    None when there is none before `until` (default: `HORIZON` after `at`).
    """
    return calling_hours(zone, calendar, policy).next_legal(at, avoid=avoid, until=until)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant from which on the clock of `zone` shows `day`, in UTC.

    Clocks are changed at midnight too: the first hour of a day may be missing, or midnight may strike twice, and then
    the day starts for good the second time.
    """
    return max(_as_utc(datetime.combine(day, time.min), zone, fold) for fold in (0, 1))


def add_days(at: datetime, n: int, zone: ZoneInfo) -> datetime:
    """The same wall-clock time `n` days later (earlier when negative), in UTC.

    A wall time that does not exist there moves on by the length of the gap; of one that exists twice it is the first.
    """
    if n == 0:
        return at.astimezone(UTC)  # through the wall clock, the second 01:30 of an autumn night would become the first
    return (at.astimezone(zone) + timedelta(days=n)).astimezone(UTC)


def add_working_days(at: datetime, n: int, zone: ZoneInfo, calendar: Calendar) -> datetime:
    """The same wall-clock time on the `n`-th working day after the local day of `at`, in UTC. `n` is not negative."""
    day = at.astimezone(zone).date()
    days = 0
    while n > 0:
        days += 1
        n -= calendar.is_working_day(day + timedelta(days=days))
    return add_days(at, days, zone)


def _by_part(walls: tuple[tuple[time, time], ...]) -> Iterator[tuple[time, time, PartOfDay]]:
    """The windows inside the legal limits, cut where the part of the day changes."""
    for start, end in walls:
        for part_start, part_end, part in _PARTS:
            first, last = max(start, part_start, LEGAL_FLOOR), min(end, part_end, LEGAL_CEILING)
            if first < last:
                yield first, last, part


def wall_intervals(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Interval]:
    """The UTC intervals during which the clock of `zone` shows a time in the naive `[start, end)`.

    Between two changes of the clock the wall is UTC plus a constant, so each such piece is cut to the window by itself.
    """
    first = min(_as_utc(start, zone, fold) for fold in (0, 1))
    last = max(_as_utc(end, zone, fold) for fold in (0, 1))
    edges = [first, *_clock_changes(first, last, zone), last]
    for piece_start, piece_end in itertools.pairwise(edges):
        offset = _offset(piece_start, zone)
        begin = max(piece_start, start.replace(tzinfo=UTC) - offset)
        finish = min(piece_end, end.replace(tzinfo=UTC) - offset)
        if begin < finish:
            yield Interval(begin, finish)


def _clock_changes(first: datetime, last: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The UTC instants in `(first, last)` at which the offset of `zone` changes, to the second.

    `zoneinfo` does not publish its transitions. No zone has ever changed twice within an hour, so hourly probes find
    them all; the one inside an hour is then closed in on.
    """
    at = first
    while at < last:
        following = min(at + _HOUR, last)
        before = _offset(at, zone)
        if _offset(following, zone) != before:
            seconds = range(int((following - at) / _SECOND))
            low = at
            steps = bisect_right(seconds, 0, key=lambda s: int(_offset(low + s * _SECOND, zone) != before))
            yield at + steps * _SECOND
        at = following


def _as_utc(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101  a ZoneInfo always knows its offset
    return offset
