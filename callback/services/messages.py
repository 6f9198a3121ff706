"""Replies that a person reads: in the context of what was asked, and done with in one of four ways.

Whatever is done, the message is taken first by a conditional update: of two people who open one message, the second is
told who was faster, and nothing happens twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from callback.db import messages as rows
from callback.db import surveys as survey_rows
from callback.db.tables import Attempt, Callback, Case, Customer, InboundMessage, Response
from callback.domain.address import mask
from callback.domain.survey import Definition, Question, Value, parse_definition
from callback.domain.words import (
    Channel,
    Disposition,
    InboundOutcome,
    ResponseState,
    SendKind,
    SendState,
    SuppressionScope,
)
from callback.errors import Conflict, Invalid, NotFound
from callback.services import answering, audit, renderings, surveys, visits
from callback.services.sends.queue import queue_message
from callback.services.suppressions import BY_HAND, suppress
from callback.settings import Settings
from callback.texts import Language

CALL_WITHIN = timedelta(days=1)
"""By when a person calls back after a message."""
MOST_SHOWN = 30
"""Messages around one that are shown with it."""
MOST_COUNTED = 1_000


class Handled(StrEnum):
    """What was done with a message."""

    ANSWER = "answer"
    CALLBACK = "callback"
    OPT_OUT = "opt_out"
    READ = "read"


class Group(StrEnum):
    """The tabs of the list."""

    OPEN = "open"
    WORDS = "words"
    THANKS = "thanks"
    STOPS = "stops"
    ALL = "all"


_OUTCOMES: Mapping[Group, tuple[InboundOutcome, ...]] = {
    Group.WORDS: (InboundOutcome.ANSWERED,),
    Group.THANKS: (InboundOutcome.COURTESY,),
    Group.STOPS: (InboundOutcome.OPT_OUT, InboundOutcome.OPT_IN, InboundOutcome.HELP),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of the list."""

    id: int
    name: str | None
    address: str
    """Masked."""
    text: str
    received_at: datetime
    asked: str | None
    """The question that had just been asked, in the reader's language."""
    outcome: InboundOutcome
    needs_person: bool
    handled_at: datetime | None
    handled_as: str | None
    handled_by: str | None


def listed(
    session: Session, *, group: Group, before: int | None, limit: int, language: Language
) -> tuple[Sequence[Line], int | None]:
    """The newest of a group, and where the next page goes on."""
    found, onwards = rows.page(
        session,
        for_a_person=group is Group.OPEN,
        outcomes_in=_OUTCOMES.get(group, ()),
        questions=_text_questions(session) if group is Group.WORDS else None,
        before=before,
        limit=limit,
    )
    return _lines(session, found, language), onwards


def _text_questions(session: Session) -> Sequence[str]:

    published = survey_rows.published(session, surveys.SATISFACTION)
    return (
        []
        if published is None
        else [one.name for one in parse_definition(published.definition).questions if one.is_text]
    )


def _lines(session: Session, found: Sequence[InboundMessage], language: Language) -> Sequence[Line]:
    customers = rows.customers(session, {one.customer_id for one in found if one.customer_id is not None})
    people = rows.agents(session, {one.handled_by_id for one in found if one.handled_by_id is not None})
    raw = rows.definitions(session, {one.response_id for one in found if one.response_id is not None})
    definitions = {response_id: parse_definition(definition) for response_id, definition in raw.items()}
    return [
        Line(
            id=one.id,
            name=_name(customers.get(one.customer_id or 0)),
            address=mask(one.from_address),
            text=one.text,
            received_at=one.received_at,
            asked=_asked_in(definitions.get(one.response_id or 0), one.question, language),
            outcome=one.outcome,
            needs_person=one.needs_person,
            handled_at=one.handled_at,
            handled_as=one.handled_as,
            handled_by=people.get(one.handled_by_id or 0),
        )
        for one in found
    ]


def _name(customer: Customer | None) -> str | None:
    return None if customer is None else customer.salutation or customer.name


def _asked_in(definition: Definition | None, name: str | None, language: Language) -> str | None:
    question = definition.question(name) if definition is not None and name is not None else None
    return None if question is None else question.title.said_in(language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of the conversation around. `mine`: the customer's."""

    key: str
    mine: bool
    text: str
    at: datetime
    is_it: bool = False
    """The one that is being read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One message in context, and what may be done with it."""

    line: Line
    said: Sequence[Said]
    customer: Customer | None
    case: Case | None
    question: Question | None
    """Whose answer it may be taken as; None: nothing was asked, or it has been answered since."""
    answered_since: bool
    may_stop: bool
    """There is a person or an address to keep the wish for."""


def read(session: Session, message_id: int, *, language: Language) -> Reading:
    """Raises `NotFound` (`message_not_found`)."""
    message = _find(session, message_id)
    response = None if message.response_id is None else session.get(Response, message.response_id)
    question, answered = _question(session, message, response)
    return Reading(
        line=_lines(session, [message], language)[0],
        said=_conversation(session, message),
        customer=None if message.customer_id is None else session.get(Customer, message.customer_id),
        case=_case(session, message, response),
        question=None if answered else question,
        answered_since=question is not None and answered,
        may_stop=message.handled_at is None,
    )


def _question(session: Session, message: InboundMessage, response: Response | None) -> tuple[Question | None, bool]:
    """What had been asked, and whether it was answered or left out since."""
    if response is None or message.question is None:
        return None, False
    question = surveys.definition_of(session, response).question(message.question)
    return question, message.question in surveys.answers_of(response)


def _conversation(session: Session, message: InboundMessage) -> Sequence[Said]:
    sent = rows.sent_to(session, message.from_address, limit=MOST_SHOWN)
    written = rows.written_from(session, message, limit=MOST_SHOWN)
    ours = [
        Said(key=f"out-{one.handle}", mine=False, text=one.body, at=one.sent_at or one.created_at)
        for one in sent
        if one.state is not SendState.WITHDRAWN and one.body
    ]
    theirs = [
        Said(key=f"in-{one.id}", mine=True, text=one.text, at=one.received_at, is_it=one.id == message.id)
        for one in written
    ]
    return sorted([*ours, *theirs], key=lambda one: (one.at, not one.mine))


def _case(session: Session, message: InboundMessage, response: Response | None) -> Case | None:
    if response is not None:
        return session.get(Case, response.case_id)
    return None if message.customer_id is None else rows.latest_case(session, message.customer_id)


# ── What is done with it ────────────────────────────────────────────────────────────────────────────────────────────


def mark_read(session: Session, *, message_id: int, by: int, now: datetime) -> InboundMessage:
    """Somebody has read it and done what was to be done.

    Raises `NotFound` (`message_not_found`), `Conflict` (`message_handled`).
    """
    return _taken(session, message_id, Handled.READ, by=by, now=now)


def hand_back(session: Session, *, message_id: int, by: int, now: datetime) -> None:
    """Take `mark_read` back. Raises `NotFound`, `Conflict` (`message_not_yours`)."""
    _find(session, message_id)
    if not rows.hand_back(session, message_id, how=Handled.READ, by=by):
        raise Conflict("message_not_yours")
    _audited(session, message_id, "message.hand_back", by=by, now=now)


def take_as_answer(
    session: Session, *, message_id: int, value: str | None, by: int, now: datetime, settings: Settings
) -> answering.Taken:
    """The message answers the question that had been asked: judged like any other answer, and the survey goes on.

    `value`: of one of the options, as text; None for a question in own words, whose answer is the message itself.
    Raises `NotFound`, `Conflict` (`message_handled`, `message_without_question`, `response_closed`), `Invalid`
    (`message_not_an_answer`).
    """
    message = _taken(session, message_id, Handled.ANSWER, by=by, now=now, value=value)
    response = None if message.response_id is None else session.get(Response, message.response_id)
    question, answered = _question(session, message, response)
    if response is None or question is None or answered:
        raise Conflict("message_without_question")
    attempt = answering.lock(session, response)
    callback = session.get_one(Callback, response.callback_id)
    response = surveys.open_response(session, callback=callback, channel=Channel.SMS, now=now)
    taken = answering.take(
        session,
        response=response,
        channel=Channel.SMS,
        now=now,
        question=question.name,
        value=_value(question, value, message.text),
        said=message.text,
    )
    if taken.step.invalid is not None:
        raise Invalid("message_not_an_answer")
    if taken.step.question is not None:
        _go_on(session, message, callback, taken, attempt, settings=settings, now=now)
    return taken


def _value(question: Question, value: str | None, text: str) -> Value:
    if question.is_text:
        return text.strip()[: question.max_length]
    found = next((option.value for option in question.options if str(option.value) == value), None)
    if found is None:
        raise Invalid("message_not_an_answer")
    return found


def _go_on(
    session: Session,
    message: InboundMessage,
    callback: Callback,
    taken: answering.Taken,
    attempt: Attempt | None,
    *,
    settings: Settings,
    now: datetime,
) -> None:
    """The next question, in the customer's window, while the conversation lasts; what was over ends again."""
    if not callback.state.is_live:
        surveys.close_response(session, response=taken.step.response, now=now)
        return
    if attempt is None or attempt.agent_id is not None or taken.step.question is None:
        return
    language = renderings.spoken_language(session.get_one(Customer, callback.customer_id).language)
    queue_message(
        session,
        body=renderings.sms_next(taken.step.question, settings=settings, language=language),
        address=message.from_address,
        kind=SendKind.QUESTION,
        attempt=attempt,
        now=now,
    )


def call_back(session: Session, *, message_id: int, by: int, now: datetime) -> bool:
    """Somebody calls the customer, within a day. False: somebody was to call already.

    Raises `NotFound`, `Conflict` (`message_handled`, `message_without_case`).
    """
    message = _taken(session, message_id, Handled.CALLBACK, by=by, now=now)
    response = None if message.response_id is None else session.get(Response, message.response_id)
    case = _case(session, message, response)
    if case is None:
        raise Conflict("message_without_case")
    _, new = visits.ask_for_call(session, case=case, due_at=now + CALL_WITHIN, by=by, now=now)
    return new


def opt_out(
    session: Session, *, message_id: int, scope: SuppressionScope, by: int, now: datetime
) -> Sequence[SuppressionScope]:
    """What the customer wrote means that they want no more; a conversation that is under way ends.

    Raises `NotFound`, `Conflict` (`message_handled`), `Invalid` (`message_scope`).
    """
    if scope not in STOPS:
        raise Invalid("message_scope")
    message = _taken(session, message_id, Handled.OPT_OUT, by=by, now=now, scope=scope.value)
    evidence: dict[str, Any] = {"words": message.text, "provider_id": message.provider_id, "read_by": by}
    # Messages end for the telephone, surveys for the person; "nothing more" ends both (`services/replies.py`).
    done: list[SuppressionScope] = []
    if scope is not SuppressionScope.SURVEY:
        suppress(session, scope=scope, reason=BY_HAND, evidence=evidence, now=now, address=message.from_address, by=by)
        done.append(scope)
    if scope is not SuppressionScope.SMS and message.customer_id is not None:
        suppress(
            session, scope=scope, reason=BY_HAND, evidence=evidence, now=now, customer_id=message.customer_id, by=by
        )
        done.append(scope)
    if not done:
        raise Invalid("suppression_nobody")
    _end(session, message, now=now)
    return done


STOPS = (SuppressionScope.SMS, SuppressionScope.SURVEY, SuppressionScope.ALL)


def _end(session: Session, message: InboundMessage, *, now: datetime) -> None:
    response = None if message.response_id is None else session.get(Response, message.response_id)
    if response is None or response.state is not ResponseState.OPEN:
        return
    attempt = answering.lock(session, response)
    answered = any(value is not None for value in surveys.answers_of(response).values())
    disposition = Disposition.PARTIAL if answered else Disposition.REFUSED
    answering.close(session, response=response, attempt=attempt, disposition=disposition, now=now)


def _find(session: Session, message_id: int) -> InboundMessage:
    message = session.get(InboundMessage, message_id)
    if message is None:
        raise NotFound("message_not_found")
    return message


def _taken(
    session: Session, message_id: int, how: Handled, *, by: int, now: datetime, **details: object
) -> InboundMessage:
    """The message in this person's hands. Raises `NotFound`, `Conflict` (`message_handled`, naming who was faster)."""
    message = _find(session, message_id)
    if not rows.handle(session, message_id, how=how, by=by, now=now):
        session.refresh(message)
        who = rows.agents(session, {message.handled_by_id or 0}).get(message.handled_by_id or 0, "–")
        raise Conflict("message_handled", name=who)
    session.refresh(message)
    _audited(session, message_id, f"message.{how.value}", by=by, now=now, **details)
    return message


def _audited(session: Session, message_id: int, action: str, *, by: int, now: datetime, **details: object) -> None:
    audit.record(session, now=now, actor_id=by, action=action, subject_kind="message", subject_id=message_id, **details)
