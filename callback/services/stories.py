"""The whole story of a case: who tried what when, what was said and answered, what was decided and by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callback.db import contacts
from callback.db import stories as rows
from callback.db.tables import Attempt, Callback, Case, ContactPoint, Dissatisfaction, Response
from callback.domain.address import mask
from callback.domain.survey import Definition, Value
from callback.errors import NotFound
from callback.services.surveys import definition_of
from callback.texts import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the story. `kind` is `attempt`, `decision`, `message_in`, `message_out`, `promise`, `response`,
    `flag` or `case`; `row` is what happened."""

    at: datetime
    kind: str
    row: Any
    who: str | None = None
    callback_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question as it was put, and what was answered, as the answer was worded."""

    question: str
    name: str
    answer: str | None
    """None: skipped."""
    value: Value | None
    is_level: bool
    """A figure on a scale, which can be compared with another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    case: Case
    callbacks: Mapping[int, Callback]
    points: tuple[tuple[ContactPoint, str], ...]
    """Each address with its masked form."""
    attempts: tuple[Attempt, ...]
    responses: tuple[Response, ...]
    flags: tuple[Dissatisfaction, ...]
    events: tuple[Event, ...]
    """The newest first."""
    names: Mapping[int, str]


def of_case(session: Session, case_id: int) -> Story:
    """Raises `NotFound` (`case_not_found`)."""
    case = session.get(Case, case_id)
    if case is None:
        raise NotFound("case_not_found", case=case_id)
    callbacks = {callback.id: callback for callback in rows.callbacks(session, case_id)}
    attempts, responses = rows.attempts(session, case_id), rows.responses(session, case_id)
    decisions, promises, flags = (
        rows.decisions(session, case_id),
        rows.promises(session, case_id),
        rows.flags(session, case_id),
    )
    people = [
        case.owner_id,
        *(attempt.agent_id for attempt in attempts),
        *(decision.actor_id for decision in decisions),
        *(decision.inputs.get("agent_id") for decision in decisions),
        *(promise.made_by_id for promise in promises),
        *(flag.closed_by_id for flag in flags),
        *(callback.agent_id for callback in callbacks.values()),
    ]
    names = rows.names(session, [who for who in people if isinstance(who, int)])
    events = [
        Event(at=case.opened_at, kind="case", row=case),
        *(
            Event(at=a.started_at, kind="attempt", row=a, who=names.get(a.agent_id or 0), callback_id=a.callback_id)
            for a in attempts
        ),
        *(
            Event(at=d.at, kind="decision", row=d, who=names.get(d.actor_id or 0), callback_id=d.callback_id)
            for d in decisions
        ),
        *(Event(at=p.made_at, kind="promise", row=p, who=names.get(p.made_by_id or 0)) for p in promises),
        *(
            Event(at=s.sent_at or s.created_at, kind="message_out", row=s, callback_id=s.callback_id)
            for s in rows.messages_out(session, list(callbacks))
            if s.body
        ),
        *(
            Event(at=m.received_at, kind="message_in", row=m)
            for m in rows.messages_in(session, [response.id for response in responses])
        ),
        *(
            Event(at=r.completed_at or r.started_at, kind="response", row=r, callback_id=r.callback_id)
            for r in responses
            if r.answers
        ),
        *(Event(at=f.raised_at, kind="flag", row=f, callback_id=f.callback_id) for f in flags),
    ]
    return Story(
        case=case,
        callbacks=callbacks,
        points=tuple((point, mask(point.address)) for point in contacts.points_of(session, case.customer_id)),
        attempts=tuple(attempts),
        responses=tuple(responses),
        flags=tuple(flags),
        events=tuple(sorted(events, key=lambda event: event.at, reverse=True)),
        names=names,
    )


def answers(session: Session, response: Response, language: Language) -> Sequence[Answered]:
    """The answers in the order of the questionnaire, in the words of the version that was asked."""
    return answered(definition_of(session, response), {a.question: a.value for a in response.answers}, language)


def answered(definition: Definition, given: Mapping[str, Any], language: Language) -> tuple[Answered, ...]:
    found = []
    for question in definition.questions:
        if question.name not in given:
            continue
        value = given[question.name]
        wording = None if value is None or question.is_text else question.wording_of(value)
        words = None if value is None else wording.said_in(language) if wording is not None else str(value)
        found.append(
            Answered(
                question=question.title.said_in(language),
                name=question.name,
                answer=words,
                value=value,
                is_level=question.scale is not None,
            )
        )
    return tuple(found)
