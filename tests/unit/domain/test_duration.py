"""Expected durations: few calls say little, many say it all, and an agent's pace is about the same purposes."""

import csv
from datetime import datetime
from pathlib import Path

from callback.domain.duration import FASTEST, SLOWEST, learn_durations
from callback.domain.words import Purpose


def test_without_calls_the_policys_figure_holds() -> None:
    found = learn_durations({}, ordinary_s=360)
    assert found.of(Purpose.ANSWER) == 360
    assert found.pace == {}


def test_few_calls_move_the_mean_a_little_and_many_all_the_way() -> None:
    few = learn_durations({(1, Purpose.SURVEY): (5, 5 * 180.0)}, ordinary_s=360)
    many = learn_durations({(1, Purpose.SURVEY): (50_000, 50_000 * 180.0)}, ordinary_s=360)
    assert 330 <= few.of(Purpose.SURVEY) < 360
    assert many.of(Purpose.SURVEY) == 180
    assert many.of(Purpose.ANSWER) == 360, "what was not measured is not guessed"


def test_pace_compares_an_agent_with_others_on_the_same_purposes() -> None:
    measured = {
        (1, Purpose.ANSWER): (1_000, 1_000 * 400.0),
        (2, Purpose.ANSWER): (1_000, 1_000 * 300.0),
        (3, Purpose.SURVEY): (1_000, 1_000 * 100.0),
        (4, Purpose.ANSWER): (300, 300 * 2_000.0),
    }
    pace = learn_durations(measured, ordinary_s=360).pace
    assert pace[2] < pace[1] < pace[4] == SLOWEST
    assert pace[3] > FASTEST, "short surveys are not a quick agent"
    assert 0.9 < pace[3] < 1.3


def test_real_calls_spread_so_widely_that_the_median_would_overfill(shared: Path) -> None:
    with (shared / "data" / "call_times.csv").open(encoding="utf-8") as file:
        seconds = sorted(_seconds(row) for row in csv.DictReader(file))
    assert len(seconds) == 4_000
    median = seconds[2_000]
    found = learn_durations({(1, Purpose.ANSWER): (len(seconds), float(sum(seconds)))}, ordinary_s=360)
    assert median < 240
    assert 340 <= found.of(Purpose.ANSWER) <= 360
    # Slots filled by the median hold seven calls, which take 41 minutes in the mean; by the mean they hold five.
    assert 1_800 // median * (sum(seconds) / len(seconds)) > 1.3 * 1_800
    assert 1_800 * 1.1 // found.of(Purpose.ANSWER) * (sum(seconds) / len(seconds)) <= 1.1 * 1_800


def _seconds(row: dict[str, str]) -> float:
    began, ended = (datetime.strptime(row[name], "%H:%M:%S") for name in ("CallStart", "CallEnd"))  # noqa: DTZ007
    return (ended - began).total_seconds()
