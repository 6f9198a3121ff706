"""Appointments: the time that the customer asked for."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.db import attempts as attempt_rows
from callback.db.tables import Appointment, Attempt, Callback
from callback.domain.policy import Policy
from callback.domain.words import AppointmentState
from callback.errors import Invalid
from callback.services.hard_rules import broken, contact_of, next_moment, standing_refusals

FURTHEST = timedelta(days=60)


def check(session: Session, *, callback: Callback, at: datetime, now: datetime, policy: Policy) -> None:
    """An appointment is the customer's own wish: it overrides the daily count, nothing else.

    Raises `Invalid` (`appointment_in_the_past`, `appointment_too_far`) and `RuleBroken` (`appointment_not_legal`) with
    the next legal moment.
    """
    if at <= now:
        raise Invalid("appointment_in_the_past")
    if at > now + FURTHEST:
        raise Invalid("appointment_too_far", days=FURTHEST.days)
    contact = contact_of(session, callback, at=at, agent_id=None, by_appointment=True)
    refused = standing_refusals(contact, policy)
    if refused:
        raise broken(refused, next_moment=next_moment(contact, policy), code="appointment_not_legal")


def make(
    session: Session, *, callback: Callback, at: datetime, agent_id: int | None, made_in: Attempt | None, now: datetime
) -> Appointment:
    """The open appointment; one that was open before is cancelled. `agent_id`: with this agent and no other."""
    attempt_rows.settle_appointment(session, callback.id, AppointmentState.CANCELLED)
    appointment = Appointment(
        callback_id=callback.id,
        at=at,
        agent_id=agent_id,
        made_in_id=made_in.id if made_in is not None else None,
        state=AppointmentState.OPEN,
        created_at=now,
    )
    session.add(appointment)
    session.flush()
    return appointment
