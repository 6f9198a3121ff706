"""When a promise was kept."""

from datetime import UTC, datetime, timedelta

import pytest

from callback.domain.case import promise_verdict
from callback.domain.words import PromiseState

DUE = datetime(2026, 3, 11, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late_by", "verdict"),
    [(-1, PromiseState.KEPT), (0, PromiseState.KEPT), (1, PromiseState.BROKEN)],
)
def test_a_promise_is_kept_up_to_its_last_second(late_by: int, verdict: PromiseState) -> None:
    assert promise_verdict(due_at=DUE, told_at=DUE + timedelta(seconds=late_by)) is verdict
