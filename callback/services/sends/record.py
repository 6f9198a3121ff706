"""What became of what was handed over: written in one transaction for a whole batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.channels.protocol import Accepted, ChannelError, SendChannel
from callback.db import sends as rows
from callback.db.tables import Send, Sender
from callback.domain import pacing
from callback.domain.sending import MOST_TRIES, REFUSED, Kind, failure_of, is_unlisted
from callback.domain.words import SendKind, SendState
from callback.log import get_logger
from callback.services.sends.claim import Claimed
from callback.services.sends.ending import fail
from callback.services.sends.events import apply_status
from callback.services.sends.holds import hold_back, let_go

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """Exactly one of the three: it was accepted, it failed, or it was not handed over at all (`withheld` says why)."""

    claimed: Claimed
    accepted: Accepted | None = None
    error: ChannelError | None = None
    withheld: str | None = None


def record(session: Session, results: Sequence[Result], *, way: SendChannel, now: datetime, settle: timedelta) -> None:
    """Write the results down. Writing them twice changes nothing.

    `settle`: how long to wait before the carrier is asked about what may have left.
    """
    # The sender before anything of a case, as a claim locks them; when all is well nobody waits here for a claim.
    troubled = any(result.error is not None for result in results)
    sender = None
    if troubled or not rows.is_sound(session, channel=way.channel, sender=way.sender):
        full = pacing.full(way.rate)
        sender = rows.locked_sender(session, channel=way.channel, sender=way.sender, tokens=full, now=now)
    breaker = pacing.Breaker() if sender is None else pacing.Breaker(sender.failures, sender.open_until)
    accepted = [(result.claimed, result.accepted) for result in results if result.accepted is not None]
    if accepted:
        rows.write_accepted(
            session,
            [
                {"send": claimed.send_id, "attempt": claimed.attempt_id, "provider": answer.provider_id}
                for claimed, answer in accepted
            ],
            now=now,
        )
        for claimed, answer in accepted:
            if answer.status is not None and answer.status not in UNREMARKABLE:
                apply_status(session, handle=claimed.outgoing.handle, status=answer.status, now=now)
    unknown = [result.claimed.send_id for result in results if _kind(result) is Kind.UNKNOWN]
    if unknown:
        rows.make_unknown(session, unknown, ask_at=now + settle)
    about_us = [] if sender is None else _about_us(results, sender)
    again = [
        (send, result.error)
        for result in results
        if result.error is not None
        and (send := _failed(session, result, result.error, breaker, about_us=result in about_us, now=now)) is not None
    ]
    for result in results:
        if result.withheld is not None:
            rows.put_back(session, result.claimed.send_id, due_at=now)
    if sender is not None:
        told = [result for result in results if result.withheld is None and result not in about_us]
        breaker = _tell_breaker(session, told, sender, way=way, now=now) if told else pacing.Breaker()
    for send, error in again:
        tries, due_at = pacing.another_try(breaker, tries=send.tries, since=send.created_at, now=now)
        rows.put_back(session, send.id, tries=tries, error_code=error.code, due_at=due_at)


UNREMARKABLE = frozenset({"accepted", "queued", "scheduled", "initiated", "sending"})
"""What every carrier says on taking it; not worth a statement."""


def _kind(result: Result) -> Kind | None:
    return None if result.error is None else result.error.kind


def _about_us(results: Sequence[Result], sender: Sender) -> Sequence[Result]:
    """Those that were refused because of how we are set up: by a code that says so, or by one that nobody knows, again
    and again with nothing taken in between."""
    refused = [(result, result.error.code) for result in results if result.error and _kind(result) is Kind.PERMANENT]
    ours = [result for result, code in refused if failure_of(code).ours]
    unlisted = [result for result, code in refused if is_unlisted(code)]
    if unlisted and not any(result.accepted for result in results):
        ours += unlisted if sender.held_by is not None else unlisted[max(0, pacing.TRIPS_AFTER - sender.failures) :]
    return ours


def _failed(
    session: Session, result: Result, error: ChannelError, breaker: pacing.Breaker, *, about_us: bool, now: datetime
) -> Send | None:
    """What failed for good has its end; what is to be tried again is returned.

    `breaker`: as it was before. While it is open no try counts: an outage may last longer than any number of them.
    """
    claimed = result.claimed
    log.info("not accepted", kind=error.kind.value, code=error.code, raw=error.raw, send=claimed.outgoing.handle)
    if error.kind is Kind.UNKNOWN:
        return None
    send = session.get_one(Send, claimed.send_id, populate_existing=True, with_for_update=True)
    if send.state not in (SendState.CLAIMED, SendState.UNKNOWN):
        return None  # the carrier's own word about it has come already
    tries, _ = pacing.another_try(breaker, tries=send.tries, since=send.created_at, now=now)
    if error.kind is Kind.TEMPORARY and tries < MOST_TRIES:
        return send
    waits = about_us and send.kind is not SendKind.BRIDGE  # an agent who asked to be rung is told, and dials by hand
    if waits and hold_back(session, send, code=error.code or "", now=now):
        return None
    moved = rows.move(
        session,
        send.id,
        from_states=(SendState.CLAIMED, SendState.UNKNOWN),
        state=SendState.FAILED,
        error_code=error.code,
        ended_at=now,
        lease_until=None,
    )
    if moved:
        session.refresh(send)
        # Given up after many tries it is the carrier's failure, not the number's: the retry table goes on later.
        code = error.code if error.kind is Kind.PERMANENT else "30008"
        fail(session, send, code=code, now=now, failure=REFUSED if waits else None)
    return None


def _tell_breaker(
    session: Session, told: Sequence[Result], row: Sender, *, way: SendChannel, now: datetime
) -> pacing.Breaker:
    """The breaker as it is after these results, at least one."""
    well = any(not _ill(result) for result in told)
    if row.held_by is not None:
        taken = [result.claimed.claimed_at for result in told if result.accepted is not None]
        if not let_go(session, row, claimed_at=taken, now=now):
            return pacing.Breaker(row.failures, row.open_until)
    # The rest was over when the one that tries was claimed, and its claim put the next trial off (`Purse.close`): its
    # failure is not one that was under way already, and makes the rest longer.
    trial = any(result.claimed.claimed_at + pacing.FIRST_REST == row.open_until for result in told)
    breaker = pacing.Breaker(row.failures, None if trial else row.open_until)
    if well:
        breaker = breaker.after_success()
    else:
        for _ in told:
            breaker = breaker.after_failure(now)
    if (breaker.failures, breaker.open_until) != (row.failures, row.open_until):
        if breaker.open_until is not None and row.open_until is None:
            log.warning("the carrier does not answer as it should; nothing is handed over", channel=way.name)
        row.failures, row.open_until = breaker.failures, breaker.open_until
    return breaker


def _ill(result: Result) -> bool:
    """It is not about this number: about the carrier, or (by a code that nobody knows) perhaps about us."""
    error = result.error
    return error is not None and (error.carrier_is_ill or is_unlisted(error.code))
