"""An automatic attempt comes to its end: by the carrier's word, by the customer's answers, or because nothing left."""

from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db import callbacks as callback_rows
from callback.db import conversations, decisions
from callback.db.claims import changed_one
from callback.db.policies import load_policy
from callback.db.tables import Answer, Attempt, Callback, Response, Send
from callback.domain.call import WITH_THE_PERSON
from callback.domain.disposition import aapor_code
from callback.domain.script import Facts
from callback.domain.sending import Failure, failure_of
from callback.domain.words import (
    AttemptState,
    CallbackState,
    Disposition,
    ResponseState,
    SendKind,
    SuppressionScope,
)
from callback.services import surveys
from callback.services.attempts import consequences
from callback.services.dissatisfactions import wake_planner
from callback.services.sends.decided import not_sent
from callback.services.sends.holds import hold
from callback.services.sends.queue import queue_message
from callback.services.suppressions import OPT_OUT_CARRIER, suppress

ASKED_AGAIN_AFTER = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""A question that failed for a reason that may pass is put again after so long; the next time it is the last."""
CANNOT_RECEIVE = "cannot_receive"
"""Reason of a suppression that nobody asked for: the number takes nothing on this channel."""


def end_attempt(
    session: Session,
    *,
    attempt: Attempt,
    disposition: Disposition,
    now: datetime,
    duration_s: int | None = None,
    arrived: bool = True,
    taken: bool = False,
    given_up: str | None = None,
) -> bool:
    """Give an open automatic attempt its end, with everything that follows. False: it has one already.

    `arrived`: the customer got it; what never arrived was not asked, so an empty response goes with it. `taken`: the
    carrier had accepted it, so it counts, whatever it says now. `given_up`: the rule by which no other try is made,
    whatever the retry table says; the supervisor sees it.
    """
    values = {
        "disposition": disposition,
        "aapor_code": aapor_code(disposition),
        "ended_at": now,
        "duration_s": duration_s if duration_s is not None else attempt.duration_s,
    }
    if not rows.end(session, attempt, values):
        return False
    session.refresh(attempt)
    # The case before the callback: the order in which the planner locks them.
    rows.locked_case(session, attempt.case_id)
    callback = callback_rows.locked(session, attempt.callback_id)
    if given_up is not None:
        _give_up(session, attempt, callback, rule=given_up, taken=taken, now=now)
    else:
        consequences.settle_callback(
            session,
            attempt=attempt,
            callback=callback,
            facts=_facts(disposition),
            policy=load_policy(session),
            with_agent=None,
            taken=taken,
            now=now,
        )
    _settle_response(session, callback, arrived=arrived, now=now)
    wake_planner(session, callback.case_id, now=now)
    return True


def fail(session: Session, send: Send, *, code: str | None, now: datetime, failure: Failure | None = None) -> Failure:
    """A send will never succeed: what follows by the table of `domain/sending.py`, or what the caller knows better. Its
    row is written already."""
    failure = failure or failure_of(code)
    taken = send.sent_at is not None
    if failure.ours:
        # Before anything of the case is locked, as a claim does. A batch of results (`record`) has locked it already,
        # before the first case of the batch.
        hold(session, channel=send.channel, sender=send.sender, code=code or "", late=taken, now=now)
    evidence = {"send": send.handle, "carrier": send.carrier, "code": code or ""}
    attempt = session.get(Attempt, send.attempt_id) if send.attempt_id is not None else None
    is_question = attempt is not None and send.kind is SendKind.QUESTION
    if failure.opt_out:
        suppress(
            session,
            scope=SuppressionScope(send.channel.value),
            reason=OPT_OUT_CARRIER,
            evidence=evidence,
            address=send.address,
            now=now,
        )
    # Whoever has answered what was said not to have arrived can be reached here.
    if failure.not_this_channel and not (is_question and not _is_still_asked(session, send)):
        suppress(
            session,
            scope=SuppressionScope(send.channel.value),
            reason=CANNOT_RECEIVE,
            evidence=evidence,
            address=send.address,
            now=now,
        )
    goes_on = attempt is not None and is_question and _hangs_on(session, attempt, send)
    again_at = _ask_again(session, send, attempt, failure, now=now) if attempt is not None and goes_on else None
    if attempt is not None:
        told = {"carrier": send.carrier, "code": code or ""}
        not_sent(session, attempt, send, rule=failure.reason, now=now, not_before=again_at, **told)
    if attempt is not None and goes_on and again_at is None:
        _cut_short(session, attempt, failure, now=now)
    if attempt is not None and send.kind in (SendKind.INVITATION, SendKind.CALL):
        end_attempt(
            session,
            attempt=attempt,
            disposition=failure.disposition,
            now=now,
            arrived=False,
            taken=taken,
            given_up=failure.reason if failure.given_up else None,
        )
    return failure


# ── A further question of a conversation that did not arrive ────────────────────────────────────────────────────────


def _hangs_on(session: Session, attempt: Attempt, send: Send) -> bool:
    """The attempt is this very conversation, still open, and waits for the reply to this very question.

    An agent's call beside it is not ended by a message, nor is a conversation that has long gone on without it. The
    attempt is locked with its case, as whoever reads a reply locks them: nothing is answered meanwhile.
    """
    rows.lock_open(session, attempt.callback_id)
    mine = attempt.state is not AttemptState.ENDED and attempt.agent_id is None and attempt.channel is send.channel
    return mine and _is_still_asked(session, send)


def _is_still_asked(session: Session, send: Send) -> bool:
    return send.attempt_id is not None and send.id in conversations.still_asked(session, [send.attempt_id])


def _ask_again(session: Session, send: Send, attempt: Attempt, failure: Failure, *, now: datetime) -> datetime | None:
    """The question goes out once more later, as a send of its own, and when; None when that would be in vain."""
    failed = conversations.failed_so_far(session, send)
    if failure.is_for_good or failed > len(ASKED_AGAIN_AFTER):
        return None
    due_at = now + ASKED_AGAIN_AFTER[failed - 1]
    queue_message(
        session, body=send.body, address=send.address, channel=send.channel, attempt=attempt, now=now, due_at=due_at
    )
    return due_at


def _cut_short(session: Session, attempt: Attempt, failure: Failure, *, now: datetime) -> None:
    """The conversation cannot go on: what was answered is kept as a partial response, and nothing waits for more."""
    response = rows.response_of(session, attempt.callback_id)
    answered = response is not None and any(value is not None for value in surveys.answers_of(response).values())
    end_attempt(
        session,
        attempt=attempt,
        disposition=Disposition.PARTIAL if answered else failure.disposition,
        now=now,
        taken=True,  # the invitation was, or there would be no conversation
        given_up=failure.reason if failure.given_up and not answered else None,
    )


def _facts(disposition: Disposition) -> Facts:
    """Whoever answers our questions on their own telephone is the person, as far as a message can tell."""
    return Facts(
        identity=disposition in WITH_THE_PERSON,
        told=False,
        understood=False,
        accepted=None,
        new_needs=(),
        questionnaire=None,
        appointment_at=None,
        promise_at=None,
        refused=disposition is Disposition.REFUSED,
        cause=None,
        disposition=disposition,
        over=True,
    )


def _give_up(session: Session, attempt: Attempt, callback: Callback, *, rule: str, taken: bool, now: datetime) -> None:
    attempt.counts = taken
    session.flush()
    statement = (
        update(Callback)
        .where(Callback.id == callback.id, Callback.state == CallbackState.IN_PROGRESS)
        .values(
            state=CallbackState.EXHAUSTED,
            result=attempt.disposition.value if attempt.disposition else rule[:32],
            finished_at=now,
            claimed_by_id=None,
            lease_until=None,
            attempts_made=rows.counted(session, callback.id),
            updated_at=now,
            version=Callback.version + 1,
        )
    )
    changed_one(session, statement)
    session.refresh(callback)
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about="end",
        rule=rule,
        verdict=callback.state.value,
        inputs={"attempt": attempt.handle, "channel": attempt.channel.value},
    )


def _settle_response(session: Session, callback: Callback, *, arrived: bool, now: datetime) -> None:
    """Closed with the callback; one that nobody has ever seen is as if it had not been opened."""
    response = rows.response_of(session, callback.id)
    if response is None:
        return
    if not arrived and not _seen(session, callback, response):
        session.execute(delete(Response).where(Response.id == response.id))
        session.expunge(response)
    elif not callback.state.is_live and response.state is ResponseState.OPEN:
        surveys.close_response(session, response=response, now=now)


def _seen(session: Session, callback: Callback, response: Response) -> bool:
    """Something was answered, or an earlier attempt of this callback reached somebody."""
    if session.query(Answer.id).where(Answer.response_id == response.id).first() is not None:
        return True
    earlier = session.query(Attempt.id).where(Attempt.callback_id == callback.id, Attempt.counts)
    return earlier.first() is not None
