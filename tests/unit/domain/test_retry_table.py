"""The retry table as people edit it: stored, checked, and foretold by the rules of the house."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from callback.domain.facts import Calendar
from callback.domain.policy import Policy
from callback.domain.retry import DEFAULT_TABLE, RetryStep, RetryTable
from callback.domain.retry_table import beyond_budget, document_of, faults, foretell, table_of
from callback.domain.words import Disposition

NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = Calendar(holidays=frozenset(), working_weekends=frozenset(), weekend=frozenset({5, 6}))
HOUR = timedelta(hours=1)


def _with(disposition: Disposition, *steps: RetryStep) -> RetryTable:
    return {**DEFAULT_TABLE, disposition: steps}


def test_the_default_table_is_without_fault_and_needs_no_document() -> None:
    assert faults(DEFAULT_TABLE) == ()
    assert document_of(DEFAULT_TABLE) == {}
    assert table_of({}) == DEFAULT_TABLE


def test_what_differs_is_stored_and_read_again() -> None:
    step = RetryStep(delay=HOUR, other_part_of_day=True, next_contact_point=True, counts=True)
    table = _with(Disposition.BUSY, step, RetryStep(delay=None))
    assert list(document_of(table)) == ["busy"]
    assert table_of(document_of(table)) == table


@pytest.mark.parametrize(
    ("disposition", "steps", "index", "code"),
    [
        (Disposition.BUSY, (), 0, "no_step"),
        (Disposition.BUSY, (RetryStep(delay=HOUR),) * 7, 6, "too_many_steps"),
        (Disposition.BUSY, (RetryStep(delay=None), RetryStep(delay=HOUR)), 0, "after_the_end"),
        (Disposition.REFUSED, (RetryStep(delay=HOUR),), 0, "settled_is_settled"),
        (Disposition.BUSY, (RetryStep(delay=timedelta(days=15)),), 0, "delay_not_possible"),
        (Disposition.BUSY, (RetryStep(delay=-HOUR),), 0, "delay_not_possible"),
        (Disposition.WRONG_NUMBER, (RetryStep(delay=HOUR),), 0, "dead_number_again"),
        (Disposition.NO_ANSWER, (RetryStep(delay=HOUR, counts=False),), 0, "must_count"),
        (
            Disposition.TECHNICAL_FAILURE,
            (RetryStep(delay=timedelta(minutes=1), counts=False),),
            0,
            "too_fast_uncounted",
        ),
    ],
)
def test_what_cannot_be_meant_is_named_at_its_step(
    disposition: Disposition, steps: tuple[RetryStep, ...], index: int, code: str
) -> None:
    found = faults(_with(disposition, *steps))
    assert [(fault.disposition, fault.index, fault.code) for fault in found] == [(disposition, index, code)]


def test_lines_beyond_the_budget_are_told() -> None:
    many = _with(Disposition.BUSY, *(RetryStep(delay=HOUR),) * 4)
    assert beyond_budget(many, Policy()) == {Disposition.BUSY: 2}
    assert beyond_budget(DEFAULT_TABLE, Policy()) == {}


def test_the_future_is_told_by_the_rules_of_the_house() -> None:
    told = foretell(Disposition.BUSY, DEFAULT_TABLE, at=NOW, zone=SHANGHAI, calendar=CALENDAR, policy=Policy())
    assert told.tries == (NOW + timedelta(minutes=15), NOW + timedelta(minutes=75))
    assert told.rule == "attempts_used"
    over = foretell(Disposition.REFUSED, DEFAULT_TABLE, at=NOW, zone=SHANGHAI, calendar=CALENDAR, policy=Policy())
    assert (over.tries, over.rule) == ((), "settled")
    endless = foretell(
        Disposition.TECHNICAL_FAILURE, DEFAULT_TABLE, at=NOW, zone=SHANGHAI, calendar=CALENDAR, policy=Policy()
    )
    assert (len(endless.tries), endless.rule) == (6, "")
    wrong = foretell(Disposition.WRONG_NUMBER, DEFAULT_TABLE, at=NOW, zone=SHANGHAI, calendar=CALENDAR, policy=Policy())
    assert (len(wrong.tries), wrong.rule) == (1, "no_contact_point")
