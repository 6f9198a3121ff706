"""What follows from a carrier's word."""

import pytest

from callback.domain.carrier import is_machine
from callback.domain.sending import FAILURES, NOT_NOW, Failure, failure_of
from callback.domain.words import Disposition


def test_a_failure_that_nobody_knows_is_a_fault_of_ours() -> None:
    assert failure_of(None) == failure_of("99999")
    assert failure_of("30007") == FAILURES["30007"] != failure_of(None)


def test_what_passes_with_time_is_tried_again_and_costs_the_customer_nothing() -> None:
    """The carrier's queue, its limits, a window that closed while it waited there, and a network that failed."""
    for code in ("30001", "30008", "30017", "30022", "30023", "30036", "sip480", "sip503", "sip500"):
        failure = failure_of(code)
        assert failure.disposition is Disposition.TECHNICAL_FAILURE, code
        assert failure == Failure(failure.disposition, failure.reason), code  # and nothing else follows


def test_the_network_s_word_for_a_number_that_is_none() -> None:
    assert {failure_of(f"sip{code}").disposition for code in (404, 410, 484, 604)} == {Disposition.DEAD_NUMBER}


def test_nothing_is_both_refused_for_good_and_for_now() -> None:
    assert not NOT_NOW & FAILURES.keys()


@pytest.mark.parametrize(
    ("heard", "machine"),
    [
        ("machine_start", True),
        ("machine_end_beep", True),
        ("fax", True),
        ("human", False),
        ("unknown", False),
        (None, False),
    ],
)
def test_only_what_is_surely_a_machine_is_one(heard: str | None, machine: bool) -> None:
    assert is_machine(heard) is machine
