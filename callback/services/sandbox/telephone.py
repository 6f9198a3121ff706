"""What one customer's telephone shows in the sandbox, and what the product made of it so far."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.db import sandbox as rows
from callback.db.tables import Callback, Customer, InboundMessage, Response, Send
from callback.domain.address import mask
from callback.domain.survey import Value
from callback.domain.words import (
    Channel,
    DissatisfactionState,
    InboundOutcome,
    Purpose,
    ResponseState,
    SendKind,
    SendState,
    Severity,
)
from callback.errors import NotFound
from callback.services import surveys
from callback.texts import Language

SOURCE = "sandbox"
"""Of the customers that are invented for a try-out (`tryout.py`)."""
MOST = 200
"""Messages of one conversation that are shown."""
_RINGS = frozenset({None, "queued", "initiated", "ringing"})
_WRITTEN = (Channel.SMS, Channel.EMAIL)
SNIPPET = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One line of the list of telephones."""

    customer_id: int
    name: str
    address: str
    """Masked."""
    language: str
    channel: Channel
    snippet: str
    at: datetime
    rings: bool
    """An automatic call waits to be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One message. `mine`: the customer wrote it."""

    key: str
    mine: bool
    text: str
    at: datetime
    subject: str | None = None
    channel: Channel = Channel.SMS
    under_way: bool = False
    """It waits for the worker."""
    segments: int = 1
    outcome: InboundOutcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An automatic call: it rings, somebody has taken it, or it is over (`state` then says how)."""

    handle: str
    rings: bool
    under_way: bool
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """One answer, as it was understood and as it came."""

    question: str
    answer: str
    said: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Something that is still to be done for the customer."""

    purpose: Purpose
    channel: Channel
    state: str
    at: datetime
    """Planned, or not before."""
    planned: bool
    agent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the product made of the conversation."""

    state: ResponseState | None
    told: tuple[Told, ...]
    severity: Severity | None
    recovered: bool
    owed: tuple[Owed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephone:
    """Everything about one customer in the sandbox."""

    customer: Customer
    address: str
    bubbles: tuple[Bubble, ...]
    letters: tuple[Bubble, ...]
    calls: tuple[Call, ...]
    typing: bool
    """An answer of ours is on its way."""
    made: Made

    @property
    def ringing(self) -> Call | None:
        return next((call for call in reversed(self.calls) if call.rings or call.under_way), None)


def threads(session: Session, *, limit: int = 30) -> Sequence[Thread]:
    """The telephones on which something has happened, the latest first."""
    found = rows.newest_of_each(session)
    return [_thread(send, customer) for send, customer in found[:limit]]


def _thread(send: Send, customer: Customer) -> Thread:
    return Thread(
        customer_id=customer.id,
        name=customer.salutation or customer.name or mask(send.address),
        address=mask(send.address),
        language=customer.language,
        channel=send.channel,
        snippet=" ".join((send.subject or send.body).split())[:SNIPPET],
        at=send.created_at,
        rings=send.channel is Channel.VOICE and _rings(send),
    )


def telephone(session: Session, customer_id: int, *, language: Language) -> Telephone:
    """Raises `NotFound` (`sandbox_telephone_not_found`): the sandbox has nothing for this customer."""
    customer = session.get(Customer, customer_id)
    sent = rows.sends_to(session, customer_id, limit=MOST)
    ours = [send for send in sent if send.carrier in rows.CARRIERS]
    if customer is None or not (ours or customer.source == SOURCE):
        raise NotFound("sandbox_telephone_not_found")
    waits = [send for send in sent if send.state in (SendState.QUEUED, SendState.CLAIMED)]
    messages = [send for send in ours if send.channel is Channel.SMS]
    written = rows.written_by(session, customer_id, {send.address for send in messages}, limit=MOST)
    return Telephone(
        customer=customer,
        address=mask(ours[-1].address if ours else customer.contact_points[0].address),
        bubbles=tuple(sorted(_bubbles(messages, written), key=lambda one: (one.at, one.mine, one.key))),
        letters=tuple(_sent(send) for send in ours if send.channel is Channel.EMAIL),
        calls=tuple(_call(send) for send in ours if send.channel is Channel.VOICE),
        typing=any(send.channel in _WRITTEN for send in waits),
        made=_made(session, customer_id, language=language),
    )


def newest_message(session: Session, customer_id: int) -> str:
    """The handle of the message that is written back to. Raises `NotFound` (`sandbox_send_not_found`)."""
    sent = rows.sends_to(session, customer_id, limit=MOST)
    found = [send.handle for send in sent if send.channel is Channel.SMS and send.carrier in rows.CARRIERS]
    if not found:
        raise NotFound("sandbox_send_not_found")
    return found[-1]


def _bubbles(messages: Sequence[Send], written: Sequence[InboundMessage]) -> Iterator[Bubble]:
    for send in messages:
        if send.state is not SendState.QUEUED:
            yield _sent(send)
    for message in written:
        yield Bubble(
            key=f"in-{message.id}",
            mine=True,
            text=message.text,
            at=message.received_at,
            outcome=message.outcome,
        )


def _sent(send: Send) -> Bubble:
    return Bubble(
        key=f"out-{send.handle}",
        mine=False,
        text=send.body,
        subject=send.subject,
        at=send.sent_at or send.created_at,
        channel=send.channel,
        under_way=send.state is SendState.CLAIMED,
        segments=send.segments,
    )


def _rings(send: Send) -> bool:
    return send.state is SendState.SENT and send.kind is SendKind.CALL and send.provider_status in _RINGS


def _call(send: Send) -> Call:
    under_way = send.state is SendState.SENT and send.provider_status == "in-progress"
    return Call(
        handle=send.handle,
        rings=_rings(send),
        under_way=under_way,
        state=send.provider_status or send.state.value,
        at=send.sent_at or send.created_at,
    )


def _made(session: Session, customer_id: int, *, language: Language) -> Made:
    response = rows.latest_response(session, customer_id)
    flag = None if response is None else rows.latest_flag(session, response.case_id)
    return Made(
        state=None if response is None else response.state,
        told=() if response is None else tuple(_told(session, response, language)),
        severity=None if flag is None else flag.severity,
        recovered=flag is not None and flag.state is DissatisfactionState.RECOVERED,
        owed=tuple(
            _owed(callback, None if agent is None else agent.name)
            for callback, agent in rows.owed_to(session, customer_id)
        ),
    )


def _told(session: Session, response: Response, language: Language) -> Iterator[Told]:
    definition = surveys.definition_of(session, response)
    said = {answer.question: answer.said for answer in response.answers}
    for name, value in surveys.answers_of(response).items():
        question = definition.question(name)
        if question is not None and value is not None:
            wording = question.wording_of(value)
            shown = _plain(value) if wording is None else wording.said_in(language)
            yield Told(question.title.said_in(language), shown, said.get(name))


def _plain(value: Value) -> str:
    return str(value)


def _owed(callback: Callback, agent: str | None) -> Owed:
    return Owed(
        purpose=callback.purpose,
        channel=callback.channel,
        state=callback.state.value,
        at=callback.planned_at or callback.next_try_at or callback.earliest_at,
        planned=callback.planned_at is not None,
        agent=agent,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What has not been sent yet. `sleeping`: something has been due for a while, and no worker takes it."""

    count: int
    first_at: datetime | None
    sleeping: bool


NO_WORKER = timedelta(seconds=20)
MOST_WAITING = 1000


def waiting(session: Session, *, channels: Sequence[Channel], now: datetime) -> Waiting:
    count, first_at = rows.waiting(session, channels, most=MOST_WAITING)
    return Waiting(count=count, first_at=first_at, sleeping=rows.left_lying(session, before=now - NO_WORKER))
