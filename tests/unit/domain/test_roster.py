from datetime import date, time

import pytest

from callback.domain.roster import Stretch, problem_of

MONDAY, TUESDAY = 0, 1


def test_an_ordinary_week_has_no_problem() -> None:
    assert problem_of([Stretch(d, time(9), time(12)) for d in range(5)] + [Stretch(0, time(12), time(18))]) is None
    assert problem_of([]) is None


@pytest.mark.parametrize(
    ("stretches", "code", "index"),
    [
        ([Stretch(MONDAY, time(9), time(9))], "shift_ends_before_start", 0),
        ([Stretch(MONDAY, time(9), time(12)), Stretch(MONDAY, time(18), time(2))], "shift_ends_before_start", 1),
        ([Stretch(MONDAY, time(9), time(12)), Stretch(MONDAY, time(11), time(13))], "shifts_overlap", 1),
        ([Stretch(MONDAY, time(9), time(12)), Stretch(MONDAY, time(8), time(13))], "shifts_overlap", 1),
        (
            [
                Stretch(TUESDAY, time(9), time(12)),
                Stretch(MONDAY, time(9), time(12)),
                Stretch(TUESDAY, time(9), time(10)),
            ],
            "shifts_overlap",
            2,
        ),
        ([Stretch(date(2026, 3, 11), time(9), time(8))], "shift_ends_before_start", 0),
    ],
)
def test_a_week_that_makes_no_sense(stretches: list[Stretch], code: str, index: int) -> None:
    problem = problem_of(stretches)
    assert problem is not None
    assert (problem.code, problem.index) == (code, index)
