"""What one customer answered: for staff. Agents see the responses of their own work alone."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from callback.api.questionnaires import QuestionOut, question_out
from callback.api.schemas import Handle, Out
from callback.db import surveys as rows
from callback.db.engine import reading
from callback.db.tables import Answer
from callback.domain.account import Scope
from callback.domain.survey import Definition, Value
from callback.domain.words import Channel, Purpose, ResponseState
from callback.entrance import HouseDep, LanguageDep, Principal, caller
from callback.errors import NotFound
from callback.services import questionnaires, surveys
from callback.texts import Language

router = APIRouter(tags=["responses"])

ResponsesReader = Annotated[Principal, Depends(caller(Scope.SURVEYS_READ))]


class AnswerOut(Out):
    """One answer: what was understood (`value`, `text`) beside what was said."""

    question: str
    title: str
    value: Value
    text: str | None
    said: str | None
    channel: Channel
    answered_at: datetime


class ResponseOut(Out):
    handle: str
    case_id: int
    purpose: Purpose
    channel: Channel
    state: ResponseState
    questionnaire: str
    questionnaire_version: int
    done: int
    total: int
    next_question: QuestionOut | None
    answers: list[AnswerOut]
    csat: float | None
    nps: int | None
    ces: float | None
    started_at: datetime
    completed_at: datetime | None


@router.get("/responses/{handle}", operation_id="readResponse")
def read_response(handle: Handle, house: HouseDep, me: ResponsesReader, language: LanguageDep) -> ResponseOut:
    """One response with its answers and scores."""
    with reading(house.sessions) as session:
        response = surveys.find_response(session, handle)
        if not me.supervises and not rows.is_work_of(session, response, me.agent_id):
            raise NotFound("response_not_found")
        step = surveys.where(session, response)
        questionnaire = questionnaires.find_questionnaire(session, response.questionnaire_id)
        definition = surveys.definition_of(session, response)
        given = [_answer_out(answer, definition, language) for answer in rows.answers(session, response.id)]
    return ResponseOut(
        handle=response.handle,
        case_id=response.case_id,
        purpose=response.purpose,
        channel=response.channel,
        state=response.state,
        questionnaire=questionnaire.key,
        questionnaire_version=questionnaire.version,
        done=step.done,
        total=step.total,
        next_question=question_out(step.question, language) if step.question else None,
        answers=given,
        csat=response.csat,
        nps=response.nps,
        ces=response.ces,
        started_at=response.started_at,
        completed_at=response.completed_at,
    )


def _answer_out(answer: Answer, definition: Definition, language: Language) -> AnswerOut:
    question = definition.question(answer.question)
    wording = question.wording_of(answer.value) if question else None
    return AnswerOut(
        question=answer.question,
        title=question.title.said_in(language) if question else answer.question,
        value=answer.value,
        text=wording.said_in(language) if wording else None,
        said=answer.said,
        channel=answer.channel,
        answered_at=answer.answered_at,
    )
