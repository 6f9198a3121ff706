"""Slots: the stretches of agents' shifts, kept as rows so that a plan can point at them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from callback.db import bulk
from callback.db.among import plain
from callback.db.tables import Agent, Callback, Shift, ShiftException, Slot
from callback.domain.assignment import SlotFact
from callback.domain.facts import AgentFacts, ShiftFact
from callback.domain.shift import WorkingTime
from callback.domain.words import LIVE_STATES


def agents_at_work(session: Session) -> dict[int, AgentFacts]:
    """Every active agent with a shift pattern, whatever the role: a supervisor with shifts makes calls too."""
    agents = session.execute(
        select(Agent.id, Agent.languages, Agent.skills, Agent.team_id, Agent.daily_capacity, Agent.time_zone)
        .where(Agent.active)
        .order_by(Agent.id)
    ).all()
    with_shifts = set(session.scalars(select(Shift.agent_id).distinct()))
    with_shifts |= set(session.scalars(select(ShiftException.agent_id).distinct()))
    return {
        a.id: AgentFacts(
            id=a.id,
            languages=frozenset(a.languages),
            skills=frozenset(a.skills),
            team_id=a.team_id,
            daily_capacity=a.daily_capacity,
            zone=ZoneInfo(a.time_zone),
        )
        for a in agents
        if a.id in with_shifts
    }


def working_times(session: Session, agents: Mapping[int, AgentFacts]) -> dict[int, WorkingTime]:
    """The week pattern and the exceptions of each agent."""
    patterns: defaultdict[int, list[ShiftFact]] = defaultdict(list)
    for shift in session.execute(select(Shift.agent_id, Shift.weekday, Shift.starts, Shift.ends)):
        patterns[shift.agent_id].append(ShiftFact(shift.weekday, shift.starts, shift.ends))
    exceptions: defaultdict[int, defaultdict[date, list[tuple[time, time]]]] = defaultdict(lambda: defaultdict(list))
    columns = (ShiftException.agent_id, ShiftException.day, ShiftException.starts, ShiftException.ends)
    for change in session.execute(select(*columns)):
        hours = exceptions[change.agent_id][change.day]
        if change.starts is not None:
            hours.append((change.starts, change.ends))
    return {
        agent_id: WorkingTime(
            agent.zone,
            tuple(patterns[agent_id]),
            {day: tuple(hours) for day, hours in exceptions[agent_id].items()},
        )
        for agent_id, agent in agents.items()
    }


def keep_slots(session: Session, wanted: Iterable[tuple[int, datetime, datetime]], *, since: datetime) -> int:
    """Make the future slots of every agent equal `wanted` (agent, start, end); returns how many callbacks lost theirs.

    A slot that has gone (absence, a changed shift) gives its callbacks back: they wait for a new place.
    """
    target = {(agent_id, start): end for agent_id, start, end in wanted}
    present = {
        (row.agent_id, row.starts_at): row
        for row in session.execute(
            select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at).where(Slot.starts_at >= since)
        )
    }
    last = max((start for _, start in target), default=since)
    gone = [
        row.id
        for key, row in present.items()
        if (key not in target or target[key] != row.ends_at) and row.starts_at <= last
    ]
    released = release(session, slot_ids=gone)
    for start in range(0, len(gone), 5_000):
        chunk = gone[start : start + 5_000]
        session.execute(update(Callback).where(Callback.slot_id.in_(chunk)).values(slot_id=None))
        session.execute(delete(Slot).where(Slot.id.in_(chunk)))
    missing = sorted(set(target) - {key for key, row in present.items() if target.get(key) == row.ends_at})
    bulk.insert_missing(
        session,
        Slot.__table__,  # type: ignore[arg-type]
        [{"agent_id": agent_id, "starts_at": start, "ends_at": target[agent_id, start]} for agent_id, start in missing],
    )
    return released


def release(session: Session, *, slot_ids: Sequence[int]) -> int:
    """Callbacks in these slots wait for a new place; appointments and calls under way stay as they are."""
    released = 0
    for start in range(0, len(slot_ids), 5_000):
        result = session.execute(
            update(Callback)
            .where(Callback.slot_id.in_(slot_ids[start : start + 5_000]), Callback.state == "assigned")
            .values(state="waiting", agent_id=None, slot_id=None, planned_at=None, version=Callback.version + 1)
            .execution_options(synchronize_session=False)
        )
        released += result.rowcount  # type: ignore[attr-defined]
    return released


def open_slots(session: Session, *, since: datetime, until: datetime, seconds_each: int) -> tuple[SlotFact, ...]:
    """Slots that end after `since` and start before `until`, each with what is booked in it already."""
    booked: Counter[int] = Counter()
    counted = (
        select(Callback.slot_id, func.count())
        .join(Slot, Slot.id == Callback.slot_id)
        .where(Callback.state.in_(LIVE_STATES), Slot.ends_at > since, Slot.starts_at < until)
        .group_by(Callback.slot_id)
    )
    for slot_id, count in plain(session, counted):
        booked[slot_id] = count
    rows = plain(
        session,
        select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at)
        .where(Slot.ends_at > since, Slot.starts_at < until)
        .order_by(Slot.starts_at, Slot.agent_id),
    )
    facts: list[SlotFact] = []
    for row in rows:
        used = booked[row.id] * seconds_each
        if row.starts_at < since:
            # What has passed of the running slot cannot be booked any more.
            used = max(used, int((since - row.starts_at).total_seconds()))
        facts.append(SlotFact(row.id, row.agent_id, row.starts_at, row.ends_at, used))
    return tuple(facts)


def booked_per_day(session: Session, agents: Mapping[int, AgentFacts], *, since: datetime) -> Counter[tuple[int, date]]:
    """Callbacks per agent and local day: planned ones, and the ones finished that day."""
    load: Counter[tuple[int, date]] = Counter()
    planned = select(Callback.agent_id, Callback.planned_at).where(
        Callback.agent_id.is_not(None), Callback.state.in_(LIVE_STATES), Callback.planned_at >= since
    )
    finished = select(Callback.agent_id, Callback.finished_at).where(
        Callback.agent_id.is_not(None), Callback.finished_at >= since, Callback.state == "done"
    )
    for statement in (planned, finished):
        for agent_id, at in plain(session, statement):
            agent = agents.get(agent_id)
            if agent is not None:
                load[agent_id, at.astimezone(agent.zone).date()] += 1
    return load
