"""Slots: the stretches of agents' shifts, kept as rows so that a plan can point at them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, delete, func, select, update
from sqlalchemy.orm import Session

from callback.db import bulk
from callback.db.among import among, plain, plain_scalars
from callback.db.tables import Agent, Callback, Shift, ShiftException, Slot
from callback.domain.assignment import SlotFact
from callback.domain.duration import Durations
from callback.domain.facts import AgentFacts, ShiftFact
from callback.domain.shift import WorkingTime
from callback.domain.words import LIVE_STATES, CallbackState, Purpose


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


def keep_slots(
    session: Session,
    wanted: Iterable[tuple[int, datetime, datetime]],
    *,
    since: datetime,
    agents: Collection[int] | None = None,
) -> int:
    """Make the future slots of every agent equal `wanted` (agent, start, end); returns how many callbacks lost theirs.

    A slot that has gone (absence, a changed shift) gives its callbacks back: they wait for a new place. With `agents`
    the slots of others are not looked at.
    """
    target = {(agent_id, start): end for agent_id, start, end in wanted}
    statement = select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at).where(Slot.starts_at >= since)
    if agents is not None:
        statement = statement.where(among(session, Slot.agent_id, agents))
    present = {(row.agent_id, row.starts_at): row for row in plain(session, statement).all()}
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


class Booking(NamedTuple):
    """So many live callbacks of one purpose in one slot."""

    slot_id: int
    agent_id: int
    starts_at: datetime
    purpose: Purpose
    number: int


def read_bookings(session: Session, *, since: datetime) -> list[Booking]:
    """What is booked in slots that start from `since` on."""
    statement = (
        select(Slot.id, Slot.agent_id, Slot.starts_at, Callback.purpose, func.count())
        .join(Callback, Callback.slot_id == Slot.id)
        .where(Callback.state.in_(LIVE_STATES), Slot.starts_at >= since)
        .group_by(Slot.id, Callback.purpose)
    )
    return [Booking._make(row) for row in plain(session, statement).all()]


def open_slots(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    agents: Mapping[int, AgentFacts],
    durations: Durations,
    bookings: Sequence[Booking],
    moving: Sequence[Row[Any]] = (),
) -> tuple[SlotFact, ...]:
    """Slots of `agents` that end after `since` and start before `until`, each with what is booked in it already.

    `moving` callbacks are not counted: their places are given anew.
    """
    booked: Counter[int] = Counter()
    for booking in bookings:
        booked[booking.slot_id] += booking.number * durations.of(booking.purpose)
    for row in moving:
        booked[row.slot_id] -= durations.of(row.purpose)
    statement = (
        select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at)
        .where(Slot.ends_at > since, Slot.starts_at < until)
        .order_by(Slot.starts_at, Slot.agent_id)
    )
    facts: list[SlotFact] = []
    for slot_id, agent_id, starts_at, ends_at in plain(session, statement).all():
        if agent_id not in agents:
            continue
        used = round(booked[slot_id] * durations.pace.get(agent_id, 1.0))
        if starts_at < since:
            # What has passed of the running slot cannot be booked any more.
            used = max(used, int((since - starts_at).total_seconds()))
        facts.append(SlotFact(slot_id, agent_id, starts_at, ends_at, used))
    return tuple(facts)


def booked_per_day(
    session: Session,
    agents: Mapping[int, AgentFacts],
    *,
    since: datetime,
    bookings: Sequence[Booking],
    moving: Sequence[Row[Any]] = (),
) -> Counter[tuple[int, date]]:
    """Callbacks per agent and local day: planned ones, and the ones finished that day."""
    load: Counter[tuple[int, date]] = Counter()
    live = and_(Callback.agent_id.is_not(None), Callback.state.in_(LIVE_STATES), Callback.planned_at >= since)
    elsewhere = (
        select(Callback.agent_id, Callback.planned_at, func.count())
        .where(live, Callback.slot_id.is_(None))
        .group_by(Callback.agent_id, Callback.planned_at)
    )
    finished = (
        select(Callback.agent_id, Callback.finished_at, func.count())
        .where(Callback.agent_id.is_not(None), Callback.finished_at >= since, Callback.state == "done")
        .group_by(Callback.agent_id, Callback.finished_at)
    )
    local: dict[tuple[ZoneInfo, datetime], date] = {}

    def count(agent_id: int, at: datetime, number: int) -> None:
        agent = agents.get(agent_id)
        if agent is not None:
            day = local.get((agent.zone, at))
            if day is None:
                day = local[agent.zone, at] = at.astimezone(agent.zone).date()
            load[agent_id, day] += number

    for booking in bookings:
        count(booking.agent_id, booking.starts_at, booking.number)
    for statement in (elsewhere, finished):
        for agent_id, at, number in plain(session, statement):
            count(agent_id, at, number)
    for row in moving:
        count(row.agent_id, row.planned_at, -1)
    return load


def placed_contacts(
    session: Session, customer_ids: Collection[int], *, except_for: Collection[int] = ()
) -> dict[int, tuple[datetime, ...]]:
    """Moments at which callbacks of these customers are placed already."""
    found: defaultdict[int, tuple[datetime, ...]] = defaultdict(tuple)
    wanted = sorted(customer_ids)
    for start in range(0, len(wanted), 10_000):
        statement = select(Callback.id, Callback.customer_id, Callback.planned_at).where(
            among(session, Callback.customer_id, wanted[start : start + 10_000]),
            Callback.state.in_((CallbackState.ASSIGNED, CallbackState.IN_PROGRESS)),
            Callback.planned_at.is_not(None),
        )
        for callback_id, customer_id, at in plain(session, statement):
            if callback_id not in except_for:
                found[customer_id] += (at,)
    return dict(found)


def customers_with_several(session: Session, customer_ids: Collection[int]) -> set[int]:
    """Those among them who have more than one live callback."""
    found: set[int] = set()
    wanted = sorted(customer_ids)
    for start in range(0, len(wanted), 10_000):
        statement = (
            select(Callback.customer_id)
            .where(
                among(session, Callback.customer_id, wanted[start : start + 10_000]),
                Callback.state.in_(LIVE_STATES),
            )
            .group_by(Callback.customer_id)
            .having(func.count() > 1)
        )
        found.update(plain_scalars(session, statement))
    return found
