"""What may have left: the carrier is asked, and only what it certainly does not have goes out again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.channels.protocol import Accepted, ChannelError, Outgoing, SendChannel
from callback.clock import Clock
from callback.db import sends as rows
from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Send
from callback.domain import pacing
from callback.domain.sending import MOST_TRIES
from callback.domain.words import Disposition, SendKind, SendState
from callback.log import get_logger
from callback.services.sends.claim import outgoing_of
from callback.services.sends.ending import end_attempt
from callback.services.sends.events import apply_status
from callback.services.sends.record import UNREMARKABLE

log = get_logger(__name__)

CHUNK = 50
SURE_AFTER = 2
"""So often the carrier must say that it does not have it: its lists, and a slow request of ours, lag behind."""


@dataclass(frozen=True, slots=True)
class _Question:
    send_id: int
    outgoing: Outgoing
    since: datetime
    known: frozenset[str]


def look_after(sessions: SessionFactory, *, way: SendChannel, clock: Clock, settle: timedelta) -> int:
    """Claims that nobody finished become unknown; unknown ones are asked about. How many were looked at.

    Safe to run anywhere and at any time: what is being asked about is leased for the asking.
    """
    now = clock()
    with sessions.begin() as session:
        left = rows.abandoned(session, now=now, limit=CHUNK)
        if left:
            # Their lease was longer than any request takes, so the carrier can be asked at once.
            rows.make_unknown(session, left, ask_at=now)
            log.warning("claims that nobody finished; the carrier is asked about them", sends=len(left))
    questions = _questions(sessions, way=way, now=clock(), settle=settle)
    for question in questions:
        _ask(sessions, question, way=way, clock=clock, settle=settle)
    return len(left) + len(questions)


def _questions(sessions: SessionFactory, *, way: SendChannel, now: datetime, settle: timedelta) -> list[_Question]:
    with sessions.begin() as session:
        found = rows.to_ask(session, channel=way.channel, carrier=way.name, now=now, limit=CHUNK)
        questions = []
        for send in found:
            send.lease_until = now + timedelta(seconds=30) + settle * CHUNK
            since = send.claimed_at or send.created_at
            questions.append(_Question(send.id, outgoing_of(send), since, rows.known_ids(session, send.address)))
        return questions


def _ask(sessions: SessionFactory, question: _Question, *, way: SendChannel, clock: Clock, settle: timedelta) -> None:
    try:
        found = way.find(question.outgoing, since=question.since, known=question.known)
    except ChannelError as error:
        log.info("the carrier cannot be asked yet", raw=error.raw, send=question.outgoing.handle)
        with sessions.begin() as session:
            again = clock() + max(settle, pacing.FIRST_REST) * pacing.jitter()
            rows.move(session, question.send_id, from_states=(SendState.UNKNOWN,), lease_until=again)
        return
    with sessions.begin() as session:
        send = session.get_one(Send, question.send_id, with_for_update=True, populate_existing=True)
        if send.state is not SendState.UNKNOWN:
            return  # an event was faster
        now = clock()
        if found is not None:
            _has_it(session, send, found, now=now)
        elif send.asked + 1 < SURE_AFTER:
            send.asked, send.lease_until = send.asked + 1, now + settle
        else:
            _never_arrived(session, send, now=now)


def _has_it(session: Session, send: Send, found: Accepted, *, now: datetime) -> None:
    begins = send.attempt_id if send.kind in rows.STARTS else None
    rows.write_accepted(session, [{"send": send.id, "attempt": begins, "provider": found.provider_id}], now=now)
    if found.status is not None and found.status not in UNREMARKABLE:
        apply_status(session, handle=send.handle, status=found.status, now=now, provider_id=found.provider_id)


def _never_arrived(session: Session, send: Send, *, now: datetime) -> None:
    tries = send.tries + 1
    if tries < MOST_TRIES and send.kind is not SendKind.BRIDGE:
        rows.put_back(session, send.id, tries=tries, due_at=now + pacing.backoff(tries), asked=0)
        return
    moved = rows.move(
        session, send.id, from_states=(SendState.UNKNOWN,), state=SendState.FAILED, ended_at=now, lease_until=None
    )
    attempt = session.get(Attempt, send.attempt_id) if send.attempt_id is not None else None
    if moved and attempt is not None and send.kind in rows.STARTS:
        end_attempt(session, attempt=attempt, disposition=Disposition.TECHNICAL_FAILURE, now=now, arrived=False)
