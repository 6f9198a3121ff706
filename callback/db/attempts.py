"""Attempts: how they are found, and the conditional updates by which a conversation moves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from callback.db.claims import changed_one
from callback.db.tables import Appointment, Attempt, Callback, Case, ContactPoint, Response
from callback.domain.rules import states_below
from callback.domain.words import AppointmentState, AttemptState, CallbackState, ContactState, Disposition


def by_handle(session: Session, handle: str) -> Attempt | None:
    """As it is in the database now."""
    return session.scalars(
        select(Attempt).where(Attempt.handle == handle).execution_options(populate_existing=True)
    ).one_or_none()


def locked(session: Session, handle: str) -> Attempt | None:
    """As it is now; nobody else changes it before this transaction ends."""
    return session.scalars(
        select(Attempt)
        .where(Attempt.handle == handle)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def locked_case(session: Session, case_id: int) -> Case:
    """The case as it is now; nobody else changes it before this transaction ends."""
    return session.scalars(
        select(Case).where(Case.id == case_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()


def lock_open(session: Session, callback_id: int) -> Attempt | None:
    """The callback's open attempt, locked with its case: in this order, as the end of a call takes them."""
    attempt = session.scalars(
        select(Attempt)
        .where(Attempt.callback_id == callback_id, Attempt.state != AttemptState.ENDED)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if attempt is not None:
        locked_case(session, attempt.case_id)
    return attempt


def move(session: Session, attempt: Attempt, values: dict[str, Any], *, version: int) -> bool:
    """Write `values` to a conversation that is still open and has this version."""
    return changed_one(
        session,
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.version == version, Attempt.state != AttemptState.ENDED)
        .values(**values, version=version + 1),
    )


def end(session: Session, attempt: Attempt, values: dict[str, Any]) -> bool:
    """Give an open attempt its disposition. False: another has been faster."""
    return changed_one(
        session,
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.state.in_(states_below(AttemptState.ENDED)))
        .values(**values, state=AttemptState.ENDED, lease_until=None, version=Attempt.version + 1),
    )


def keep_lease(session: Session, attempt: Attempt, *, agent_id: int, now: datetime, lease_until: datetime) -> bool:
    """The call goes on: a new lease, also for one whose lease ran out while nobody else has taken the callback."""
    return changed_one(
        session,
        update(Callback)
        .where(Callback.id == attempt.callback_id, _held_by(agent_id))
        .values(
            state=CallbackState.IN_PROGRESS,
            claimed_by_id=agent_id,
            lease_until=lease_until,
            updated_at=now,
            version=Callback.version + 1,
        ),
    )


def _held_by(agent_id: int) -> ColumnElement[bool]:
    return or_(
        and_(Callback.state == CallbackState.IN_PROGRESS, Callback.claimed_by_id == agent_id),
        and_(Callback.state == CallbackState.ASSIGNED, Callback.agent_id == agent_id),
    )


def counted(session: Session, callback_id: int, *, without: int | None = None) -> int:
    """How many attempts of the callback count against its budget."""
    query = select(func.count()).where(Attempt.callback_id == callback_id, Attempt.counts)
    if without is not None:
        query = query.where(Attempt.id != without)
    return session.scalar(query) or 0


def ended_so(session: Session, callback_id: int, disposition: Disposition) -> int:
    """How many attempts of the callback have ended in this way."""
    return (
        session.scalar(
            select(func.count()).where(Attempt.callback_id == callback_id, Attempt.disposition == disposition)
        )
        or 0
    )


def earlier(session: Session, *, case_id: int, before: int) -> Sequence[Attempt]:
    """The ended attempts about the case before this one, the latest first."""
    return session.scalars(
        select(Attempt)
        .where(Attempt.case_id == case_id, Attempt.id < before, Attempt.state == AttemptState.ENDED)
        .order_by(Attempt.id.desc())
        .limit(20)
    ).all()


def listed(*, agent_id: int | None, case_id: int | None, callback: str | None) -> Select[tuple[Attempt]]:
    """Attempts that match. The edge adds order, cursor and limit."""
    query = select(Attempt)
    if agent_id is not None:
        query = query.where(Attempt.agent_id == agent_id)
    if case_id is not None:
        query = query.where(Attempt.case_id == case_id)
    if callback is not None:
        query = query.join(Callback, Callback.id == Attempt.callback_id).where(Callback.handle == callback)
    return query


def contact_point(session: Session, *, customer_id: int, address: str) -> ContactPoint | None:
    return session.scalars(
        select(ContactPoint).where(ContactPoint.customer_id == customer_id, ContactPoint.address == address)
    ).one_or_none()


def last_of(session: Session, callback_id: int) -> Attempt | None:
    """The callback's newest attempt."""
    query = select(Attempt).where(Attempt.callback_id == callback_id)
    return session.scalars(query.order_by(Attempt.started_at.desc(), Attempt.id.desc()).limit(1)).one_or_none()


def mark_contact(session: Session, contact_point_id: int, state: ContactState) -> None:
    """A wrong or dead number is not tried again for this customer."""
    session.execute(
        update(ContactPoint)
        .where(ContactPoint.id == contact_point_id)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )


def response_of(session: Session, callback_id: int) -> Response | None:
    return session.scalars(
        select(Response).where(Response.callback_id == callback_id).execution_options(populate_existing=True)
    ).one_or_none()


def settle_appointment(session: Session, callback_id: int, state: AppointmentState) -> None:
    """The open appointment of the callback, if any, comes to this end."""
    session.execute(
        update(Appointment)
        .where(Appointment.callback_id == callback_id, Appointment.state == AppointmentState.OPEN)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )
