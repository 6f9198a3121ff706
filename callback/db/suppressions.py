"""Suppressions: the live ones of a person or an address, and whom an address belongs to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, func, or_, select, update
from sqlalchemy.orm import Session

from callback.db.keyset import newest
from callback.db.tables import Agent, Case, ContactPoint, Customer, Suppression
from callback.domain.words import ContactState, SuppressionScope

LIVE: ColumnElement[bool] = Suppression.lifted_at.is_(None)


def live(
    session: Session, *, scope: SuppressionScope, customer_id: int | None, address: str | None
) -> Suppression | None:
    """The live entry that says just this."""
    query = select(Suppression).where(LIVE, Suppression.scope == scope)
    query = query.where(Suppression.customer_id == customer_id, Suppression.address == address)
    return session.scalars(query.order_by(Suppression.id).limit(1)).one_or_none()


def live_of(session: Session, *, address: str, customer_ids: Collection[int]) -> Sequence[Suppression]:
    """Every live entry about the address, or about one of these people; locked."""
    who = or_(Suppression.address == address, Suppression.customer_id.in_(customer_ids))
    return session.scalars(select(Suppression).where(LIVE, who).order_by(Suppression.id).with_for_update()).all()


def messages_ended(session: Session, *, address: str, customer_ids: Collection[int]) -> bool:
    """Whether messages had ended before: for the address, or for everybody among these people."""
    ends = (SuppressionScope.SMS, SuppressionScope.ALL)
    found = [one for one in live_of(session, address=address, customer_ids=customer_ids) if one.scope in ends]
    ended = {one.customer_id for one in found}
    return any(one.address == address for one in found) or (bool(customer_ids) and ended.issuperset(customer_ids))


def live_addresses(session: Session, *, scope: SuppressionScope, addresses: Collection[str]) -> set[str]:
    """Which of these addresses are suppressed already, as addresses, with this scope."""
    query = select(Suppression.address).where(
        LIVE, Suppression.scope == scope, Suppression.customer_id.is_(None), Suppression.address.in_(addresses)
    )
    return {address for address in session.scalars(query) if address is not None}


def holders(session: Session, address: str) -> list[int]:
    """Customers who have this address, locked for this transaction; a household may share a telephone."""
    theirs = (ContactPoint.address == address, ContactPoint.state != ContactState.WRONG)
    ids = select(ContactPoint.customer_id).where(*theirs)
    query = select(Customer.id).where(Customer.id.in_(ids)).order_by(Customer.id)
    return list(session.scalars(query.with_for_update(key_share=True)))


def wake_cases(
    session: Session, *, now: datetime, customer_id: int | None = None, addresses: Collection[str] = ()
) -> None:
    """The planner looks again at the cases of the person, and of everybody who has one of the addresses."""
    session.flush()
    owners = select(ContactPoint.customer_id).where(ContactPoint.address.in_(addresses))
    whose = Case.customer_id.in_(owners) if customer_id is None else Case.customer_id == customer_id
    wake = update(Case).where(whose).values(plan_at=now)
    session.execute(wake.execution_options(synchronize_session=False))


def listed(
    *,
    customer_id: int | None = None,
    address: str | None = None,
    scope: SuppressionScope | None = None,
    reason: str | None = None,
    lifted: bool | None = None,
) -> Select[tuple[Suppression]]:
    """Entries that match. The edge adds order, cursor and limit."""
    query = select(Suppression)
    if customer_id is not None:
        held = select(ContactPoint.address).where(ContactPoint.customer_id == customer_id)
        query = query.where(or_(Suppression.customer_id == customer_id, Suppression.address.in_(held)))
    if address is not None:
        query = query.where(Suppression.address == address)
    if scope is not None:
        query = query.where(Suppression.scope == scope)
    if reason is not None:
        query = query.where(Suppression.reason == reason)
    if lifted is not None:
        query = query.where(Suppression.lifted_at.is_not(None) if lifted else LIVE)
    return query


def lift_statement(suppression_id: int, *, evidence: dict[str, Any], now: datetime) -> Update:
    """Ends a live entry; changes nothing when it has ended already."""
    live_one = update(Suppression).where(Suppression.id == suppression_id, LIVE)
    return live_one.values(lifted_at=now, lifted_evidence=evidence)


# ── For the desk ────────────────────────────────────────────────────────────────────────────────────────────────────

NAMESAKES = 50
"""So many customers of one name are looked for."""


def page(
    session: Session,
    *,
    address: str | None = None,
    name: str | None = None,
    scope: SuppressionScope | None = None,
    reason: str | None = None,
    lifted: bool | None = None,
    before: int | None,
    limit: int,
) -> tuple[Sequence[Suppression], int | None]:
    """The newest that match. `address`: entries about it or about whoever has it; `name`: how a customer's begins."""
    query = listed(scope=scope, reason=reason, lifted=lifted)
    if address is not None:
        people = select(ContactPoint.customer_id).where(ContactPoint.address == address)
        query = query.where(or_(Suppression.address == address, Suppression.customer_id.in_(people)))
    if name is not None:
        begins = select(Customer.id).where(Customer.name.startswith(name, autoescape=True)).limit(NAMESAKES)
        ids = list(session.scalars(begins))
        held = select(ContactPoint.address).where(ContactPoint.customer_id.in_(ids))
        query = query.where(or_(Suppression.customer_id.in_(ids), Suppression.address.in_(held)))
    return newest(session, query, Suppression.id, before=before, limit=limit)


def names(
    session: Session, customer_ids: Collection[int], agent_ids: Collection[int]
) -> tuple[dict[int, str], dict[int, str]]:
    """Customers and agents by id."""
    customers = select(Customer.id, func.coalesce(Customer.salutation, Customer.name, "–"))
    agents = select(Agent.id, Agent.name)
    return (
        dict(session.execute(customers.where(Customer.id.in_(customer_ids))).tuples().all()),
        dict(session.execute(agents.where(Agent.id.in_(agent_ids))).tuples().all()),
    )
