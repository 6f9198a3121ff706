"""What an agent should know: before the call, that there were contacts and how they ended; once the person is
confirmed, what was said in them, promises, answers, and what went wrong.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import background as rows
from callback.db.tables import Attempt
from callback.domain.rules import may_reveal
from callback.domain.survey import Wording
from callback.domain.words import (
    Attitude,
    Channel,
    Disposition,
    DissatisfactionRule,
    PromiseState,
    Severity,
)
from callback.services import surveys

MOST_RESPONSES = 3
MOST_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An earlier attempt about the case, on whatever channel."""

    at: datetime
    channel: Channel
    disposition: Disposition | None
    agent: str | None
    """Name; None: no person took part."""
    attitude: Attitude | None
    notes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """That there was a contact, and how it ended: nothing of what it was about."""

    at: datetime
    channel: Channel
    disposition: Disposition | None
    agent: str | None
    """Name; None: no person took part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What may be shown while the call is prepared, before anybody is confirmed."""

    tries: tuple[Try, ...]
    """The latest first."""
    surveys: int
    """How many questionnaires this customer has answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    due_at: datetime
    made_at: datetime
    by: str | None
    state: PromiseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An earlier filling-in of this customer."""

    at: datetime
    channel: Channel
    answers: tuple[tuple[Wording, Wording | str], ...]
    """Question and answer; a free text is in the customer's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhappy:
    """The flag that stands on the case."""

    rule: DissatisfactionRule
    severity: Severity
    raised_at: datetime
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    contacts: tuple[Contact, ...]
    """The latest first."""
    promises: tuple[Promised, ...]
    answered: tuple[Answered, ...]
    unhappy: Unhappy | None


def before(session: Session, attempt: Attempt) -> Before:
    """What an agent prepares the call with: when, how and by whom was tried, without a word of the case."""
    earlier = rows.contacts(session, case_id=attempt.case_id, before=attempt.id)
    return Before(
        tries=tuple(
            Try(
                at=one.started_at,
                channel=one.channel,
                disposition=one.disposition,
                agent=one.agent.name if one.agent is not None else None,
            )
            for one in earlier[:MOST_TRIES]
        ),
        surveys=rows.count_responses(session, customer_id=attempt.customer_id, but=attempt.callback_id),
    )


def background(session: Session, attempt: Attempt) -> Background | None:
    """None before the person is confirmed (hard rule 7)."""
    if not may_reveal(attempt.identity_at):
        return None
    flag = rows.live_flag(session, attempt.case_id)
    return Background(
        contacts=tuple(
            Contact(
                at=earlier.started_at,
                channel=earlier.channel,
                disposition=earlier.disposition,
                agent=earlier.agent.name if earlier.agent is not None else None,
                attitude=earlier.attitude,
                notes=earlier.notes,
            )
            for earlier in rows.contacts(session, case_id=attempt.case_id, before=attempt.id)
        ),
        promises=tuple(
            Promised(due_at=promise.due_at, made_at=promise.made_at, by=name, state=promise.state)
            for promise, name in rows.promises(session, attempt.case_id)
        ),
        answered=_answered(session, attempt),
        unhappy=None
        if flag is None
        else Unhappy(rule=flag.rule, severity=flag.severity, raised_at=flag.raised_at, failures=flag.failures),
    )


def _answered(session: Session, attempt: Attempt) -> tuple[Answered, ...]:
    found = []
    for response in rows.responses(
        session, customer_id=attempt.customer_id, but=attempt.callback_id, limit=MOST_RESPONSES
    ):
        definition, values = surveys.definition_of(session, response), surveys.answers_of(response)
        answers = [
            (question.title, question.wording_of(value) or str(value))
            for question in definition.questions
            if (value := values.get(question.name)) is not None
        ]
        if answers:
            found.append(Answered(at=response.started_at, channel=response.channel, answers=tuple(answers)))
    return tuple(found)
