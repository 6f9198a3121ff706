"""What a questionnaire is made of: questions in an order, each with its texts in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from callback.domain.expression import Expression
from callback.domain.text import is_storable

Value = str | int | bool
"""An answer. A question that was skipped has None."""


class QuestionType(StrEnum):
    """The names of SurveyJS."""

    BOOLEAN = "boolean"
    RADIOGROUP = "radiogroup"
    RATING = "rating"
    COMMENT = "comment"
    TEXT = "text"


class QuestionRole(StrEnum):
    """What a question is to the scores and to the dissatisfaction rules."""

    SOLVED = "solved"
    ACCEPTED = "accepted"
    CSAT = "csat"
    CES = "ces"
    NPS = "nps"
    IMPROVE = "improve"
    EXPECTATION = "expectation"
    ONE_CONTACT = "one_contact"
    RENEWAL = "renewal"


class Form(StrEnum):
    """`call`: what an automatic call asks, by keypad and speech."""

    FULL = "full"
    SHORT = "short"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Wording:
    """One text in both languages (`default` and `zh-cn` in SurveyJS; the default is English)."""

    en: str
    zh: str

    def said_in(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer with its text."""

    value: Value
    wording: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    name: str
    type: QuestionType
    title: Wording
    required: bool = False
    visible_if: Expression | None = None
    role: QuestionRole | None = None
    forms: frozenset[Form] = frozenset(Form)
    options: tuple[Option, ...] = ()
    """Of a radiogroup and a boolean: the choices. Of a rating: its values, lowest first."""
    low_label: Wording | None = None
    high_label: Wording | None = None
    max_length: int = 0
    """Characters; of comment and text alone."""

    @property
    def is_text(self) -> bool:
        return self.type in (QuestionType.COMMENT, QuestionType.TEXT)

    @property
    def scale(self) -> int | None:
        """The highest value of a rating that starts at 1 (5 for a five-level question); None for the others."""
        if self.type is not QuestionType.RATING or self.options[0].value != 1:
            return None
        return int(self.options[-1].value)

    def wording_of(self, value: Value) -> Wording | None:
        """The text of an answer; None for a free text."""
        return next((option.wording for option in self.options if _same(option.value, value)), None)


@dataclass(frozen=True, slots=True)
class Definition:
    title: Wording
    questions: tuple[Question, ...]

    def question(self, name: str) -> Question | None:
        return next((question for question in self.questions if question.name == name), None)

    def of_form(self, form: Form) -> tuple[Question, ...]:
        return tuple(question for question in self.questions if form in question.forms)

    def roles(self) -> Mapping[str, QuestionRole]:
        """Question name → role, of those that have one."""
        return {question.name: question.role for question in self.questions if question.role}


def _same(left: Value, right: Value) -> bool:
    """1 is not true here: JSON tells them apart, Python does not."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def accepts(question: Question, value: object) -> str | None:
    """Nothing when `value` answers the question, else the code of the reason: `answer_required`, `answer_not_a_choice`,
    `answer_not_text`, `answer_too_long`."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "answer_required" if question.required else None
    if question.is_text:
        if not isinstance(value, str) or not is_storable(value):
            return "answer_not_text"
        return "answer_too_long" if len(value) > question.max_length else None
    if not isinstance(value, bool | int | str) or question.wording_of(value) is None:
        return "answer_not_a_choice"
    return None
