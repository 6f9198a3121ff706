"""Callbacks: an agent's list, the claim of the next one, and what serialises two calls to one customer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from callback.db.claims import changed_one
from callback.db.engine import is_postgresql
from callback.db.tables import Agent, Appointment, Attempt, Callback, Case, ContactPoint, Customer, Decision, Slot
from callback.domain.facts import AgentFacts
from callback.domain.words import AppointmentState, AttemptState, CallbackState, Channel, ContactState, Purpose

LIVE = text("callbacks.state IN ('waiting', 'assigned', 'in_progress', 'blocked')")
"""Word for word the condition of the partial indexes: SQLite uses such an index for nothing less."""
LISTED = text("callbacks.state IN ('assigned', 'in_progress')")
CALLED_BY_A_PERSON = Callback.channel == Channel.AGENT

ready_at = func.coalesce(Callback.next_try_at, Callback.earliest_at)
"""Not before this moment, whatever the list says."""


def by_handle(session: Session, handle: str) -> Callback | None:
    return session.scalars(
        select(Callback).where(Callback.handle == handle).execution_options(populate_existing=True)
    ).one_or_none()


def locked(session: Session, callback_id: int) -> Callback:
    """The row as it is now; nobody else changes it before this transaction ends."""
    return session.scalars(
        select(Callback)
        .where(Callback.id == callback_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of an agent's list ended: the list's own order, so that paging never skips and never repeats."""

    planned_at: datetime
    priority: int
    id: int


LISTED_COLUMNS = (
    Callback.id,
    Callback.handle,
    Callback.purpose,
    Callback.state,
    Callback.priority,
    Callback.planned_at,
    Callback.due_at,
    Callback.earliest_at,
    Callback.next_try_at,
    Callback.attempts_made,
    Callback.pinned,
)
"""What a line of the list needs: columns, because making objects of a page of rows took longer than finding them."""


def agent_list(
    session: Session, *, agent_id: int, until: datetime, after: Place | None, limit: int
) -> Sequence[Row[Any]]:
    """The agent's live callbacks planned before `until`, in calling order: time, then priority.

    One query over `ix_callbacks_agent_list`. Nothing about the case but its promise is read.
    """
    appointment = aliased(Appointment)
    first_phone = (
        select(ContactPoint.address)
        .where(ContactPoint.customer_id == Callback.customer_id, ContactPoint.state == ContactState.GOOD)
        .where(ContactPoint.address.like("+%"))
        .order_by(ContactPoint.position, ContactPoint.id)
        .limit(1)
        .correlate(Callback)
        .scalar_subquery()
    )
    query = (
        select(
            *LISTED_COLUMNS,
            Customer.name,
            Customer.salutation,
            Customer.language,
            Customer.time_zone,
            Customer.country,
            Customer.special,
            Case.promised_at,
            first_phone.label("address"),
            appointment.at.label("appointment_at"),
        )
        .join(Customer, Customer.id == Callback.customer_id)
        .join(Case, Case.id == Callback.case_id)
        .outerjoin(
            appointment, and_(appointment.callback_id == Callback.id, appointment.state == AppointmentState.OPEN)
        )
        .where(LIVE, LISTED, Callback.agent_id == agent_id, Callback.planned_at < until)
        .order_by(Callback.planned_at, Callback.priority.desc(), Callback.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(_beyond(after))
    return session.execute(query).all()


def _beyond(place: Place) -> ColumnElement[bool]:
    """Keyset of (planned_at, priority descending, id); the first term keeps the index range."""
    return and_(
        Callback.planned_at >= place.planned_at,
        or_(
            Callback.planned_at > place.planned_at,
            Callback.priority < place.priority,
            and_(Callback.priority == place.priority, Callback.id > place.id),
        ),
    )


def next_planned_at(session: Session, *, agent_id: int, after: datetime) -> datetime | None:
    """When the agent's next callback after this moment is planned."""
    return session.scalars(
        select(Callback.planned_at)
        .where(LIVE, LISTED, Callback.agent_id == agent_id, Callback.planned_at > after)
        .order_by(Callback.planned_at)
        .limit(1)
    ).first()


def finished_since(session: Session, *, agent_id: int, since: datetime) -> int:
    """How many of the agent's callbacks have ended since then."""
    return session.scalar(select(func.count()).where(Callback.agent_id == agent_id, Callback.finished_at >= since)) or 0


def anything_waiting(session: Session) -> bool:
    """Whether the house has callbacks that are not placed yet."""
    return session.scalar(select(Callback.id).where(text("callbacks.state = 'waiting'")).limit(1)) is not None


def listed(
    *,
    states: Iterable[CallbackState] = (),
    purposes: Iterable[Purpose] = (),
    agent_id: int | None = None,
    case_id: int | None = None,
    customer_id: int | None = None,
    due_before: datetime | None = None,
) -> Select[tuple[Callback]]:
    """Callbacks that match. The edge adds order, cursor and limit."""
    query = select(Callback)
    if chosen := list(states):
        query = query.where(Callback.state.in_(chosen))
        if all(state.is_live for state in chosen):
            query = query.where(LIVE)
    if wanted := list(purposes):
        query = query.where(Callback.purpose.in_(wanted))
    for column, value in (
        (Callback.agent_id, agent_id),
        (Callback.case_id, case_id),
        (Callback.customer_id, customer_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if due_before is not None:
        query = query.where(Callback.due_at < due_before)
    return query


# ── Claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def claim(session: Session, *, callback_id: int, agent_id: int, now: datetime, lease_until: datetime) -> bool:
    """Assigned to this agent → in progress. False: it has been moved, taken or ended in the meantime."""
    return changed_one(
        session,
        update(Callback)
        .where(Callback.id == callback_id, Callback.agent_id == agent_id, Callback.state == CallbackState.ASSIGNED)
        .values(_claimed(agent_id=agent_id, now=now, lease_until=lease_until)),
    )


def next_candidates(
    session: Session, *, agent_id: int, now: datetime, planned_by: datetime, passed_over: Iterable[int], limit: int = 5
) -> Sequence[Row[tuple[int, int]]]:
    """(callback, customer) of the agent's first callbacks that are ready now and planned by `planned_by`.

    Nothing is locked: the claim locks the customer first, as the planner does, and then asks for the state again.
    """
    return session.execute(
        select(Callback.id, Callback.customer_id)
        .where(LIVE, text("callbacks.state = 'assigned'"), CALLED_BY_A_PERSON, Callback.agent_id == agent_id)
        .where(Callback.planned_at <= planned_by, ready_at <= now, Callback.id.not_in(list(passed_over)))
        .order_by(Callback.planned_at, Callback.priority.desc(), Callback.id)
        .limit(limit)
    ).all()


def _claimed(*, agent_id: int, now: datetime, lease_until: datetime) -> dict[str, object]:
    return {
        "state": CallbackState.IN_PROGRESS,
        "claimed_by_id": agent_id,
        "lease_until": lease_until,
        "updated_at": now,
        "version": Callback.version + 1,
    }


def in_progress_of(session: Session, agent_id: int) -> Callback | None:
    """The call that the agent has under way: one person makes one call at a time."""
    return session.scalars(
        select(Callback)
        .where(LIVE, text("callbacks.state = 'in_progress'"), Callback.claimed_by_id == agent_id)
        .order_by(Callback.id)
        .limit(1)
        .execution_options(populate_existing=True)
    ).first()


def agent_facts(session: Session, agent_id: int) -> AgentFacts | None:
    """One agent as the rules see them, active or not, with or without shifts."""
    agent = session.get(Agent, agent_id)
    if agent is None:
        return None
    return AgentFacts(
        id=agent.id,
        languages=frozenset(agent.languages),
        skills=frozenset(agent.skills),
        team_id=agent.team_id,
        daily_capacity=agent.daily_capacity,
        zone=ZoneInfo(agent.time_zone),
        active=agent.active,
    )


def slot_at(session: Session, agent_id: int, at: datetime) -> int | None:
    """The agent's slot in which this moment lies, full or not."""
    return session.scalars(
        select(Slot.id).where(Slot.agent_id == agent_id, Slot.starts_at <= at, Slot.ends_at > at).limit(1)
    ).first()


def lock_agent(session: Session, agent_id: int) -> None:
    """Two clicks of one agent come after each other. On SQLite the transaction has the only write lock already."""
    if is_postgresql(session):
        session.execute(select(Agent.id).where(Agent.id == agent_id).with_for_update(key_share=True))


def lock_customer(session: Session, customer_id: int) -> None:
    """Everything that counts against this customer's budget comes after each other, over shared addresses too.

    Locks the customer, then every contact point with one of the customer's addresses in the order of their ids: two
    calls never wait for each other in a circle. On SQLite the transaction has the only write lock already.
    """
    if not is_postgresql(session):
        return
    session.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True))
    own = select(ContactPoint.address).where(ContactPoint.customer_id == customer_id)
    session.execute(
        select(ContactPoint.id)
        .where(ContactPoint.address.in_(own))
        .order_by(ContactPoint.id)
        .with_for_update(key_share=True, of=ContactPoint)
    )


def lease_expired(session: Session, *, now: datetime, limit: int) -> Sequence[int]:
    """Ids of agents' calls whose lease ran out, the oldest first. Nothing is locked: whoever acts asks again."""
    return session.scalars(
        select(Callback.id)
        .where(text("callbacks.state = 'in_progress'"), CALLED_BY_A_PERSON, Callback.lease_until < now)
        .order_by(Callback.lease_until)
        .limit(limit)
    ).all()


# ── What hangs on a callback ────────────────────────────────────────────────────────────────────────────────────────


def open_appointment(session: Session, callback_id: int) -> Appointment | None:
    return session.scalars(
        select(Appointment).where(Appointment.callback_id == callback_id, Appointment.state == AppointmentState.OPEN)
    ).one_or_none()


def open_attempt(session: Session, callback_id: int) -> Attempt | None:
    """The conversation under way, or the one whose end nobody recorded; a callback has one at the most."""
    return session.scalars(
        select(Attempt)
        .where(Attempt.callback_id == callback_id, Attempt.state != AttemptState.ENDED)
        .execution_options(populate_existing=True)
    ).one_or_none()


def overridden_for(session: Session, *, callback_id: int, agent_id: int) -> frozenset[str]:
    """The rules about persons that a supervisor has overruled for this agent and this call."""
    made = session.scalars(select(Decision).where(Decision.callback_id == callback_id, Decision.about == "override"))
    return frozenset(decision.rule for decision in made if decision.inputs.get("agent_id") == agent_id)
