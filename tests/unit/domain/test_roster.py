from datetime import date, time

import pytest

from callback.domain.roster import HoursError, Stretch, parse_hours, problem_of

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


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", []),
        ("9-12:30, 13:30–18:00", ["09:00-12:30", "13:30-18:00"]),
        ("13：30至18", ["13:30-18:00"]),
        ("14-20 9-12", ["09:00-12:00", "14:00-20:00"]),
        ("20:00~24:00", ["20:00-23:59"]),
    ],
)
def test_hours_are_read_as_people_write_them(written: str, meant: list[str]) -> None:
    assert [f"{starts:%H:%M}-{ends:%H:%M}" for starts, ends in parse_hours(written)] == meant


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("from nine", "hours_not_understood"),
        ("9-12 or so", "hours_not_understood"),
        ("9-25", "hours_not_understood"),
        ("9:75-12", "hours_not_understood"),
        ("9" * 100_000, "hours_not_understood"),
        ("12-9", "shift_ends_before_start"),
        ("9-12, 11-14", "shifts_overlap"),
    ],
)
def test_hours_that_cannot_be_meant_are_named(written: str, code: str) -> None:
    with pytest.raises(HoursError) as refused:
        parse_hours(written)
    assert refused.value.code == code
