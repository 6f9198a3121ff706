"""`/sends`: what left the house by itself, one line for each message and call; the carrier's word for each."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BeforeValidator

from callback.db import sends as rows
from callback.db.tables import Attempt, Callback, Case, Customer
from callback.domain.account import Scope
from callback.domain.address import mask
from callback.domain.words import Channel, Role, SendState
from callback.errors import NotFound
from callback.services import contacts, failures
from callback.web.desk import Desk, at_desk
from callback.web.typed import Before, Handle, Sought, blank_is_none

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.REPORTS_READ, Role.SUPERVISOR, Role.ADMINISTRATOR))]
PAGE = 50
TONES = {
    SendState.QUEUED: "plain",
    SendState.CLAIMED: "plain",
    SendState.UNKNOWN: "warn",
    SendState.SENT: "calm",
    SendState.DELIVERED: "good",
    SendState.FAILED: "bad",
    SendState.WITHDRAWN: "warn",
}


@router.get("/sends")
def list_sends(
    desk: Leader,
    state: Annotated[SendState | None, BeforeValidator(blank_is_none), Query()] = None,
    channel: Annotated[Channel | None, BeforeValidator(blank_is_none), Query()] = None,
    address: Sought = "",
    before: Before = None,
) -> Response:
    sought = contacts.one_address(address, desk.house.settings.country) if address else None
    with desk.reading() as session:
        found, onwards = rows.page(session, state=state, channel=channel, address=sought, before=before, limit=PAGE)
        customers = rows.whose(session, {send.customer_id for send in found if send.customer_id is not None})
    return desk.page(
        "sends/page.html",
        sends=found,
        customers=customers,
        onwards=onwards,
        before=before,
        filters={
            "state": state.value if state else "",
            "channel": channel.value if channel else "",
            "address": address,
        },
        states=tuple(SendState),
        channels=(Channel.SMS, Channel.VOICE, Channel.EMAIL),
        tones=TONES,
        mask=mask,
        why=lambda send: failures.why(send.error_code, desk.language),
    )


@router.get("/sends/{handle}")
def one(desk: Leader, handle: Handle) -> Response:
    """One message or call. Its text is not shown: it may hold what only the customer should read."""
    with desk.reading() as session:
        send = rows.by_handle(session, handle)
        if send is None:
            raise NotFound("send_not_found")
        attempt = None if send.attempt_id is None else session.get(Attempt, send.attempt_id)
        callback = None if send.callback_id is None else session.get(Callback, send.callback_id)
        case = None if callback is None else session.get(Case, callback.case_id)
        customer = None if send.customer_id is None else session.get(Customer, send.customer_id)
    return desk.page(
        "sends/one.html",
        send=send,
        attempt=attempt,
        callback=callback,
        case=case,
        customer=customer,
        tones=TONES,
        masked=mask(send.address),
        why=failures.why(send.error_code, desk.language),
        todo=failures.what_to_do(send.error_code, desk.language),
    )
