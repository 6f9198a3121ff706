"""Demand against capacity, by hand and against what must hold for any town."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from callback.domain.moment import Interval
from callback.domain.shortage import Need, Room, misses

NINE = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)
DAY = (Interval(NINE, NINE + timedelta(hours=8)),)
ZH = (frozenset({"zh"}), frozenset[str]())
BOTH = (frozenset({"zh", "en"}), frozenset({"billing"}))


def need(key: int, due_in: int, **figures: object) -> Need:
    """Due after so many half hours; takes ten minutes."""
    told = {"earliest": NINE, "language": "zh", "seconds": 600, "stretches": DAY} | figures
    return Need(key=key, due=NINE + due_in * HALF, **told)  # type: ignore[arg-type]


def rooms(count: int, kind: tuple[frozenset[str], frozenset[str]] = ZH, agents: int = 1) -> list[Room]:
    return [Room(NINE + n * HALF, NINE + (n + 1) * HALF, kind, agents * 1800.0) for n in range(count)]


def missed(needs: list[Need], there: list[Room]) -> dict[int, str]:
    return {miss.need.key: miss.reason for miss in misses(needs, there)}


def test_three_calls_of_ten_minutes_fill_half_an_hour() -> None:
    assert missed([need(n, 1) for n in range(3)], rooms(4)) == {}
    assert missed([need(n, 1) for n in range(5)], rooms(4)) == {3: "no_capacity", 4: "no_capacity"}
    assert missed([need(n, 1) for n in range(5)], rooms(4, agents=2)) == {}


def test_what_is_due_later_makes_room() -> None:
    assert missed([need(n, 8) for n in range(3)] + [need(9, 1)], rooms(4)) == {}


def test_nobody_who_speaks_the_language_or_has_the_skill() -> None:
    french, billing = need(1, 4, language="fr"), need(2, 4, skill="billing")
    assert missed([french, billing], rooms(4)) == {1: "nobody_qualifies", 2: "nobody_qualifies"}
    assert missed([billing], rooms(4, BOTH)) == {}


def test_the_versatile_are_kept_for_those_who_need_them() -> None:
    needs = [need(n, 1) for n in range(3)] + [need(n, 1, language="en") for n in (7, 8, 9)]
    assert missed(needs, rooms(1, ZH) + rooms(1, BOTH)) == {}


def test_no_legal_time_is_told_from_no_room() -> None:
    later = (Interval(NINE + 4 * HALF, NINE + 6 * HALF),)
    assert missed([need(1, 3, stretches=later)], rooms(8)) == {1: "no_legal_time"}
    assert missed([need(1, 5, stretches=later)], rooms(8)) == {}
    assert missed([need(1, 5, stretches=later)], rooms(4)) == {1: "no_capacity"}
    assert missed([need(1, 3, earliest=NINE + 3 * HALF)], rooms(8)) == {1: "no_legal_time"}


def test_nobody_is_there_at_all() -> None:
    assert missed([need(1, 3)], []) == {1: "nobody_qualifies"}


@given(st.lists(st.integers(1, 8), max_size=40), st.integers(0, 8), st.integers(1, 3))
@settings(deadline=None)
def test_alike_agents_miss_exactly_what_no_order_could_keep(due: list[int], count: int, agents: int) -> None:
    """With calls that fill their times exactly, what is missed is the overflow of demand, neither more nor less."""
    found = missed([need(n, d) for n, d in enumerate(due)], rooms(count, agents=agents))
    if count == 0:
        assert len(found) == len(due)
        return
    kept, room = 0, 0
    for time in range(1, 9):
        room += 3 * agents if time <= count else 0
        kept = min(kept + due.count(time), room)
    assert len(found) == len(due) - kept


@given(st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["zh", "en"])), max_size=30), st.integers(1, 6))
@settings(deadline=None)
def test_one_more_agent_never_breaks_more(calls: list[tuple[int, str]], count: int) -> None:
    needs = [need(n, due, language=language) for n, (due, language) in enumerate(calls)]
    before = len(missed(needs, rooms(count, BOTH)))
    assert len(missed(needs, rooms(count, BOTH, agents=2))) <= before
