"""Click-to-call: the carrier rings the agent, then the customer, and the call's own figures come into the attempt.

The call is the agent's attempt, begun and judged as every other (`services/attempts`); this only dials. Without a
carrier for calls, or for an agent without a telephone number, there is a `tel:` link and the agent's own record.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session
from twilio.twiml.voice_response import VoiceResponse

from callback.channels.protocol import Addresses, SendChannel
from callback.db import attempts as attempt_rows
from callback.db import decisions
from callback.db import sends as rows
from callback.db.claims import changed_one
from callback.db.policies import load_policy
from callback.db.tables import Agent, Attempt, Callback, ContactPoint, Send
from callback.domain.carrier import CALL
from callback.domain.handle import new_handle
from callback.domain.rules import Contact, Refusal, may_move, refusals
from callback.domain.words import AttemptState, Channel, Disposition, SendKind, SendState
from callback.errors import Conflict, Invalid
from callback.services import audit, renderings
from callback.services.attempts.sheet import own_attempt
from callback.services.hard_rules import broken, contact_of, next_moment
from callback.services.sends.ending import end_attempt
from callback.services.wording import sentence
from callback.settings import Settings
from callback.texts import say

RING_CUSTOMER_S = 25
LONGEST_S = 3600
FORBIDS = {"suppression": "suppressed", "window": "outside_window"}
"""Rules that may come to forbid a call that has begun, and the reason on the ledger (`failure.<reason>`)."""
ASKED_FOR = timedelta(seconds=60)
"""So long after the click the agent is still sitting there; later the call is not made any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """How the customer is reached now."""

    by_carrier: bool
    """The agent's telephone rings. Otherwise the agent dials, with `link`."""
    link: str | None
    """`tel:+8613800138000`, with the extension behind a comma; None while the carrier dials."""
    state: SendState | None
    status: str | None
    """The carrier's last word about the agent's half."""
    duration_s: int | None
    """Of the customer's half, in seconds."""
    error_code: str | None
    """Why the customer was not reached: `busy`, `no-answer`, `failed`, or the carrier's code."""


def dial(session: Session, *, handle: str, agent_id: int, way: SendChannel | None, now: datetime) -> Dialling:
    """Have this attempt's number dialled. A second click while it rings changes nothing.

    Raises `NotFound` (`attempt_not_found`), `Conflict` (`already_finished`), `RuleBroken` (`rule_forbids_call`).
    """
    attempt = own_attempt(session, handle, agent_id=agent_id)
    if attempt.state is AttemptState.ENDED or attempt.channel is not Channel.AGENT or attempt.address is None:
        raise Conflict("already_finished")
    attempt_rows.locked_case(session, attempt.case_id)
    _check_rules(session, attempt, now=now)
    point = session.get(ContactPoint, attempt.contact_point_id) if attempt.contact_point_id is not None else None
    agent = session.get_one(Agent, agent_id)
    if way is None or agent.phone is None or (way.is_real and point is not None and point.fictional):
        _keep_reveal(session, attempt, agent_id=agent_id, now=now)
        return Dialling(
            by_carrier=False, link=_link(attempt, point), state=None, status=None, duration_s=None, error_code=None
        )
    ringing = rows.of_attempt(session, attempt.id, (SendKind.BRIDGE,))
    if ringing is None or ringing.state in (SendState.DELIVERED, SendState.FAILED, SendState.WITHDRAWN):
        ringing = _ring(session, attempt, agent, way, now=now)
    return shown(ringing)


def shown(ringing: Send) -> Dialling:
    return Dialling(
        by_carrier=True,
        link=None,
        state=ringing.state,
        status=ringing.provider_status,
        duration_s=ringing.duration_s,
        error_code=ringing.error_code,
    )


def of_attempt(session: Session, attempt: Attempt) -> Dialling | None:
    """The carrier's call of this attempt, if there is one."""
    ringing = rows.of_attempt(session, attempt.id, (SendKind.BRIDGE,))
    return None if ringing is None else shown(ringing)


def _check_rules(session: Session, attempt: Attempt, *, now: datetime) -> None:
    contact, standing = _standing(session, attempt, now=now)
    if standing:
        raise broken(standing, next_moment=next_moment(contact, load_policy(session)))


def _standing(session: Session, attempt: Attempt, *, now: datetime) -> tuple[Contact, tuple[Refusal, ...]]:
    """Suppressions and windows as they are at this moment; the budget was spent when the attempt began."""
    callback = session.get_one(Callback, attempt.callback_id)
    contact = contact_of(session, callback, at=now, agent_id=None, by_appointment=attempt.by_appointment)
    return contact, tuple(one for one in refusals(contact, load_policy(session)) if one.rule in FORBIDS)


def _keep_reveal(session: Session, attempt: Attempt, *, agent_id: int, now: datetime) -> None:
    """The link holds the number in full: that the agent has seen it is on record."""
    audit.record(
        session,
        now=now,
        actor_id=agent_id,
        action="customer.reveal",
        subject_kind="contact_point",
        subject_id=attempt.contact_point_id,
        customer_id=attempt.customer_id,
        attempt=attempt.handle,
    )


def _link(attempt: Attempt, point: ContactPoint | None) -> str:
    extension = f",{point.extension}" if point is not None and point.extension else ""
    return f"tel:{attempt.address}{extension}"


def _ring(session: Session, attempt: Attempt, agent: Agent, way: SendChannel, *, now: datetime) -> Send:
    if agent.phone is None:
        raise Invalid("agent_without_phone")
    ringing = Send(
        handle=new_handle(),
        kind=SendKind.BRIDGE,
        channel=Channel.VOICE,
        sender=way.sender,
        carrier=way.name,
        attempt_id=attempt.id,
        callback_id=attempt.callback_id,
        address=agent.phone,
        state=SendState.QUEUED,
        due_at=now,
        closes_at=now + ASKED_FOR,
        created_at=now,
    )
    session.add(ringing)
    session.flush()
    return ringing


def connect(session: Session, *, handle: str, now: datetime, settings: Settings) -> str:
    """TwiML for the agent who has picked up: ring the customer, unless a rule has come to forbid it since the click.

    A call that is over by now is not begun again.
    """
    response = VoiceResponse()
    ringing = rows.by_handle(session, handle, lock=True)
    attempt = _open_attempt(session, ringing)
    if ringing is None or attempt is None:
        response.hangup()
        return str(response)
    _, standing = _standing(session, attempt, now=now)
    if standing:
        return _not_now(session, attempt, ringing, standing[0], now=now, settings=settings)
    if may_move(attempt.state, AttemptState.SENT):
        _move(session, attempt, AttemptState.SENT)
    addresses = Addresses(settings.public_url)
    dialled = response.dial(
        action=addresses.of("bridged", handle),
        method="POST",
        timeout=RING_CUSTOMER_S,
        time_limit=LONGEST_S,
        caller_id=ringing.sender,
    )
    dialled.number(attempt.address)
    return str(response)


def _not_now(
    session: Session, attempt: Attempt, ringing: Send, refusal: Refusal, *, now: datetime, settings: Settings
) -> str:
    """The agent hears why, and the customer's telephone stays silent.

    An attempt in which it has never rung ends, at no cost to the customer; the retry table goes on at the next legal
    moment. One in which it has (this is a second click) is left to the agent, who knows what was said.
    """
    ringing.error_code = FORBIDS[refusal.rule]
    if may_move(attempt.state, AttemptState.SENT):
        decisions.record(
            session,
            now=now,
            case_id=attempt.case_id,
            callback_id=attempt.callback_id,
            about="retry",
            rule=refusal.reason[:64],
            verdict="put_off",
            inputs={"attempt": attempt.handle},
        )
        end_attempt(session, attempt=attempt, disposition=Disposition.TECHNICAL_FAILURE, now=now, arrived=False)
    language = settings.language
    why = sentence(f"rule.{refusal.reason}", refusal.params, language)
    return str(renderings.hang_up(say("voice.agent_refused", language, why=why), language))


def hung_up(session: Session, *, handle: str, status: str, duration_s: int | None) -> str:
    """The customer's half is over. The agent still says how it ended; the length is the carrier's, not the screen's."""
    ringing = rows.by_handle(session, handle, lock=True)
    attempt = _open_attempt(session, ringing)
    if ringing is not None and status in CALL:
        ringing.duration_s = duration_s
        ringing.error_code = None if status in ("completed", "answered") else status
    if attempt is not None and status == "completed":
        attempt.duration_s = duration_s
        if may_move(attempt.state, AttemptState.CONNECTED):
            _move(session, attempt, AttemptState.CONNECTED)
    response = VoiceResponse()
    response.hangup()
    return str(response)


def _open_attempt(session: Session, ringing: Send | None) -> Attempt | None:
    if ringing is None or ringing.kind is not SendKind.BRIDGE or ringing.attempt_id is None:
        return None
    attempt = session.get(Attempt, ringing.attempt_id, populate_existing=True)
    return attempt if attempt is not None and attempt.state is not AttemptState.ENDED else None


def _move(session: Session, attempt: Attempt, state: AttemptState) -> None:
    """Without a new version: the agent's page is stepping through the script at the same time."""
    changed_one(
        session,
        update(Attempt).where(Attempt.id == attempt.id, Attempt.state == attempt.state).values(state=state),
    )
    session.refresh(attempt)
