"""Customers: masked lists, contact points, and the audited reveal of one address."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, Out, PathId
from callback.db import contacts as rows
from callback.db.engine import reading
from callback.db.tables import ContactPoint, Customer
from callback.domain.account import Scope
from callback.domain.address import mask
from callback.domain.words import ContactKind, ContactState
from callback.entrance import HouseDep, Now, Principal, caller
from callback.errors import NotFound
from callback.services import customers

router = APIRouter(tags=["customers"])
Reader = Annotated[Principal, Depends(caller(Scope.CUSTOMERS_READ))]
Writer = Annotated[Principal, Depends(caller(Scope.CUSTOMERS_WRITE))]
Revealer = Annotated[Principal, Depends(caller(Scope.ADDRESSES_REVEAL))]


class ContactPointOut(Out):
    id: int
    kind: ContactKind
    masked: str
    state: ContactState
    position: int
    fictional: bool


class CustomerOut(Out):
    id: int
    source: str
    external_id: str
    """Masked where an address stands in for a number."""
    name: str | None
    salutation: str | None
    language: str
    country: str
    region: str | None
    time_zone: str
    special: bool
    consents: list[str]
    preferred_times: list[str]
    forbidden_dates: list[str]
    contact_points: list[ContactPointOut]
    created_at: datetime


class Revealed(Out):
    id: int
    kind: ContactKind
    address: str
    extension: str | None


class NewContactPoint(Body):
    kind: Literal["phone", "email"]
    text: Annotated[str, Field(min_length=1, max_length=254)]


WishText = Annotated[str, Field(max_length=500)]


class Wishes(Body):
    """On the customer's own clock. Left out: as it was; empty: no wish any more."""

    preferred_times: WishText | None = Field(default=None, examples=["weekdays 18:00-20:00; sat 10:00-12:00"])
    forbidden_dates: WishText | None = Field(default=None, examples=["2026-03-12; 2026-04-01/2026-04-07"])


@router.get("/customers", operation_id="listCustomers")
def list_customers(
    house: HouseDep,
    me: Reader,
    page: PageDep,
    search: Annotated[
        str | None, Query(min_length=1, max_length=100, description="Beginning of name or number.")
    ] = None,
    address: Annotated[
        str | None, Query(min_length=3, max_length=254, description="A whole address, as +8613812345678.")
    ] = None,
) -> Page[CustomerOut]:
    """Customers, addresses masked; agents see those of their own work."""
    query = rows.listed(search=search, address=address)
    if not me.supervises:
        query = rows.of_agent(query, me.agent_id)
    with reading(house.sessions) as session:
        return page.select(session, query, _out, kind="customers", order=(Customer.id,))


@router.get("/customers/{customer_id}", operation_id="readCustomer")
def read_customer(customer_id: PathId, house: HouseDep, me: Reader) -> CustomerOut:
    """One customer, addresses masked."""
    query = rows.listed().where(Customer.id == customer_id)
    if not me.supervises:
        query = rows.of_agent(query, me.agent_id)
    with reading(house.sessions) as session:
        customer = session.scalars(query).one_or_none()
        if customer is None:
            raise NotFound("customer_not_found", customer=customer_id)
        return _out(customer)


@router.put("/customers/{customer_id}/wishes", operation_id="setCustomerWishes")
def set_wishes(customer_id: PathId, body: Wishes, house: HouseDep, me: Writer, now: Now) -> CustomerOut:
    """When the customer likes to be called, and when not. Calls planned on a forbidden date lose their place."""
    with house.sessions.begin() as session:
        customer = customers.set_wishes(
            session,
            customer=customers.find_customer(session, customer_id),
            preferred_times=body.preferred_times,
            forbidden_dates=body.forbidden_dates,
            by=me.agent_id,
            now=now,
        )
        return _out(customer)


@router.post("/customers/{customer_id}/contact-points", status_code=201, operation_id="addContactPoint")
def add_contact_point(
    customer_id: PathId, body: NewContactPoint, house: HouseDep, me: Writer, now: Now, once: OnceDep
) -> ContactPointOut:
    """One more address; cases that waited for it are planned again."""
    with house.sessions.begin() as session:

        def run() -> ContactPointOut:
            customer = customers.find_customer(session, customer_id)
            point = customers.add_contact_point(
                session, customer=customer, kind=body.kind, text=body.text, by=me.agent_id, now=now
            )
            return _point(point)

        return once.run(session, me, run, now=now)


@router.get("/customers/{customer_id}/contact-points/{contact_point_id}/reveal", operation_id="revealContactPoint")
def reveal(customer_id: PathId, contact_point_id: PathId, house: HouseDep, me: Revealer, now: Now) -> Revealed:
    """The address in full: for supervisors, and for the agent who is in a call with the customer. Always audited."""
    with house.sessions.begin() as session:
        point = customers.reveal(
            session,
            customer_id=customer_id,
            contact_point_id=contact_point_id,
            by=me.agent_id,
            supervises=me.supervises,
            now=now,
        )
        return Revealed.model_validate(point)


def _point(point: ContactPoint) -> ContactPointOut:
    return ContactPointOut(
        id=point.id,
        kind=point.kind,
        masked=mask(point.address),
        state=point.state,
        position=point.position,
        fictional=point.fictional,
    )


def _out(customer: Customer) -> CustomerOut:
    addresses = {point.address for point in customer.contact_points}
    return CustomerOut(
        id=customer.id,
        source=customer.source,
        external_id=mask(customer.external_id) if customer.external_id in addresses else customer.external_id,
        name=customer.name,
        salutation=customer.salutation,
        language=customer.language,
        country=customer.country,
        region=customer.region,
        time_zone=customer.time_zone,
        special=customer.special,
        consents=customer.consents,
        preferred_times=customer.preferred_times,
        forbidden_dates=customer.forbidden_dates,
        contact_points=[_point(point) for point in customer.contact_points],
        created_at=customer.created_at,
    )
