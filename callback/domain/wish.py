"""What customers say about when to call them: times they prefer, and days on which nobody calls.

Written as people write it, kept in one form: `mon-fri 18:00-20:00` and `2026-03-12/2026-03-20`. All on the customer's
own clock and calendar. Several wishes are separated by `;` (or `；`).
"""

import re
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CHINESE = "一二三四五六日"
_GROUPS = {
    "daily": range(7),
    "every day": range(7),
    "weekdays": range(5),
    "weekends": range(5, 7),
    "每天": range(7),
    "工作日": range(5),
    "周末": range(5, 7),
}
_WISH = re.compile(r"(?P<days>.*?)\s*(?P<starts>\d{1,2}:\d{2})\s*[-–~至到]\s*(?P<ends>\d{1,2}:\d{2})")
LONGEST_ABSENCE = timedelta(days=400)


@dataclass(frozen=True, slots=True, order=True)
class PreferredTime:
    """Half-open, on these weekdays (Monday is 0)."""

    weekdays: tuple[int, ...]
    starts: time
    ends: time

    def __str__(self) -> str:
        return f"{_written(self.weekdays)} {self.starts:%H:%M}-{self.ends:%H:%M}"


@dataclass(frozen=True, slots=True, order=True)
class ForbiddenDates:
    """Both days included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}/{self.last}"

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def preferred_times(text: str) -> tuple[PreferredTime, ...]:
    """As `weekdays 18:00-20:00`, `mon,wed-fri 9:00-12:00; sat 10:00-12:00`, `工作日 18:00-20:00`, `周六 10:00-12:00`.

    No day means every day. Raises `ValueError` with the part that is not understood.
    """
    return tuple(sorted({_preferred(part) for part in _parts(text)}))


def forbidden_dates(text: str) -> tuple[ForbiddenDates, ...]:
    """`2026-03-12; 2026-04-01/2026-04-07`. Raises `ValueError` with the part that is not understood."""
    return tuple(sorted({_forbidden(part) for part in _parts(text)}))


@lru_cache(maxsize=4096)
def read_preferred(kept: tuple[str, ...]) -> tuple[PreferredTime, ...]:
    """From the form in which they are kept."""
    return tuple(_preferred(part) for part in kept)


@lru_cache(maxsize=4096)
def read_forbidden(kept: tuple[str, ...]) -> tuple[ForbiddenDates, ...]:
    return tuple(_forbidden(part) for part in kept)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;；\n]", text) if part.strip()]


def _preferred(part: str) -> PreferredTime:
    found = _WISH.fullmatch(part.strip())
    if found is None:
        raise ValueError(part)
    try:
        starts, ends = (time.fromisoformat(found[name].zfill(5)) for name in ("starts", "ends"))
        weekdays = _weekdays(found["days"].strip().casefold())
    except (ValueError, StopIteration):
        raise ValueError(part) from None
    if starts >= ends:
        raise ValueError(part)
    return PreferredTime(weekdays, starts, ends)


def _weekdays(text: str) -> tuple[int, ...]:
    if not text:
        return tuple(range(7))
    if text in _GROUPS:
        return tuple(_GROUPS[text])
    days: set[int] = set()
    for item in re.split(r"[,，、\s]+", text):
        first, _, last = re.sub("[至到–~]", "-", item).partition("-")
        begin = _weekday(first)
        end = _weekday(last) if last else begin
        days |= {day % 7 for day in range(begin, end + (8 if end < begin else 1))}
    return tuple(sorted(days))


def _weekday(name: str) -> int:
    """Raises `ValueError` or `StopIteration` for what is no weekday."""
    chinese = re.fullmatch(r"(?:周|星期|礼拜)?([一二三四五六日天])", name)
    if chinese:
        return _CHINESE.index(chinese[1].replace("天", "日"))
    if len(name) < 3:
        raise ValueError(name)
    return next(number for number, full in enumerate(_NAMES) if full.startswith(name))


def _written(weekdays: tuple[int, ...]) -> str:
    """Shortest of: every day, one run of days, each by name."""
    if weekdays == tuple(range(7)):
        return "daily"
    if len(weekdays) > 2 and weekdays == tuple(range(weekdays[0], weekdays[-1] + 1)):
        return f"{_NAMES[weekdays[0]][:3]}-{_NAMES[weekdays[-1]][:3]}"
    return ",".join(_NAMES[day][:3] for day in weekdays)


def _forbidden(part: str) -> ForbiddenDates:
    first, _, last = re.sub(r"\s*(?:/|至|到)\s*", "/", part.strip()).partition("/")
    try:
        dates = ForbiddenDates(date.fromisoformat(first), date.fromisoformat(last or first))
    except ValueError:
        raise ValueError(part) from None
    if not timedelta(0) <= dates.last - dates.first <= LONGEST_ABSENCE:
        raise ValueError(part)
    return dates
