"""Customers and their contact points: how they are found."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, or_, select, update
from sqlalchemy.orm import Session, selectinload

from callback.db.claims import callbacks_in_order
from callback.db.tables import Appointment, Attempt, Callback, Case, ContactPoint, Customer
from callback.domain.wish import ForbiddenDates
from callback.domain.words import AppointmentState, AttemptState, CallbackState


def customer_by_key(session: Session, *, source: str, external_id: str) -> Customer | None:
    query = select(Customer).where(Customer.source == source, Customer.external_id == external_id)
    return session.scalars(query).one_or_none()


def points_of(session: Session, customer_id: int) -> Sequence[ContactPoint]:
    query = select(ContactPoint).where(ContactPoint.customer_id == customer_id)
    return session.scalars(query.order_by(ContactPoint.position, ContactPoint.id)).all()


def has_address(session: Session, *, customer_id: int, address: str) -> bool:
    query = exists().where(ContactPoint.customer_id == customer_id, ContactPoint.address == address)
    return bool(session.scalar(select(query)))


def in_a_call(session: Session, *, agent_id: int, customer_id: int) -> bool:
    """The agent has an attempt with the customer that has not ended."""
    query = exists().where(
        Attempt.customer_id == customer_id, Attempt.agent_id == agent_id, Attempt.state != AttemptState.ENDED
    )
    return bool(session.scalar(select(query)))


def wake_cases(session: Session, *, customer_id: int, now: datetime) -> None:
    """The planner looks at the customer's cases again."""
    session.flush()
    session.execute(update(Case).where(Case.customer_id == customer_id).values(plan_at=now))


def release_planned(session: Session, customer: Customer, *, forbidden: Sequence[ForbiddenDates], now: datetime) -> int:
    """What is planned for the customer on these days waits for a new place; appointments stay. How many there were."""
    session.flush()
    planned = select(Callback.id, Callback.planned_at).where(
        Callback.customer_id == customer.id,
        Callback.state == CallbackState.ASSIGNED,
        Callback.planned_at.is_not(None),
        ~exists().where(Appointment.callback_id == Callback.id, Appointment.state == AppointmentState.OPEN),
    )
    zone = ZoneInfo(customer.time_zone)
    lost = [
        callback_id
        for callback_id, at in session.execute(planned)
        if any(at.astimezone(zone).date() in dates for dates in forbidden)
    ]
    session.execute(
        update(Callback)
        .where(callbacks_in_order(Callback.id.in_(lost), Callback.state == CallbackState.ASSIGNED))
        .values(
            state=CallbackState.WAITING,
            agent_id=None,
            slot_id=None,
            planned_at=None,
            pinned=False,
            updated_at=now,
            version=Callback.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return len(lost)


def of_agent(query: Select[tuple[Customer]], agent_id: int) -> Select[tuple[Customer]]:
    """Customers of the agent's own work: whose case they own, or whom they have to call or have called."""
    return query.where(
        or_(
            exists().where(Case.customer_id == Customer.id, Case.owner_id == agent_id),
            exists().where(Callback.customer_id == Customer.id, Callback.agent_id == agent_id),
            exists().where(Attempt.customer_id == Customer.id, Attempt.agent_id == agent_id),
        )
    )


def listed(*, search: str | None = None, address: str | None = None) -> Select[tuple[Customer]]:
    """Customers whose number or name begins with `search`, or who have `address` in full."""
    query = select(Customer).options(selectinload(Customer.contact_points))
    if search:
        # A prefix, escaped: `%` and `_` are ordinary characters of a name.
        found = or_(
            Customer.external_id.startswith(search, autoescape=True), Customer.name.startswith(search, autoescape=True)
        )
        query = query.where(found)
    if address:
        query = query.where(exists().where(ContactPoint.customer_id == Customer.id, ContactPoint.address == address))
    return query
