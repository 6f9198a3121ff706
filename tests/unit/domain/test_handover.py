from datetime import UTC, datetime

import pytest

from callback.domain.handover import Found, may_sign, points
from callback.domain.words import OpenPoint

NOON, EVENING = (datetime(2026, 3, 11, hour, tzinfo=UTC) for hour in (12, 18))


def test_each_thing_is_named_once_for_what_presses_most() -> None:
    appointment = Found(OpenPoint.APPOINTMENT, 1, 10, EVENING)
    promise_of_it = Found(OpenPoint.PROMISE, 1, 10, NOON)
    sooner, later, whenever = (Found(OpenPoint.PROMISE, n, n, due) for n, due in ((3, NOON), (2, EVENING), (4, None)))
    child = Found(OpenPoint.CHILD_CASE, 1)
    unfinished = Found(OpenPoint.UNFINISHED_CALL, 9, 90)
    found = points([child, whenever, later, promise_of_it, appointment, sooner, unfinished])
    assert found == (unfinished, appointment, sooner, later, whenever, child)
    assert [one.subject for one in found[-2:]] == ["callback-4", "case-1"]


@pytest.mark.parametrize(
    ("signer", "team", "given_to", "given_to_team", "may"),
    [
        (2, None, 2, None, True),
        (3, 7, 2, 7, False),
        (3, 7, None, 7, True),
        (3, 8, None, 7, False),
        (3, None, None, 7, False),
        (1, 7, None, 7, False),
        (1, 7, 1, None, False),
    ],
)
def test_who_may_sign(
    signer: int, team: int | None, given_to: int | None, given_to_team: int | None, may: bool
) -> None:
    assert may is may_sign(signer=signer, team=team, given_by=1, given_to=given_to, given_to_team=given_to_team)
