"""What follows from a carrier's word."""

import pytest

from callback.domain.carrier import is_machine
from callback.domain.sending import FAILURES, failure_of


def test_a_failure_that_nobody_knows_is_a_fault_of_ours() -> None:
    assert failure_of(None) == failure_of("99999")
    assert failure_of("30007") == FAILURES["30007"] != failure_of(None)


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
