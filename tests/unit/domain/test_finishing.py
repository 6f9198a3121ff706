"""When the last of a campaign leaves."""

from datetime import UTC, datetime, timedelta

import pytest

from callback.domain.finishing import Finish, Stream, finish
from callback.domain.moment import Interval

NOW = datetime(2026, 3, 11, 10, tzinfo=UTC)


def _window(starts: float, ends: float) -> Interval:
    return Interval(NOW + timedelta(hours=starts), NOW + timedelta(hours=ends))


TODAY, TOMORROW = _window(-1, 2), _window(23, 26)


def _done(hours: float, **more: object) -> Finish:
    return Finish(done_at=NOW + timedelta(hours=hours), opens_at=None, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        ([], Finish(done_at=NOW, closes_at=None, left=0, opens_at=None)),
        ([Stream(0, (TODAY,))], Finish(done_at=NOW, closes_at=None, left=0, opens_at=None)),
        # one a second: 3,600 in the first hour
        ([Stream(3_600, (TODAY, TOMORROW))], _done(1, closes_at=TODAY.end, left=0)),
        # 2 hours are open, so a third of three hours' worth waits for tomorrow
        ([Stream(10_800, (TODAY, TOMORROW))], _done(24, closes_at=TODAY.end, left=3_600)),
        ([Stream(10_800, (TODAY,))], Finish(done_at=None, closes_at=TODAY.end, left=3_600, opens_at=None)),
        (
            [Stream(10, (TOMORROW,))],
            Finish(done_at=TOMORROW.start + timedelta(seconds=10), closes_at=None, left=10, opens_at=TOMORROW.start),
        ),
        ([Stream(10, ())], Finish(done_at=None, closes_at=None, left=10, opens_at=None)),
        # two zones share the pace while both are open; the later one goes on
        (
            [Stream(3_600, (_window(-1, 1),)), Stream(3_600, (_window(-1, 2),))],
            Finish(done_at=None, closes_at=NOW + timedelta(hours=2), left=1_800, opens_at=None),
        ),
        (
            [Stream(1_800, (_window(-1, 1),)), Stream(3_600, (_window(-1, 2),))],
            Finish(done_at=None, closes_at=NOW + timedelta(hours=2), left=600, opens_at=None),
        ),
        (
            [Stream(900, (_window(-1, 1),)), Stream(900, (_window(-1, 2),))],
            _done(0.5, closes_at=NOW + timedelta(hours=2), left=0),
        ),
    ],
)  # fmt: skip
def test_when_it_is_finished(streams: list[Stream], expected: Finish) -> None:
    found = finish(streams, rate=1.0, now=NOW)
    if expected.done_at is not None and found.done_at is not None:
        assert abs(found.done_at - expected.done_at) < timedelta(seconds=1)
        found = Finish(done_at=expected.done_at, closes_at=found.closes_at, left=found.left, opens_at=found.opens_at)
    assert found == expected


def test_nothing_leaves_without_a_pace() -> None:
    assert finish([Stream(10, (TODAY,))], rate=0.0, now=NOW).done_at is None
