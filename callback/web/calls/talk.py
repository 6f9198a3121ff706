"""The conversation: steps of the script, answers to the questionnaire, the end."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from pydantic import Field
from sqlalchemy.orm import Session

from callback.domain.script import MAX_FIELD
from callback.domain.survey import Value
from callback.domain.words import Attitude, Disposition, HungUp, Severity, SuppressionScope
from callback.errors import Conflict, Invalid
from callback.services import attempts
from callback.services.attempts import CallSheet, HandedIn, marks
from callback.web.calls import view
from callback.web.calls.forms import MOST_TEXT, Handle, Moment, Sent, Version, in_lines
from callback.web.calls.page import Worker, moved
from callback.web.desk import Desk

router = APIRouter(include_in_schema=False)

MOVED = frozenset({"changed_meanwhile", "question_not_asked", "response_closed", "response_changed"})
"""Another window of the same agent was faster: the page shows where the call stands."""
FIELD = "field."
"""Fields of a script's choice are sent as `field.<name>`."""


class Step(Sent):
    choice: Annotated[str, Field(min_length=1, max_length=1)]
    version: Version
    with_me: bool = False
    """Who keeps the appointment; not a field of the script."""

    @property
    def fields(self) -> dict[str, Any]:
        extra = self.model_extra or {}
        return {name.removeprefix(FIELD): value for name, value in extra.items() if name.startswith(FIELD) and value}


class Back(Sent):
    version: Version


class Answer(Sent):
    question: Annotated[str, Field(min_length=1, max_length=64)]
    place: Annotated[int | None, Field(ge=0, le=100)] = None
    """Of the option in its list, from 0."""
    text: Annotated[str | None, Field(max_length=MOST_TEXT)] = None


class End(Sent):
    outcome: Disposition
    attitude: Attitude | None = None
    hung_up_first: HungUp | None = None
    severity: Severity | None = None
    appointment_with_me: bool = False
    new_need: Annotated[str | None, Field(max_length=MOST_TEXT)] = None
    opt_out: SuppressionScope | None = None
    appointment_at: Moment | None = None
    notes: Annotated[str | None, Field(max_length=MOST_TEXT)] = None
    notes_base: Annotated[str | None, Field(max_length=MOST_TEXT)] = None  # what is empty is none
    """The text that the page last knew to be kept."""


@router.post("/calls/{handle}/steps")
def step(handle: Handle, desk: Worker, sent: Annotated[Step, Form()]) -> Response:
    """Take one choice of the script."""

    def go(session: Session) -> None:
        call = attempts.step(
            session,
            handle=handle,
            agent_id=desk.me.agent_id,
            choice=sent.choice,
            fields=sent.fields,
            version=sent.version,
            now=desk.now,
        )
        if "appointment_at" in sent.fields:
            marks.keep_with(session, handle=handle, agent_id=desk.me.agent_id, with_me=sent.with_me)
        _open_questions(session, desk, call)

    return _go(desk, handle, go)


@router.post("/calls/{handle}/back")
def back(handle: Handle, desk: Worker, sent: Annotated[Back, Form()]) -> Response:
    """Undo the last step."""

    def go(session: Session) -> None:
        call = attempts.back(session, handle=handle, agent_id=desk.me.agent_id, version=sent.version, now=desk.now)
        _open_questions(session, desk, call)

    return _go(desk, handle, go)


@router.post("/calls/{handle}/questions")
def questions(handle: Handle, desk: Worker) -> Response:
    """Open the questionnaire, where a step taken elsewhere has not."""

    def go(session: Session) -> None:
        attempts.question(session, handle=handle, agent_id=desk.me.agent_id, now=desk.now)

    return _go(desk, handle, go)


@router.post("/calls/{handle}/answers")
def answer(handle: Handle, desk: Worker, sent: Annotated[Answer, Form()]) -> Response:
    """Keep one answer; neither an option nor a text skips a question that allows it."""

    def go(session: Session) -> None:
        taken = attempts.answer(
            session,
            handle=handle,
            agent_id=desk.me.agent_id,
            question=sent.question,
            value=_value(session, desk, handle, sent),
            now=desk.now,
        )
        if taken.invalid == "answer_too_long" and taken.question is not None:
            raise Invalid("call_answer_too_long", limit=taken.question.max_length)
        if taken.invalid is not None:
            raise Invalid("call_answer_invalid")

    return _go(desk, handle, go)


@router.post("/calls/{handle}/finish")
def finish(handle: Handle, desk: Worker, sent: Annotated[End, Form()]) -> Response:
    """End the call. The same again gets the same result."""
    if sent.new_need is not None and len(sent.new_need) > MAX_FIELD:
        named = desk.say("call_desk.new_need")
        raise Invalid("script_text_too_long", field=named, length=len(sent.new_need), limit=MAX_FIELD)
    with desk.begin() as session:
        content = sent.model_dump(include=set(End.model_fields))
        if sent.notes is not None:
            content |= {"notes": in_lines(sent.notes), "notes_base": in_lines(sent.notes_base or "")}
        attempts.finish(session, handle=handle, agent_id=desk.me.agent_id, handed_in=HandedIn(**content), now=desk.now)
    return desk.go(f"/calls/{handle}")


def _go(desk: Desk, handle: str, act: Callable[[Session], None]) -> Response:
    """Act, and show where the call stands then. When another window was faster, show that, with a word."""
    try:
        with desk.begin() as session:
            act(session)
            shown = view.look(session, desk, handle)
    except Conflict as error:
        if error.code not in MOVED:
            raise
        with desk.reading() as session:
            shown = view.look(session, desk, handle)
        return moved(desk, shown, said="call_desk.moved_elsewhere")
    return moved(desk, shown)


def _open_questions(session: Session, desk: Desk, call: CallSheet) -> None:
    if view.asks(call):
        attempts.question(session, handle=call.attempt, agent_id=desk.me.agent_id, now=desk.now)


def _value(session: Session, desk: Desk, handle: str, sent: Answer) -> Value | None:
    """The exact value of an option that is named by its place."""
    if sent.place is None:
        return sent.text
    attempt = attempts.own_attempt(session, handle, agent_id=desk.me.agent_id)
    asking = attempts.asking(session, attempt)
    question = asking.find(sent.question) if asking is not None else None
    if question is None:
        raise Conflict("question_not_asked", question=sent.question)
    if sent.place >= len(question.options):
        raise Invalid("call_answer_invalid")
    return question.options[sent.place].value
