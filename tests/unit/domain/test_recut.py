"""Slots cut anew: who keeps their moment."""

from datetime import UTC, datetime, timedelta

from callback.domain.recut import Cut, Stranded, seat_again

NINE = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NINE + timedelta(minutes=minute)


def call(number: int, minute: int, *, agent: int = 1, fixed: bool = False, seconds: float = 360) -> Stranded:
    return Stranded(callback_id=number, agent_id=agent, at=at(minute), seconds=seconds, fixed=fixed)


def cut(slot_id: int, first: int, last: int, *, agent: int = 1, booked: float = 0) -> Cut:
    return Cut(slot_id=slot_id, agent_id=agent, starts_at=at(first), ends_at=at(last), booked=booked)


def test_each_stays_at_its_moment_in_the_slot_that_is_there_now() -> None:
    cuts = [cut(1, -15, 15), cut(2, 15, 45), cut(3, 0, 30, agent=2)]
    assert seat_again([call(1, 0), call(2, 12), call(3, 18)], cuts, overfill=0.1) == {1: 1, 2: 1, 3: 2}


def test_outside_the_hours_nobody_stays() -> None:
    assert seat_again([call(1, -1), call(2, 30, fixed=True)], [cut(1, 0, 30)], overfill=0.1) == {}
    assert seat_again([call(1, 0)], [cut(1, 0, 30, agent=2)], overfill=0.1) == {}


def test_a_slot_takes_no_more_than_its_share_but_what_is_fixed_stays_on_top() -> None:
    short = [cut(1, 0, 15)]
    assert seat_again([call(n, 6 * n) for n in range(3)], short, overfill=0.1) == {0: 1, 1: 1}
    fixed = [call(n, n, fixed=True) for n in range(4)]
    assert seat_again([*fixed, call(9, 0)], short, overfill=0.1) == dict.fromkeys(range(4), 1)
    assert seat_again([call(1, 0)], [cut(1, 0, 15, booked=700)], overfill=0.1) == {}
