"""Agents' lists as far as planning asks whether they can still be kept."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from callback.db.among import among, plain
from callback.db.tables import Appointment, Attempt, Callback, Slot
from callback.domain.words import AppointmentState, AttemptState, CallbackState


def running_slots(session: Session, agents: Collection[int], *, now: datetime) -> dict[int, tuple[datetime, datetime]]:
    """The slot that each of these agents is in."""
    statement = select(Slot.agent_id, Slot.starts_at, Slot.ends_at).where(
        among(session, Slot.agent_id, agents), Slot.starts_at <= now, Slot.ends_at > now
    )
    return {agent_id: (starts_at, ends_at) for agent_id, starts_at, ends_at in plain(session, statement)}


def lists(session: Session, agents: Collection[int], *, since: datetime, until: datetime) -> list[Row[Any]]:
    """What these agents still have to do between two moments, and what they are doing."""
    columns = (
        Callback.id,
        Callback.agent_id,
        Callback.planned_at,
        Callback.due_at,
        Callback.purpose,
        Callback.pinned,
        Slot.ends_at.label("slot_ends"),
        Appointment.id.label("appointment_id"),
        Attempt.started_at.label("begun"),
    )
    statement = (
        select(*columns)
        .outerjoin(Slot, Slot.id == Callback.slot_id)
        .outerjoin(Appointment, (Appointment.callback_id == Callback.id) & (Appointment.state == AppointmentState.OPEN))
        .outerjoin(Attempt, (Attempt.callback_id == Callback.id) & (Attempt.state != AttemptState.ENDED))
        .where(
            among(session, Callback.agent_id, agents),
            Callback.state.in_((CallbackState.ASSIGNED, CallbackState.IN_PROGRESS)),
            Callback.planned_at >= since,
            Callback.planned_at < until,
        )
        .order_by(Callback.agent_id, Callback.planned_at, Callback.id)
    )
    return list(plain(session, statement).all())
