"""When an agent works: the week pattern and its exceptions, cut into slots."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from callback.domain.facts import ShiftFact
from callback.domain.moment import Interval, wall_intervals


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """One agent's hours: the pattern, and days that differ. An empty exception means absent that day."""

    zone: ZoneInfo
    pattern: tuple[ShiftFact, ...]
    exceptions: Mapping[date, tuple[tuple[time, time], ...]]

    def stretches(self, day: date) -> tuple[Interval, ...]:
        """What the agent works on the local `day`, as UTC intervals in order."""
        hours: Sequence[tuple[time, time]]
        if day in self.exceptions:
            hours = self.exceptions[day]
        else:
            hours = [(s.starts, s.ends) for s in self.pattern if s.weekday == day.weekday()]
        return _stretches(self.zone, day, tuple(sorted(hours)))

    def with_more(self, day: date, starts: time, ends: time) -> "WorkingTime":
        """The same with these hours on one day as well; what overlaps is worked once."""
        there = self.exceptions.get(day)
        if there is None:
            there = tuple((shift.starts, shift.ends) for shift in self.pattern if shift.weekday == day.weekday())
        joined: list[tuple[time, time]] = []
        for start, end in sorted((*there, (starts, ends))):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        return WorkingTime(self.zone, self.pattern, {**self.exceptions, day: tuple(joined)})

    def slots(self, day: date, length: timedelta) -> Iterator[Interval]:
        """The day cut into slots of `length`; a rest of at least half a slot is one too."""
        for stretch in self.stretches(day):
            start = stretch.start
            while stretch.end - start >= length / 2:
                yield Interval(start, min(start + length, stretch.end))
                start += length


@lru_cache(maxsize=4096)
def _stretches(zone: ZoneInfo, day: date, hours: tuple[tuple[time, time], ...]) -> tuple[Interval, ...]:
    """Remembered: a thousand agents work a handful of patterns."""
    return tuple(
        interval
        for start, end in hours
        for interval in wall_intervals(datetime.combine(day, start), datetime.combine(day, end), zone)
    )
