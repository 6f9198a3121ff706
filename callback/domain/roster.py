"""Whether a week of shifts makes sense, and hours as people write them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time

LONGEST_ABSENCE_DAYS = 400


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours on one day, wall-clock; `day` is a weekday (Monday is 0) or a date."""

    day: int | date
    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class RosterProblem:
    """`code` says what is wrong with the stretch at `index`."""

    code: str
    index: int


def problem_of(stretches: Sequence[Stretch]) -> RosterProblem | None:
    """The first stretch that ends before it starts or that overlaps another of the same day."""
    for index, stretch in enumerate(stretches):
        if stretch.ends <= stretch.starts:
            return RosterProblem("shift_ends_before_start", index)
        if _overlaps_any(stretch, stretches[:index]):
            return RosterProblem("shifts_overlap", index)
    return None


def _overlaps_any(stretch: Stretch, others: Iterable[Stretch]) -> bool:
    return any(
        other.day == stretch.day and other.starts < stretch.ends and stretch.starts < other.ends for other in others
    )


_RANGE = re.compile(
    r"(?P<from>\d{1,2})(?:[:：.](?P<from_minutes>\d{2}))?\s*(?:-|–|—|~|～|至|到)\s*"
    r"(?P<to>\d{1,2})(?:[:：.](?P<to_minutes>\d{2}))?(?![\d:：.])"
)
_BETWEEN = re.compile(r"[\s,;，；、/]*")
LONGEST_HOURS = 200


class HoursError(ValueError):
    """`code` says what is wrong with `part` of what was written."""

    def __init__(self, code: str, part: str) -> None:
        super().__init__(code, part)
        self.code = code
        self.part = part


def parse_hours(text: str) -> tuple[tuple[time, time], ...]:
    """`9-12:30, 13:30–18:00` as people write it, in order; nothing means no hours.

    Raises `HoursError`: `hours_not_understood`, or the code of `problem_of`.
    """
    found: list[tuple[time, time]] = []
    at = 0
    if len(text) > LONGEST_HOURS:
        raise HoursError("hours_not_understood", text[:20] + "…")
    for match in _RANGE.finditer(text):
        _refuse_rest(text[at : match.start()])
        at = match.end()
        found.append((_time(match, "from"), _time(match, "to")))
    _refuse_rest(text[at:])
    problem = problem_of([Stretch(0, starts, ends) for starts, ends in found])
    if problem is not None:
        starts, ends = found[problem.index]
        raise HoursError(problem.code, f"{starts:%H:%M}–{ends:%H:%M}")
    return tuple(sorted(found))


def _refuse_rest(text: str) -> None:
    if not _BETWEEN.fullmatch(text):
        raise HoursError("hours_not_understood", text.strip()[:40])


def _time(match: re.Match[str], side: str) -> time:
    hour, minute = int(match[side]), int(match[f"{side}_minutes"] or 0)
    if (hour, minute) == (24, 0):  # midnight at the end of the day: the last minute that a day has
        return time(23, 59)
    if hour > 23 or minute > 59:
        raise HoursError("hours_not_understood", match[0])
    return time(hour, minute)
