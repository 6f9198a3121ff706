"""Conditions of XLSForm and of SurveyJS: the same tree, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.expression import And, Comparison, Expression, ExpressionError, Not, Or, parse
from callback.domain.relevance import each_comparison, parse_relevant, write_condition, write_relevant


@pytest.mark.parametrize(
    ("relevant", "condition"),
    [
        ("${solved} = 'no'", "{solved} = 'no'"),
        ("selected(${why}, 'late') or ${speed} <= 2", "({why} = 'late') or {speed} <= 2"),
        ("${why} != ''", "{why} notempty"),
        ('${why} = ""', "{why} empty"),
        ("not(${a} = 1 and ${b} = true())", "not ({a} = 1 and {b} = true)"),
        ("${note} = '${a} or not'", "{note} = '${a} or not'"),
    ],
)
def test_a_relevant_is_understood(relevant: str, condition: str) -> None:
    assert parse_relevant(relevant) == parse(condition)


@pytest.mark.parametrize(
    "text",
    ["string-length(${a}) > 3", "${a} > ${b}", "count-selected(${a}) = 2", "today() > 3", "selected(${a}, ${b})", "."],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_relevant(text)


_names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
_plain = st.characters(codec="utf-8", exclude_characters="'\"", exclude_categories=["Cc"])
_texts = st.text(_plain, min_size=1, max_size=6)
_literals = st.booleans() | st.integers(-99, 99) | _texts | st.just("it's")
_comparisons = st.builds(Comparison, _names, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), _literals) | st.builds(
    Comparison, _names, st.sampled_from(["empty", "notempty"])
)


def _flat(expression: Expression) -> Expression:
    """What brackets group without changing the meaning is one list in the tree that is read back."""
    match expression:
        case Not(term):
            return Not(_flat(term))
        case And(terms) | Or(terms):
            kind = type(expression)
            flat = tuple(
                inner
                for term in map(_flat, terms)
                for inner in (term.terms if isinstance(term, kind) and isinstance(term, And | Or) else (term,))
            )
            return kind(flat)
    return expression


_expressions: st.SearchStrategy[Expression] = st.recursive(
    _comparisons,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@given(_expressions)
def test_what_is_written_is_read_back(expression: Expression) -> None:
    flat = _flat(expression)
    assert _flat(parse_relevant(write_relevant(flat))) == flat
    assert _flat(parse(write_condition(flat))) == flat


def test_every_comparison_can_be_changed() -> None:
    before = parse("not ({a} = 1 and ({b} = 2 or {a} empty))")
    after = each_comparison(before, lambda one: Comparison("x", one.operator, one.literal))
    assert after == parse("not ({x} = 1 and ({x} = 2 or {x} empty))")
