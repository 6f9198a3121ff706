"""Agents, teams and shifts: the queries."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from callback.db.claims import changed_one
from callback.db.tables import Agent, Shift, ShiftException, Team
from callback.domain.words import Role


def agents(*, active: bool | None = None, team_id: int | None = None, role: Role | None = None) -> Select[tuple[Agent]]:
    query = select(Agent)
    if active is not None:
        query = query.where(Agent.active == active)
    if team_id is not None:
        query = query.where(Agent.team_id == team_id)
    return query if role is None else query.where(Agent.role == role)


def taken(session: Session, *, login: str | None, number: str | None, but: int | None = None) -> str | None:
    """`login` or `number` when another agent has it already."""
    for name, column, value in (("login", Agent.login, login), ("number", Agent.number, number)):
        if value is not None:
            query = select(Agent.id).where(column == value, Agent.id != (but or 0))
            if session.scalar(query.limit(1)) is not None:
                return name
    return None


def bump(session: Session, agent_id: int, version: int) -> bool:
    """Take the next version; false when somebody changed the agent meanwhile."""
    return changed_one(
        session, update(Agent).where(Agent.id == agent_id, Agent.version == version).values(version=version + 1)
    )


def active_administrators(session: Session, *, but: int | None = None) -> int:
    query = (
        select(func.count())
        .select_from(Agent)
        .where(Agent.role == Role.ADMINISTRATOR, Agent.active, Agent.id != (but or 0))
    )
    return session.scalar(query) or 0


def lock_administrators(session: Session) -> None:
    """Let two who take away each other's office come one after the other (SQLite has one writer anyway)."""
    session.execute(select(Agent.id).where(Agent.role == Role.ADMINISTRATOR).order_by(Agent.id).with_for_update())


def lock_agents(session: Session, agent_ids: Collection[int]) -> Sequence[Agent]:
    """These agents in the order of their ids, for a change; what was read of them earlier is read anew."""
    found: list[Agent] = []
    for chunk in _chunks(agent_ids):
        query = select(Agent).where(Agent.id.in_(chunk)).order_by(Agent.id).with_for_update()
        found += session.scalars(query.execution_options(populate_existing=True))
    return found


def shifts_of(session: Session, agent_id: int) -> Sequence[Shift]:
    return session.scalars(select(Shift).where(Shift.agent_id == agent_id).order_by(Shift.weekday, Shift.starts)).all()


def exceptions_of(session: Session, agent_id: int, *, since: date, until: date) -> Sequence[ShiftException]:
    """From `since` to `until`, both included."""
    return session.scalars(
        select(ShiftException)
        .where(ShiftException.agent_id == agent_id, ShiftException.day.between(since, until))
        .order_by(ShiftException.day, ShiftException.starts)
    ).all()


def shifts_of_many(session: Session, agent_ids: Collection[int]) -> Iterator[Shift]:
    """In the order of agent, weekday and hour."""
    for chunk in _chunks(agent_ids):
        query = select(Shift).where(Shift.agent_id.in_(chunk))
        yield from session.scalars(query.order_by(Shift.agent_id, Shift.weekday, Shift.starts))


def exceptions_of_many(session: Session, agent_ids: Collection[int], *, since: date) -> Iterator[ShiftException]:
    """In the order of agent, day and hour."""
    for chunk in _chunks(agent_ids):
        query = select(ShiftException).where(ShiftException.agent_id.in_(chunk), ShiftException.day >= since)
        yield from session.scalars(query.order_by(ShiftException.agent_id, ShiftException.day, ShiftException.starts))


def _chunks(ids: Collection[int]) -> Iterator[list[int]]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), 500):
        yield wanted[start : start + 500]


def members(session: Session, team_id: int) -> int:
    return session.scalar(select(func.count()).select_from(Agent).where(Agent.team_id == team_id)) or 0


def team_named(session: Session, name: str) -> Team | None:
    return session.scalar(select(Team).where(Team.name == name))
