"""An agent's list when calls run over: walked through by hand, and against what must hold for any list."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callback.domain.moment import Interval
from callback.domain.overrun import NEVER, Listed, Walk, late_agents, walk_through

TEN = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai."""
MINUTE = timedelta(minutes=1)
SIX = 6 * MINUTE
MORNING = (Interval(TEN - 60 * MINUTE, TEN + 120 * MINUTE), Interval(TEN + 240 * MINUTE, TEN + 600 * MINUTE))


def listed(key: int, minute: int, **told: object) -> Listed:
    """Planned so many minutes after ten, in a slot of half an hour that may run over by three minutes."""
    at = TEN + minute * MINUTE
    ends = TEN + (minute // 30 + 1) * 30 * MINUTE + 3 * MINUTE
    figures = {"callback_id": key, "at": at, "until": ends, "takes": SIX, "due": TEN + 600 * MINUTE} | told
    return Listed(**figures)  # type: ignore[arg-type]


def slot(first: int, minute: int, count: int = 5) -> list[Listed]:
    return [listed(first + n, minute + 6 * n) for n in range(count)]


def walk(items: list[Listed], minute: int, *, freeze: int = 0) -> Walk:
    now = TEN + minute * MINUTE
    return walk_through(items, now=now, freeze=freeze * MINUTE, work=MORNING)


def test_who_is_in_time_keeps_everything() -> None:
    found = walk([listed(1, 0, begun=TEN), *slot(2, 6, 4), *slot(11, 30)], 3)
    assert (found.behind, found.lag) == ({}, timedelta(0))
    assert found.taken_in(TEN + 30 * MINUTE, TEN + 60 * MINUTE) == 30 * MINUTE


def test_a_call_that_runs_over_pushes_out_what_no_longer_begins_in_its_slot() -> None:
    # Begun at ten, still under way at twenty past: the four after it would begin at 21, 27, 33 and 39.
    items = [listed(1, 0, begun=TEN), *slot(2, 6, 4)]
    assert walk(items, 20).behind == {4: TEN + 33 * MINUTE, 5: TEN + 33 * MINUTE}
    assert walk(items, 20).lag == 15 * MINUTE


def test_what_the_agent_comes_to_within_the_freeze_horizon_stays() -> None:
    items = [listed(1, 0, begun=TEN), *slot(2, 6, 4), *slot(11, 30)]
    # Until ten to eleven nothing is moved; the next slot loses its last two.
    assert walk(items, 20, freeze=30).behind == {14: TEN + 63 * MINUTE, 15: TEN + 63 * MINUTE}


def test_a_due_time_that_will_be_missed_does_not_fit_although_the_slot_does() -> None:
    items = [listed(1, 0, begun=TEN), listed(2, 6, due=TEN + 10 * MINUTE), listed(3, 12, due=TEN - MINUTE)]
    assert walk(items, 20).behind == {2: TEN + 21 * MINUTE}, "what was late before is not made later by moving it"


def test_pins_and_appointments_stay_and_take_their_time() -> None:
    items = [listed(1, 0, begun=TEN), listed(2, 6, fixed=True), listed(3, 12), listed(4, 35, fixed=True)]
    found = walk(items, 29)
    assert found.behind == {3: TEN + 36 * MINUTE}
    assert found.busy[1] == (TEN + 30 * MINUTE, TEN + 36 * MINUTE)


def test_a_call_of_ordinary_length_is_expected_to_end_in_its_time() -> None:
    assert walk([listed(1, 0, begun=TEN)], 2).busy == ((TEN + 2 * MINUTE, TEN + 6 * MINUTE),)


def test_nothing_begins_in_the_lunch_break_nor_after_hours() -> None:
    # 11:56, and two to go: the second would begin in the break, so the agent gets to it in the afternoon.
    found = walk([listed(1, 108), listed(2, 114)], 116)
    assert found.behind == {2: TEN + 240 * MINUTE}
    evening = walk([listed(1, 588), listed(2, 594)], 596)
    assert evening.behind == {2: NEVER}
    assert len(evening.busy) == 1
    assert evening.last == TEN + 602 * MINUTE
    assert walk([], 5).last == TEN + 5 * MINUTE


def test_only_who_has_more_to_do_than_time_is_looked_at() -> None:
    running = {1: (TEN, TEN + 30 * MINUTE), 2: (TEN, TEN + 30 * MINUTE)}
    backlog = {1: 13 * MINUTE, 2: 14 * MINUTE, 3: MINUTE}
    late = late_agents(backlog, running, now=TEN + 20 * MINUTE, overfill=0.1)
    assert set(late) == {2, 3}, "ten minutes and three of overfill are left; the third is in no slot at all"


@given(
    st.lists(st.tuples(st.integers(0, 170), st.booleans(), st.integers(0, 600)), max_size=20),
    st.integers(0, 170),
    st.integers(0, 60),
)
def test_nothing_moves_that_fits_is_fixed_or_comes_soon(
    entries: list[tuple[int, bool, int]], minute: int, freeze: int
) -> None:
    items = [listed(n, at, fixed=fixed, due=TEN + due * MINUTE) for n, (at, fixed, due) in enumerate(entries)]
    found = walk(items, minute, freeze=freeze)
    now = TEN + minute * MINUTE
    for item in items:
        start = found.behind.get(item.callback_id)
        if start is not None:
            assert not item.fixed
            assert start > now + freeze * MINUTE
            assert start >= item.until or item.at <= item.due < start
            assert start >= max(now, item.at)
