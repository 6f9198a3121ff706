"""Pacing: the bucket, the room before the window closes, fair turns, and the breaker."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callback.domain.pacing import (
    LONGEST_OUTAGE,
    LONGEST_REST,
    TRIPS_AFTER,
    Breaker,
    Bucket,
    another_try,
    backoff,
    deal,
    full,
    room,
)

NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)


@given(
    rate=st.floats(0.1, 100),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), min_size=1, max_size=60),
)
def test_never_more_than_the_rate_and_one_burst(rate: float, steps: list[tuple[float, int]]) -> None:
    bucket, now, spent = Bucket(full(rate), NOW), NOW, 0
    for seconds, size in steps:
        now += timedelta(seconds=seconds)
        bucket = bucket.refilled(rate=rate, now=now)
        if bucket.tokens >= 1:
            bucket = bucket.without(size)
            spent += size
    allowed = full(rate) + rate * (now - NOW).total_seconds()
    assert spent <= allowed + 5  # the last one may be longer than what was left


def test_a_clock_that_goes_back_fills_nothing() -> None:
    bucket = Bucket(0, NOW)
    assert bucket.refilled(rate=10, now=NOW - timedelta(hours=1)) == Bucket(0, NOW)


def test_room_before_the_window_closes() -> None:
    margin = timedelta(seconds=60)
    closes = NOW + timedelta(seconds=160)
    assert room(rate=1, waiting=0, now=NOW, closes=closes, margin=margin) == 100
    assert room(rate=1, waiting=99, now=NOW, closes=closes, margin=margin) == 1
    assert room(rate=1, waiting=100, now=NOW, closes=closes, margin=margin) == 0
    assert room(rate=1, waiting=0, now=closes, closes=closes, margin=margin) == 0


streams_of_ids = st.dictionaries(st.integers(0, 20), st.integers(0, 50), max_size=8).map(
    lambda sizes: {name: [1000 * name + place for place in range(size)] for name, size in sizes.items()}
)


@given(streams_of_ids, st.integers(0, 100), st.integers(0, 20))
def test_places_are_dealt_fairly_and_in_order(streams: dict[int, list[int]], total: int, after: int) -> None:
    dealt = deal(streams, total, after=after)
    assert len(dealt.chosen) == min(total, sum(map(len, streams.values())))
    shares = {name: [one for one in dealt.chosen if one in set(stream)] for name, stream in streams.items()}
    for name, share in shares.items():
        assert share == streams[name][: len(share)]
        if len(share) < len(streams[name]):  # whoever goes without has no less than anybody else, but for the remainder
            assert all(len(other) <= len(share) + 1 for other in shares.values())


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 5))
def test_with_fewer_places_than_streams_everybody_is_served_in_turn(names: list[int], total: int) -> None:
    waiting = {name: list(range(1000 * name, 1000 * name + 50)) for name in set(names)}
    served = Counter[int]()
    turn = 0
    for _ in range(20):
        dealt = deal(waiting, total, after=turn)
        turn = dealt.last
        for one in dealt.chosen:
            waiting[one // 1000].remove(one)
            served[one // 1000] += 1
    counts = [served[name] for name in waiting]
    if all(waiting.values()):
        assert max(counts) - min(counts) <= 1


def test_a_failure_counts_only_while_the_carrier_is_well() -> None:
    assert another_try(Breaker(2), tries=3, since=NOW, now=NOW)[0] == 4
    ill = Breaker(9, NOW + timedelta(minutes=5))
    tries, due = another_try(ill, tries=3, since=NOW, now=NOW)
    assert tries == 3
    assert due > NOW + timedelta(minutes=5)  # somebody else has the next try
    long_ago = NOW - LONGEST_OUTAGE - timedelta(seconds=1)
    assert another_try(ill, tries=3, since=long_ago, now=NOW)[0] == 4


def test_the_breaker_opens_tries_once_and_closes() -> None:
    breaker = Breaker()
    chance = random.Random(1)  # noqa: S311
    for _ in range(TRIPS_AFTER - 1):
        breaker = breaker.after_failure(NOW, chance=chance)
        assert breaker.allows(NOW, 10) == 10
    breaker = breaker.after_failure(NOW, chance=chance)
    assert breaker.open_until is not None
    assert breaker.allows(NOW, 10) == 0
    later = breaker.open_until
    assert breaker.allows(later, 10) == 1
    again = breaker.after_failure(later, chance=chance)
    assert again.open_until is not None
    assert again.open_until - later > later - NOW - timedelta(seconds=12)
    assert again.after_success() == Breaker()


def test_failures_that_were_under_way_do_not_lengthen_the_rest() -> None:
    breaker = Breaker()
    for _ in range(TRIPS_AFTER):
        breaker = breaker.after_failure(NOW)
    for _ in range(100):
        assert breaker.after_failure(NOW) == breaker


@given(st.integers(1, 1000))
def test_rests_have_an_end(failures: int) -> None:
    breaker, now = Breaker(), NOW
    for _ in range(min(failures, 40)):
        breaker = breaker.after_failure(now)
        now = max(now, breaker.open_until or now)
    assert breaker.open_until is None or breaker.open_until - NOW <= 40 * LONGEST_REST * 1.25
    assert timedelta(seconds=1.5) <= backoff(min(failures, 60)) <= timedelta(minutes=5) * 1.25
