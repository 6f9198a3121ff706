"""Calls that come in: what is read about the customer once the person is confirmed, and how what they say is kept."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, joinedload

from callback.db.callbacks import LIVE
from callback.db.tables import Agent, Appointment, Attempt, Callback, Case, IncomingCall
from callback.domain.words import AppointmentState, AttemptState, CaseStatus

CASES = 10
EARLIER = 60
"""Attempts, and calls that came in, that are read about those cases together."""


def by_handle(session: Session, handle: str) -> IncomingCall | None:
    return session.scalars(
        select(IncomingCall)
        .where(IncomingCall.handle == handle)
        .options(joinedload(IncomingCall.customer))
        .execution_options(populate_existing=True)
    ).one_or_none()


def latest(session: Session, *, customer_id: int, agent_id: int, since: datetime) -> IncomingCall | None:
    """The call of this customer that this agent has taken since then."""
    return session.scalars(
        select(IncomingCall)
        .where(IncomingCall.customer_id == customer_id, IncomingCall.started_at >= since)
        .where(IncomingCall.agent_id == agent_id)
        .order_by(IncomingCall.started_at.desc(), IncomingCall.id.desc())
        .limit(1)
    ).first()


def cases_of(session: Session, customer_id: int) -> Sequence[Case]:
    """The customer's cases: open ones first, then the latest."""
    return session.scalars(
        select(Case)
        .where(Case.customer_id == customer_id)
        .order_by((Case.status == CaseStatus.CLOSED), Case.opened_at.desc(), Case.id.desc())
        .limit(CASES)
    ).all()


def live_callbacks(session: Session, customer_id: int) -> Sequence[Row[Any]]:
    """What is open for the customer: whose it is, when it is planned, its appointment, the call under way about it."""
    return session.execute(
        select(
            Callback.id,
            Callback.handle,
            Callback.case_id,
            Callback.purpose,
            Callback.channel,
            Callback.state,
            Callback.agent_id,
            Callback.planned_at,
            Callback.due_at,
            Callback.attempts_made,
            Case.promised_at,
            Agent.name.label("agent_name"),
            Agent.number.label("agent_number"),
            Appointment.at.label("appointment_at"),
            Attempt.handle.label("attempt"),
        )
        .join(Case, Case.id == Callback.case_id)
        .outerjoin(Agent, Agent.id == Callback.agent_id)
        .outerjoin(Appointment, (Appointment.callback_id == Callback.id) & (Appointment.state == AppointmentState.OPEN))
        .outerjoin(Attempt, (Attempt.callback_id == Callback.id) & (Attempt.state != AttemptState.ENDED))
        .where(LIVE, Callback.customer_id == customer_id)
        .order_by(Callback.due_at, Callback.id)
        .limit(CASES * 2)
    ).all()


def last_attempt_at(session: Session, customer_id: int) -> datetime | None:
    return session.scalars(
        select(Attempt.started_at)
        .where(Attempt.customer_id == customer_id)
        .order_by(Attempt.started_at.desc())
        .limit(1)
    ).first()


def attempts_about(session: Session, case_ids: Collection[int]) -> Sequence[Row[Any]]:
    """The ended attempts about these cases, the latest first."""
    return session.execute(
        select(
            Attempt.case_id, Attempt.started_at, Attempt.channel, Attempt.disposition, Attempt.notes,
            Agent.name.label("agent_name"),
        )
        .outerjoin(Agent, Agent.id == Attempt.agent_id)
        .where(Attempt.case_id.in_(case_ids), Attempt.state == AttemptState.ENDED)
        .order_by(Attempt.started_at.desc(), Attempt.id.desc())
        .limit(EARLIER)
    ).all()  # fmt: skip


def notes_about(session: Session, case_ids: Collection[int]) -> Sequence[Row[Any]]:
    """What was written down when the customer called, the latest first."""
    return session.execute(
        select(IncomingCall.case_id, IncomingCall.noted_at, IncomingCall.note, Agent.name.label("agent_name"))
        .join(Agent, Agent.id == IncomingCall.agent_id)
        .where(IncomingCall.case_id.in_(case_ids), IncomingCall.note != "")
        .order_by(IncomingCall.noted_at.desc(), IncomingCall.id.desc())
        .limit(EARLIER)
    ).all()
