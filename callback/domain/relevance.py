"""A condition in the two ways it is written: `visibleIf` of SurveyJS and `relevant` of XLSForm (a part of XPath).

    {solved} = false and {why} notempty        ⇄        ${solved} = 'no' and ${why} != ''

Both mean the same tree (`domain/expression.py`). What literals are called in a form (a yes-or-no question answers
`'yes'` there and `true` here) is for the caller to say.
"""

import re
from collections.abc import Callable

from callback.domain.expression import And, Comparison, Expression, Not, Or, parse

_RELEVANT = re.compile(
    r"""selected\(\s*\$\{(?P<chosen>\w+)\}\s*,\s*(?P<choice>'[^']*'|"[^"]*")\s*\)
      | \$\{(?P<blank>\w+)\}\s*(?P<sign>!?=)\s*(?:''|"")
      | \$\{(?P<question>\w+)\}
      | (?P<truth>true|false)\(\s*\)
      | (?P<text>'[^']*'|"[^"]*")""",
    re.VERBOSE,
)


def parse_relevant(text: str) -> Expression:
    """Read a `relevant`. Raises `ExpressionError` for everything but comparisons of `${question}` with a literal,
    `selected(${question}, 'choice')`, `and`, `or`, `not(…)` and brackets."""
    return parse(_RELEVANT.sub(_as_condition, text))


def _as_condition(found: re.Match[str]) -> str:
    part = found.groupdict()
    if part["chosen"]:
        return f"({{{part['chosen']}}} = {part['choice']})"
    if part["blank"]:
        return f"({{{part['blank']}}} {'empty' if part['sign'] == '=' else 'notempty'})"
    if part["question"]:
        return f"{{{part['question']}}}"
    return str(part["truth"] or part["text"])


def write_relevant(expression: Expression) -> str:
    """The condition as a form has it; literals as they stand in the tree."""
    return _written(expression, _relevant_of)


def write_condition(expression: Expression) -> str:
    """The condition as `visibleIf` has it."""
    return _written(expression, _condition_of)


def each_comparison(expression: Expression, change: Callable[[Comparison], Comparison]) -> Expression:
    """The same condition with every comparison changed."""
    match expression:
        case And(terms):
            return And(tuple(each_comparison(term, change) for term in terms))
        case Or(terms):
            return Or(tuple(each_comparison(term, change) for term in terms))
        case Not(term):
            return Not(each_comparison(term, change))
    return change(expression)


def _written(expression: Expression, one: Callable[[Comparison], str]) -> str:
    match expression:
        case And(terms):
            return " and ".join(_bracketed(term, one, Or) for term in terms)
        case Or(terms):
            return " or ".join(_written(term, one) for term in terms)
        case Not(term):
            return f"not({_written(term, one)})"
    return one(expression)


def _bracketed(term: Expression, one: Callable[[Comparison], str], loose: type) -> str:
    text = _written(term, one)
    return f"({text})" if isinstance(term, loose) else text


def _relevant_of(comparison: Comparison) -> str:
    asked = f"${{{comparison.question}}}"
    if comparison.operator in ("empty", "notempty"):
        return f"{asked} {'=' if comparison.operator == 'empty' else '!='} ''"
    return f"{asked} {comparison.operator} {_literal(comparison, truth='{}()')}"


def _condition_of(comparison: Comparison) -> str:
    asked = f"{{{comparison.question}}}"
    if comparison.operator in ("empty", "notempty"):
        return f"{asked} {comparison.operator}"
    return f"{asked} {comparison.operator} {_literal(comparison, truth='{}')}"


def _literal(comparison: Comparison, *, truth: str) -> str:
    """Neither notation has an escape: a text with one kind of quotes is written in the other."""
    literal = comparison.literal
    if isinstance(literal, bool):
        return truth.format("true" if literal else "false")
    if isinstance(literal, str):
        return f'"{literal}"' if "'" in literal else f"'{literal}'"
    return str(literal)
