"""Published figures that an independent implementation must reproduce."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.disposition import Outcome
from callback.domain.rate import aapor_rates, count_outcomes, share, wilson
from callback.domain.words import Disposition


def test_aapor_rates_reproduce_the_published_ones(shared: Path) -> None:
    cases = json.loads((shared / "vectors" / "aapor_rates.json").read_text())["cases"]
    assert cases
    for case in cases:
        counts = {Outcome(name): count for name, count in case["counts"].items()}
        rates = aapor_rates(counts, e=case["e"])
        assert rates.keys() == case["rates"].keys()
        for name, published in case["rates"].items():
            rate = rates[name]
            assert rate is not None
            if isinstance(published, str):
                assert rate == Fraction(published), (case["source"], name)
            else:
                assert round(float(rate), 3) == published, (case["source"], name)


def test_wilson_reproduces_the_published_intervals(shared: Path) -> None:
    vectors = json.loads((shared / "vectors" / "wilson.json").read_text())
    assert vectors["cases"]
    for case in vectors["cases"]:
        interval = wilson(case["count"], case["n"], confidence=vectors["confidence"])
        assert interval is not None
        assert [round(end, 4) for end in interval] == [case["low"], case["high"]], case


def test_nothing_to_divide_by_is_none_and_not_zero() -> None:
    assert set(aapor_rates({}).values()) == {None}
    assert wilson(0, 0) is None
    assert share(0, 0) is None
    nobody_known = aapor_rates({Outcome.UO: 3})
    assert nobody_known["RR1"] == 0
    assert nobody_known["RR3"] is None, "e cannot be estimated when nobody is known"


def test_e_is_estimated_from_the_known() -> None:
    counts = {Outcome.I: 6, Outcome.NC: 3, Outcome.NE: 3, Outcome.UO: 4}
    assert aapor_rates(counts)["RR3"] == Fraction(6, 12)  # 9 + 9/12 · 4 = 12
    assert aapor_rates(counts, e=Fraction(1, 4))["RR3"] == Fraction(6, 10)
    assert aapor_rates(counts, e=1)["RR3"] == aapor_rates(counts)["RR1"]


@pytest.mark.parametrize("e", [-0.1, 1.1])
def test_e_is_a_share(e: float) -> None:
    with pytest.raises(ValueError, match="e is a share"):
        aapor_rates({Outcome.I: 1}, e=e)


def test_counts_are_not_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        aapor_rates({Outcome.I: -1})


def test_dispositions_are_counted_by_category() -> None:
    counts = count_outcomes([Disposition.COMPLETED, Disposition.COMPLETED, Disposition.BUSY, Disposition.NO_ANSWER])
    assert counts == {Outcome.I: 2, Outcome.NC: 2}
    assert aapor_rates(counts)["RR1"] == Fraction(1, 2)


@pytest.mark.parametrize(("count", "n", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 0.0), (1, 5, 1.0)])
def test_impossible_shares_are_refused(count: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="no interval"):
        wilson(count, n, confidence=confidence)


@given(n=st.integers(1, 100_000), data=st.data())
def test_an_interval_holds_its_share_and_mirrors(n: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, n))
    found, mirrored = wilson(count, n), wilson(n - count, n)
    assert found is not None
    assert mirrored is not None
    assert 0 <= found[0] <= count / n <= found[1] <= 1
    assert list(mirrored) == pytest.approx([1 - found[1], 1 - found[0]])


@given(st.dictionaries(st.sampled_from(Outcome), st.integers(0, 50)))
def test_rates_are_shares_in_their_order(counts: dict[Outcome, int]) -> None:
    rates = aapor_rates(counts)
    assert all(rate is None or 0 <= rate <= 1 for rate in rates.values())
    for lower, higher in (("RR1", "RR2"), ("RR1", "RR3"), ("RR3", "RR5"), ("COOP1", "COOP3"), ("REF1", "REF3")):
        low, high = rates[lower], rates[higher]
        assert low is None or high is None or low <= high, (lower, higher)
