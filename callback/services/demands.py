"""What the assigner is asked: callbacks as demands, and the people and hours that there are for them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.orm import Session, aliased

from callback.db import durations, plans, slots
from callback.db.among import among, plain
from callback.db.customers import customer_facts
from callback.db.slots import Booking
from callback.db.tables import Agent, Appointment, Callback, Case
from callback.domain.appointment import Keeper, keeper
from callback.domain.assignment import Demand, Left, Odds, Roster
from callback.domain.contact import NO_HISTORY, PARTS, Forecast, person_of
from callback.domain.duration import Durations, learn_durations
from callback.domain.facts import AgentFacts, CaseFacts, CustomerFacts
from callback.domain.legality import is_unburdened, legal_stretches
from callback.domain.moment import Interval, calling_hours
from callback.domain.policy import Policy
from callback.domain.rules import Contact, may, next_legal_moment, refusals
from callback.domain.rules.wish import narrowed, wanted_parts
from callback.domain.shift import WorkingTime
from callback.domain.words import AppointmentState, BlockedBy, CallbackState, Channel, Purpose
from callback.services.calendars import load_calendars, years_around
from callback.services.contact_rates import load_forecast, seed_of

READ_CHUNK = 5_000
FAR = timedelta(days=60)
"""How far ahead a legal moment is looked for before a supervisor is asked."""
RETRIED = (BlockedBy.NOBODY_QUALIFIES, BlockedBy.NO_LEGAL_MOMENT)
"""Blocked for want of people or moments: somebody may have joined since."""
YESTERDAY = timedelta(days=1)
UNWANTED = 0.5
"""What a contact at another time than the customer asked for is worth, against one at their time."""
KNOWN_CALLER = (Purpose.ANSWER, Purpose.HOLDING)
"""Better told by who knows the case."""

Owner = aliased(Agent)
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
    Callback.slot_id,
    Callback.planned_at,
    Callback.version,
    Callback.blocked_by,
    Case.status,
    Case.opened_at,
    Case.owner_id,
    Case.required_skill,
    Appointment.at.label("appointment_at"),
    Appointment.agent_id.label("appointment_agent_id"),
    Owner.team_id.label("appointment_team_id"),
)
Item = tuple[Row[Any], Contact, "Demand | Left | None"]
"""A callback, the contact it stands for, and what becomes of it (None: its time lies beyond the horizon)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Which part of the centre is planned: everything, one team, or what belongs to no team."""

    by_team: bool = False
    team_id: int | None = None

    @property
    def name(self) -> str:
        if not self.by_team:
            return "all"
        return "rest" if self.team_id is None else f"team-{self.team_id}"

    def cases(self) -> ColumnElement[bool]:
        """SQL condition on `cases`."""
        return Case.team_id == self.team_id if self.team_id is not None else Case.team_id.is_(None)

    def agents(self) -> ColumnElement[bool] | None:
        """SQL condition on `agents`; None: everybody."""
        if not self.by_team:
            return None
        return Agent.team_id == self.team_id if self.team_id is not None else Agent.team_id.is_(None)


EVERYTHING = Shard()


@dataclass(frozen=True, slots=True)
class People:
    """Who is at work in a shard, and when."""

    agents: Mapping[int, AgentFacts]
    hours: Mapping[int, WorkingTime]
    only: frozenset[int] | None
    """Nobody else is looked at; None: these are all there are."""


def read_people(session: Session, shard: Shard = EVERYTHING) -> People:
    agents = slots.agents_at_work(session, which=shard.agents())
    return People(agents, slots.working_times(session, agents), frozenset(agents) if shard.by_team else None)


def without(people: People, absent: Collection[int]) -> People:
    """The same without those who are absent: no hours, and no appointment is theirs to keep."""
    here = {agent_id: agent for agent_id, agent in people.agents.items() if agent_id not in absent}
    only = None if people.only is None else people.only - frozenset(absent)
    return People(here, {agent_id: people.hours[agent_id] for agent_id in here}, only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What all demands of one planning share."""

    moment: datetime
    until: datetime
    policy: Policy
    people: People
    durations: Durations
    odds: "OddsBook"

    @property
    def agents(self) -> Mapping[int, AgentFacts]:
        return self.people.agents


def read_facts(
    session: Session, *, moment: datetime, policy: Policy, zone: ZoneInfo, people: People | None = None
) -> Facts:
    """`people`: those of a shard; default: everybody."""
    return Facts(
        moment=moment,
        until=moment + timedelta(days=policy.planning_horizon_days + 1),
        policy=policy,
        people=people or read_people(session),
        durations=read_durations(session, moment=moment, policy=policy),
        odds=OddsBook(load_forecast(session, seed=seed_of(moment, zone)), policy.holdout_share),
    )


def read_durations(session: Session, *, moment: datetime, policy: Policy) -> Durations:
    measured = durations.measured(session, now=moment)
    return learn_durations(measured, ordinary_s=policy.handling_time.total_seconds())


class OddsBook:
    """The chances of contact of each customer; customers alike share one table, so that planning knows them alike."""

    def __init__(self, forecast: Forecast, holdout_share: float) -> None:
        self._forecast, self._holdout_share = forecast, holdout_share
        self._known: dict[object, Odds] = {}

    def of(self, customer: CustomerFacts) -> Odds | None:
        """None for a customer without a good number."""
        person = person_of(customer, holdout_share=self._holdout_share)
        if person is None:
            return None
        alike: tuple[object, ...] = (person.kind, person.learning)
        if person.learning:
            stratum = person.customer_id % self._forecast.figures.strata
            alike += (stratum, None if person.history is NO_HISTORY else person.history)
        alike += (customer.preferred,)
        found = self._known.get(alike)
        if found is None:
            found = {(day, part): self._forecast.chance(person, part, day) for day in range(7) for part in PARTS}
            if customer.preferred:
                wanted = wanted_parts(customer.preferred)
                found = {slot: odds if slot in wanted else odds * UNWANTED for slot, odds in found.items()}
            self._known[alike] = found
        return found


def read_waiting(
    session: Session, callback_ids: Sequence[int] | None = None, *, shard: Shard = EVERYTHING
) -> Sequence[Row[Any]]:
    """Waiting callbacks for agents, or exactly these whatever their state, each with its open appointment."""
    if callback_ids is None:
        retry = (Callback.state == CallbackState.BLOCKED) & Callback.blocked_by.in_(RETRIED)
        return _read(session, or_(Callback.state == CallbackState.WAITING, retry), shard)
    found: list[Row[Any]] = []
    for start in range(0, len(callback_ids), READ_CHUNK):
        chunk = callback_ids[start : start + READ_CHUNK]
        found.extend(plain(session, _joined().where(among(session, Callback.id, chunk))).all())
    return found


def read_movable(
    session: Session,
    *,
    since: datetime,
    shard: Shard = EVERYTHING,
    until: datetime | None = None,
    most: int | None = None,
) -> Sequence[Row[Any]]:
    """Placed callbacks that may be moved: not pinned, no appointment, not placed before `since` nor after `until`.

    With `most`, only so many: those that have the most time and matter least.
    """
    placed = and_(
        Callback.state == CallbackState.ASSIGNED,
        ~Callback.pinned,
        Callback.slot_id.is_not(None),
        Callback.planned_at >= since,
        Appointment.id.is_(None),
    )
    if until is not None:
        placed = and_(placed, Callback.planned_at <= until, Callback.due_at > Callback.planned_at)
    return _read(session, placed, shard, most=most)


def read_held(
    session: Session, agent_ids: Collection[int], *, since: datetime, shard: Shard = EVERYTHING
) -> Sequence[Row[Any]]:
    """Everything that stands in the lists of these agents from `since` on: pinned, promised or about to begin too."""
    mine = and_(
        Callback.state == CallbackState.ASSIGNED, Callback.agent_id.in_(agent_ids), Callback.planned_at >= since
    )
    return _read(session, mine, shard) if agent_ids else ()


def _joined() -> Any:
    open_appointment = (Appointment.callback_id == Callback.id) & (Appointment.state == AppointmentState.OPEN)
    joined = select(*WAITING_COLUMNS).join(Case, Case.id == Callback.case_id)
    return joined.outerjoin(Appointment, open_appointment).outerjoin(Owner, Owner.id == Appointment.agent_id)


def _read(session: Session, which: ColumnElement[bool], shard: Shard, *, most: int | None = None) -> Sequence[Row[Any]]:
    statement = _joined().where(which, Callback.channel == Channel.AGENT)
    if shard.by_team:
        statement = statement.where(shard.cases())
    if most is not None:
        statement = statement.order_by(Callback.due_at.desc(), Callback.priority, Callback.id).limit(most)
        return plain(session, statement).all()
    return plain(session, statement.order_by(Callback.due_at, Callback.id)).all()


def build_items(
    session: Session, waiting: Sequence[Row[Any]], facts: Facts, *, only: frozenset[int] | None = None
) -> Iterator[Item]:
    """Each callback with its legal moments and the people who are out of the question.

    With `only`, nobody else is asked, not even the owner of an appointment. Facts about customers are read in chunks
    and let go again: a million callbacks are never in memory with their histories.
    """
    for start in range(0, len(waiting), READ_CHUNK):
        for row, contact in read_contacts(session, waiting[start : start + READ_CHUNK], moment=facts.moment):
            yield row, contact, _demand(row, contact, facts, only)


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


def _demand(row: Row[Any], contact: Contact, facts: Facts, only: frozenset[int] | None) -> Demand | Left | None:
    """None when its time lies beyond the horizon: it simply waits."""
    policy, customer = facts.policy, contact.customer
    if row.appointment_at is not None:
        contact = replace(contact, at=max(contact.at, row.appointment_at))
    stretches = _stretches(contact, facts)
    earliest = next((max(s.start, contact.at) for s in stretches if s.end > contact.at), None)
    if earliest is None:
        later = next_legal_moment(contact, policy, until=contact.at + FAR)
        if later is None:
            return Left(row.id, "no_legal_moment")
        return None if row.blocked_by is None else Left(row.id, "later")
    # An appointment that could not be kept to the minute is kept as soon as the rules allow.
    at = row.appointment_at if row.appointment_at is not None and earliest == row.appointment_at else None
    kept = _keeper(row, facts, at=at or earliest, stretches=stretches)
    if kept is not None and at is not None:
        at = kept.at
    return Demand(
        callback_id=row.id,
        customer_id=row.customer_id,
        zone=customer.zone,
        language=customer.language,
        earliest=earliest,
        due=row.due_at,
        priority=row.priority,
        legal=_legality(contact, policy),
        skill=contact.case.required_skill,
        excluded=barred_agents(contact, policy, facts.agents),
        only=only if only is not None or kept is None else kept.only,
        at=at,
        seconds=facts.durations.of(row.purpose),
        stretches=stretches,
        odds=facts.odds.of(customer),
        current=row.slot_id,
        knows=row.owner_id if row.purpose in KNOWN_CALLER else None,
        kept_by=None if kept is None or only is not None else kept.rule,
    )


def _keeper(row: Row[Any], facts: Facts, *, at: datetime, stretches: Sequence[Interval]) -> Keeper | None:
    """Who keeps an appointment with an agent; None for every other callback."""
    if row.appointment_at is None or row.appointment_agent_id is None:
        return None
    for tolerance in (facts.policy.owner_wait, timedelta(0)):
        kept = keeper(
            at,
            owner_id=row.appointment_agent_id,
            team_id=row.appointment_team_id,
            hours=facts.people.hours,
            agents=facts.agents,
            tolerance=tolerance,
        )
        if any(kept.at in stretch for stretch in stretches):
            return kept
    return kept


def _stretches(contact: Contact, facts: Facts) -> tuple[Interval, ...]:
    """From the planning's moment on for customers without a past: they share one answer."""
    legal = legal_stretches(contact, facts.policy, until=facts.until, since=facts.moment)
    wishes = contact.customer.preferred
    return narrowed(legal, wishes, contact.customer.zone) if wishes and not contact.by_appointment else legal


def _legality(contact: Contact, policy: Policy) -> Callable[[datetime], bool]:
    """The hard rules for one customer as a question about a moment."""
    if is_unburdened(contact):
        return calling_hours(contact.customer.zone, contact.calendar, policy).is_legal
    return lambda at: not refusals(replace(contact, at=at), policy)


def barred_agents(contact: Contact, policy: Policy, agents: Mapping[int, AgentFacts]) -> frozenset[int]:
    """Agents with a past in this case whom a rule about persons forbids this call."""
    if contact.purpose is not Purpose.SECOND_CALL:
        return frozenset()
    known = contact.case.handler_ids | {a.agent_id for a in contact.customer.attempts if a.agent_id is not None}
    return frozenset(
        agent_id for agent_id in known if agent_id in agents and may(contact, agents[agent_id], policy) is not None
    )


def read_bookings(session: Session, facts: Facts) -> list[Booking]:
    """What is booked from yesterday on: the books of `read_roster`."""
    return slots.read_bookings(session, since=facts.moment - YESTERDAY, only=facts.people.only)


def read_roster(
    session: Session,
    waiting: Sequence[Row[Any]],
    facts: Facts,
    *,
    moving: Sequence[Row[Any]] = (),
    bookings: Sequence[Booking] | None = None,
) -> Roster:
    """Agents, slots and what is booked, over the horizon; `moving` callbacks do not count as booked."""
    only = facts.people.only
    bookings = read_bookings(session, facts) if bookings is None else bookings
    return Roster(
        agents=tuple(facts.agents.values()),
        slots=slots.open_slots(
            session,
            since=facts.moment,
            until=facts.until,
            agents=facts.agents,
            durations=facts.durations,
            bookings=bookings,
            moving=moving,
            only=only,
        ),
        booked_today=slots.booked_per_day(
            session, facts.agents, since=facts.moment - YESTERDAY, bookings=bookings, moving=moving, only=only
        ),
        contacts=slots.placed_contacts(
            session, {row.customer_id for row in waiting}, except_for={row.id for row in moving}
        ),
        pace=facts.durations.pace,
    )
