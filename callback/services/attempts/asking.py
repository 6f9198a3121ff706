"""The questionnaire as the agent's screen shows it: what is asked, and what has been answered and may be corrected."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db.tables import Attempt
from callback.domain.rules import may_reveal
from callback.domain.survey import Question, SurveyState, Value, visible
from callback.domain.words import ResponseState
from callback.services import surveys


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A question that has an answer; `value` None was skipped."""

    question: Question
    value: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    question: Question | None
    """What to ask now; None when nothing is left."""
    given: tuple[Given, ...]
    """In the order of the questionnaire."""
    done: int
    total: int
    is_open: bool
    """False once the response has been closed."""

    def find(self, name: str) -> Question | None:
        """A question that may be answered now: the one that is asked, or one that was."""
        asked = (self.question, *(one.question for one in self.given))
        return next((question for question in asked if question is not None and question.name == name), None)

    def value_of(self, name: str) -> Value | None:
        return next((one.value for one in self.given if one.question.name == name), None)

    def before(self, name: str | None) -> Question | None:
        """The answered question before this one, or the last of all: where "back" leads."""
        names = [one.question.name for one in self.given]
        place = names.index(name) if name in names else len(names)
        return self.given[place - 1].question if place else None


def asking(session: Session, attempt: Attempt) -> Asking | None:
    """None while no questionnaire is under way, or the person is not confirmed."""
    if not may_reveal(attempt.identity_at):
        return None
    response = rows.response_of(session, attempt.callback_id)
    if response is None:
        return None
    stands = surveys.where(session, response)
    state = SurveyState.from_json(response.engine_state)
    given = tuple(
        Given(question=question, value=state.answers[question.name])
        for question in visible(surveys.definition_of(session, response), state)
        if question.name in state.answers
    )
    return Asking(
        question=stands.question,
        given=given,
        done=stands.done,
        total=stands.total,
        is_open=response.state is ResponseState.OPEN,
    )
