"""The retry table: one row, one expectation."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from callback.domain.facts import Calendar
from callback.domain.policy import Policy
from callback.domain.retry import DEFAULT_TABLE, SETTLED, RetryDecision, RetryStep, RetryTable, after
from callback.domain.words import ContactState, Disposition

SHANGHAI = ZoneInfo("Asia/Shanghai")
D = Disposition


def decide(
    disposition: Disposition,
    wall: str = "10:00",
    *,
    nth: int = 1,
    made: int = 0,
    more: bool = False,
    taken: bool = False,
    appointment: str | None = None,
    policy: Policy | None = None,
    table: RetryTable = DEFAULT_TABLE,
) -> RetryDecision:
    """The decision after an attempt at `wall` on Wednesday 2026-03-11 in Shanghai."""
    return after(
        disposition,
        now=at(f"2026-03-11 {wall}"),
        nth=nth,
        attempts_made=made,
        zone=SHANGHAI,
        calendar=Calendar(),
        policy=policy or Policy(),
        more_contact_points=more,
        appointment_at=None if appointment is None else at(appointment),
        taken=taken,
        table=table,
    )


def at(wall: str) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("disposition", "nth", "wall", "next_try", "rule"),
    [
        (D.NO_ANSWER, 1, "10:00", "2026-03-11 14:00", "another_part"),  # +3 h is 13:00, pushed into the window
        (D.NO_ANSWER, 1, "14:30", "2026-03-11 17:30", "another_part"),
        (D.NO_ANSWER, 1, "14:00", "2026-03-11 17:00", "another_part"),
        (D.NO_ANSWER, 2, "19:00", "2026-03-12 09:00", "another_part"),  # never the evening again
        (D.ANSWERING_MACHINE, 1, "10:00", "2026-03-11 14:00", "another_part"),
        (D.THIRD_PARTY, 1, "10:00", "2026-03-11 14:00", "another_part"),
        (D.IDENTITY_NOT_CONFIRMED, 1, "10:00", "2026-03-11 14:00", "another_part"),
        (D.NOT_CONVENIENT, 1, "10:00", "2026-03-11 14:00", "another_part"),
        (D.BUSY, 1, "10:00", "2026-03-11 10:15", "again"),
        (D.BUSY, 2, "10:15", "2026-03-11 11:15", "again"),
        (D.BUSY, 5, "10:15", "2026-03-11 11:15", "again"),  # the last step holds from then on
        (D.BUSY, 1, "11:50", "2026-03-11 14:00", "again"),
        (D.SWITCHED_OFF, 1, "09:10", "2026-03-11 14:00", "another_part"),
        (D.SWITCHED_OFF, 1, "14:10", "2026-03-11 17:00", "another_part"),
        (D.SWITCHED_OFF, 1, "18:00", "2026-03-12 09:00", "another_part"),
        (D.TECHNICAL_FAILURE, 1, "10:00", "2026-03-11 10:10", "again"),
        (D.TECHNICAL_FAILURE, 2, "10:10", "2026-03-11 11:10", "again"),
        (D.TECHNICAL_FAILURE, 3, "11:10", "2026-03-11 14:10", "again"),
    ],
)
def test_when_it_is_tried_again(disposition: Disposition, nth: int, wall: str, next_try: str, rule: str) -> None:
    decision = decide(disposition, wall, nth=nth)
    assert decision.next_try_at == at(next_try)
    assert decision.rule == rule
    assert not decision.ends
    assert not decision.exhausted


@pytest.mark.parametrize("disposition", sorted(SETTLED))
def test_what_is_settled_ends_quietly(disposition: Disposition) -> None:
    decision = decide(disposition, made=2)
    assert decision == RetryDecision(rule="settled", ends=True)


def test_a_survey_is_reminded_of_once() -> None:
    assert decide(D.NO_RESPONSE, "10:00", nth=1).next_try_at == at("2026-03-11 10:00")
    assert decide(D.NO_RESPONSE, "22:00", nth=1).next_try_at == at("2026-03-12 09:00")
    assert decide(D.NO_RESPONSE, nth=2) == RetryDecision(rule="settled", ends=True)


@pytest.mark.parametrize("disposition", [D.LANGUAGE_BARRIER, D.UNABLE])
def test_what_calling_again_cannot_mend_goes_to_the_supervisor(disposition: Disposition) -> None:
    assert decide(disposition) == RetryDecision(rule="no_further_try", ends=True, exhausted=True)


@pytest.mark.parametrize(
    ("disposition", "mark"), [(D.WRONG_NUMBER, ContactState.WRONG), (D.DEAD_NUMBER, ContactState.DEAD)]
)
def test_a_bad_number_is_marked_and_the_next_one_tried(disposition: Disposition, mark: ContactState) -> None:
    decision = decide(disposition, more=True)
    assert (decision.rule, decision.mark_contact, decision.next_contact_point) == ("next_contact_point", mark, True)
    assert decision.next_try_at == at("2026-03-11 10:00")
    last = decide(disposition)
    assert (last.rule, last.mark_contact, last.ends, last.exhausted) == ("no_contact_point", mark, True, True)


def test_the_customers_own_time_goes_before_the_table_but_not_before_the_windows() -> None:
    assert decide(D.NOT_CONVENIENT, appointment="2026-03-11 10:30").next_try_at == at("2026-03-11 10:30")
    assert decide(D.NOT_CONVENIENT, appointment="2026-03-11 22:30").next_try_at == at("2026-03-12 09:00")
    assert decide(D.NOT_CONVENIENT, appointment="2026-03-11 10:30").rule == "appointment"


def test_the_third_counted_attempt_is_the_last() -> None:
    assert decide(D.NO_ANSWER, made=1).next_try_at is not None
    assert decide(D.NO_ANSWER, made=2) == RetryDecision(rule="attempts_used", ends=True, exhausted=True)
    assert decide(D.NOT_CONVENIENT, made=2, appointment="2026-03-12 10:00").exhausted


def test_a_technical_failure_is_not_counted_against_the_customer() -> None:
    decision = decide(D.TECHNICAL_FAILURE, made=2, nth=9)
    assert not decision.counts
    assert decision.next_try_at == at("2026-03-11 14:00")
    assert all(
        step.counts
        for disposition, steps in DEFAULT_TABLE.items()
        for step in steps
        if disposition != D.TECHNICAL_FAILURE
    )


def test_what_a_carrier_had_taken_is_one_of_the_attempts_whatever_became_of_it() -> None:
    decision = decide(D.TECHNICAL_FAILURE, taken=True)
    assert (decision.counts, decision.rule, decision.next_try_at) == (True, "another_part", at("2026-03-11 14:00"))
    assert decide(D.TECHNICAL_FAILURE, made=2, taken=True) == RetryDecision(
        rule="attempts_used", ends=True, exhausted=True
    )
    every_minute = {D.TECHNICAL_FAILURE: (RetryStep(delay=timedelta(minutes=5), counts=False),)}
    assert decide(D.TECHNICAL_FAILURE, taken=True, table=every_minute) == decision
    assert decide(D.BUSY, taken=True) == decide(D.BUSY)


def test_without_any_window_the_supervisor_decides() -> None:
    decision = decide(D.NO_ANSWER, policy=Policy(calling_windows=()))
    assert decision == RetryDecision(rule="no_legal_moment", ends=True, exhausted=True)


def test_a_stored_row_wins_and_the_rest_keeps_its_default() -> None:
    table = {D.BUSY: (RetryStep(delay=timedelta(minutes=30)),), D.PARTIAL: (RetryStep(delay=timedelta(hours=1)),)}
    assert decide(D.BUSY, table=table).next_try_at == at("2026-03-11 10:30")
    assert decide(D.PARTIAL, table=table).next_try_at == at("2026-03-11 11:00")
    assert decide(D.NO_ANSWER, table=table).next_try_at == at("2026-03-11 14:00")


def test_every_disposition_has_its_row() -> None:
    assert set(DEFAULT_TABLE) == set(Disposition)
    assert all(DEFAULT_TABLE.values())
