"""What follows from a carrier's word."""

import pytest

from callback.domain.carrier import is_machine
from callback.domain.sending import FAILURES, NOT_NOW, Failure, failure_of, is_unlisted
from callback.domain.words import Disposition


def test_a_failure_that_nobody_knows_is_a_fault_of_ours() -> None:
    assert failure_of(None) == failure_of("99999")
    assert failure_of("30007") == FAILURES["30007"] != failure_of(None)


def test_what_passes_with_time_is_tried_again() -> None:
    """The carrier's queue, its limits, a window that closed while it waited there, and a network that failed. It counts
    when the carrier had taken it (`retry.after`)."""
    for code in ("30001", "30008", "30017", "30022", "30023", "30036", "sip480", "sip503", "sip500"):
        failure = failure_of(code)
        assert failure.disposition is Disposition.TECHNICAL_FAILURE, code
        assert failure == Failure(failure.disposition, failure.reason), code  # and nothing else follows


def test_the_network_s_word_for_a_number_that_is_none() -> None:
    assert {failure_of(f"sip{code}").disposition for code in (404, 410, 484, 604)} == {Disposition.DEAD_NUMBER}


@pytest.mark.parametrize("code", ["20003", "20005", "21606", "21608", "21609", "21659", "30002", "30034"])
def test_a_fault_of_our_configuration_is_nobody_s_but_ours(code: str) -> None:
    failure = failure_of(code)
    assert failure.ours
    assert failure == Failure(Disposition.TECHNICAL_FAILURE, failure.reason, ours=True)  # and nothing else follows
    assert not is_unlisted(code)


def test_what_the_table_does_not_know() -> None:
    assert is_unlisted("99999")
    assert is_unlisted(None)
    assert not is_unlisted("21617")
    assert not is_unlisted("sip599")


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


@pytest.mark.parametrize(
    ("code", "for_good"),
    [("21610", True), ("21211", True), ("30006", True), ("30007", True), ("30003", False), ("30008", False)],
)
def test_what_would_fail_again_is_for_good(code: str, for_good: bool) -> None:
    assert failure_of(code).is_for_good is for_good
