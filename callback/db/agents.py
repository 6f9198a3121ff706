"""Agents, teams and shifts: the queries."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import Select, exists, func, or_, select, update
from sqlalchemy.orm import Session

from callback.db.claims import changed_one
from callback.db.tables import Agent, Appointment, Callback, Case, Shift, ShiftException, Team
from callback.domain.words import AppointmentState, CallbackState, CaseStatus, Role

T = TypeVar("T", int, str)


def agents(*, active: bool | None = None, team_id: int | None = None, role: Role | None = None) -> Select[tuple[Agent]]:
    query = select(Agent)
    if active is not None:
        query = query.where(Agent.active == active)
    if team_id is not None:
        query = query.where(Agent.team_id == team_id)
    return query if role is None else query.where(Agent.role == role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which agents a list shows. Empty fields ask for nothing."""

    text: str = ""
    """In the name, the login or the number."""
    team_id: int | None = None
    without_team: bool = False
    role: Role | None = None
    active: bool | None = True
    lacking: str = ""
    """`shifts`, `skills` or `languages`."""
    skill: str = ""


def found(session: Session, wanted: Wanted) -> Select[tuple[Agent]]:
    """The agents that match. The edge adds order and limit."""
    query = agents(active=wanted.active, team_id=wanted.team_id, role=wanted.role)
    if wanted.text:
        text = wanted.text.lower()
        columns = (Agent.name, Agent.login, Agent.number)
        query = query.where(or_(*(func.lower(column).contains(text, autoescape=True) for column in columns)))
    if wanted.without_team:
        query = query.where(Agent.team_id.is_(None))
    if wanted.lacking:
        query = query.where(Agent.role == Role.AGENT)
    if wanted.lacking == "shifts":
        query = query.where(~exists().where(Shift.agent_id == Agent.id))
    if wanted.skill or wanted.lacking in ("skills", "languages"):
        # A list in JSON is not searched alike on both databases; the people of a centre are read in a blink.
        rows = session.execute(select(Agent.id, Agent.skills, Agent.languages))
        query = query.where(Agent.id.in_([row.id for row in rows if _fits(wanted, row.skills, row.languages)]))
    return query


def _fits(wanted: Wanted, skills: Sequence[str], languages: Sequence[str]) -> bool:
    if wanted.lacking == "skills" and skills:
        return False
    if wanted.lacking == "languages" and languages:
        return False
    return not wanted.skill or wanted.skill in skills


def ids_of(session: Session, query: Select[tuple[Agent]], *, limit: int) -> Sequence[int]:
    return session.scalars(query.with_only_columns(Agent.id).order_by(Agent.id).limit(limit)).all()


def count_of(session: Session, query: Select[tuple[Agent]]) -> int:
    return session.scalar(select(func.count()).select_from(query.with_only_columns(Agent.id).subquery())) or 0


def existing(session: Session, ids: Collection[int]) -> Sequence[int]:
    """Those of `ids` that are somebody's, in order."""
    return [
        found
        for chunk in _chunks(ids)
        for found in session.scalars(select(Agent.id).where(Agent.id.in_(chunk)).order_by(Agent.id))
    ]


def these(session: Session, ids: Collection[int]) -> dict[int, Agent]:
    found: dict[int, Agent] = {}
    for chunk in _chunks(ids):
        found |= {agent.id: agent for agent in session.scalars(select(Agent).where(Agent.id.in_(chunk)))}
    return found


def names_of(session: Session, ids: Collection[int]) -> dict[int, str]:
    query = select(Agent.id, Agent.name).where(Agent.id.in_(ids))
    return dict(session.execute(query).tuples().all()) if ids else {}


def team_names(session: Session) -> dict[int, str]:
    """Every team by id, in the order of the names."""
    return dict(session.execute(select(Team.id, Team.name).order_by(Team.name)).tuples().all())


def skills_in_use(session: Session) -> Counter[str]:
    """How many active people have each skill."""
    lists = session.scalars(select(Agent.skills).where(Agent.active))
    return Counter(skill for skills in lists for skill in skills)


@dataclass(frozen=True, slots=True)
class Burden:
    """What waits for one agent now."""

    assigned: int
    in_progress: int
    appointments: int
    owned: int
    """Open cases that are theirs."""


def burden(session: Session, agent_id: int) -> Burden:
    def count(query: Select[tuple[int]]) -> int:
        return session.scalar(query) or 0

    mine = select(func.count()).select_from(Callback).where(Callback.agent_id == agent_id)
    appointments = select(func.count()).select_from(Appointment)
    owned = select(func.count()).select_from(Case)
    return Burden(
        assigned=count(mine.where(Callback.state == CallbackState.ASSIGNED)),
        in_progress=count(mine.where(Callback.state == CallbackState.IN_PROGRESS)),
        appointments=count(
            appointments.where(Appointment.agent_id == agent_id, Appointment.state == AppointmentState.OPEN)
        ),
        owned=count(owned.where(Case.owner_id == agent_id, Case.status != CaseStatus.CLOSED)),
    )


def owners_of(session: Session, name: str, values: Collection[str]) -> dict[str, int]:
    """Who has these logins or numbers (`name`); what nobody has is not in it."""
    column = {"login": Agent.login, "number": Agent.number}[name]
    found: dict[str, int] = {}
    for chunk in _chunks(values):
        found |= session.execute(select(column, Agent.id).where(column.in_(chunk))).tuples().all()
    return found


def bump(session: Session, agent_id: int, version: int) -> bool:
    """Take the next version; false when somebody changed the agent meanwhile."""
    return changed_one(
        session, update(Agent).where(Agent.id == agent_id, Agent.version == version).values(version=version + 1)
    )


def active_administrators(session: Session, *, but: Collection[int] = ()) -> int:
    query = (
        select(func.count())
        .select_from(Agent)
        .where(Agent.role == Role.ADMINISTRATOR, Agent.active, Agent.id.not_in(but))
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


def _chunks(values: Collection[T]) -> Iterator[list[T]]:
    wanted = sorted(set(values))
    for start in range(0, len(wanted), 500):
        yield wanted[start : start + 500]


def members(session: Session, team_id: int) -> int:
    return session.scalar(select(func.count()).select_from(Agent).where(Agent.team_id == team_id)) or 0


def team_named(session: Session, name: str) -> Team | None:
    return session.scalar(select(Team).where(Team.name == name))
