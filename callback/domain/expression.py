"""The small language of `visibleIf`, as SurveyJS writes it: `{solved} = false and ({speed} <= 2 or {why} notempty)`.

    condition  = either
    either     = both ("or" both)*
    both       = unary ("and" unary)*
    unary      = ("not" | "!") unary | "(" condition ")" | comparison
    comparison = "{" question "}" ( sign literal | "empty" | "notempty" )
    sign       = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    literal    = number | "'" text "'" | '"' text '"' | "true" | "false"

A question without an answer is unequal to everything and neither more nor less than anything.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Literal = str | int | float | bool
Answers = Mapping[str, object]

MAX_LENGTH = 500
MAX_DEPTH = 20

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<question>\{[A-Za-z_][A-Za-z0-9_]*\})
      | (?P<number>-?\d{1,9}(?:\.\d{1,9})?)
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<sign>==|=|!=|<>|<=|>=|<|>|!|\(|\))
      | (?P<word>[A-Za-z]+)
    )""",
    re.VERBOSE,
)
_SIGNS = {"==": "=", "<>": "!="}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class ExpressionError(ValueError):
    """`position` is the character at which the expression stops making sense, counted from 1."""

    def __init__(self, position: int) -> None:
        super().__init__(f"cannot be understood from character {position} on")
        self.position = position


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator` is one of `= != < <= > >= empty notempty`; the last two have no literal."""

    question: str
    operator: str
    literal: Literal | None = None


@dataclass(frozen=True, slots=True)
class Not:
    term: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple["Expression", ...]


Expression = Comparison | Not | And | Or


def parse(text: str) -> Expression:
    """Read a condition. Raises `ExpressionError`."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(MAX_LENGTH)
    parser = _Parser(_tokens(text), len(text))
    found = parser.either(0)
    parser.end()
    return found


def holds(expression: Expression, answers: Answers) -> bool:
    """Whether the condition is true of these answers; a missing or None answer is empty."""
    match expression:
        case And(terms):
            return all(holds(term, answers) for term in terms)
        case Or(terms):
            return any(holds(term, answers) for term in terms)
        case Not(term):
            return not holds(term, answers)
    return _compare(answers.get(expression.question), expression.operator, expression.literal)


def comparisons(expression: Expression) -> tuple[Comparison, ...]:
    """Every comparison in it, from left to right."""
    match expression:
        case And(terms) | Or(terms):
            return tuple(found for term in terms for found in comparisons(term))
        case Not(term):
            return comparisons(term)
    return (expression,)


def _compare(value: object, operator: str, literal: Literal | None) -> bool:
    if operator == "empty":
        return value is None
    if operator == "notempty":
        return value is not None
    if operator == "=":
        return _same(value, literal)
    if operator == "!=":
        return not _same(value, literal)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(literal, int | float):
        return False
    return _COMPARE[operator](value, literal)


def _same(value: object, literal: object) -> bool:
    """Equality that does not take true for 1."""
    return isinstance(value, bool) == isinstance(literal, bool) and value == literal


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            blanks = len(text) - position - len(text[position:].lstrip())
            raise ExpressionError(position + blanks + 1)
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match.group(kind), match.start(kind) + 1))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens; `depth` keeps a hostile expression from exhausting the stack."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._length = length

    def either(self, depth: int) -> Expression:
        terms = [self.both(depth)]
        while self._takes("word", "or"):
            terms.append(self.both(depth))
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def both(self, depth: int) -> Expression:
        terms = [self.unary(depth)]
        while self._takes("word", "and"):
            terms.append(self.unary(depth))
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def unary(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self._stuck()
        if self._takes("word", "not") or self._takes("sign", "!"):
            return Not(self.unary(depth + 1))
        if self._takes("sign", "("):
            inner = self.either(depth + 1)
            if not self._takes("sign", ")"):
                raise self._stuck()
            return inner
        return self.comparison()

    def comparison(self) -> Expression:
        question = self._take("question")
        name = question.text[1:-1]
        for word in ("empty", "notempty"):
            if self._takes("word", word):
                return Comparison(name, word)
        sign = self._take("sign")
        operator = _SIGNS.get(sign.text, sign.text)
        if operator not in ("=", "!=", *_COMPARE):
            self._next -= 1
            raise self._stuck()
        return Comparison(name, operator, self.literal())

    def literal(self) -> Literal:
        for word, value in (("true", True), ("false", False)):
            if self._takes("word", word):
                return value
        token = self._peek()
        if token is not None and token.kind == "text":
            return self._take("text").text[1:-1]
        number = self._take("number").text
        return float(number) if "." in number else int(number)

    def end(self) -> None:
        if self._peek() is not None:
            raise self._stuck()

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, kind: str) -> _Token:
        token = self._peek()
        if token is None or token.kind != kind:
            raise self._stuck()
        self._next += 1
        return token

    def _takes(self, kind: str, text: str) -> bool:
        token = self._peek()
        if token is None or token.kind != kind or token.text.lower() != text:
            return False
        self._next += 1
        return True

    def _stuck(self) -> ExpressionError:
        token = self._peek()
        return ExpressionError(token.position if token else self._length + 1)
