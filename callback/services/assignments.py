"""Assignment: waiting callbacks get an agent and a slot. Hard rules decide what is possible, the assigner chooses.

Read, think, write are three steps: nothing is locked while the assigner thinks. What somebody changed in between is
left alone (the write is conditional) and comes again next time.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Table, or_, select, update
from sqlalchemy.orm import Session, aliased

from callback.db import bulk, plans, slots
from callback.db.among import among, plain
from callback.db.customers import customer_facts
from callback.db.engine import SessionFactory, reading
from callback.db.policies import load_policy
from callback.db.tables import Agent, Appointment, Callback, Case, Decision
from callback.domain.assignment import Assigner, Demand, Left, Placement, PlainAssigner, Roster
from callback.domain.facts import AgentFacts, CaseFacts
from callback.domain.moment import calling_hours, start_of_day
from callback.domain.policy import Policy
from callback.domain.rules import Contact, may, next_legal_moment, refusals
from callback.domain.words import AppointmentState, BlockedBy, CallbackState, Channel, Purpose
from callback.services.calendars import load_calendars, years_around

CALLBACKS: Table = Callback.__table__  # type: ignore[assignment]
DECISIONS: Table = Decision.__table__  # type: ignore[assignment]
READ_CHUNK = 5_000
BLOCKS = {
    "nobody_qualifies": BlockedBy.NOBODY_QUALIFIES,
    "owner_away": BlockedBy.NOBODY_QUALIFIES,
    "no_legal_moment": BlockedBy.NO_LEGAL_MOMENT,
}
"""What is left for these reasons waits for a supervisor; what is left for want of room waits for the next planning."""


@dataclass(slots=True)
class AssignmentReport:
    assigned: int = 0
    released: int = 0
    """Callbacks that lost their place: the day has passed, the agent is absent or has left."""
    left: Counter[str] = field(default_factory=Counter)
    """Not placed, by reason."""


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
    Callback.version,
    Callback.blocked_by,
    Case.status,
    Case.opened_at,
    Case.required_skill,
    Appointment.at.label("appointment_at"),
    Appointment.agent_id.label("appointment_agent_id"),
)


def assign(
    sessions: SessionFactory,
    *,
    now: datetime,
    zone: ZoneInfo,
    moment: datetime | None = None,
    assigner: Assigner | None = None,
) -> AssignmentReport:
    """Place every waiting callback that an agent has to make, over the policy's horizon.

    `zone` is the centre's: it decides when a day has passed. `moment` as in `services.plans.plan`. Running it again
    moves nothing that has its place.
    """
    moment = moment or now
    report = AssignmentReport()
    with planner_lock(sessions):
        with sessions.begin() as session:
            report.released = prepare(session, now=now, moment=moment, zone=zone)
        with reading(sessions) as session:
            policy = load_policy(session)
            waiting = read_waiting(session)
            items = [item for _, _, item in build_items(session, waiting, moment=moment, policy=policy)]
            roster = read_roster(session, waiting, moment=moment, policy=policy)
        demands = [item for item in items if isinstance(item, Demand)]
        placed, left = (assigner or PlainAssigner()).assign(demands, roster, policy)
        blocked_already = {row.id: row.blocked_by for row in waiting if row.blocked_by is not None}
        left = [*left, *(item for item in items if isinstance(item, Left))]
        news = [item for item in left if blocked_already.get(item.callback_id) is not BLOCKS.get(item.reason)]
        versions = {row.id: (row.version, row.case_id) for row in waiting}
        with sessions.begin() as session:
            report.assigned = write(session, placed, news, versions, now=now)
        report.left = Counter(item.reason for item in left)
    return report


@contextmanager
def planner_lock(sessions: SessionFactory) -> Iterator[None]:
    """One assignment at a time over all machines; on SQLite the write is conditional and that is enough."""
    with sessions() as session:
        plans.lock_planner(session)
        yield
        session.rollback()


def prepare(session: Session, *, now: datetime, moment: datetime, zone: ZoneInfo) -> int:
    """Bring slots up to date and release what has lost its place; returns how many were released."""
    policy = load_policy(session)
    agents = slots.agents_at_work(session)
    hours = slots.working_times(session, agents)
    first = start_of_day(moment.astimezone(zone).date(), zone)
    wanted = [
        (agent_id, slot.start, slot.end)
        for agent_id, agent in agents.items()
        for ahead in range(policy.planning_horizon_days)
        for slot in hours[agent_id].slots(moment.astimezone(agent.zone).date() + timedelta(days=ahead), policy.slot)
        if slot.start >= first
    ]
    released = slots.keep_slots(session, wanted, since=first)
    return released + _release_stale(session, now=now, first=start_of_day(now.astimezone(zone).date(), zone))


def _release_stale(session: Session, *, now: datetime, first: datetime) -> int:
    """Yesterday's leftovers, and what waits for somebody who has left, need a new place. Pinned ones stay."""
    agent = aliased(Agent)
    gone = select(agent.id).where(~agent.active)
    stale = or_(
        (Callback.planned_at < first) & ~Callback.pinned,
        Callback.agent_id.in_(gone),
    )
    result = session.execute(
        update(Callback)
        .where(Callback.state == CallbackState.ASSIGNED, stale)
        .values(
            state=CallbackState.WAITING,
            agent_id=None,
            slot_id=None,
            planned_at=None,
            updated_at=now,
            version=Callback.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def read_waiting(session: Session, callback_ids: Sequence[int] | None = None) -> Sequence[Row[Any]]:
    """Waiting callbacks for agents, or exactly these whatever their state, each with its open appointment."""
    open_appointment = (Appointment.callback_id == Callback.id) & (Appointment.state == AppointmentState.OPEN)
    joined = select(*WAITING_COLUMNS).join(Case, Case.id == Callback.case_id)
    statement = joined.outerjoin(Appointment, open_appointment)
    if callback_ids is None:
        # What was blocked for want of people or moments is tried again: somebody may have joined since.
        retry = (Callback.state == CallbackState.BLOCKED) & Callback.blocked_by.in_(set(BLOCKS.values()))
        due = or_(Callback.state == CallbackState.WAITING, retry)
        statement = statement.where(due, Callback.channel == Channel.AGENT)
        return plain(session, statement.order_by(Callback.due_at, Callback.id)).all()
    found: list[Row[Any]] = []
    for start in range(0, len(callback_ids), READ_CHUNK):
        chunk = callback_ids[start : start + READ_CHUNK]
        found.extend(plain(session, statement.where(among(session, Callback.id, chunk))).all())
    return found


Item = tuple[Row[Any], Contact, "Demand | Left | None"]
"""A waiting callback, the contact it stands for, and what becomes of it (None: its time lies beyond the horizon)."""


def build_items(
    session: Session,
    waiting: Sequence[Row[Any]],
    *,
    moment: datetime,
    policy: Policy,
    only: frozenset[int] | None = None,
) -> list[Item]:
    """Each callback with its earliest legal moment and the people who are out of the question.

    With `only`, nobody else is asked, not even the owner of an appointment.
    """
    agents = slots.agents_at_work(session)
    until = moment + timedelta(days=policy.planning_horizon_days + 1)
    items: list[Item] = []
    for start in range(0, len(waiting), READ_CHUNK):
        for row, contact in read_contacts(session, waiting[start : start + READ_CHUNK], moment=moment):
            items.append((row, contact, _demand(row, contact, policy=policy, until=until, agents=agents, only=only)))
    return items


def read_contacts(
    session: Session, rows: Sequence[Row[Any]], *, moment: datetime
) -> Iterator[tuple[Row[Any], Contact]]:
    """The contact that each callback stands for, at the earliest moment it is wanted."""
    # Only a second call asks who handled the case and what made the customer unhappy; for the rest the row says enough.
    unhappy = sorted({row.case_id for row in rows if row.purpose is Purpose.SECOND_CALL})
    cases = plans.read_cases(session, unhappy)
    customers = customer_facts(session, sorted({row.customer_id for row in rows}), now=moment)
    calendars = load_calendars(session, {c.country for c in customers.values()}, years_around(moment))
    for row in rows:
        customer = customers[row.customer_id]
        yield (
            row,
            Contact(
                at=max(moment, row.next_try_at or row.earliest_at),
                channel=Channel.AGENT,
                purpose=row.purpose,
                customer=customer,
                case=cases.facts.get(row.case_id)
                or CaseFacts(row.case_id, row.status, row.opened_at, required_skill=row.required_skill),
                calendar=calendars[customer.country],
                callback_id=row.id,
                dissatisfaction=cases.flags.get(row.case_id),
                by_appointment=row.appointment_at is not None,
            ),
        )


def _demand(
    row: Row[Any],
    contact: Contact,
    *,
    policy: Policy,
    until: datetime,
    agents: dict[int, AgentFacts],
    only: frozenset[int] | None,
) -> Demand | Left | None:
    """None when its time lies beyond the horizon: it simply waits."""
    if row.appointment_at is not None:
        contact = replace(contact, at=max(contact.at, row.appointment_at))
    earliest = next_legal_moment(contact, policy, until=until)
    if earliest is None:
        later = next_legal_moment(contact, policy, until=contact.at + timedelta(days=60))
        if later is None:
            return Left(row.id, "no_legal_moment")
        return None if row.blocked_by is None else Left(row.id, "later")
    # An appointment that could not be kept to the minute is kept as soon as the rules allow.
    at = row.appointment_at if row.appointment_at is not None and earliest == row.appointment_at else None
    owner = row.appointment_agent_id if row.appointment_at is not None else None
    return Demand(
        callback_id=row.id,
        customer_id=row.customer_id,
        zone=contact.customer.zone,
        language=contact.customer.language,
        earliest=earliest,
        due=row.due_at,
        priority=row.priority,
        legal=_legality(contact, policy),
        skill=contact.case.required_skill,
        excluded=barred_agents(contact, policy, agents),
        only=only if only is not None else (frozenset({owner}) if owner is not None else None),
        at=at,
        seconds=int(policy.handling_time.total_seconds()),
    )


def _legality(contact: Contact, policy: Policy) -> Callable[[datetime], bool]:
    """The hard rules for one customer as a question about a moment.

    For a customer without history the window is the only rule that depends on the moment; then the cheap answer is
    the whole answer.
    """
    customer = contact.customer
    if contact.purpose is not Purpose.SECOND_CALL and not customer.attempts and not customer.suppressions:
        return calling_hours(customer.zone, contact.calendar, policy).is_legal
    return lambda at: not refusals(replace(contact, at=at), policy)


def barred_agents(contact: Contact, policy: Policy, agents: dict[int, AgentFacts]) -> frozenset[int]:
    """Agents with a past in this case whom a rule about persons forbids this call."""
    if contact.purpose is not Purpose.SECOND_CALL:
        return frozenset()
    known = contact.case.handler_ids | {a.agent_id for a in contact.customer.attempts if a.agent_id is not None}
    return frozenset(
        agent_id for agent_id in known if agent_id in agents and may(contact, agents[agent_id], policy) is not None
    )


def read_roster(session: Session, waiting: Sequence[Row[Any]], *, moment: datetime, policy: Policy) -> Roster:
    """Agents, slots and what is booked, over the horizon."""
    agents = slots.agents_at_work(session)
    until = moment + timedelta(days=policy.planning_horizon_days + 1)
    return Roster(
        agents=tuple(agents.values()),
        slots=slots.open_slots(
            session, since=moment, until=until, seconds_each=int(policy.handling_time.total_seconds())
        ),
        booked_today=slots.booked_per_day(session, agents, since=moment - timedelta(days=1)),
        contacts=_placed_contacts(session, {row.customer_id for row in waiting}),
    )


def _placed_contacts(session: Session, customer_ids: set[int]) -> dict[int, tuple[datetime, ...]]:
    """Moments at which other callbacks of these customers are placed already."""
    found: defaultdict[int, tuple[datetime, ...]] = defaultdict(tuple)
    statement = select(Callback.customer_id, Callback.planned_at).where(
        Callback.state.in_((CallbackState.ASSIGNED, CallbackState.IN_PROGRESS)), Callback.planned_at.is_not(None)
    )
    for customer_id, at in session.execute(statement):
        if customer_id in customer_ids:
            found[customer_id] += (at,)
    return found


def write(
    session: Session,
    placed: Iterable[Placement],
    left: Iterable[Left],
    versions: dict[int, tuple[int, int]],
    *,
    now: datetime,
    about: str = "assignment",
    actor_id: int | None = None,
    pinned: bool = False,
) -> int:
    """Write what still holds: what changed since it was read keeps what it has. Returns how many were placed.

    `left` is what has to change its state for not having been placed: blocked now, or not blocked any more.
    """
    placements = {p.callback_id: p for p in placed}
    reasons = {item.callback_id: item.reason for item in left}
    unchanged = _lock_unchanged(session, [*placements, *reasons], versions)
    changes: list[tuple[Any, ...]] = []
    decisions: list[tuple[Any, ...]] = []
    for callback_id in sorted(unchanged):
        version, case_id = versions[callback_id]
        p = placements.get(callback_id)
        if p is not None:
            changes.append(
                (callback_id, CallbackState.ASSIGNED, None, p.agent_id, p.slot_id, p.at, pinned, now, version + 1)
            )
            inputs = {"agent_id": p.agent_id, "at": p.at.isoformat()}
            decisions.append((case_id, callback_id, about, "least_loaded", "assigned", inputs, now, actor_id))
        else:
            reason = reasons[callback_id]
            why = BLOCKS.get(reason)
            state = CallbackState.BLOCKED if why else CallbackState.WAITING
            changes.append((callback_id, state, why, None, None, None, False, now, version + 1))
            decisions.append((case_id, callback_id, about, reason, state.value, {}, now, actor_id))
    columns = ("state", "blocked_by", "agent_id", "slot_id", "planned_at", "pinned", "updated_at", "version")
    bulk.update_rows(session, CALLBACKS, columns, changes)
    decision_columns = ("case_id", "callback_id", "about", "rule", "verdict", "inputs", "at", "actor_id")
    bulk.insert_rows(session, DECISIONS, decision_columns, decisions)
    return sum(1 for callback_id in unchanged if callback_id in placements)


def _lock_unchanged(session: Session, callback_ids: Sequence[int], versions: dict[int, tuple[int, int]]) -> set[int]:
    """The ids among these whose row is as it was read, locked for this transaction."""
    unchanged: set[int] = set()
    for start in range(0, len(callback_ids), READ_CHUNK):
        chunk = callback_ids[start : start + READ_CHUNK]
        statement = (
            select(Callback.id, Callback.version).where(among(session, Callback.id, chunk)).order_by(Callback.id)
        )
        for row in plain(session, statement.with_for_update()):
            if row.version == versions[row.id][0]:
                unchanged.add(row.id)
    return unchanged
