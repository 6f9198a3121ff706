"""Surveys that went silent: reminded of once, within the budget, then closed with what was answered.

The reminder is the next try of the same callback: the retry table gives one after the first silence (`NO_RESPONSE`) and
none after the second. Whether it may be sent, the sender asks again: not when the case was reopened, an agent has asked
already, or the customer rests.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callback.db import attempts as attempt_rows
from callback.db import messages as message_rows
from callback.db.customers import addresses_of
from callback.db.engine import SessionFactory
from callback.db.policies import load_policy
from callback.db.tables import Answer, Attempt, Callback, InboundMessage, Response
from callback.domain.words import (
    LIVE_STATES,
    AttemptState,
    Channel,
    Disposition,
    ResponseState,
)
from callback.services import answering, surveys

CHUNK = 500
WRITTEN = (Channel.SMS, Channel.EMAIL, Channel.WEB)
"""A call ends by itself."""
UNDER_WAY = (AttemptState.SENT, AttemptState.CONNECTED)
"""What may not have left is for the carrier to say first."""


@dataclass(frozen=True, slots=True)
class Chased:
    """`reminded`: another try will be made. `closed`: with or without answers."""

    reminded: int = 0
    closed: int = 0


def chase(sessions: SessionFactory, *, now: datetime) -> Chased:
    """Look after every survey that went silent, each in a transaction of its own. Safe anywhere and at any time."""
    with sessions() as session:
        before = now - load_policy(session).survey_wait
    reminded = closed = 0
    for attempt_id in _all(sessions, partial(_silent, before=before)):
        with sessions.begin() as session:
            again = chase_one(session, attempt_id=attempt_id, now=now)
        reminded += again is True
        closed += again is False
    for response_id in _all(sessions, _orphaned):
        with sessions.begin() as session:
            closed += _close_orphan(session, response_id, now=now)
    return Chased(reminded, closed)


def _all(sessions: SessionFactory, read: Callable[..., list[int]]) -> Iterator[int]:
    """Every id, page by page: those that have to be left alone must not keep the ones behind them from their turn."""
    last = 0
    while True:
        with sessions() as session:
            page = read(session, after=last)
        yield from page
        if len(page) < CHUNK:
            return
        last = page[-1]


def chase_one(session: Session, *, attempt_id: int, now: datetime) -> bool | None:
    """True: another try follows. False: it is over. None: the customer has said something lately, or all is over."""
    attempt = session.get(Attempt, attempt_id)
    response = None if attempt is None else surveys.of_callback(session, attempt.callback_id)
    if attempt is None or response is None:
        return None
    answering.lock(session, response)
    session.refresh(attempt)
    session.refresh(response)
    if attempt.state not in UNDER_WAY or response.state is not ResponseState.OPEN:
        return None
    written_from = addresses_of(session, attempt.customer_id)
    if message_rows.unread_from(session, written_from) or message_rows.waits_for_a_person(session, written_from):
        return None  # they have said something: it is no silence until somebody has read it
    if _last_heard(session, attempt, response) > now - load_policy(session).survey_wait:
        return None
    answered = any(value is not None for value in surveys.answers_of(response).values())
    disposition = Disposition.PARTIAL if answered else Disposition.NO_RESPONSE
    answering.close(session, response=response, attempt=attempt, disposition=disposition, now=now)
    callback = session.get_one(Callback, attempt.callback_id, populate_existing=True)
    return callback.state.is_live


def _silent(session: Session, *, before: datetime, after: int) -> list[int]:
    query = (
        select(Attempt.id)
        .join(Response, Response.callback_id == Attempt.callback_id)
        .where(
            Response.state == ResponseState.OPEN,
            Attempt.state.in_(UNDER_WAY),
            Attempt.channel.in_(WRITTEN),
            Attempt.agent_id.is_(None),
            Attempt.started_at <= before,
            Attempt.id > after,
        )
        .order_by(Attempt.id)
        .limit(CHUNK)
    )
    return list(session.scalars(query))


def _orphaned(session: Session, *, after: int) -> list[int]:
    """Open responses of callbacks that were withdrawn between two tries."""
    query = (
        select(Response.id)
        .join(Callback, Callback.id == Response.callback_id)
        .where(Response.state == ResponseState.OPEN, Callback.state.not_in(LIVE_STATES))
        .where(Response.id > after)
        .order_by(Response.id)
        .limit(CHUNK)
    )
    return list(session.scalars(query))


def _close_orphan(session: Session, response_id: int, *, now: datetime) -> bool:
    response = session.get_one(Response, response_id)
    if attempt_rows.lock_open(session, response.callback_id) is not None:
        return False
    return surveys.close_response(session, response=response, now=now).state is not ResponseState.OPEN


def _last_heard(session: Session, attempt: Attempt, response: Response) -> datetime:
    """When something was last sent to the customer, or came from them."""
    answered = session.scalar(select(func.max(Answer.answered_at)).where(Answer.response_id == response.id))
    wrote = session.scalar(
        select(func.max(InboundMessage.received_at)).where(InboundMessage.response_id == response.id)
    )
    return max(moment for moment in (attempt.started_at, answered, wrote) if moment is not None)
