"""Dissatisfactions: the live flag of a case, and the supervisor's list."""

from collections.abc import Iterable

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from callback.db.tables import Callback, Dissatisfaction
from callback.domain.words import LIVE_STATES, DissatisfactionState, Purpose, Severity

LIVE = (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)


def locked(session: Session, dissatisfaction_id: int) -> Dissatisfaction | None:
    """The row as it is now; nobody else changes it before this transaction ends."""
    return session.scalars(
        select(Dissatisfaction)
        .where(Dissatisfaction.id == dissatisfaction_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def live_flag(session: Session, case_id: int) -> Dissatisfaction | None:
    """The flag that is not settled yet; a case has one at the most."""
    return session.scalars(
        select(Dissatisfaction)
        .where(Dissatisfaction.case_id == case_id, Dissatisfaction.state.in_(LIVE))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def live_second_call(session: Session, case_id: int) -> Callback | None:
    """The second call that is still to be made."""
    return session.scalars(
        select(Callback)
        .where(Callback.case_id == case_id, Callback.purpose == Purpose.SECOND_CALL, Callback.state.in_(LIVE_STATES))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def listed(
    *, states: Iterable[DissatisfactionState] = LIVE, severities: Iterable[Severity] = (), case_id: int | None = None
) -> Select[tuple[Dissatisfaction]]:
    """Flags that match. The edge adds order (the oldest first: age is what hurts), cursor and limit."""
    query = select(Dissatisfaction)
    if wanted := list(states):
        query = query.where(Dissatisfaction.state.in_(wanted))
    if chosen := list(severities):
        query = query.where(Dissatisfaction.severity.in_(chosen))
    return query if case_id is None else query.where(Dissatisfaction.case_id == case_id)
