"""How often a sender that is refused for our fault tries again."""

from datetime import UTC, datetime, timedelta

from callback.domain.holding import FIRST_PAUSE, LONGEST_PAUSE, comes_again, pause

SINCE = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)


def test_the_pauses_grow_with_the_hold_up_to_an_hour() -> None:
    now, pauses = SINCE, []
    while now < SINCE + timedelta(hours=5):
        pauses.append(pause(since=SINCE, now=now))
        now += pauses[-1]
    assert pauses[0] == FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert len(pauses) <= 12


def test_a_refused_one_lets_another_try_first() -> None:
    assert comes_again(since=SINCE, now=SINCE) > SINCE + pause(since=SINCE, now=SINCE)
