"""An agent's hours with more of them on one day."""

from datetime import date, time
from zoneinfo import ZoneInfo

import pytest

from callback.domain.facts import ShiftFact
from callback.domain.shift import WorkingTime

WEDNESDAY = date(2026, 3, 11)
MORNING, AFTERNOON = (time(9), time(12)), (time(14), time(18))


def hours(**exceptions: tuple[tuple[time, time], ...]) -> WorkingTime:
    days = {date.fromisoformat(day.removeprefix("d").replace("_", "-")): of for day, of in exceptions.items()}
    return WorkingTime(ZoneInfo("Asia/Shanghai"), (ShiftFact(2, *MORNING), ShiftFact(2, *AFTERNOON)), days)


@pytest.mark.parametrize(
    ("more", "then"),
    [
        ((time(19), time(21)), (MORNING, AFTERNOON, (time(19), time(21)))),
        ((time(10), time(11)), (MORNING, AFTERNOON)),
        ((time(12), time(13)), ((time(9), time(13)), AFTERNOON)),
        ((time(11), time(15)), ((time(9), time(18)),)),
        ((time(7), time(23)), ((time(7), time(23)),)),
    ],
)
def test_what_overlaps_is_worked_once(more: tuple[time, time], then: tuple[tuple[time, time], ...]) -> None:
    longer = hours().with_more(WEDNESDAY, *more)
    assert longer.exceptions == {WEDNESDAY: then}
    assert longer.stretches(date(2026, 3, 18)) == hours().stretches(date(2026, 3, 18)), "another week is as it was"


def test_whoever_is_absent_works_the_new_hours_alone() -> None:
    absent = hours(d2026_03_11=())
    assert absent.with_more(WEDNESDAY, *AFTERNOON).exceptions == {WEDNESDAY: (AFTERNOON,)}
    assert absent.with_more(WEDNESDAY, *AFTERNOON).with_more(WEDNESDAY, *MORNING).exceptions == {
        WEDNESDAY: (MORNING, AFTERNOON)
    }
