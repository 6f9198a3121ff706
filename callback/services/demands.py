"""What the assigner is asked: callbacks as demands, and the people and hours that there are for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db import appointments, durations, plans, slots
from callback.db.customers import customer_facts
from callback.db.shards import EVERYTHING, Shard
from callback.db.slots import Booking
from callback.db.waiting import READ_CHUNK, Waiting
from callback.domain.appointment import Way, ways_to_keep
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
from callback.domain.words import Channel, Purpose
from callback.services.ahead import one_ahead
from callback.services.calendars import load_calendars, years_around
from callback.services.contact_rates import load_forecast, seed_of

FAR = timedelta(days=60)
"""How far ahead a legal moment is looked for before a supervisor is asked."""
YESTERDAY = timedelta(days=1)
UNWANTED = 0.5
"""What a contact at another time than the customer asked for is worth, against one at their time."""
KNOWN_CALLER = (Purpose.ANSWER, Purpose.HOLDING)
"""Better told by who knows the case."""

Item = tuple[Waiting, Contact, "Demand | Left | None"]
"""A callback, the contact it stands for, and what becomes of it (None: its time lies beyond the horizon)."""


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


def build_items(
    session: Session, waiting: Sequence[Waiting], facts: Facts, *, only: frozenset[int] | None = None
) -> Iterator[Item]:
    """Each callback with its legal moments and the people who are out of the question.

    With `only`, nobody else is asked, not even the owner of an appointment. Facts about customers are read in chunks
    and let go again: a million callbacks are never in memory with their histories. The session is busy in between: who
    wants to ask it something else takes all items first.
    """
    chunks = (waiting[start : start + READ_CHUNK] for start in range(0, len(waiting), READ_CHUNK))
    # The database reads on while these are thought about.
    for contacts in one_ahead(list(read_contacts(session, chunk, moment=facts.moment)) for chunk in chunks):
        for row, contact in contacts:
            yield row, contact, _demand(row, contact, facts, only)


def read_contacts(session: Session, rows: Sequence[Waiting], *, moment: datetime) -> Iterator[tuple[Waiting, Contact]]:
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


def _demand(row: Waiting, contact: Contact, facts: Facts, only: frozenset[int] | None) -> Demand | Left | None:
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
    ways = () if only is not None else _ways(row, facts, at=earliest)
    return Demand(
        callback_id=row.id,
        customer_id=row.customer_id,
        zone=customer.zone,
        language=customer.language,
        earliest=earliest,
        due=row.due_at,
        priority=row.priority,
        legal=partial(_is_legal, contact, policy),
        skill=contact.case.required_skill,
        excluded=barred_agents(contact, policy, facts.agents),
        only=only,
        # Where somebody chose the agents, an appointment is kept to the minute, and one that is past is no longer one.
        at=earliest if ways or earliest == row.appointment_at else None,
        seconds=facts.durations.of(row.purpose),
        stretches=stretches,
        odds=facts.odds.of(customer),
        current=row.slot_id,
        knows=row.owner_id if row.purpose in KNOWN_CALLER else None,
        ways=ways,
    )


def _ways(row: Waiting, facts: Facts, *, at: datetime) -> tuple[Way, ...]:
    """How an appointment may be kept; nothing for every other callback.

    One whose minute has passed, or is forbidden, is kept as soon as the rules allow: `at` is the first such moment.
    """
    if row.appointment_at is None:
        return ()
    return ways_to_keep(
        at,
        owner_id=row.appointment_agent_id,
        team_id=row.appointment_team_id,
        agents=facts.agents,
        wait=facts.policy.owner_wait,
        until=facts.until,
        missed=at != row.appointment_at,
    )


def _stretches(contact: Contact, facts: Facts) -> tuple[Interval, ...]:
    """From the planning's moment on for customers without a past: they share one answer."""
    legal = legal_stretches(contact, facts.policy, until=facts.until, since=facts.moment)
    wishes = contact.customer.preferred
    return narrowed(legal, wishes, contact.customer.zone) if wishes and not contact.by_appointment else legal


def _is_legal(contact: Contact, policy: Policy, at: datetime) -> bool:
    """The hard rules for one customer as a question about a moment."""
    if is_unburdened(contact):
        return calling_hours(contact.customer.zone, contact.calendar, policy).is_legal(at)
    return not refusals(replace(contact, at=at), policy)


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
    waiting: Sequence[Waiting],
    facts: Facts,
    *,
    moving: Sequence[Waiting] = (),
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
        appointed=appointments.standing(
            session,
            since=facts.moment - YESTERDAY,
            durations=facts.durations,
            except_for={row.id for row in moving},
            only=only,
        ),
        pace=facts.durations.pace,
    )
