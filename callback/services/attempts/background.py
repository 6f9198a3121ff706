"""What an agent should know once the person is confirmed: earlier contacts, promises, answers, and what went wrong."""

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
