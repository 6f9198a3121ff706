"""Whether a week of shifts makes sense."""

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
