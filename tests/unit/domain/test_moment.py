"""Windows and wall-clock arithmetic, above all where clocks are changed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from callback.domain.facts import Calendar
from callback.domain.moment import (
    HORIZON,
    Interval,
    add_days,
    add_working_days,
    is_legal,
    next_legal,
    part_of_day,
    start_of_day,
    windows,
)
from callback.domain.policy import Policy
from callback.domain.words import PartOfDay
from tests.unit.domain.zones import NOON_FOLD, NOON_GAP

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEDNESDAY = date(2026, 3, 11)
ANY = Calendar()
POLICY = Policy()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(day: date, zone: ZoneInfo, *walls: tuple[int, int]) -> list[str]:
    hours = tuple((time(start), time(end)) for start, end in walls) or POLICY.calling_windows
    found = windows(day, zone, ANY, Policy(calling_windows=hours))
    return [f"{interval.start:%d %H:%M}-{interval.end:%d %H:%M}" for interval in found]


def test_an_ordinary_day_has_the_windows_of_the_policy() -> None:
    assert spans(WEDNESDAY, SHANGHAI) == ["11 01:00-11 04:00", "11 06:00-11 12:00"]


def test_windows_are_clipped_to_the_legal_hours() -> None:
    assert spans(WEDNESDAY, ZoneInfo("UTC"), (6, 23)) == ["11 08:00-11 21:00"]
    assert spans(WEDNESDAY, ZoneInfo("UTC"), (6, 8), (21, 23)) == []


def test_a_window_loses_the_hour_that_does_not_exist() -> None:
    assert spans(WEDNESDAY, NOON_GAP, (9, 12)) == ["11 09:00-11 11:00"]
    assert spans(WEDNESDAY, NOON_GAP, (10, 11)) == []
    assert next_legal(utc("2026-03-11T09:30"), NOON_GAP, ANY, Policy(calling_windows=((time(10), time(11)),))) == utc(
        "2026-03-12T09:00"
    )


def test_a_window_that_starts_inside_the_missing_hour_starts_when_that_is_over() -> None:
    half_past = Policy(calling_windows=((time(10, 30), time(12)),))
    assert windows(WEDNESDAY, NOON_GAP, ANY, half_past) == (Interval(utc("2026-03-11T10:00"), utc("2026-03-11T11:00")),)


def test_a_window_has_the_hour_twice_that_exists_twice() -> None:
    assert spans(WEDNESDAY, NOON_FOLD, (9, 13)) == ["11 09:00-11 14:00"]
    assert spans(WEDNESDAY, NOON_FOLD, (11, 12)) == ["11 11:00-11 13:00"]


def test_a_window_that_ends_inside_the_repeated_hour_comes_in_two_pieces() -> None:
    half_past = Policy(calling_windows=((time(9), time(11, 30)),))
    assert windows(WEDNESDAY, NOON_FOLD, ANY, half_past) == (
        Interval(utc("2026-03-11T09:00"), utc("2026-03-11T11:30")),
        Interval(utc("2026-03-11T12:00"), utc("2026-03-11T12:30")),
    )


@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Apia", date(2011, 12, 30)), ("Pacific/Kwajalein", date(1993, 8, 21))]
)
def test_a_day_that_did_not_happen_has_no_windows(zone: str, day: date) -> None:
    assert windows(day, ZoneInfo(zone), ANY, POLICY) == ()


def test_new_york_keeps_nine_o_clock_over_the_change() -> None:
    zone = ZoneInfo("America/New_York")
    assert windows(date(2026, 3, 7), zone, ANY, POLICY)[0].start == utc("2026-03-07T14:00")
    assert windows(date(2026, 3, 8), zone, ANY, POLICY)[0].start == utc("2026-03-08T13:00")
    assert windows(date(2026, 11, 1), zone, ANY, POLICY)[0].start == utc("2026-11-01T14:00")


@pytest.mark.parametrize(
    ("wall", "part"),
    [
        ("00:00", PartOfDay.MORNING),
        ("11:59:59", PartOfDay.MORNING),
        ("12:00", PartOfDay.AFTERNOON),
        ("16:59:59", PartOfDay.AFTERNOON),
        ("17:00", PartOfDay.EVENING),
        ("23:59:59.999999", PartOfDay.EVENING),
    ],
)
def test_parts_of_the_day_are_the_customers(wall: str, part: PartOfDay) -> None:
    at = datetime.fromisoformat(f"2026-03-11T{wall}").replace(tzinfo=SHANGHAI)
    assert part_of_day(at.astimezone(UTC), SHANGHAI) is part


@pytest.mark.parametrize(
    ("weekends", "holidays", "expected"),
    [
        # Thursday holiday, Friday, Saturday holiday, Sunday, Saturday that is worked
        (True, True, [True, True, True, True, True]),
        (True, False, [False, True, False, True, True]),
        (False, True, [True, True, False, False, True]),
        (False, False, [False, True, False, False, True]),
    ],
)
def test_weekends_and_holidays_by_policy(weekends: bool, holidays: bool, expected: list[bool]) -> None:
    calendar = Calendar(
        holidays=frozenset({date(2026, 10, 1), date(2026, 10, 3)}), working_weekends=frozenset({date(2026, 10, 10)})
    )
    policy = Policy(call_on_weekends=weekends, call_on_holidays=holidays)
    days = [date(2026, 10, day) for day in (1, 2, 3, 4, 10)]
    assert [bool(windows(day, SHANGHAI, calendar, policy)) for day in days] == expected


def test_a_day_that_is_both_a_holiday_and_worked_is_worked() -> None:
    day = date(2026, 10, 10)
    calendar = Calendar(holidays=frozenset({day}), working_weekends=frozenset({day}))
    assert calendar.is_working_day(day)
    assert windows(day, SHANGHAI, calendar, POLICY)


def test_other_weekends_in_other_countries() -> None:
    friday_and_saturday = Calendar(weekend=frozenset({4, 5}))
    policy = Policy(call_on_weekends=False)
    free = [day for day in range(9, 16) if not windows(date(2026, 3, day), SHANGHAI, friday_and_saturday, policy)]
    assert free == [13, 14]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-11T00:59:59", "2026-03-11T01:00"),  # before nine in Shanghai
        ("2026-03-11T01:00", "2026-03-11T01:00"),  # the start belongs to the window
        ("2026-03-11T04:00", "2026-03-11T06:00"),  # its end does not
        ("2026-03-11T12:00", "2026-03-12T01:00"),
        ("2026-03-11T23:00", "2026-03-12T01:00"),
    ],
)
def test_next_legal(at: str, expected: str) -> None:
    assert next_legal(utc(at), SHANGHAI, ANY, POLICY) == utc(expected)
    assert is_legal(utc(at), SHANGHAI, ANY, POLICY) is (utc(at) == utc(expected))


def test_next_legal_in_another_part_of_the_day() -> None:
    at = utc("2026-03-11T06:30")  # 14:30 in Shanghai
    assert next_legal(at, SHANGHAI, ANY, POLICY, avoid=frozenset({PartOfDay.AFTERNOON})) == utc("2026-03-11T09:00")
    mornings = frozenset({PartOfDay.AFTERNOON, PartOfDay.EVENING})
    assert next_legal(at, SHANGHAI, ANY, POLICY, avoid=mornings) == utc("2026-03-12T01:00")
    assert next_legal(at, SHANGHAI, ANY, POLICY, avoid=frozenset(PartOfDay)) is None


def test_until_is_the_first_moment_that_is_too_late() -> None:
    at = utc("2026-03-11T00:00")
    assert next_legal(at, SHANGHAI, ANY, POLICY, until=utc("2026-03-11T01:00")) is None
    assert next_legal(at, SHANGHAI, ANY, POLICY, until=utc("2026-03-11T01:01")) == utc("2026-03-11T01:00")
    assert next_legal(at, SHANGHAI, ANY, POLICY, until=at - timedelta(days=2)) is None


def test_a_policy_without_windows_ends_the_search() -> None:
    assert next_legal(utc("2026-03-11T00:00"), SHANGHAI, ANY, Policy(calling_windows=())) is None


def test_a_year_of_holidays_ends_the_search() -> None:
    day = date(2026, 3, 11)
    calendar = Calendar(holidays=frozenset(day + timedelta(days=n) for n in range(HORIZON.days + 2)))
    assert next_legal(utc("2026-03-11T00:00"), SHANGHAI, calendar, POLICY) is None


def test_days_are_added_on_the_wall_clock() -> None:
    zone = ZoneInfo("America/New_York")
    assert add_days(utc("2026-03-07T15:00"), 1, zone) == utc("2026-03-08T14:00")
    assert add_days(utc("2026-03-08T14:00"), -1, zone) == utc("2026-03-07T15:00")
    assert add_days(utc("2026-03-07T07:30"), 1, zone) == utc("2026-03-08T07:30")  # 02:30 does not exist: 03:30
    assert add_days(utc("2026-10-31T05:30"), 1, zone) == utc("2026-11-01T05:30")  # of two 01:30 the first
    second = utc("2026-11-01T06:30")
    assert add_days(second, 0, zone) == second


def test_working_days_skip_weekends_and_holidays_and_keep_make_up_days() -> None:
    calendar = Calendar(
        holidays=frozenset(date(2026, 10, day) for day in range(1, 8)), working_weekends=frozenset({date(2026, 10, 10)})
    )
    at = datetime(2026, 9, 30, 10, tzinfo=SHANGHAI).astimezone(UTC)
    landed = [add_working_days(at, n, SHANGHAI, calendar).astimezone(SHANGHAI) for n in range(5)]
    assert [day.strftime("%m-%d %H") for day in landed] == ["09-30 10", "10-08 10", "10-09 10", "10-10 10", "10-12 10"]


def test_where_a_day_starts() -> None:
    assert start_of_day(WEDNESDAY, SHANGHAI) == utc("2026-03-10T16:00")
    # The clocks of São Paulo went from 24:00 to 01:00: the first instant of the day is 01:00.
    assert start_of_day(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo")) == utc("2018-11-04T03:00")
    # Those of St John's went back from 00:01 to 23:01: midnight struck twice, and the evening before went on between.
    assert start_of_day(date(2006, 10, 29), ZoneInfo("America/St_Johns")) == utc("2006-10-29T03:30")
