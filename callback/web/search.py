"""`/search`: a customer who calls back is found, confirmed, and helped where the house stopped."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Path, Response
from sqlalchemy.orm import Session

from callback.db.tables import IncomingCall
from callback.domain.account import Scope
from callback.errors import Invalid
from callback.services import incoming, notes, search
from callback.web.day import elsewhere
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Reader = Annotated[Desk, Depends(at_desk(Scope.CUSTOMERS_READ))]
Worker = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WORK))]
PathId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Handle = Annotated[str, Path(min_length=1, max_length=32)]
CaseId = Annotated[int, Form(ge=1, le=2**63 - 1)]
Typed = Annotated[str, Form(max_length=1_000_000)]
"""In the body: what is typed about a person belongs into no address and no log."""


@router.get("/search")
def page(desk: Reader) -> Response:
    return desk.page("search/page.html", **_found(desk, ""))


@router.post("/search/found")
def found(desk: Reader, q: Typed = "") -> Response:
    """The matches alone: the page asks while somebody types."""
    return desk.fragment("search/found.html", **_found(desk, q))


@router.get("/search/{customer_id}")
def person(customer_id: PathId, desk: Reader) -> Response:
    """Whom, and that something is open. Opening it is on record; nothing of a case is on it."""
    with desk.begin() as session:
        customer, open_ = incoming.look_up(session, customer_id=customer_id, by=desk.me.agent_id, now=desk.now)
        numbers = search.numbers_of(customer)
        last_attempt_at = incoming.last_contact(session, customer.id)
    return desk.page(
        "search/person.html",
        customer=customer,
        numbers=numbers,
        open=open_,
        last_attempt_at=last_attempt_at,
        elsewhere=elsewhere(desk),
    )


@router.post("/search/{customer_id}/confirm")
def confirm(customer_id: PathId, desk: Worker) -> Response:
    with desk.begin() as session:
        call = incoming.take(session, customer_id=customer_id, by=desk.me.agent_id, now=desk.now)
    return desk.go(f"/incoming/{call.handle}")


@router.post("/search/{customer_id}/somebody-else")
def somebody_else(customer_id: PathId, desk: Worker) -> Response:
    with desk.begin() as session:
        incoming.refuse(session, customer_id=customer_id, by=desk.me.agent_id, now=desk.now)
    return desk.go("/search", said="search_desk.not_them")


@router.get("/incoming/{handle}")
def call_page(handle: Handle, desk: Worker) -> Response:
    """The customer is on the line and confirmed: their cases, what was said before, and what can be done."""
    with desk.reading() as session:
        call = incoming.own_call(session, handle, by=desk.me.agent_id, now=desk.now)
        return desk.page("search/incoming.html", **_call(desk, session, call))


@router.post("/incoming/{handle}/note")
def note(handle: Handle, desk: Worker, case_id: CaseId, text: Typed = "") -> Response:
    with desk.begin() as session:
        call = incoming.own_call(session, handle, by=desk.me.agent_id, now=desk.now)
        incoming.record(session, call=call, case_id=case_id, text=text, now=desk.now)
    return desk.go(f"/incoming/{handle}", said="search_desk.noted")


@router.post("/incoming/{handle}/need")
def need(handle: Handle, desk: Worker, case_id: CaseId, text: Typed = "") -> Response:
    """Another matter: a child case of the one it grew out of."""
    with desk.begin() as session:
        call = incoming.own_call(session, handle, by=desk.me.agent_id, now=desk.now)
        incoming.new_need(session, call=call, case_id=case_id, text=text, now=desk.now)
    return desk.go(f"/incoming/{handle}", said="search_desk.need_kept")


@router.post("/incoming/{handle}/callbacks/{callback}/continue")
def go_on(handle: Handle, callback: Handle, desk: Worker) -> Response:
    """Into the guided call, with a colleague's callback taken over where the rules allow it."""
    with desk.begin() as session:
        call = incoming.own_call(session, handle, by=desk.me.agent_id, now=desk.now)
        started = incoming.go_on(session, call=call, callback=callback, now=desk.now, settings=desk.house.settings)
    return desk.go(f"/calls/{started.attempt}")


@router.post("/incoming/{handle}/callbacks/{callback}/appointment")
def appointment(
    handle: Handle,
    callback: Handle,
    desk: Worker,
    at: Annotated[str, Form(max_length=40)] = "",
    with_me: Annotated[bool, Form()] = False,
) -> Response:
    with desk.begin() as session:
        call = incoming.own_call(session, handle, by=desk.me.agent_id, now=desk.now)
        moment = local_moment(at, call.customer.time_zone)
        incoming.wish(session, call=call, callback=callback, at=moment, with_me=with_me, now=desk.now)
    return desk.go(f"/incoming/{handle}", said="search_desk.wished")


def local_moment(text: str, zone: str) -> datetime:
    """`2026-03-12T14:30` on the customer's clock. Raises `Invalid` (`not_a_local_time`), or it is skipped there."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("not_a_local_time") from None
    if wall.tzinfo is not None:
        raise Invalid("not_a_local_time")
    moment = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall:
        raise Invalid("not_a_local_time")
    return moment


def _found(desk: Desk, typed: str) -> dict[str, Any]:
    with desk.reading() as session:
        return {"matches": search.look_for(session, typed), "elsewhere": elsewhere(desk)}


def _call(desk: Desk, session: Session, call: IncomingCall) -> dict[str, Any]:
    zone = ZoneInfo(call.customer.time_zone)
    return {
        "call": call,
        "customer": call.customer,
        "numbers": search.numbers_of(call.customer),
        "cases": incoming.cases_of(session, call),
        "local_now": desk.now.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
        "longest": notes.LONGEST,
        "elsewhere": elsewhere(desk),
    }
