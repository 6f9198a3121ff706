"""Scores reproduce the published figures."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from callback.domain.score import ces, csat, nps

METRICS: dict[str, Callable[[Sequence[int]], float | None]] = {"csat": csat, "nps": nps, "ces": ces}


def test_the_published_scores(shared: Path) -> None:
    published = json.loads((shared / "vectors" / "scores.json").read_text(encoding="utf-8"))["cases"]
    assert len(published) == 3
    for case in published:
        assert METRICS[case["metric"]](case["values"]) == case["score"]


@pytest.mark.parametrize("metric", METRICS.values())
def test_no_data_is_no_score(metric: Callable[[Sequence[int]], float | None]) -> None:
    assert metric([]) is None


def test_the_edges_of_the_boxes() -> None:
    assert csat([3, 4]) == 50.0
    assert csat([5, 5, 1]) == 66.67
    assert nps([6, 7, 8, 9]) == 0.0
    assert nps([0, 0, 10]) == -33.33
    assert ces([7, 7, 7, 7, 7, 7, 7, 2]) == 6.38
