"""What stands on the agent's screen during a call. Nothing of the case is on it before the person is confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db.tables import Attempt, Callback, Case, Customer
from callback.domain.address import mask
from callback.domain.rules import may_reveal
from callback.domain.script import Facts, Stage
from callback.domain.words import (
    AttemptState,
    CallbackState,
    CaseKind,
    Channel,
    Disposition,
    HungUp,
    Priority,
    Purpose,
)
from callback.errors import NotFound
from callback.services.attempts.walk import Walk, script_of
from callback.services.scripts import Spoken, salutation
from callback.texts import Language

AMBER = timedelta(minutes=3)
RED = timedelta(minutes=5)
"""A call is kept within three minutes, five at the most (the centre's telephone etiquette)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Whom to call, and nothing of what about: the person is not confirmed yet."""

    customer_name: str | None
    salutation: str
    address: str | None
    """Masked."""
    extension: str | None
    language: str
    time_zone: str
    local_time: datetime
    special: bool
    attempts_made: int
    due_at: datetime
    promised_at: datetime | None
    by_appointment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier attempt about the case."""

    at: datetime
    channel: Channel
    disposition: Disposition | None
    agent_id: int | None
    notes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The case; shown once the person is confirmed."""

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
    earlier: tuple[Earlier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSheet:
    attempt: str
    """Handle."""
    version: int
    callback: str
    """Handle."""
    purpose: Purpose
    callback_state: CallbackState
    state: AttemptState
    card: Card
    script: str
    script_version: int
    script_language: Language
    node: Spoken | None
    """What to say now; None once the attempt has ended."""
    passed: tuple[Stage, ...]
    """The stages of the steps that were taken, in order."""
    can_go_back: bool
    facts: Facts
    """What the call has established; `facts.disposition` is the outcome that the path suggests."""
    about: About | None
    response: str | None
    """Handle of the questionnaire under way."""
    no_questions: str | None
    """Why the questionnaire may not be asked in this call; the sentence is `rule.<…>`."""
    started_at: datetime
    talking_since: datetime | None
    """None while the call is being prepared."""
    amber_at: datetime
    red_at: datetime
    """Counted from the talk; before it, from the start."""
    identity_at: datetime | None
    lease_until: datetime | None
    notes: str
    disposition: Disposition | None
    hung_up_first: HungUp | None
    duration_s: int | None


def own_attempt(session: Session, handle: str, *, agent_id: int | None) -> Attempt:
    """The attempt as it is now. Somebody else's does not exist for an agent; None is a supervisor, who sees all.

    Raises `NotFound` (`attempt_not_found`).
    """
    attempt = rows.by_handle(session, handle)
    if attempt is None or (agent_id is not None and attempt.agent_id != agent_id):
        raise NotFound("attempt_not_found")
    return attempt


def sheet(session: Session, *, handle: str, agent_id: int | None, now: datetime) -> CallSheet:
    """The call as it stands: a reload brings it back."""
    return sheet_of(session, own_attempt(session, handle, agent_id=agent_id), now=now)


def sheet_of(session: Session, attempt: Attempt, *, now: datetime) -> CallSheet:
    callback = session.get_one(Callback, attempt.callback_id)
    customer = session.get_one(Customer, attempt.customer_id)
    case = session.get_one(Case, attempt.case_id)
    walk = Walk.of(attempt)
    prepared = script_of(session, attempt, walk)
    ended = attempt.state is AttemptState.ENDED
    response = rows.response_of(session, callback.id)
    return CallSheet(
        attempt=attempt.handle,
        version=attempt.version,
        callback=callback.handle,
        purpose=callback.purpose,
        callback_state=callback.state,
        state=attempt.state,
        card=_card(attempt, callback, customer, case, language=prepared.language, now=now),
        script=prepared.key,
        script_version=prepared.version,
        script_language=prepared.language,
        node=None if ended else prepared.at(walk.state),
        passed=tuple(prepared.script.nodes[taken.node].stage for taken in walk.state.trail),
        can_go_back=bool(walk.state.trail) and not ended,
        facts=walk.facts,
        about=_about(session, attempt, case) if may_reveal(attempt.identity_at) else None,
        response=response.handle if response is not None and may_reveal(attempt.identity_at) else None,
        no_questions=walk.no_questions,
        started_at=attempt.started_at,
        talking_since=walk.answered_at,
        amber_at=(walk.answered_at or attempt.started_at) + AMBER,
        red_at=(walk.answered_at or attempt.started_at) + RED,
        identity_at=attempt.identity_at,
        lease_until=callback.lease_until,
        notes=attempt.notes,
        disposition=attempt.disposition,
        hung_up_first=attempt.hung_up_first,
        duration_s=attempt.duration_s,
    )


def _card(
    attempt: Attempt, callback: Callback, customer: Customer, case: Case, *, language: Language, now: datetime
) -> Card:
    point = attempt.contact_point
    return Card(
        customer_name=customer.name,
        salutation=salutation(customer, language),
        address=mask(attempt.address) if attempt.address else None,
        extension=point.extension if point is not None else None,
        language=customer.language,
        time_zone=customer.time_zone,
        local_time=now.astimezone(ZoneInfo(customer.time_zone)),
        special=customer.special,
        attempts_made=callback.attempts_made,
        due_at=callback.due_at,
        promised_at=case.promised_at,
        by_appointment=attempt.by_appointment,
    )


def _about(session: Session, attempt: Attempt, case: Case) -> About:
    return About(
        case_id=case.id,
        number=case.external_id,
        subject=case.subject,
        description=case.description,
        answer=case.answer,
        kind=case.kind,
        priority=case.priority,
        opened_at=case.opened_at,
        answered_at=case.answered_at,
        repromises=case.repromises,
        earlier=_earlier(rows.earlier(session, case_id=case.id, before=attempt.id)),
    )


def _earlier(attempts: Sequence[Attempt]) -> tuple[Earlier, ...]:
    return tuple(
        Earlier(
            at=attempt.started_at,
            channel=attempt.channel,
            disposition=attempt.disposition,
            agent_id=attempt.agent_id,
            notes=attempt.notes,
        )
        for attempt in attempts
    )
