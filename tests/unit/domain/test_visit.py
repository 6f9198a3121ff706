"""Whose turn it is, what lets a turn wait or pass, and calendars' edges."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callback.domain.facts import Calendar, CustomerFacts, SuppressionFact
from callback.domain.policy import Policy
from callback.domain.visit import (
    Pass,
    TurnSituation,
    Visit,
    VisitRhythm,
    Wait,
    add_months,
    decide_turn,
    first_turn,
    turn_day,
)
from callback.domain.wish import forbidden_dates
from callback.domain.words import SuppressionScope

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 11)
"""A Wednesday."""
CUSTOMER = CustomerFacts(1, SHANGHAI, "CN", phones=("+861390001",))
RHYTHM = VisitRhythm(every_months=3, within_days=7, rest=timedelta(days=30), starts_on=date(2026, 1, 1))
SITUATION = TurnSituation(
    now=NOW, day=TODAY, next_day=date(2026, 6, 11), customer=CUSTOMER, calendar=Calendar(), rhythm=RHYTHM
)


def midnight(day: int, month: int = 3) -> datetime:
    return datetime(2026, month, day, tzinfo=SHANGHAI).astimezone(UTC)


def test_a_turn_is_a_call_within_the_plans_days() -> None:
    assert decide_turn(SITUATION, Policy()) == Visit(midnight(11), midnight(18))


def test_a_preferred_day_is_waited_for() -> None:
    mondays = replace(SITUATION, rhythm=replace(RHYTHM, weekdays=frozenset({0})))
    assert decide_turn(mondays, Policy()) == Visit(midnight(16), midnight(23))


def test_holidays_weekends_and_forbidden_dates_are_no_day_for_it() -> None:
    calendar = Calendar(holidays=frozenset({date(2026, 3, 11), date(2026, 3, 12)}))
    customer = replace(CUSTOMER, forbidden=forbidden_dates("2026-03-13"))
    situation = replace(SITUATION, calendar=calendar, customer=customer)
    assert decide_turn(situation, Policy(call_on_weekends=False)) == Visit(midnight(16), midnight(23))
    assert decide_turn(situation, Policy()) == Visit(midnight(14), midnight(21))


def test_without_a_preferred_day_in_time_any_day_will_do() -> None:
    holidays = frozenset(TODAY + timedelta(days=n) for n in range(60) if (TODAY + timedelta(days=n)).weekday() == 0)
    mondays = replace(SITUATION, rhythm=replace(RHYTHM, weekdays=frozenset({0})), calendar=Calendar(holidays=holidays))
    assert decide_turn(mondays, Policy()) == Visit(midnight(11), midnight(18))


def test_a_turn_found_late_is_not_made_for_the_past() -> None:
    assert decide_turn(replace(SITUATION, day=date(2026, 2, 1)), Policy()) == Visit(midnight(11), midnight(18))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"customer": replace(CUSTOMER, suppressions=(SuppressionFact(SuppressionScope.ALL),))}, "suppressed"),
        ({"customer": replace(CUSTOMER, suppressions=(SuppressionFact(SuppressionScope.AGENT),))}, "suppressed"),
        ({"customer": replace(CUSTOMER, phones=())}, "needs_phone"),
        ({"has_case": False}, "needs_case"),
        ({"under_way": True}, "visit_under_way"),
    ],
)
def test_reasons_for_no_visit_in_this_turn(change: dict[str, object], rule: str) -> None:
    assert decide_turn(replace(SITUATION, **change), Policy()) == Pass(rule)  # type: ignore[arg-type]


def test_an_opt_out_from_surveys_does_not_stop_a_visit() -> None:
    customer = replace(CUSTOMER, suppressions=(SuppressionFact(SuppressionScope.SURVEY),))
    assert isinstance(decide_turn(replace(SITUATION, customer=customer), Policy()), Visit)


def test_rest_after_a_survey_to_the_minute() -> None:
    """The plan's own rest, whatever the policy says about surveys."""

    def surveyed(ago: timedelta) -> TurnSituation:
        return replace(SITUATION, customer=replace(CUSTOMER, last_survey_at=NOW - ago))

    minute = timedelta(minutes=1)
    assert decide_turn(surveyed(timedelta(days=30) - minute), Policy()) == Wait("resting", NOW + minute)
    assert isinstance(decide_turn(surveyed(timedelta(days=30)), Policy()), Visit)


def test_an_unhappy_customer_is_left_alone_for_now() -> None:
    assert decide_turn(replace(SITUATION, unhappy_now=True), Policy()) == Wait("unhappy_now", NOW + timedelta(days=7))


def test_who_would_have_to_wait_for_the_next_turn_passes_this_one() -> None:
    soon = replace(SITUATION, unhappy_now=True, next_day=date(2026, 3, 15))
    assert decide_turn(soon, Policy()) == Pass("unhappy_now")


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 3, 31), 18, date(2027, 9, 30)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
    ],
)
def test_months_of_every_length(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.dates(date(2020, 1, 1), date(2060, 1, 1)), st.integers(1, 60))
@settings(deadline=None)
def test_the_first_turn_is_the_first(anchor: date, today: date, every: int) -> None:
    rhythm = replace(RHYTHM, every_months=every, starts_on=date(2030, 5, 31))
    turn = first_turn(anchor, rhythm, today)
    assert turn_day(anchor, rhythm, turn) >= max(today, rhythm.starts_on)
    assert turn == 1 or turn_day(anchor, rhythm, turn - 1) < max(today, rhythm.starts_on)
