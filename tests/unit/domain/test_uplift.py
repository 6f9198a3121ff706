"""What learning is worth: published figures, and how often a verdict is wrong where the truth is known."""

import random

import pytest

from callback.domain.uplift import Dials, Evidence, newcombe, uplift


def strangers(tried: int, reached: int) -> Dials:
    """Everybody was dialled once."""
    return Dials(tried, reached, tried, tried, reached, reached)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Newcombe (1998), table II, method 10.
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_newcombes_own_examples(one: tuple[int, int], other: tuple[int, int], expected: tuple[float, float]) -> None:
    assert newcombe(one, other) == pytest.approx(expected, abs=0.00006)


def test_nothing_dialled_is_no_evidence() -> None:
    assert newcombe((0, 0), (1, 2)) is None
    found = uplift(Dials(), strangers(500, 50))
    assert (found.evidence, found.difference, found.interval) == (Evidence.NONE_YET, None, None)


def test_a_handful_is_no_evidence_however_clear_it_looks() -> None:
    assert uplift(strangers(90, 90), strangers(90, 0)).evidence is Evidence.NONE_YET


def test_a_plain_difference_is_evidence_either_way() -> None:
    assert uplift(strangers(20_000, 2_600), strangers(20_000, 2_000)).evidence is Evidence.HELPS
    assert uplift(strangers(20_000, 2_000), strangers(20_000, 2_600)).evidence is Evidence.HARMS
    assert uplift(strangers(20_000, 2_000), strangers(20_000, 2_010)).evidence is Evidence.NONE_YET


def test_the_lasting_interval_is_the_wider_one() -> None:
    found = uplift(strangers(20_000, 2_100), strangers(20_000, 2_000))
    assert found.interval is not None
    assert found.lasting is not None
    assert found.lasting[0] < found.interval[0] < found.difference < found.interval[1] < found.lasting[1]  # type: ignore[operator]


def test_persons_who_repeat_themselves_are_not_as_many_strangers() -> None:
    """A hundred people, each dialled ten times: the same ten always answer. That is a sample of 100, not of 1,000."""
    always = Dials(1_000, 100, 100, 100 * 100, 10 * 100, 10 * 100)
    assert always.design_effect == pytest.approx(10, rel=0.02)
    assert always.as_strangers() == (10, 99)
    assert strangers(1_000, 100).design_effect == pytest.approx(1, rel=0.01)
    assert Dials(10, 10, 5, 20, 20, 20).design_effect == 1.0


def test_looking_every_day_does_not_make_evidence_out_of_chance() -> None:
    """No difference at all, looked at 60 times in each of 200 trials: the interval for one look is wrong far too often,
    the lasting one, on which the verdict rests, hardly ever."""
    chance = random.Random(20260311)  # noqa: S311  reproducible, not secret
    fooled = verdicts = 0
    for _ in range(200):
        arms = [[0, 0], [0, 0]]
        once = ever = False
        for _ in range(60):
            for arm in arms:
                arm[0] += 100
                arm[1] += sum(chance.random() < 0.1 for _ in range(100))
            found = uplift(strangers(*arms[0]), strangers(*arms[1]))
            assert found.interval is not None
            once = once or not found.interval[0] <= 0 <= found.interval[1]
            ever = ever or found.evidence is not Evidence.NONE_YET
        fooled += once
        verdicts += ever
    assert fooled > 40
    assert verdicts <= 10
