"""An agent's call: the script step by step, the questions, the notes, the end."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from callback.api.paging import Page, PageDep
from callback.api.questionnaires import QuestionOut, question_out
from callback.api.schemas import BIGGEST_ID, Body, Handle, Moment, Out, Version
from callback.db import attempts as rows
from callback.db.engine import reading
from callback.db.tables import Attempt
from callback.domain.account import Scope
from callback.domain.script import FieldKind, Stage
from callback.domain.words import (
    AttemptState,
    Attitude,
    CallbackState,
    CaseKind,
    Channel,
    Disposition,
    DissatisfactionState,
    HungUp,
    PartOfDay,
    Priority,
    Purpose,
    Severity,
    SuppressionScope,
)
from callback.entrance import HouseDep, LanguageDep, Now, Principal, caller
from callback.services import attempts, surveys
from callback.services.attempts import CallSheet, HandedIn
from callback.services.attempts.talk import MOST_NOTES
from callback.services.scripts import Spoken
from callback.texts import Language, say

router = APIRouter(tags=["attempts"])
Reader = Annotated[Principal, Depends(caller(Scope.CALLBACKS_READ))]
Worker = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WORK))]
Notes = Annotated[str, Field(max_length=MOST_NOTES)]


SmallNumber = Annotated[int, Field(ge=-1_000, le=1_000)]
FreeText = Annotated[str, Field(max_length=10_000)]


class FieldOut(Out):
    """Something to write down with a choice."""

    name: str
    label: str
    kind: FieldKind
    required: bool


class ChoiceOut(Out):
    key: str
    label: str
    fields: list[FieldOut]


class NodeOut(Out):
    """What to say now, what the agent alone reads, and what the customer may do."""

    node: str
    stage: Stage
    say: str
    note: str
    choices: list[ChoiceOut]
    is_end: bool


class CardOut(Out):
    """Whom to call; nothing of what about."""

    customer_name: str | None
    salutation: str
    address: str | None
    extension: str | None
    language: str
    time_zone: str
    local_time: datetime
    special: bool
    attempts_made: int
    due_at: datetime
    promised_at: datetime | None
    by_appointment: bool


class EarlierOut(Out):
    at: datetime
    channel: Channel
    disposition: Disposition | None
    agent_id: int | None
    notes: str


class AboutOut(Out):
    """The case; null until the person is confirmed."""

    case_id: int
    number: str
    subject: str
    description: str
    answer: str | None
    kind: CaseKind
    priority: Priority
    opened_at: datetime
    answered_at: datetime | None
    repromises: int
    earlier: list[EarlierOut]


class EstablishedOut(Out):
    """What the call has established so far."""

    identity: bool
    told: bool
    understood: bool
    accepted: bool | None
    questionnaire: bool | None
    appointment_at: datetime | None
    promise_at: datetime | None
    refused: bool
    cause: str | None
    disposition: Disposition | None
    over: bool


class CallOut(Out):
    """The call as it stands. `about` and every text of the case are absent before the person is confirmed."""

    attempt: str
    version: int
    callback: str
    purpose: Purpose
    callback_state: CallbackState
    state: AttemptState
    card: CardOut
    script: str
    script_version: int
    script_language: str
    node: NodeOut | None
    can_go_back: bool
    facts: EstablishedOut
    about: AboutOut | None
    response: str | None
    no_questions: str | None
    started_at: datetime
    talking_since: datetime | None
    """When somebody picked up; null while the call is being prepared."""
    amber_at: datetime
    red_at: datetime
    identity_at: datetime | None
    lease_until: datetime | None
    notes: str
    disposition: Disposition | None
    hung_up_first: HungUp | None
    duration_s: int | None


class Step(Body):
    choice: Annotated[str, Field(min_length=1, max_length=1)]
    fields: dict[str, Annotated[str, Field(max_length=2_000)]] = Field(default_factory=dict, max_length=20)
    version: Version


class Back(Body):
    version: Version


class NotesIn(Body):
    notes: Notes
    version: Version


class AnswerIn(Body):
    question: Annotated[str, Field(min_length=1, max_length=64)]
    value: bool | SmallNumber | FreeText | None = None
    """null skips a question that allows it."""


class AskedOut(Out):
    """Where the questionnaire stands."""

    response: str
    question: QuestionOut | None
    done: int
    total: int
    invalid: str | None
    """The last answer was none to its question: the reason. Ask again."""
    complete: bool


class Finish(Body):
    """How the call ended. What the script has recorded need not be said again."""

    outcome: Disposition
    attitude: Attitude | None = None
    hung_up_first: HungUp | None = None
    notes: Notes | None = None
    duration_s: Annotated[int, Field(ge=0, le=24 * 3600)] | None = None
    appointment_at: Moment | None = None
    appointment_with_me: bool = False
    new_promise_at: Moment | None = None
    new_need: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    unhappy: bool = False
    severity: Severity | None = None
    """How unhappy, in the agent's judgement."""
    opt_out: SuppressionScope | None = None


class FinishedOut(Out):
    """The one result of the call."""

    attempt: str
    callback: str
    callback_state: CallbackState
    disposition: Disposition
    aapor_code: str
    counts: bool
    rule: str
    rule_text: str
    next_try_at: datetime | None
    appointment_at: datetime | None
    new_promise_at: datetime | None
    too_many_promises: bool
    child_case_ids: list[int]
    dissatisfaction_id: int | None
    dissatisfaction_state: DissatisfactionState | None
    failures: int


class AttemptOut(Out):
    """One attempt, as it is listed."""

    handle: str
    case_id: int
    channel: Channel
    agent_id: int | None
    state: AttemptState
    disposition: Disposition | None
    aapor_code: str | None
    counts: bool
    part_of_day: PartOfDay
    started_at: datetime
    ended_at: datetime | None
    duration_s: int | None
    attitude: Attitude | None
    hung_up_first: HungUp | None


@router.get("/attempts", operation_id="listAttempts")
def list_attempts(
    house: HouseDep,
    me: Reader,
    page: PageDep,
    case_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
    callback: Annotated[str | None, Query(min_length=8, max_length=64)] = None,
) -> Page[AttemptOut]:
    """Attempts, the latest first; agents see their own alone."""
    query = rows.listed(agent_id=None if me.supervises else me.agent_id, case_id=case_id, callback=callback)
    with reading(house.sessions) as session:
        return page.select(
            session, query, AttemptOut.model_validate, kind="attempts", order=(Attempt.id,), descending=True
        )


@router.get("/attempts/{handle}", operation_id="readAttempt")
def read_attempt(handle: Handle, house: HouseDep, now: Now, me: Reader) -> CallOut:
    """The call as it stands: a reload brings it back."""
    with reading(house.sessions) as session:
        agent_id = None if me.supervises else me.agent_id
        return call_out(attempts.sheet(session, handle=handle, agent_id=agent_id, now=now))


@router.post("/attempts/{handle}/steps", operation_id="stepAttempt")
def step_attempt(handle: Handle, body: Step, house: HouseDep, now: Now, me: Worker) -> CallOut:
    """Take one choice of the script."""
    with house.sessions.begin() as session:
        call = attempts.step(
            session,
            handle=handle,
            agent_id=me.agent_id,
            choice=body.choice,
            fields=body.fields,
            version=body.version,
            now=now,
        )
    return call_out(call)


@router.post("/attempts/{handle}/back", operation_id="stepBackAttempt")
def step_back_attempt(handle: Handle, body: Back, house: HouseDep, now: Now, me: Worker) -> CallOut:
    """Undo the last step."""
    with house.sessions.begin() as session:
        call = attempts.back(session, handle=handle, agent_id=me.agent_id, version=body.version, now=now)
    return call_out(call)


@router.put("/attempts/{handle}/notes", operation_id="noteAttempt")
def note_attempt(handle: Handle, body: NotesIn, house: HouseDep, now: Now, me: Worker) -> CallOut:
    """Keep my notes during the call."""
    with house.sessions.begin() as session:
        call = attempts.note(
            session, handle=handle, agent_id=me.agent_id, notes=body.notes, version=body.version, now=now
        )
    return call_out(call)


@router.post("/attempts/{handle}/questions", operation_id="askInAttempt")
def ask_in_attempt(handle: Handle, house: HouseDep, now: Now, me: Worker, language: LanguageDep) -> AskedOut:
    """The question to ask now; the first time opens the questionnaire. Needs a confirmed person."""
    with house.sessions.begin() as session:
        asked = attempts.question(session, handle=handle, agent_id=me.agent_id, now=now)
        return _asked(asked, language)


@router.post("/attempts/{handle}/answers", operation_id="answerInAttempt")
def answer_in_attempt(
    handle: Handle, body: AnswerIn, house: HouseDep, now: Now, me: Worker, language: LanguageDep
) -> AskedOut:
    """Keep one answer; once this is acknowledged it is never lost. The same answer again changes nothing."""
    with house.sessions.begin() as session:
        asked = attempts.answer(
            session, handle=handle, agent_id=me.agent_id, question=body.question, value=body.value, now=now
        )
        return _asked(asked, language)


@router.post("/attempts/{handle}/finish", operation_id="finishAttempt")
def finish_attempt(
    handle: Handle, body: Finish, house: HouseDep, now: Now, me: Worker, language: LanguageDep
) -> FinishedOut:
    """End the call. The same content again gets the same answer; another content, or another agent, is a conflict."""
    handed_in = HandedIn(**body.model_dump())
    with house.sessions.begin() as session:
        done = attempts.finish(session, handle=handle, agent_id=me.agent_id, handed_in=handed_in, now=now)
    shown: dict[str, Any] = {n: getattr(done, n) for n in FinishedOut.model_fields if n != "rule_text"}
    return FinishedOut(**shown, rule_text=say(f"retry.{done.rule}", language))


def call_out(call: CallSheet) -> CallOut:
    shown: dict[str, Any] = {name: getattr(call, name) for name in CallOut.model_fields if name != "node"}
    return CallOut.model_validate(shown | {"node": _node(call.node)})


def _node(spoken: Spoken | None) -> NodeOut | None:
    return NodeOut.model_validate(spoken) if spoken is not None else None


def _asked(asked: surveys.Step, language: Language) -> AskedOut:
    return AskedOut(
        response=asked.response.handle,
        question=question_out(asked.question, language) if asked.question is not None else None,
        done=asked.done,
        total=asked.total,
        invalid=asked.invalid,
        complete=asked.is_complete,
    )
