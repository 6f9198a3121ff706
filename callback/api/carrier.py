"""What carriers call back: how far something has come, what a call is to say, and what customers write.

Public, and therefore believed only when it is signed: Twilio signs the configured public address and the form. Whatever
is signed but not about anything of ours gets a quiet 204, so that a carrier stops repeating it.
"""

import hmac
import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from twilio.twiml.messaging_response import MessagingResponse

from callback.api.mailbox import Mailbox
from callback.api.schemas import Handle
from callback.bootstrap import House
from callback.channels.gateway import GatewaySms, at_path, reports_in
from callback.channels.protocol import Addresses
from callback.channels.twilio import SIGNATURE_HEADER, Signature
from callback.db import sends as rows
from callback.db.engine import reading
from callback.db.tables import Attempt
from callback.domain.words import Channel
from callback.entrance import HouseDep, Now
from callback.errors import Forbidden, Invalid, Unavailable
from callback.services.automatic_calls import Heard, turn
from callback.services.contacts import BadContactError, phones
from callback.services.inbox import Written
from callback.services.renderings import hang_up
from callback.services.replies import storable
from callback.services.sends import click_to_call
from callback.services.sends.events import apply_status

router = APIRouter(prefix="/carrier", tags=["carrier"])

XML = "text/xml; charset=utf-8"
NOTHING_YET = str(MessagingResponse())
"""What is said back is a message of its own."""
REPEATED_AFTER_S = 10
"""When a gateway shall tell again what came too early: the acceptance is written by then."""


async def signed_form(request: Request, house: HouseDep) -> dict[str, str]:
    """The form of a request that Twilio has signed. Raises `Forbidden("carrier_signature")`.

    Of a repeated name every value counts in the signature, and the last one in the form. What no database can keep
    is left out: a STOP with U+0000 behind it, as some networks write an `@`, is a STOP, and is not told again.
    """
    token = house.settings.twilio_auth_token
    if token is None:
        raise Forbidden("carrier_signature")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise Invalid("carrier_form") from error
    signature = Signature(auth_token=token.get_secret_value(), public_url=house.settings.public_url)
    if not signature.holds(
        path=request.url.path,
        query=request.url.query,
        form=pairs,
        signature=request.headers.get(SIGNATURE_HEADER, ""),
    ):
        raise Forbidden("carrier_signature")
    return {name: value.replace("\x00", "") for name, value in pairs}


SignedForm = Annotated[dict[str, str], Depends(signed_form)]


@router.post("/twilio/messages/{handle}", status_code=204, operation_id="twilioMessageStatus")
def message_status(handle: Handle, form: SignedForm, house: HouseDep, now: Now) -> None:
    """How far one message has come. Late, doubled and out of order as it may be, it counts once and only upwards."""
    with house.sessions.begin() as session:
        apply_status(
            session,
            handle=handle,
            status=form.get("MessageStatus") or form.get("SmsStatus") or "",
            provider_id=_sid(form, "MessageSid", "SmsSid"),
            error_code=form.get("ErrorCode", "")[:32] or None,
            now=now,
        )


@router.post("/twilio/calls/{handle}", status_code=204, operation_id="twilioCallStatus")
def call_status(handle: Handle, form: SignedForm, house: HouseDep, now: Now) -> None:
    """How far one call has come, how long it was, and whether a machine took it."""
    with house.sessions.begin() as session:
        apply_status(
            session,
            handle=handle,
            status=form.get("CallStatus") or "",
            provider_id=_sid(form, "CallSid"),
            error_code=_why_it_failed(form) if form.get("CallStatus") == "failed" else None,
            duration_s=_seconds(form.get("CallDuration")),
            answered_by=form.get("AnsweredBy"),
            now=now,
        )


@router.post("/twilio/inbound", operation_id="twilioInbound")
async def inbound(request: Request, form: SignedForm, now: Now) -> Response:
    """A customer has written. It is kept before it is acknowledged, and read by a worker a moment later.

    The same message again changes nothing. What is said back goes through the ledger, like everything that leaves.
    """
    provider_id, sender = _sid(form, "MessageSid", "SmsSid"), form.get("From", "")
    if provider_id is None or not sender:
        raise Invalid("carrier_form")
    mailbox: Mailbox = request.app.state.mailbox
    await mailbox.put(
        Written(
            provider_id=provider_id,
            address=sender[:255],
            to_address=form.get("To", "")[:255],
            text=form.get("Body", ""),
            received_at=now,
        )
    )
    return _twiml(NOTHING_YET)


@router.post("/twilio/voice/{handle}", operation_id="twilioVoice")
def voice(
    handle: Handle,
    form: SignedForm,
    house: HouseDep,
    now: Now,
    step: Annotated[str, Query(max_length=64)] = "",
    tries: Annotated[int, Query(ge=0, le=99)] = 0,
    since: Annotated[int, Query(ge=0, le=2**40)] = 0,
) -> Response:
    """What an automatic call says next. What was pressed or said is kept before the next question is asked."""
    with house.sessions.begin() as session:
        send = rows.by_handle(session, handle)
        mine = send is not None and send.provider_id in (None, form.get("CallSid"))
        attempt = session.get(Attempt, send.attempt_id) if send is not None and mine and send.attempt_id else None
        if attempt is None or attempt.channel is not Channel.VOICE:
            return _twiml(str(hang_up(None, house.settings.language)))
        heard = Heard(
            step=step,
            tries=tries,
            since=since,
            digits=form.get("Digits", "")[:32],
            speech=form.get("SpeechResult", "")[:2_000],
            answered_by=form.get("AnsweredBy", ""),
        )
        action = Addresses(house.settings.public_url).of("voice", handle)
        twiml = turn(session, attempt=attempt, heard=heard, action=action, now=now, settings=house.settings)
    return _twiml(twiml)


@router.post("/twilio/bridges/{handle}", operation_id="twilioBridge")
def bridge(handle: Handle, form: SignedForm, house: HouseDep, now: Now) -> Response:
    """The agent has picked up: what rings the customer, unless a rule has come to forbid it since."""
    with house.sessions.begin() as session:
        twiml = click_to_call.connect(session, handle=handle, now=now, settings=house.settings)
    return _twiml(twiml)


@router.post("/twilio/bridged/{handle}", operation_id="twilioBridged")
def bridged(handle: Handle, form: SignedForm, house: HouseDep) -> Response:
    """The customer's half of an agent's call is over: how it ended and how long it was go into the attempt."""
    with house.sessions.begin() as session:
        twiml = click_to_call.hung_up(
            session,
            handle=handle,
            status=form.get("DialCallStatus") or "",
            duration_s=_seconds(form.get("DialCallDuration")),
        )
    return _twiml(twiml)


@router.post("/gateway/inbound", status_code=204, operation_id="gatewayInbound")
async def gateway_inbound(request: Request, house: HouseDep, now: Now) -> None:
    """A customer has written to the HTTP gateway's number. Kept before it is acknowledged, as Twilio's are."""
    way = _gateway(house)
    if way.file.inbound is None:
        raise Forbidden("carrier_signature")
    told = way.file.inbound
    document = await _signed_document(request, way, header=told.signature_header)
    message_id, sender = at_path(document, told.id), at_path(document, told.address)
    if message_id in (None, "") or sender in (None, ""):
        raise Invalid("carrier_form")
    try:
        address = phones(str(sender)[:64], house.settings.country)[0].address
    except (BadContactError, IndexError) as error:
        raise Invalid("carrier_form") from error
    text = at_path(document, told.text)
    mailbox: Mailbox = request.app.state.mailbox
    await mailbox.put(
        Written(
            provider_id=storable(f"GW{message_id}")[:64],
            address=address,
            to_address=storable(str(at_path(document, told.to) if told.to else way.sender))[:255],
            text="" if text is None else str(text),  # the number 0 is an answer
            received_at=now,
        )
    )


@router.post("/gateway/reports", status_code=204, operation_id="gatewayReports")
async def gateway_reports(request: Request, house: HouseDep, now: Now) -> Response:
    """Delivery reports of a gateway that posts them all to one address, one or many at once."""
    return await _report(request, house, handle=None, now=now)


@router.post("/gateway/{handle}", status_code=204, operation_id="gatewayReport")
async def gateway_report(handle: Handle, request: Request, house: HouseDep, now: Now) -> Response:
    """A delivery report of the HTTP gateway, signed over its raw body as the gateway's file says."""
    return await _report(request, house, handle=handle, now=now)


async def _report(request: Request, house: House, *, handle: str | None, now: datetime) -> Response:
    way = _gateway(house)
    told = way.file.reports
    if told is None:
        raise Forbidden("carrier_signature")
    document = await _signed_document(request, way, header=told.signature_header)
    nobodys = False
    for report in reports_in(document, told):
        status = way.status_of(str(at_path(report, told.status)))
        code = at_path(report, told.code) if told.code else None
        if status is not None:
            found = await run_in_threadpool(
                _apply_report,
                house,
                handle=handle,
                ref=_named(report, told.ref),
                provider_id=_named(report, told.id),
                status=status,
                error_code=None if code is None else way.file.answers.failures.get(str(code), storable(str(code))[:32]),
                now=now,
            )
            nobodys = nobodys or not found
    if nobodys and handle is None and await run_in_threadpool(_is_handing_over, house, way):
        # The id may be that of one whose acceptance is not written yet. Those that were known are applied; again they
        # change nothing.
        raise Unavailable("report_too_early", retry_after=REPEATED_AFTER_S)
    return Response(status_code=204) if told.answer is None else Response(told.answer, media_type="text/plain")


def _gateway(house: House) -> GatewaySms:
    way = house.channels.get(Channel.SMS)
    if not isinstance(way, GatewaySms):
        raise Forbidden("carrier_signature")
    return way


async def _signed_document(request: Request, way: GatewaySms, *, header: str) -> Any:
    """The JSON or form of a request that the gateway has signed over its raw body. Raises `Forbidden`, `Invalid`."""
    body = await request.body()
    if not hmac.compare_digest(request.headers.get(header, "").encode(), way.signature(body).encode()):
        raise Forbidden("carrier_signature")
    try:
        if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("carrier_form") from error


def _apply_report(house: House, *, handle: str | None, ref: str | None, provider_id: str | None, **event: Any) -> bool:
    """Whose it is: by the address it came to, else by our handle in it, else by the gateway's id. False: nobody's."""
    with house.sessions.begin() as session:
        if handle is None and ref is not None and rows.by_handle(session, ref) is not None:
            handle = ref
        if handle is None and provider_id is not None:
            handle = rows.handle_of(session, provider_id)
        if handle is not None:
            apply_status(session, handle=handle, provider_id=provider_id, **event)
        return handle is not None


def _is_handing_over(house: House, way: GatewaySms) -> bool:
    with reading(house.sessions) as session:
        return rows.is_handing_over(session, carrier=way.name)


def _named(report: Any, path: str | None) -> str | None:
    found = at_path(report, path) if path else None
    return None if found in (None, "") else storable(str(found))[:64]


def _why_it_failed(form: dict[str, str]) -> str | None:
    """The carrier's code, else the network's, as `sip404`."""
    if form.get("ErrorCode"):
        return form["ErrorCode"][:32]
    sip = form.get("SipResponseCode", "")
    return f"sip{sip}" if sip.isdecimal() and len(sip) == 3 else None


def _sid(form: dict[str, str], *names: str) -> str | None:
    return next((form[name][:64] for name in names if form.get(name)), None)


def _seconds(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 7 else None


def _twiml(document: str) -> Response:
    return Response(document, media_type=XML)
