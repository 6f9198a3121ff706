"""Customers: who they are, and how they are reached. Addresses leave the house masked; a reveal is audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import contacts as rows
from callback.db.jobs import enqueue
from callback.db.tables import ContactPoint, Customer
from callback.domain import wish
from callback.domain.handle import new_handle
from callback.domain.wish import read_forbidden
from callback.domain.words import ContactKind
from callback.errors import Conflict, Forbidden, Invalid, NotFound
from callback.services import audit, contacts
from callback.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer as a program describes them. `phones` and `emails` as people write them."""

    source: str
    external_id: str | None = None
    name: str | None = None
    salutation: str | None = None
    language: str | None = None
    country: str | None = None
    region: str | None = None
    time_zone: str | None = None
    special: bool | None = None
    consents: Sequence[str] | None = None
    preferred_times: str | None = None
    """As `weekdays 18:00-20:00; sat 10:00-12:00`, on the customer's own clock."""
    forbidden_dates: str | None = None
    """As `2026-03-12; 2026-04-01/2026-04-07`."""
    phones: Sequence[str] = ()
    emails: Sequence[str] = ()


def find_customer(session: Session, customer_id: int) -> Customer:
    """Raises `NotFound` (`customer_not_found`)."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotFound("customer_not_found", customer=customer_id)
    return customer


def welcome(session: Session, person: Person, *, settings: Settings, now: datetime) -> Customer:
    """The customer with this (source, external id), made or brought up to date.

    Country and zone come from what is said, else from the telephone number, else from the settings. Raises `Invalid`
    (`bad_phone`, `bad_email`, `bad_zone`, `bad_country`, `bad_preferred_times`, `bad_forbidden_dates`).
    """
    country, drafts = _drafts(person, settings)
    zone = person.time_zone or _zone(country, drafts, settings)
    external_id = person.external_id or (drafts[0].address if drafts else new_handle())
    customer = rows.customer_by_key(session, source=person.source, external_id=external_id)
    if customer is None:
        customer = Customer(
            source=person.source,
            external_id=external_id,
            language=person.language or settings.language,
            country=country,
            time_zone=zone,
            created_at=now,
            updated_at=now,
        )
        session.add(customer)
    elif person.time_zone is not None or person.country is not None:
        customer.country, customer.time_zone = country, zone
    for field in ("name", "salutation", "language", "region", "special"):
        value = getattr(person, field)
        if value is not None:
            setattr(customer, field, value)
    if person.consents is not None:
        customer.consents = sorted(set(person.consents))
    _wish(customer, preferred=person.preferred_times, forbidden=person.forbidden_dates)
    customer.updated_at = now
    session.flush()
    for draft in drafts:
        _add(session, customer, draft)
    return customer


def set_wishes(
    session: Session,
    *,
    customer: Customer,
    preferred_times: str | None,
    forbidden_dates: str | None,
    by: int | None,
    now: datetime,
) -> Customer:
    """When the customer likes to be called and when not; None leaves a wish as it is, an empty text takes it back.

    What is planned on a day that is forbidden now loses its place. Raises `Invalid` (`bad_preferred_times`,
    `bad_forbidden_dates`).
    """
    _wish(customer, preferred=preferred_times, forbidden=forbidden_dates)
    customer.updated_at = now
    released = rows.release_planned(
        session, customer, forbidden=read_forbidden(tuple(customer.forbidden_dates)), now=now
    )
    audit.record(
        session,
        now=now,
        actor_id=by,
        action="customer.wishes",
        subject_kind="customer",
        subject_id=customer.id,
        preferred_times=customer.preferred_times,
        forbidden_dates=customer.forbidden_dates,
        released=released,
    )
    enqueue(session, "plan", queueing_lock="plan")
    return customer


def _wish(customer: Customer, *, preferred: str | None, forbidden: str | None) -> None:
    for name, text, read in (
        ("preferred_times", preferred, wish.preferred_times),
        ("forbidden_dates", forbidden, wish.forbidden_dates),
    ):
        if text is None:
            continue
        try:
            setattr(customer, name, [str(one) for one in read(text)])
        except ValueError as error:
            raise Invalid(f"bad_{name}", value=str(error)[:80]) from None


def add_contact_point(
    session: Session, *, customer: Customer, kind: str, text: str, by: int, now: datetime
) -> ContactPoint:
    """One more address, tried after those that are there. The cases that waited for it are looked at again.

    `kind` is `phone` or `email`. Raises `Invalid` (`bad_phone`, `bad_email`) and `Conflict` (`contact_point_exists`).
    """
    drafts = _parsed(kind, text, customer.country)
    if rows.has_address(session, customer_id=customer.id, address=drafts[0].address):
        raise Conflict("contact_point_exists")
    point = _add(session, customer, drafts[0])
    rows.wake_cases(session, customer_id=customer.id, now=now)
    audit.record(
        session, now=now, actor_id=by, action="customer.add_contact", subject_kind="customer", subject_id=customer.id
    )
    return point


def reveal(
    session: Session, *, customer_id: int, contact_point_id: int, by: int, supervises: bool, now: datetime
) -> ContactPoint:
    """The address in full, for a supervisor or for the agent who is in a call with this customer; audited either way.

    Raises `NotFound` (`contact_point_not_found`) and `Forbidden` (`reveal_not_allowed`).
    """
    if not supervises and not rows.in_a_call(session, agent_id=by, customer_id=customer_id):
        raise Forbidden("reveal_not_allowed")
    point = session.get(ContactPoint, contact_point_id)
    if point is None or point.customer_id != customer_id:
        raise NotFound("contact_point_not_found")
    audit.record(
        session,
        now=now,
        actor_id=by,
        action="customer.reveal",
        subject_kind="contact_point",
        subject_id=point.id,
        customer_id=customer_id,
    )
    return point


def _drafts(person: Person, settings: Settings) -> tuple[str, list[contacts.ContactDraft]]:
    """The country, and every address in the order given."""
    said = person.country.upper() if person.country else None
    if said is not None and contacts.zone_of_country(said) is None:
        raise Invalid("bad_country", value=person.country)
    if person.time_zone is not None and not contacts.is_zone(person.time_zone):
        raise Invalid("bad_zone", value=person.time_zone)
    region = said or settings.country
    found = [draft for text in person.phones for draft in _parsed("phone", text, region)]
    found += [draft for text in person.emails for draft in _parsed("email", text, region)]
    country = said or next((draft.country for draft in found if draft.country), None) or settings.country
    return country, list({draft.address: draft for draft in found}.values())


def _parsed(kind: str, text: str, region: str) -> list[contacts.ContactDraft]:
    try:
        found = contacts.emails(text) if kind == ContactKind.EMAIL else contacts.phones(text, region)
    except contacts.BadContactError as error:
        code = "bad_email" if kind == ContactKind.EMAIL else "bad_phone"
        raise Invalid(code, value=error.value[:80], region=region) from None
    if not found:
        raise Invalid("contact_point_unknown")
    return found


def _zone(country: str, drafts: Sequence[contacts.ContactDraft], settings: Settings) -> str:
    for draft in drafts:
        if draft.kind != ContactKind.EMAIL and (zone := contacts.zone_of(draft.address, draft.country)):
            return zone
    return (
        settings.time_zone if country == settings.country else contacts.zone_of_country(country) or settings.time_zone
    )


def _add(session: Session, customer: Customer, draft: contacts.ContactDraft) -> ContactPoint:
    known = rows.points_of(session, customer.id)
    same = next((point for point in known if point.address == draft.address), None)
    if same is not None:
        return same
    point = ContactPoint(
        customer_id=customer.id,
        kind=ContactKind(draft.kind),
        address=draft.address,
        extension=draft.extension,
        position=max((point.position for point in known), default=-1) + 1,
    )
    session.add(point)
    session.flush()
    return point
