"""Wishes as people write them, and what they do to legal time."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callback.domain.facts import Calendar, CaseFacts, CustomerFacts
from callback.domain.legality import legal_stretches
from callback.domain.moment import Interval
from callback.domain.policy import Policy
from callback.domain.rules import Contact, next_legal_moment, objections, refusals
from callback.domain.rules.wish import is_wanted, narrowed, wanted_parts
from callback.domain.wish import (
    ForbiddenDates,
    PreferredTime,
    forbidden_dates,
    preferred_times,
    read_forbidden,
    read_preferred,
)
from callback.domain.words import CaseStatus, Channel, PartOfDay, Purpose

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai."""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("weekdays 18:00-20:00", ["mon-fri 18:00-20:00"]),
        ("mon,wed-fri 9:00-12:00; sat 10:00–12:00", ["mon,wed,thu,fri 09:00-12:00", "sat 10:00-12:00"]),
        ("工作日 18:00-20:00", ["mon-fri 18:00-20:00"]),
        ("周六、周日 10:00到12:00", ["sat,sun 10:00-12:00"]),
        ("星期一至星期五 9:00-12:00；星期天 10:00-11:00", ["mon-fri 09:00-12:00", "sun 10:00-11:00"]),
        ("10:00-11:00", ["daily 10:00-11:00"]),
        ("Saturday-Mon 9:00-10:00", ["mon,sat,sun 09:00-10:00"]),
        ("", []),
    ],
)
def test_preferred_times_as_people_write_them(text: str, kept: list[str]) -> None:
    found = preferred_times(text)
    assert [str(wish) for wish in found] == kept
    assert read_preferred(tuple(kept)) == found


@pytest.mark.parametrize(
    "text", ["whenever", "mon 25:00-26:00", "mon 12:00-9:00", "funday 9:00-10:00", "周八 9:00-10:00", "mo 9:00-10:00"]
)
def test_what_is_not_understood_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        preferred_times(f"daily 9:00-10:00; {text}")


def test_forbidden_dates_as_people_write_them() -> None:
    found = forbidden_dates("2026-03-12; 2026-04-01/2026-04-07；2026-05-01至2026-05-05")
    assert [str(dates) for dates in found] == ["2026-03-12", "2026-04-01/2026-04-07", "2026-05-01/2026-05-05"]
    assert read_forbidden(tuple(str(dates) for dates in found)) == found


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "2026-04-07/2026-04-01", "2026-01-01/2029-01-01"])
def test_impossible_dates_are_named(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        forbidden_dates(text)


@given(
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1438).flatmap(lambda a: st.tuples(st.just(a), st.integers(a + 1, 1439))),
)
@settings(deadline=None)
def test_what_is_kept_is_read_back(days: set[int], minutes: tuple[int, int]) -> None:
    starts, ends = (time(minute // 60, minute % 60) for minute in minutes)
    wish = PreferredTime(tuple(sorted(days)), starts, ends)
    assert read_preferred((str(wish),)) == (wish,)
    assert preferred_times(str(wish)) == (wish,)


def test_a_named_part_of_the_day_is_cut_to_the_named_hours_and_the_others_stay() -> None:
    evening = Interval(datetime(2026, 3, 11, 9, tzinfo=UTC), datetime(2026, 3, 11, 12, tzinfo=UTC))
    morning = Interval(datetime(2026, 3, 11, 1, tzinfo=UTC), datetime(2026, 3, 11, 4, tzinfo=UTC))
    times = preferred_times("weekdays 18:00-19:00; wed 19:30-20:00; sun 17:00-18:00")
    assert narrowed([morning, evening], times, SHANGHAI) == (
        morning,
        Interval(evening.start + timedelta(hours=1), evening.start + timedelta(hours=2)),
        Interval(evening.start + timedelta(minutes=150), evening.end),
    )


def test_wanted_parts_are_those_in_which_a_wish_lies() -> None:
    assert wanted_parts(preferred_times("sat 11:00-13:00")) == {(5, PartOfDay.MORNING), (5, PartOfDay.AFTERNOON)}
    assert wanted_parts(preferred_times("sun 17:00-18:00")) == {(6, PartOfDay.EVENING)}
    assert wanted_parts(()) == frozenset()


def test_no_wish_is_content_with_everything() -> None:
    assert is_wanted(WEDNESDAY, (), SHANGHAI)
    assert is_wanted(WEDNESDAY, preferred_times("wed 10:00-11:00"), SHANGHAI)
    assert not is_wanted(WEDNESDAY, preferred_times("wed 11:00-12:00; tue 10:00-11:00"), SHANGHAI)
    assert is_wanted(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), preferred_times("sun 3:00-4:00"), BERLIN), "summer time"


def contact(**facts: object) -> Contact:
    told = {"channel": Channel.AGENT, "by_appointment": False} | {
        key: facts.pop(key) for key in ("channel", "by_appointment", "at") if key in facts
    }
    return Contact(
        **{"at": WEDNESDAY, **told},  # type: ignore[arg-type]
        purpose=Purpose.ANSWER,
        customer=CustomerFacts(1, SHANGHAI, "CN", phones=("+861390001",), **facts),  # type: ignore[arg-type]
        case=CaseFacts(1, CaseStatus.PENDING, WEDNESDAY - timedelta(days=1)),
        calendar=Calendar(),
    )


def test_nobody_is_called_on_a_forbidden_date() -> None:
    away = forbidden_dates("2026-03-10/2026-03-12; 2026-03-13")
    refused = refusals(contact(forbidden=away), Policy())
    assert [(r.rule, r.reason) for r in refused] == [("wish", "forbidden_date")]
    assert refused[0].params == {"day": "2026-03-11", "again": "2026-03-14"}
    assert refused[0].not_before == datetime(2026, 3, 13, 16, tzinfo=UTC), "midnight in Shanghai"
    again = next_legal_moment(contact(forbidden=away), Policy(), until=WEDNESDAY + timedelta(days=9))
    assert again == datetime(2026, 3, 14, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "facts", [{"by_appointment": True}, {"channel": Channel.WEB}, {"at": WEDNESDAY + timedelta(days=1)}]
)
def test_an_appointment_a_web_page_and_another_day_are_not_forbidden(facts: dict[str, object]) -> None:
    assert not refusals(contact(forbidden=forbidden_dates("2026-03-11"), **facts), Policy())


def test_a_preferred_time_is_told_and_forbids_nothing() -> None:
    evenings = preferred_times("weekdays 18:00-20:00")
    assert [o.reason for o in objections(contact(preferred=evenings), Policy())] == ["not_preferred_time"]
    assert not refusals(contact(preferred=evenings), Policy())
    assert not objections(contact(preferred=evenings, by_appointment=True), Policy())
    assert not objections(contact(preferred=evenings, at=WEDNESDAY + timedelta(hours=9)), Policy())
    assert not objections(contact(), Policy())


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=4))
@settings(deadline=None)
def test_legal_time_never_lies_on_a_forbidden_date(away: list[tuple[int, int]]) -> None:
    first = date(2026, 3, 11)
    forbidden = tuple(
        ForbiddenDates(first + timedelta(days=start), first + timedelta(days=start + length)) for start, length in away
    )
    until = WEDNESDAY + timedelta(days=21)
    found = legal_stretches(contact(forbidden=forbidden), Policy(), until=until)
    days = {stretch.start.astimezone(SHANGHAI).date() for stretch in found}
    expected = {first + timedelta(days=n) for n in range(21)} - {
        first + timedelta(days=start + n) for start, length in away for n in range(length + 1)
    }
    assert days - {date(2026, 4, 1)} == expected
