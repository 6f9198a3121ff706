"""The callbacks that a planning is about, as rows: what waits, what may be moved, what stands in somebody's list."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, aliased

from callback.db.among import among, plain
from callback.db.shards import EVERYTHING, Shard
from callback.db.tables import Agent, Appointment, Callback, Case
from callback.domain.words import AppointmentState, BlockedBy, CallbackState, CaseStatus, Channel, Purpose

READ_CHUNK = 5_000
RETRIED = (BlockedBy.NOBODY_QUALIFIES, BlockedBy.NO_LEGAL_MOMENT)
"""Blocked for want of people or moments: somebody may have joined since."""


class Waiting(NamedTuple):
    """A callback with what the planner asks of its case and of its open appointment.

    A tuple of its own and not the database's row, whose attributes cost five times as much.
    """

    id: int
    case_id: int
    customer_id: int
    purpose: Purpose
    earliest_at: datetime
    next_try_at: datetime | None
    due_at: datetime
    priority: int
    agent_id: int | None
    slot_id: int | None
    planned_at: datetime | None
    version: int
    blocked_by: BlockedBy | None
    status: CaseStatus
    opened_at: datetime
    owner_id: int | None
    required_skill: str | None
    appointment_at: datetime | None
    appointment_agent_id: int | None
    appointment_team_id: int | None


Owner = aliased(Agent)
WAITING_COLUMNS = (
    Callback.id,
    Callback.case_id,
    Callback.customer_id,
    Callback.purpose,
    Callback.earliest_at,
    Callback.next_try_at,
    Callback.due_at,
    Callback.priority,
    Callback.agent_id,
    Callback.slot_id,
    Callback.planned_at,
    Callback.version,
    Callback.blocked_by,
    Case.status,
    Case.opened_at,
    Case.owner_id,
    Case.required_skill,
    Appointment.at.label("appointment_at"),
    Appointment.agent_id.label("appointment_agent_id"),
    Owner.team_id.label("appointment_team_id"),
)


def read_waiting(
    session: Session, callback_ids: Sequence[int] | None = None, *, shard: Shard = EVERYTHING
) -> Sequence[Waiting]:
    """Waiting callbacks for agents, or exactly these whatever their state, each with its open appointment."""
    if callback_ids is None:
        retry = (Callback.state == CallbackState.BLOCKED) & Callback.blocked_by.in_(RETRIED)
        return _read(session, or_(Callback.state == CallbackState.WAITING, retry), shard)
    found: list[Waiting] = []
    for start in range(0, len(callback_ids), READ_CHUNK):
        found += _rows(session, _joined().where(among(session, Callback.id, callback_ids[start : start + READ_CHUNK])))
    return found


def read_movable(
    session: Session,
    *,
    since: datetime,
    shard: Shard = EVERYTHING,
    until: datetime | None = None,
    most: int | None = None,
) -> Sequence[Waiting]:
    """Placed callbacks that may be moved: not pinned, no appointment, not placed before `since` nor after `until`.

    With `most`, only so many: those that have the most time and matter least.
    """
    placed = and_(
        Callback.state == CallbackState.ASSIGNED,
        ~Callback.pinned,
        Callback.slot_id.is_not(None),
        Callback.planned_at >= since,
        Appointment.id.is_(None),
    )
    if until is not None:
        placed = and_(placed, Callback.planned_at <= until, Callback.due_at > Callback.planned_at)
    return _read(session, placed, shard, most=most)


def read_held(
    session: Session, agent_ids: Collection[int], *, since: datetime, shard: Shard = EVERYTHING
) -> Sequence[Waiting]:
    """Everything that stands in the lists of these agents from `since` on: pinned, promised or about to begin too."""
    mine = and_(
        Callback.state == CallbackState.ASSIGNED, Callback.agent_id.in_(agent_ids), Callback.planned_at >= since
    )
    return _read(session, mine, shard) if agent_ids else ()


def _joined() -> Any:
    open_appointment = (Appointment.callback_id == Callback.id) & (Appointment.state == AppointmentState.OPEN)
    joined = select(*WAITING_COLUMNS).join(Case, Case.id == Callback.case_id)
    return joined.outerjoin(Appointment, open_appointment).outerjoin(Owner, Owner.id == Appointment.agent_id)


def _read(session: Session, which: ColumnElement[bool], shard: Shard, *, most: int | None = None) -> Sequence[Waiting]:
    statement = _joined().where(which, Callback.channel == Channel.AGENT)
    if shard.by_team:
        statement = statement.where(shard.cases())
    if most is not None:
        statement = statement.order_by(Callback.due_at.desc(), Callback.priority, Callback.id).limit(most)
        return _rows(session, statement)
    return _rows(session, statement.order_by(Callback.due_at, Callback.id))


def _rows(session: Session, statement: Any) -> list[Waiting]:
    return list(map(Waiting._make, plain(session, statement)))
