"""The board's figures that are more than a bounded count: load, calls of the day, unhappy customers by age."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Integer as SqlInteger
from sqlalchemy import Row, case, cast, func, select, text
from sqlalchemy.orm import Session

from callback.db import slots
from callback.db.among import plain
from callback.db.engine import is_postgresql
from callback.db.tables import Agent, Attempt, Callback, Case, Dissatisfaction, Response, Shift, ShiftException
from callback.db.tables.callbacks import LIVE
from callback.domain.contact import ANSWERED
from callback.domain.disposition import FINAL
from callback.domain.facts import ShiftFact
from callback.domain.words import Channel, Disposition

_LIVE = text(LIVE.replace("state", "callbacks.state"))
_UNHAPPY = text("dissatisfactions.state IN ('open', 'escalated')")
DIALLED = tuple(disposition for disposition in FINAL if disposition is not Disposition.TECHNICAL_FAILURE)
CONTENT = 50
"""CSAT from which on somebody is content, of 100."""
REACHED = tuple(disposition for disposition, answered in ANSWERED.items() if answered)


def plain_plans(session: Session) -> None:
    """No just-in-time compiling: counting stops at a thousand, which PostgreSQL's estimate does not know."""
    if is_postgresql(session):
        session.execute(text("SET LOCAL jit = off"))


def load(session: Session, *, day_starts: datetime, day_ends: datetime, team_id: int | None) -> Sequence[Row[Any]]:
    """Each agent who may be given calls: what is on the list of today, what is done, and how much may be.

    One probe of an index per agent and figure: with 500 agents quicker than grouping what a million callbacks hold.
    """
    listed = (
        select(func.count())
        .where(Callback.agent_id == Agent.id, _LIVE, Callback.planned_at < day_ends)
        .correlate(Agent)
        .scalar_subquery()
    )
    done = (
        select(func.count())
        .where(Callback.agent_id == Agent.id, Callback.finished_at >= day_starts)
        .correlate(Agent)
        .scalar_subquery()
    )
    query = select(
        Agent.id,
        Agent.name,
        Agent.team_id,
        Agent.time_zone,
        Agent.daily_capacity,
        listed.label("listed"),
        done.label("done"),
    ).where(Agent.active)
    return plain(session, query if team_id is None else query.where(Agent.team_id == team_id)).all()


def weeks_on(session: Session, days: Collection[date], *, team_id: int | None) -> Mapping[int, Sequence[ShiftFact]]:
    """Week patterns that bear on these days: today, in each of the zones that people work in."""
    of_team = () if team_id is None else (Agent.team_id == team_id,)
    return slots.weeks(session, Shift.weekday.in_({day.weekday() for day in days}), *of_team)


def changes_on(session: Session, days: Collection[date], *, team_id: int | None) -> Sequence[Row[Any]]:
    """Exceptions from the week patterns that bear on these days."""
    columns = (ShiftException.agent_id, ShiftException.day, ShiftException.starts, ShiftException.ends)
    changes = select(*columns).where(ShiftException.day.in_(days))
    if team_id is not None:
        changes = changes.where(ShiftException.agent_id.in_(select(Agent.id).where(Agent.team_id == team_id)))
    return plain(session, changes).all()


def calls_by_hour(
    session: Session, *, day_starts: datetime, now: datetime, team_id: int | None
) -> Mapping[int, tuple[int, int]]:
    """Hours since `day_starts` → (dialled, reached) of the calls of people that ended in it."""
    if is_postgresql(session):
        binned = func.date_bin(timedelta(hours=1), Attempt.ended_at, day_starts)
        hour: Any = (func.extract("epoch", binned - day_starts) / 3600).label("hour")
    else:
        # Half a second: julianday is a float, and 10:00:00 must not become 9:59:59.99.
        seconds = (func.julianday(Attempt.ended_at) - func.julianday(day_starts)) * 86_400 + 0.5
        hour = cast(func.floor(seconds / 3600), SqlInteger).label("hour")
    query = (
        select(
            hour,
            func.count().label("dialled"),
            func.count(case((Attempt.disposition.in_(REACHED), 1))).label("reached"),
        )
        .where(
            Attempt.ended_at >= day_starts,
            Attempt.ended_at <= now,
            Attempt.channel == Channel.AGENT,
            Attempt.disposition.in_(DIALLED),
        )
        .group_by("hour")
    )
    if team_id is not None:
        query = query.where(Attempt.agent_id.in_(select(Agent.id).where(Agent.team_id == team_id)))
    return {int(row.hour): (row.dialled, row.reached) for row in session.execute(query)}


def satisfaction(session: Session, *, since: datetime, team_id: int | None) -> Row[Any]:
    """Of the questionnaires that ended since then: those with scores, those content, recommendations."""
    query = select(
        func.count(Response.csat).label("scored"),
        func.count(case((Response.csat >= CONTENT, 1))).label("content"),
        func.count(Response.nps).label("asked"),
        func.count(case((Response.nps >= 9, 1))).label("promoters"),
        func.count(case((Response.nps <= 6, 1))).label("detractors"),
    ).where(Response.completed_at >= since)
    if team_id is not None:
        query = query.join(Case, Case.id == Response.case_id).where(Case.team_id == team_id)
    return session.execute(query).one()


def unhappy(session: Session, *, now: datetime, ages: Sequence[timedelta], team_id: int | None) -> Sequence[Row[Any]]:
    """(severity, age class, escalated, count) of the flags that are not settled; class n is younger than `ages[n]`."""
    age = case(*((Dissatisfaction.raised_at > now - limit, n) for n, limit in enumerate(ages)), else_=len(ages))
    query = select(
        Dissatisfaction.severity, age.label("age"), Dissatisfaction.state, func.count().label("number")
    ).where(_UNHAPPY)
    if team_id is not None:
        query = query.where(Dissatisfaction.team_id == team_id)
    return session.execute(query.group_by(Dissatisfaction.severity, "age", Dissatisfaction.state)).all()
