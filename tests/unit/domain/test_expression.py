"""Conditions: what they mean, and what is refused."""

import pytest

from callback.domain.expression import Answers, ExpressionError, comparisons, holds, parse

A: Answers = {"solved": False, "speed": 2, "why": "slow", "renewal": "no", "skipped": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{solved} = false", True),
        ("{solved} == true", False),
        ("{solved} != true", True),
        ("{solved} <> false", False),
        ("{speed} <= 2", True),
        ("{speed} < 2", False),
        ("{speed} > 1.5", True),
        ("{speed} >= 3", False),
        ("{speed} = 2", True),
        ("{why} notempty", True),
        ("{why} empty", False),
        ("{skipped} empty", True),
        ("{nobody} empty", True),
        ("{nobody} = 'x'", False),
        ("{nobody} != 'x'", True),
        ("{nobody} < 5", False),
        ("{why} < 5", False),
        ("{solved} < 5", False),
        ("{speed} < 'x'", False),
        ('{renewal} = "no"', True),
        ("{solved} = 0", False),
        ("{speed} > -3", True),
        ("{solved} = false and {speed} = 5", False),
        ("{solved} = false or {speed} = 5", True),
        ("not {solved} = true", True),
        ("!({solved} = false or {speed} = 2)", False),
        ("{speed} = 2 OR {speed} = 3 AND {solved} = true", True),
        ("({speed} = 2 or {speed} = 3) and {solved} = true", False),
        ("  {speed}=2  ", True),
    ],
)
def test_what_a_condition_means(text: str, expected: bool) -> None:
    assert holds(parse(text), A) is expected


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        ("{solved}", 9),
        ("{solved} =", 11),
        ("{solved} = maybe", 12),
        ("{solved} = true and", 20),
        ("({solved} = true", 17),
        ("{solved} ! true", 10),
        ("{solved} = true {speed} = 1", 17),
        ("solved = true", 1),
        ("{solved} @ 5", 10),
        ("{a b} = 1", 1),
        ("(" * 30 + "{solved} = true" + ")" * 30, 22),
        ("x" * 501, 500),
    ],
)
def test_what_cannot_be_understood_is_named_with_its_place(text: str, position: int) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert refused.value.position == position


def test_the_questions_of_a_condition() -> None:
    found = comparisons(parse("{a} = 1 and not ({b} empty or {c} > 2)"))
    assert [comparison.question for comparison in found] == ["a", "b", "c"]
