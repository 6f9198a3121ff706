"""Slots: the stretches of agents' shifts, kept as rows so that a plan can point at them."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Text, and_, cast, delete, exists, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from callback.db import bulk
from callback.db.among import among, plain, plain_scalars
from callback.db.tables import Agent, Callback, Shift, ShiftException, Slot
from callback.db.waiting import Waiting
from callback.domain.assignment import SlotFact
from callback.domain.duration import Durations
from callback.domain.facts import AgentFacts, ShiftFact
from callback.domain.shift import WorkingTime
from callback.domain.words import LIVE_STATES, CallbackState, Purpose


def agents_at_work(session: Session, *, which: ColumnElement[bool] | None = None) -> dict[int, AgentFacts]:
    """Every active agent with a shift pattern, whatever the role: a supervisor with shifts makes calls too.

    `which`: only those of whom it is true.
    """
    lists = (cast(Agent.languages, Text), cast(Agent.skills, Text))
    columns = (Agent.id, *lists, Agent.team_id, Agent.daily_capacity, Agent.time_zone)
    has_hours = or_(
        exists().where(Shift.agent_id == Agent.id),
        exists().where(ShiftException.agent_id == Agent.id),
    )
    statement = select(*columns).where(Agent.active, has_hours).order_by(Agent.id)
    if which is not None:
        statement = statement.where(which)
    return {
        agent_id: AgentFacts(
            id=agent_id,
            languages=_words(languages),
            skills=_words(skills),
            team_id=team_id,
            daily_capacity=daily_capacity,
            zone=ZoneInfo(time_zone),
        )
        for agent_id, languages, skills, team_id, daily_capacity, time_zone in plain(session, statement).all()
    }


@lru_cache(maxsize=4096)
def _words(listed: str) -> frozenset[str]:
    """Of a list as the database writes it: hundreds of agents have the same few, and each is read once."""
    return frozenset(json.loads(listed))


def working_times(session: Session, agents: Mapping[int, AgentFacts]) -> dict[int, WorkingTime]:
    """The week pattern and the exceptions of each agent. Agents with the same hours share one object."""
    patterns: defaultdict[int, list[ShiftFact]] = defaultdict(list)
    weekly = select(Shift.agent_id, Shift.weekday, Shift.starts, Shift.ends)
    for agent_id, weekday, starts, ends in plain(session, weekly.where(among(session, Shift.agent_id, agents))).all():
        patterns[agent_id].append(_shift(weekday, starts, ends))
    exceptions: defaultdict[int, defaultdict[date, list[tuple[time, time]]]] = defaultdict(lambda: defaultdict(list))
    columns = (ShiftException.agent_id, ShiftException.day, ShiftException.starts, ShiftException.ends)
    changed = select(*columns).where(among(session, ShiftException.agent_id, agents))
    for agent_id, day, starts, ends in plain(session, changed).all():
        hours = exceptions[agent_id][day]
        if starts is not None:
            hours.append((starts, ends))
    shared: dict[tuple[ZoneInfo, tuple[ShiftFact, ...]], WorkingTime] = {}
    found: dict[int, WorkingTime] = {}
    for agent_id, agent in agents.items():
        pattern = tuple(patterns[agent_id])
        if agent_id in exceptions:
            days = {day: tuple(hours) for day, hours in exceptions[agent_id].items()}
            found[agent_id] = WorkingTime(agent.zone, pattern, days)
            continue
        known = shared.get((agent.zone, pattern))
        found[agent_id] = known or shared.setdefault((agent.zone, pattern), WorkingTime(agent.zone, pattern, {}))
    return found


@lru_cache(maxsize=4096)
def _shift(weekday: int, starts: time, ends: time) -> ShiftFact:
    return ShiftFact(weekday, starts, ends)


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
    missing = {(agent_id, start): end for agent_id, start, end in wanted}
    last = max({start for _, start in missing}, default=since)
    statement = select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at).where(Slot.starts_at >= since)
    if agents is not None:
        statement = statement.where(among(session, Slot.agent_id, agents))
    gone: list[int] = []
    for slot_id, agent_id, starts_at, ends_at in plain(session, statement).all():
        key = (agent_id, starts_at)
        if missing.get(key) == ends_at:
            del missing[key]
        elif starts_at <= last:
            gone.append(slot_id)
    released = release(session, slot_ids=gone)
    for start in range(0, len(gone), 5_000):
        chunk = gone[start : start + 5_000]
        session.execute(update(Callback).where(Callback.slot_id.in_(chunk)).values(slot_id=None))
        session.execute(delete(Slot).where(Slot.id.in_(chunk)))
    bulk.insert_missing_rows(
        session,
        Slot.__table__,  # type: ignore[arg-type]
        ("agent_id", "starts_at", "ends_at"),
        [(*key, missing[key]) for key in sorted(missing)],
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
    purpose: Purpose
    first_at: datetime
    number: int


def read_bookings(session: Session, *, since: datetime, only: Collection[int] | None = None) -> list[Booking]:
    """What is booked in slots for moments from `since` on; `only`: for these agents."""
    statement = (
        select(Callback.slot_id, Callback.agent_id, Callback.purpose, func.min(Callback.planned_at), func.count())
        .where(
            Callback.slot_id.is_not(None),
            Callback.agent_id.is_not(None),
            Callback.state.in_(LIVE_STATES),
            Callback.planned_at >= since,
        )
        .group_by(Callback.slot_id, Callback.agent_id, Callback.purpose)
    )
    return [Booking._make(row) for row in plain(session, _of(session, statement, Callback.agent_id, only)).all()]


def _of(
    session: Session,
    statement: Select[Any],
    column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
    only: Collection[int] | None,
) -> Select[Any]:
    return statement if only is None else statement.where(among(session, column, only))


def open_slots(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    agents: Mapping[int, AgentFacts],
    durations: Durations,
    bookings: Sequence[Booking],
    moving: Sequence[Waiting] = (),
    only: Collection[int] | None = None,
) -> tuple[SlotFact, ...]:
    """Slots of `agents` that end after `since` and start before `until`, each with what is booked in it already.

    `moving` callbacks are not counted: their places are given anew.
    """
    booked: Counter[int] = Counter()
    for booking in bookings:
        booked[booking.slot_id] += booking.number * durations.of(booking.purpose)
    for row in moving:
        if row.slot_id is not None:
            booked[row.slot_id] -= durations.of(row.purpose)
    statement = (
        select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at)
        .where(Slot.ends_at > since, Slot.starts_at < until)
        .order_by(Slot.starts_at, Slot.agent_id)
    )
    facts: list[SlotFact] = []
    begin = end = since
    pace = durations.pace
    for slot_id, agent_id, starts_at, ends_at in plain(session, _of(session, statement, Slot.agent_id, only)).all():
        if agent_id not in agents:
            continue
        # One object for each moment: a datetime works out its hash only once.
        begin = begin if begin == starts_at else starts_at
        end = end if end == ends_at else ends_at
        used = booked.get(slot_id, 0)
        if used and agent_id in pace:
            used = round(used * pace[agent_id])
        if begin < since:
            # What has passed of the running slot cannot be booked any more.
            used = max(used, int((since - begin).total_seconds()))
        facts.append(SlotFact(slot_id, agent_id, begin, end, used))
    return tuple(facts)


def booked_per_day(
    session: Session,
    agents: Mapping[int, AgentFacts],
    *,
    since: datetime,
    bookings: Sequence[Booking],
    moving: Sequence[Waiting] = (),
    only: Collection[int] | None = None,
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
        count(booking.agent_id, booking.first_at, booking.number)
    for statement in (elsewhere, finished):
        for agent_id, at, number in plain(session, _of(session, statement, Callback.agent_id, only)):
            count(agent_id, at, number)
    for row in moving:
        if row.agent_id is not None and row.planned_at is not None:
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
