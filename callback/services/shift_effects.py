"""What other hours would do to the plan that stands: which callbacks would lose their place. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from callback.db.tables import Agent, Callback
from callback.domain.facts import ShiftFact
from callback.domain.shift import WorkingTime
from callback.domain.words import CallbackState
from callback.services.setups.record import Document

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Effect:
    """Of callbacks that stand in a list now."""

    moving: int
    """They would be outside their agent's hours, and find another place or another agent."""
    pinned: int
    """The same, but a supervisor placed them there: only a supervisor moves them."""
    agents: int
    """Whose callbacks these are."""


def effect(session: Session, documents: Mapping[int, Document], *, now: datetime) -> Effect:
    """What would have to move if these agents worked by these hours."""
    moving = 0
    agents: set[int] = set()
    pinned = 0
    for agent_id, times in _working_times(session, documents).items():
        for row in _planned(session, agent_id, now=now):
            day = row.planned_at.astimezone(times.zone).date()
            if any(stretch.start <= row.planned_at < stretch.end for stretch in times.stretches(day)):
                continue
            agents.add(agent_id)
            if row.pinned:
                pinned += 1
            else:
                moving += 1
    return Effect(moving, pinned, len(agents))


def _planned(session: Session, agent_id: int, *, now: datetime) -> Sequence[Row[Any]]:
    mine = select(Callback.planned_at, Callback.pinned).where(
        Callback.agent_id == agent_id, Callback.state == CallbackState.ASSIGNED, Callback.planned_at >= now
    )
    return session.execute(mine).all()


def _working_times(session: Session, documents: Mapping[int, Document]) -> dict[int, WorkingTime]:
    found: dict[int, WorkingTime] = {}
    ids = sorted(documents)
    for start in range(0, len(ids), _CHUNK):
        query = select(Agent.id, Agent.time_zone).where(Agent.id.in_(ids[start : start + _CHUNK]))
        for agent_id, zone in session.execute(query):
            found[agent_id] = working_time(documents[agent_id], ZoneInfo(zone))
    return found


def working_time(document: Document, zone: ZoneInfo) -> WorkingTime:
    """Hours as a version remembers them, as the planner reads them."""
    pattern = tuple(
        ShiftFact(weekday, time.fromisoformat(starts), time.fromisoformat(ends))
        for weekday, starts, ends in document["pattern"]
    )
    exceptions = {
        date.fromisoformat(day): tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in said["hours"])
        for day, said in document["days"].items()
    }
    return WorkingTime(zone, pattern, exceptions)
