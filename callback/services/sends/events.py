"""The carrier says how far something has come: applied once, in any order, upwards only."""

from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from callback.db import sends as rows
from callback.db.claims import changed_one
from callback.db.tables import Attempt, Response, Send
from callback.domain.carrier import CALL, MESSAGE, UNANSWERED, Status, is_machine
from callback.domain.rules import states_below
from callback.domain.words import AttemptState, Channel, Disposition, ResponseState, SendKind, SendState
from callback.services import surveys
from callback.services.sends.ending import end_attempt, fail


def apply_status(
    session: Session,
    *,
    handle: str,
    status: str,
    now: datetime,
    provider_id: str | None = None,
    error_code: str | None = None,
    duration_s: int | None = None,
    answered_by: str | None = None,
) -> bool:
    """One event. False when it changed nothing: not ours, not new, not known, or about another message.

    It may arrive before our own record of the send: the handle in its address is enough, and then the record has
    nothing left to say.
    """
    send = rows.by_handle(session, handle, lock=True)
    known = None if send is None else (CALL if send.channel is Channel.VOICE else MESSAGE).get(status)
    if send is None or known is None:
        return False
    if send.provider_id is None and provider_id is not None:
        whose = rows.handle_of(session, provider_id)
        if whose not in (None, handle):
            return False  # told at our address, about another one
    # Of a call that rang the agent the customer's half is what counts (`click_to_call.hung_up`).
    more = _more(error_code, None if send.kind is SendKind.BRIDGE else duration_s)
    if not _raise(session, send, known, status=status, provider_id=provider_id, now=now, **more):
        return False
    session.refresh(send)
    if send.kind is SendKind.BRIDGE:
        return True
    attempt = session.get(Attempt, send.attempt_id, populate_existing=True) if send.attempt_id is not None else None
    if attempt is not None and send.kind in rows.STARTS:
        _begun(session, attempt, send, connected=send.channel is Channel.VOICE and known.arrived)
    if known.final:
        _ended(session, send, attempt, known, status=status, answered_by=answered_by, now=now)
    return True


def _more(error_code: str | None, duration_s: int | None) -> dict[str, object]:
    told = {"error_code": error_code, "duration_s": duration_s}
    return {name: value for name, value in told.items() if value is not None}


def _raise(
    session: Session, send: Send, known: Status, *, status: str, provider_id: str | None, now: datetime, **more: object
) -> bool:
    """The row one rank up. An id that is not the one we know is about something else, and changes nothing."""
    state = SendState.SENT
    if known.final:
        state = SendState.DELIVERED if known.arrived else SendState.FAILED
    values: dict[str, object] = {
        "provider_rank": known.rank,
        "provider_status": status,
        "state": state,
        "lease_until": None,
        "sent_at": send.sent_at or now,
        **more,
    }
    if known.final:
        values["ended_at"] = now
    if provider_id is not None:
        values["provider_id"] = provider_id
    statement = update(Send).where(Send.id == send.id, Send.provider_rank < known.rank)
    if provider_id is not None:
        statement = statement.where(or_(Send.provider_id.is_(None), Send.provider_id == provider_id))
    return changed_one(session, statement.values(**values))


def _begun(session: Session, attempt: Attempt, send: Send, *, connected: bool) -> None:
    """The attempt follows: it was sent; a call that somebody took is connected."""
    wanted = AttemptState.CONNECTED if connected else AttemptState.SENT
    changed_one(
        session,
        update(Attempt)
        .where(Attempt.id == attempt.id)
        # From `unknown` too: an event with our handle is the carrier's word that it has this very send.
        .where(Attempt.state.in_({*states_below(wanted), AttemptState.UNKNOWN}))
        .values(
            state=wanted,
            provider_id=send.provider_id,
            provider_rank=send.provider_rank,
            lease_until=None,
            version=Attempt.version + 1,
        ),
    )
    session.refresh(attempt)


def _ended(
    session: Session,
    send: Send,
    attempt: Attempt | None,
    known: Status,
    *,
    status: str,
    answered_by: str | None,
    now: datetime,
) -> None:
    if send.channel is Channel.VOICE:
        if attempt is not None:
            _call_ended(session, send, attempt, status=status, answered_by=answered_by, now=now)
    elif not known.arrived:
        fail(session, send, code=send.error_code if status != "canceled" else "30008", now=now)


def _call_ended(
    session: Session, send: Send, attempt: Attempt, *, status: str, answered_by: str | None, now: datetime
) -> None:
    """A call that was taken is what was said in it: a dropped one is not complete, and what was answered is kept."""
    if status == "failed" and send.error_code is not None:
        fail(session, send, code=send.error_code, now=now)
        return
    disposition = UNANSWERED.get(status)
    if disposition is None:
        disposition = Disposition.ANSWERING_MACHINE if is_machine(answered_by) else _said(session, attempt)
    # Whoever tells us of it has dialled.
    end_attempt(session, attempt=attempt, disposition=disposition, now=now, duration_s=send.duration_s, taken=True)


def _said(session: Session, attempt: Attempt) -> Disposition:
    response = surveys.of_callback(session, attempt.callback_id)
    if response is None:
        return Disposition.BREAK_OFF
    if response.state is ResponseState.COMPLETE or surveys.where(session, response).is_complete:
        return Disposition.COMPLETED
    return Disposition.PARTIAL if _answered(response) else Disposition.BREAK_OFF


def _answered(response: Response) -> bool:
    return any(value is not None for value in surveys.answers_of(response).values())
