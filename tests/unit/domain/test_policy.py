from datetime import time, timedelta

import pytest

from callback.domain.policy import Policy


def test_stored_figures_are_laid_over_the_defaults_in_their_own_types() -> None:
    changed = Policy().changed(
        {
            "calling_windows": [["10:00", "11:30"]],
            "cool_off": 7200,
            "attempts_per_day": 1,
            "automatic_countries": {"CN": ["voice"], "*": []},
        }
    )
    assert changed == Policy(
        calling_windows=((time(10), time(11, 30)),),
        cool_off=timedelta(hours=2),
        attempts_per_day=1,
        automatic_countries={"CN": ("voice",), "*": ()},
    )
    assert Policy().changed({}) == Policy()


def test_an_unknown_figure_is_named() -> None:
    with pytest.raises(ValueError, match="unknown figures: colour, size"):
        Policy().changed({"size": 1, "colour": 2})
