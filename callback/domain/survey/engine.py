"""The questionnaire as a pure machine that stops at every question and resumes from its own state.

Any visible question may be answered or answered again at any time; what is asked is the first visible one without an
answer. The agent's screen, SMS, keypad and web page are renderings of this and hold no state of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from callback.domain.expression import holds
from callback.domain.survey.definition import Definition, Form, Question, Value, accepts


@dataclass(frozen=True, slots=True)
class SurveyState:
    """`answers` holds None for a question that was skipped."""

    form: Form = Form.FULL
    answers: Mapping[str, Value | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form.value, "answers": dict(self.answers)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(form=Form(value["form"]), answers=dict(value["answers"]))


@dataclass(frozen=True, slots=True)
class Given:
    """An answer on its way in. `value` None skips a question that is not required."""

    question: str
    value: object


@dataclass(frozen=True, slots=True)
class Ask:
    question: Question


@dataclass(frozen=True, slots=True)
class Invalid:
    """The state is unchanged. `reason` is a code of `accepts`, `question_unknown` or `question_not_asked`."""

    question: str
    reason: str


@dataclass(frozen=True, slots=True)
class Saved:
    question: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """An answer that a changed earlier answer made meaningless."""

    question: str


@dataclass(frozen=True, slots=True)
class Complete:
    pass


Effect = Ask | Invalid | Saved | Dropped | Complete


def start(form: Form = Form.FULL) -> SurveyState:
    """Nothing has been asked yet."""
    return SurveyState(form=form)


def visible(definition: Definition, state: SurveyState) -> tuple[Question, ...]:
    """The questions that this customer is asked, in order, as far as the answers tell."""
    return tuple(
        question
        for question in definition.of_form(state.form)
        if question.visible_if is None or holds(question.visible_if, state.answers)
    )


def current(definition: Definition, state: SurveyState) -> Question | None:
    """The question to ask now; None when the questionnaire is complete."""
    return next((question for question in visible(definition, state) if question.name not in state.answers), None)


def progress(definition: Definition, state: SurveyState) -> tuple[int, int]:
    """Questions answered or skipped, and questions in all as far as the answers tell."""
    shown = visible(definition, state)
    return sum(question.name in state.answers for question in shown), len(shown)


def advance(definition: Definition, state: SurveyState, answer: Given) -> tuple[SurveyState, tuple[Effect, ...]]:
    """Take one answer in. The last effect is always `Ask`, `Complete` or `Invalid`."""
    question = definition.question(answer.question)
    if question is None:
        return state, (Invalid(answer.question, "question_unknown"),)
    if question not in visible(definition, state):
        return state, (Invalid(answer.question, "question_not_asked"),)
    reason = accepts(question, answer.value)
    if reason:
        return state, (Invalid(answer.question, reason),)
    value = _kept(answer.value)
    answered = replace(state, answers={**state.answers, question.name: value})
    settled, dropped = _settle(definition, answered)
    following = current(definition, settled)
    last: Effect = Ask(following) if following else Complete()
    return settled, (Saved(question.name, value), *dropped, last)


def _kept(value: Any) -> Value | None:
    if isinstance(value, str):
        return value.strip() or None
    kept: Value | None = value
    return kept


def _settle(definition: Definition, state: SurveyState) -> tuple[SurveyState, tuple[Dropped, ...]]:
    """Drop the answers to questions no longer visible. Conditions look back only, so one pass in order does."""
    kept: dict[str, Value | None] = {}
    dropped = []
    for question in definition.of_form(state.form):
        if question.name not in state.answers:
            continue
        if question.visible_if is None or holds(question.visible_if, kept):
            kept[question.name] = state.answers[question.name]
        else:
            dropped.append(Dropped(question.name))
    return replace(state, answers=kept), tuple(dropped)
