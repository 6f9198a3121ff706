"""The day's plan: some agents, their slots and what stands in their lists on one day."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, or_, select
from sqlalchemy.orm import Session

from callback.db.among import among, plain
from callback.db.callbacks import LISTED, LIVE
from callback.db.tables import Agent, Appointment, Callback, Customer, Move, Shift, ShiftException, Slot, Team
from callback.domain.words import AppointmentState, MoveKind


def at_work() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Of agents: active, and with hours."""
    hours = or_(exists().where(Shift.agent_id == Agent.id), exists().where(ShiftException.agent_id == Agent.id))
    return Agent.active.is_(True), hours


def people(
    session: Session, *, team_id: int | None, text: str, skip: int, limit: int
) -> tuple[Sequence[Row[Any]], int]:
    """Agents who are at work here, by name, and how many there are."""
    wanted: list[ColumnElement[bool]] = [*at_work()]
    if team_id is not None:
        wanted.append(Agent.team_id == team_id)
    if text:
        like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        wanted.append(or_(Agent.name.ilike(f"%{like}%", escape="\\"), Agent.number == text, Agent.login == text))
    columns = (Agent.id, Agent.name, Agent.number, Agent.daily_capacity, Team.name.label("team"))
    query = select(*columns).outerjoin(Team, Team.id == Agent.team_id).where(*wanted)
    rows = session.execute(query.order_by(Agent.name, Agent.id).offset(skip).limit(limit)).all()
    return rows, session.scalar(select(func.count()).select_from(Agent).where(*wanted)) or 0


def slots_between(
    session: Session, agent_ids: Collection[int], *, since: datetime, until: datetime
) -> Sequence[Row[Any]]:
    statement = select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at).where(
        among(session, Slot.agent_id, agent_ids), Slot.starts_at >= since, Slot.starts_at < until
    )
    return plain(session, statement.order_by(Slot.starts_at)).all()


def placed_between(
    session: Session, agent_ids: Collection[int], *, since: datetime, until: datetime, limit: int
) -> Sequence[Row[Any]]:
    """What stands in their lists from `since` to `until`, in calling order."""
    columns = (
        Callback.handle,
        Callback.agent_id,
        Callback.planned_at,
        Callback.due_at,
        Callback.purpose,
        Callback.state,
        Callback.pinned,
        Callback.version,
        Callback.case_id,
        Customer.name,
        Customer.special,
        Appointment.at.label("appointment_at"),
    )
    open_appointment = (Appointment.callback_id == Callback.id) & (Appointment.state == AppointmentState.OPEN)
    statement = (
        select(*columns)
        .join(Customer, Customer.id == Callback.customer_id)
        .outerjoin(Appointment, open_appointment)
        .where(LIVE, LISTED, among(session, Callback.agent_id, agent_ids))
        .where(Callback.planned_at >= since, Callback.planned_at < until)
        .order_by(Callback.planned_at, Callback.priority.desc(), Callback.id)
    )
    return plain(session, statement.limit(limit)).all()


def absences(session: Session, *, now: datetime) -> dict[int, tuple[int, dict[str, Any]]]:
    """The newest absence of each agent that was entered in the last month and can be undone: move and what it says."""
    statement = (
        select(Move.id, Move.absence)
        .where(Move.kind == MoveKind.ABSENCE, Move.undone_at.is_(None), Move.at > now - timedelta(days=31))
        .order_by(Move.id)
    )
    return {absence["agent_id"]: (move_id, absence) for move_id, absence in session.execute(statement) if absence}
