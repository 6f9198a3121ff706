"""Slots: the stretches of agents' shifts, kept as rows so that a plan can point at them."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    Text,
    and_,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from callback.db import bulk
from callback.db.among import among, plain, plain_scalars
from callback.db.claims import callbacks_in_order
from callback.db.tables import Agent, Appointment, Callback, Shift, ShiftException, Slot
from callback.db.tables.callbacks import PINNED
from callback.db.waiting import Waiting
from callback.domain.assignment import SlotFact
from callback.domain.duration import Durations
from callback.domain.facts import AgentFacts, ShiftFact
from callback.domain.shift import WorkingTime
from callback.domain.words import LIVE_STATES, AppointmentState, CallbackState, Purpose


def agents_at_work(session: Session, *, which: ColumnElement[bool] | None = None) -> dict[int, AgentFacts]:
    """Every active agent with a shift pattern, whatever the role: a supervisor with shifts makes calls too.

    `which`: only those of whom it is true.
    """
    has_hours = or_(
        exists().where(Shift.agent_id == Agent.id),
        exists().where(ShiftException.agent_id == Agent.id),
    )
    return _agents(session, has_hours if which is None else and_(has_hours, which))


def agents_by_id(session: Session, ids: Collection[int]) -> dict[int, AgentFacts]:
    """These of the active agents, with hours or without."""
    return _agents(session, Agent.id.in_(ids)) if ids else {}


def name_of(session: Session, agent_id: int) -> str:
    return session.scalars(select(Agent.name).where(Agent.id == agent_id)).one()


def _agents(session: Session, which: ColumnElement[bool]) -> dict[int, AgentFacts]:
    lists = (cast(Agent.languages, Text), cast(Agent.skills, Text))
    columns = (Agent.id, *lists, Agent.team_id, Agent.daily_capacity, Agent.time_zone)
    statement = select(*columns).where(Agent.active, which).order_by(Agent.id)
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
    patterns = weeks(session, among(session, Shift.agent_id, agents))
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
        pattern = tuple(patterns.get(agent_id, ()))
        if agent_id in exceptions:
            days = {day: tuple(hours) for day, hours in exceptions[agent_id].items()}
            found[agent_id] = WorkingTime(agent.zone, pattern, days)
            continue
        known = shared.get((agent.zone, pattern))
        found[agent_id] = known or shared.setdefault((agent.zone, pattern), WorkingTime(agent.zone, pattern, {}))
    return found


def weeks(session: Session, *which: ColumnElement[bool]) -> dict[int, list[ShiftFact]]:
    """The week patterns of agents who have one, in the order of the days; `which`: conditions on agents or shifts.

    Thousands of shifts are a handful of different hours: those are the rows that are read, each with its people in one
    text, and who works the same hours shares one fact.
    """
    hours = (Shift.weekday, Shift.starts, Shift.ends)
    people = func.aggregate_strings(cast(Shift.agent_id, String), ",")
    query = select(*hours, people).join(Agent, Agent.id == Shift.agent_id).where(*which)
    found: defaultdict[int, list[ShiftFact]] = defaultdict(list)
    for weekday, starts, ends, agent_ids in plain(session, query.group_by(*hours).order_by(*hours)).all():
        fact = ShiftFact(weekday, starts, ends)
        for agent_id in agent_ids.split(","):
            found[int(agent_id)].append(fact)
    return dict(found)


class Stranded(NamedTuple):
    """A callback that has an agent and a moment, and whose slot has gone."""

    id: int
    agent_id: int
    planned_at: datetime
    purpose: Purpose
    pinned: bool
    state: CallbackState


STRANDED = (
    Callback.id, Callback.agent_id, Callback.planned_at, Callback.purpose, Callback.pinned, Callback.state,
)  # fmt: skip
Stands = Callable[[int, datetime, datetime], bool]
"""Whether an agent's hours have a slot with this start and end."""
NOWHERE = {"state": CallbackState.WAITING, "agent_id": None, "slot_id": None, "planned_at": None}


def keep_slots(
    session: Session,
    wanted: Iterable[tuple[int, datetime, datetime]],
    *,
    since: datetime,
    stands: Stands,
    which: ColumnElement[bool] | None = None,
) -> list[Stranded]:
    """Make slots of `wanted` (agent, start, end), and take away those from `since` on that no hours speak for any more.

    `stands` answers for a slot that is not wanted now: one beyond the horizon, of a later day's planning, may stay.
    With `which` only the slots of these agents are looked at. Returns what stood in slots that have gone (absence, a
    changed shift), and what a supervisor pinned beside all slots: both are locked until the end of the transaction.
    """
    missing = {(agent_id, start): end for agent_id, start, end in wanted}
    statement = select(Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at).where(Slot.starts_at >= since)
    whose = None if which is None else select(Agent.id).where(which)
    if whose is not None:
        statement = statement.where(Slot.agent_id.in_(whose))
    gone: list[int] = []
    for slot_id, agent_id, starts_at, ends_at in plain(session, statement).all():
        key = (agent_id, starts_at)
        if missing.get(key) == ends_at:
            del missing[key]
        elif not stands(agent_id, starts_at, ends_at):
            gone.append(slot_id)
    beside = select(*STRANDED).where(
        text(PINNED), Callback.slot_id.is_(None), Callback.agent_id.is_not(None), Callback.planned_at >= since
    )
    if whose is not None:
        beside = beside.where(Callback.agent_id.in_(whose))
    stranded = [
        Stranded._make(row) for row in plain(session, beside.order_by(Callback.id).with_for_update(key_share=True))
    ]
    for start in range(0, len(gone), 5_000):
        chunk = gone[start : start + 5_000]
        freed = update(Callback).where(callbacks_in_order(Callback.slot_id.in_(chunk))).values(slot_id=None)
        rows = session.execute(freed.returning(*STRANDED).execution_options(synchronize_session=False))
        stranded += [Stranded._make(row) for row in rows if row.agent_id is not None and row.planned_at is not None]
        session.execute(delete(Slot).where(Slot.id.in_(chunk)))
    bulk.insert_missing_rows(
        session,
        Slot.__table__,  # type: ignore[arg-type]
        ("agent_id", "starts_at", "ends_at"),
        [(*key, missing[key]) for key in sorted(missing)],
    )
    return stranded


def put_into(session: Session, slot_of: Mapping[int, int]) -> None:
    """Callback → slot, of callbacks that are locked. Nothing that anybody sees changes, so no version does."""
    bulk.update_rows(session, Callback.__table__, ("slot_id",), sorted(slot_of.items()))  # type: ignore[arg-type]


def release(session: Session, callback_ids: Sequence[int], *, now: datetime) -> int:
    """Those of them that are only planned wait for a new place; returns how many."""
    released = 0
    ordered = sorted(callback_ids)
    for start in range(0, len(ordered), 5_000):
        chunk = ordered[start : start + 5_000]
        result = session.execute(
            update(Callback)
            .where(callbacks_in_order(Callback.id.in_(chunk), Callback.state == CallbackState.ASSIGNED))
            .values(**NOWHERE, updated_at=now, version=Callback.version + 1)
            .execution_options(synchronize_session=False)
        )
        released += result.rowcount  # type: ignore[attr-defined]
    return released


def slots_of(session: Session, agents: Collection[int], *, since: datetime) -> Sequence[Row[Any]]:
    """Slots of these agents that begin from `since` on."""
    columns = (Slot.id, Slot.agent_id, Slot.starts_at, Slot.ends_at)
    return plain(session, select(*columns).where(among(session, Slot.agent_id, agents), Slot.starts_at >= since)).all()


def with_appointments(session: Session, callback_ids: Collection[int]) -> set[int]:
    """Those that the customer made an appointment for."""
    statement = select(Appointment.callback_id).where(
        Appointment.state == AppointmentState.OPEN, among(session, Appointment.callback_id, callback_ids)
    )
    return set(plain_scalars(session, statement))


def hold(session: Session, ids: Collection[int]) -> frozenset[int]:
    """Those of the slots that are there; they stay until the transaction is over."""
    found: set[int] = set()
    wanted = sorted(ids)
    for start in range(0, len(wanted), 10_000):
        query = select(Slot.id).where(among(session, Slot.id, wanted[start : start + 10_000])).order_by(Slot.id)
        found.update(plain_scalars(session, query.with_for_update(read=True, key_share=True)))
    return frozenset(found)


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
