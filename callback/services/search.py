"""Finding the customer who calls back. Whom, and that something is open; nothing of what it is about."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from callback.db import search as rows
from callback.db.tables import Customer
from callback.domain.address import mask
from callback.domain.search import wanted
from callback.domain.words import ContactKind

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    customer_id: int
    name: str | None
    numbers: tuple[str, ...]
    """Masked."""
    language: str
    time_zone: str
    special: bool
    open: int
    """Live callbacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    people: tuple[Found, ...]
    """Those for whom something is open come first."""
    more: bool
    """There are more than are shown: type more of the name or of the number."""
    asked: bool
    """False: too little was typed to look for anything."""


def look_for(session: Session, typed: str) -> Matches:
    """Customers by the end of their number, the beginning of their name or its last word, or a case number."""
    want = wanted(typed)
    if not want.text:
        return Matches(people=(), more=False, asked=False)
    ids = dict.fromkeys(rows.by_case(session, want.text))
    if want.digits:
        ids |= dict.fromkeys(rows.by_number(session, want.digits, name=want.name))
    elif want.name:
        ids |= dict.fromkeys(rows.by_name(session, want.name))
    elif not ids:
        return Matches(people=(), more=False, asked=False)
    waiting = rows.open_callbacks(session, list(ids))
    first = sorted(ids, key=lambda customer_id: (-waiting.get(customer_id, 0), customer_id))[:SHOWN]
    found = {customer.id: customer for customer in rows.people(session, first)}
    people = tuple(_found(found[one], open_=waiting.get(one, 0)) for one in first)
    return Matches(people=people, more=len(ids) > SHOWN, asked=True)


def numbers_of(customer: Customer) -> tuple[str, ...]:
    """The telephone numbers, masked, in the order in which they are tried."""
    return tuple(mask(point.address) for point in customer.contact_points if point.kind is not ContactKind.EMAIL)


def _found(customer: Customer, *, open_: int) -> Found:
    return Found(
        customer_id=customer.id,
        name=customer.name,
        numbers=numbers_of(customer),
        language=customer.language,
        time_zone=customer.time_zone,
        special=customer.special,
        open=open_,
    )
