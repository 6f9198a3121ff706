"""Responses: opened once per callback, answered one question at a time on any channel, closed with their scores.

Every answer is written at once, in the caller's transaction: what was acknowledged is never lost (hard rule 6), and a
response that breaks off keeps what it has.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from callback.db import surveys as rows
from callback.db.claims import changed_one
from callback.db.tables import Answer, Attempt, Callback, Questionnaire, Response
from callback.domain import score
from callback.domain.handle import new_handle
from callback.domain.survey import (
    Definition,
    Dropped,
    Effect,
    Form,
    Given,
    Question,
    QuestionRole,
    Saved,
    SurveyState,
    Value,
    advance,
    current,
    parse_definition,
    progress,
    start,
    understand,
)
from callback.domain.survey import Invalid as InvalidAnswer
from callback.domain.words import Channel, ResponseState
from callback.errors import Conflict, Invalid, NotFound

SATISFACTION = "satisfaction"
"""The questionnaire that callbacks ask."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a response stands. `invalid`: the reason why the answer was not taken; nothing changed then."""

    response: Response
    question: Question | None
    """What to ask now; None when it is complete."""
    done: int
    total: int
    invalid: str | None = None
    effects: tuple[Effect, ...] = ()

    @property
    def is_complete(self) -> bool:
        return self.question is None


def open_response(
    session: Session,
    *,
    callback: Callback,
    channel: Channel,
    now: datetime,
    form: Form = Form.FULL,
    attempt: Attempt | None = None,
    key: str = SATISFACTION,
) -> Response:
    """The response of this callback: made once, resumed at every later try, on whatever channel.

    One that ended partial or expired is opened again with its answers; a complete one is given back as it is.
    `attempt` must belong to the callback. Raises `NotFound("questionnaire_not_published")`.
    """
    if attempt is not None and attempt.callback_id != callback.id:
        raise Invalid("attempt_of_other_callback")
    present = rows.of_callback(session, callback.id)
    if present is not None:
        return _resumed(session, present)
    questionnaire = rows.published(session, key)
    if questionnaire is None:
        raise NotFound("questionnaire_not_published", key=key)
    response = Response(
        handle=new_handle(24),
        callback_id=callback.id,
        case_id=callback.case_id,
        customer_id=callback.customer_id,
        questionnaire_id=questionnaire.id,
        channel=channel,
        purpose=callback.purpose,
        state=ResponseState.OPEN,
        engine_state=start(form).to_json(),
        started_at=now,
    )
    try:
        with session.begin_nested():
            session.add(response)
    except IntegrityError:
        # Another channel opened it at the same moment: theirs is ours.
        opened = rows.of_callback(session, callback.id)
        if opened is None:
            raise
        return _resumed(session, opened)
    return response


def _resumed(session: Session, response: Response) -> Response:
    if response.state in (ResponseState.PARTIAL, ResponseState.EXPIRED):
        reopen = (
            update(Response)
            .where(Response.id == response.id, Response.state == response.state)
            .values(state=ResponseState.OPEN, completed_at=None, version=Response.version + 1)
        )
        changed_one(session, reopen)
        session.refresh(response)
    return response


def where(session: Session, response: Response) -> Step:
    """The question to ask now."""
    definition = definition_of(session, response)
    return _step(response, definition, SurveyState.from_json(response.engine_state))


def give_answer(
    session: Session,
    *,
    response: Response,
    channel: Channel,
    now: datetime,
    question: str | None = None,
    value: Value | None = None,
    said: str | None = None,
    is_locked: bool = False,
) -> Step:
    """Take one answer and write it at once.

    `value` is exact (a page, the agent's screen); `said` is what came (an SMS, a key), understood here. Without a
    `question` it answers the one that is being asked. `value` and `said` both None skip a question that allows it.
    The same answer again changes nothing. An answer that cannot be one is not an error but a `Step` with `invalid`: ask
    again. `is_locked`: the caller has `response` from `rows.locked`. Raises `Conflict` (`response_closed`,
    `question_not_asked`).
    """
    present = response if is_locked else rows.locked(session, response.id)
    if present is None:
        raise NotFound("response_not_found")
    definition = definition_of(session, present)
    state = SurveyState.from_json(present.engine_state)
    asked = definition.question(question) if question is not None else current(definition, state)
    if asked is None:
        raise Conflict("question_not_asked", question=question or "")
    if value is None and said is not None:
        value = understand(asked, said)
        if value is None and said.strip():
            return _step(present, definition, state, invalid="answer_not_understood")
    if asked.name in state.answers and _identical(state.answers[asked.name], value):
        return _step(present, definition, state)
    if present.state is not ResponseState.OPEN:
        raise Conflict("response_closed", state=present.state.value)
    state, effects = advance(definition, state, Given(asked.name, value))
    refusal = next((effect for effect in effects if isinstance(effect, InvalidAnswer)), None)
    if refusal is not None:
        if refusal.reason == "question_not_asked":
            raise Conflict("question_not_asked", question=asked.name)
        return _step(present, definition, state, invalid=refusal.reason)
    _write(session, present, state, effects, said=said, channel=channel, now=now)
    return _step(present, definition, state, effects=effects)


def _write(
    session: Session,
    response: Response,
    state: SurveyState,
    effects: tuple[Effect, ...],
    *,
    said: str | None,
    channel: Channel,
    now: datetime,
) -> None:
    """The engine's state, and a row for each answer that was saved; a dropped answer loses its row."""
    written = (
        update(Response)
        .where(Response.id == response.id, Response.version == response.version, Response.state == ResponseState.OPEN)
        .values(engine_state=state.to_json(), version=Response.version + 1)
    )
    if not changed_one(session, written):
        raise Conflict("response_changed")
    earlier = SurveyState.from_json(response.engine_state).answers
    for effect in effects:
        if isinstance(effect, Saved | Dropped):
            known = effect.question in earlier
            row = rows.answer_of(session, response.id, effect.question) if known else None
            if isinstance(effect, Dropped) or effect.value is None:
                if row is not None:
                    session.delete(row)
                continue
            row = row or Answer(response_id=response.id, question=effect.question)
            row.value, row.said, row.channel, row.answered_at = effect.value, said, channel, now
            session.add(row)
    session.flush()
    # What has just been written, without asking for it: a turn of a conversation is short of nothing but statements.
    set_committed_value(response, "engine_state", state.to_json())
    set_committed_value(response, "version", response.version + 1)
    session.expire(response, ["answers"])


def close_response(session: Session, *, response: Response, now: datetime) -> Response:
    """End it with its scores: `complete` when nothing is left to ask, `partial` with some answers, `expired` with none.

    Closing again changes nothing.
    """
    present = rows.locked(session, response.id)
    if present is None:
        raise NotFound("response_not_found")
    if present.state is not ResponseState.OPEN:
        return present
    definition = definition_of(session, present)
    state = SurveyState.from_json(present.engine_state)
    scores = scores_of(definition, state.answers)
    closed = (
        update(Response)
        .where(Response.id == present.id, Response.state == ResponseState.OPEN)
        .values(
            state=_end(definition, state),
            completed_at=now,
            csat=scores.csat,
            nps=scores.nps,
            ces=scores.ces,
            version=Response.version + 1,
        )
    )
    changed_one(session, closed)
    session.refresh(present)
    return present


def _end(definition: Definition, state: SurveyState) -> ResponseState:
    if current(definition, state) is None:
        return ResponseState.COMPLETE
    answered = any(value is not None for value in state.answers.values())
    return ResponseState.PARTIAL if answered else ResponseState.EXPIRED


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one response. `nps` is the raw recommendation: the NPS is a figure over many."""

    csat: float | None
    nps: int | None
    ces: float | None


def scores_of(definition: Definition, answers: Mapping[str, Value | None]) -> Scores:
    """CSAT over the five-level questions (role `csat`), the recommendation, and the effort. None without an answer."""

    def values(role: QuestionRole) -> list[int]:
        found = (answers.get(name) for name, its_role in definition.roles().items() if its_role is role)
        return [int(value) for value in found if value is not None]

    recommendation = values(QuestionRole.NPS)
    return Scores(
        csat=score.csat(values(QuestionRole.CSAT)),
        nps=recommendation[0] if recommendation else None,
        ces=score.ces(values(QuestionRole.CES)),
    )


def find_response(session: Session, handle: str) -> Response:
    """Raises `NotFound("response_not_found")`."""
    response = rows.by_handle(session, handle)
    if response is None:
        raise NotFound("response_not_found")
    return response


def of_callback(session: Session, callback_id: int) -> Response | None:
    return rows.of_callback(session, callback_id)


def definition_of(session: Session, response: Response) -> Definition:
    """The version of the questionnaire that this response began with."""
    held: dict[int, Questionnaire] = session.info.setdefault("questionnaires", {})  # the session itself lets go of it
    if response.questionnaire_id not in held:
        held[response.questionnaire_id] = session.get_one(Questionnaire, response.questionnaire_id)
    return read_definition(held[response.questionnaire_id])


def read_definition(questionnaire: Questionnaire) -> Definition:
    """Every turn of every conversation needs it, and reading it takes longer than the rest of a turn."""
    return _parsed(json.dumps(questionnaire.definition))


@lru_cache(maxsize=64)
def _parsed(document: str) -> Definition:
    return parse_definition(json.loads(document))


def answers_of(response: Response) -> Mapping[str, Value | None]:
    """Every answer so far; None for a skipped question."""
    return SurveyState.from_json(response.engine_state).answers


def _step(
    response: Response,
    definition: Definition,
    state: SurveyState,
    *,
    invalid: str | None = None,
    effects: tuple[Effect, ...] = (),
) -> Step:
    done, total = progress(definition, state)
    return Step(response, current(definition, state), done, total, invalid, effects)


def _identical(left: object, right: object) -> bool:
    """1 is not true here."""
    if isinstance(right, str):
        right = right.strip() or None
    return isinstance(left, bool) == isinstance(right, bool) and left == right
