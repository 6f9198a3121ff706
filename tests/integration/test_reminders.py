"""Surveys that went silent, on both databases: one reminder, then closed; a partial one is kept."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Callback, InboundMessage, Response
from callback.domain.handle import new_handle
from callback.domain.words import (
    AttemptState,
    CallbackState,
    Channel,
    Disposition,
    InboundOutcome,
    PartOfDay,
    ResponseState,
)
from callback.services import answering, messages, reminders
from callback.services.reminders import Chased
from tests.integration.surveyed import CENTRE, Surveyed, look, survey

DAYS = timedelta(days=2, minutes=1)


def answered(sessions: SessionFactory, under_way: Surveyed, at: datetime) -> None:
    with sessions.begin() as session:
        response = session.get_one(Response, under_way.response)
        answering.take(session, response=response, channel=Channel.SMS, now=at, question="solved", value=True)


def sent_again(sessions: SessionFactory, under_way: Surveyed, at: datetime) -> int:
    """As the sender does: the callback is claimed, a second attempt leaves."""
    with sessions.begin() as session:
        first = session.get_one(Attempt, under_way.attempt)
        claimed = update(Callback).where(Callback.id == under_way.callback, Callback.state == CallbackState.WAITING)
        session.execute(claimed.values(state=CallbackState.IN_PROGRESS, lease_until=at + timedelta(days=3)))
        attempt = Attempt(
            handle=new_handle(),
            callback_id=first.callback_id,
            case_id=first.case_id,
            customer_id=first.customer_id,
            address=first.address,
            channel=first.channel,
            state=AttemptState.SENT,
            part_of_day=PartOfDay.MORNING,
            started_at=at,
        )
        session.add(attempt)
        session.flush()
        return attempt.id


def test_one_reminder_and_then_it_is_over(sessions: SessionFactory, now: datetime) -> None:
    under_way = survey(sessions, now)
    assert reminders.chase(sessions, now=now + timedelta(days=1)) == Chased()
    later = now + DAYS
    assert reminders.chase(sessions, now=later) == Chased(reminded=1)
    seen = look(sessions, under_way)
    assert (seen.attempt.disposition, seen.attempt.aapor_code) == (Disposition.NO_RESPONSE, "2.20")
    assert (seen.callback.state, seen.callback.attempts_made) == (CallbackState.WAITING, 1)
    assert seen.callback.next_try_at == later
    assert seen.response is not None
    assert seen.response.state is ResponseState.OPEN
    assert reminders.chase(sessions, now=later) == Chased()
    second = sent_again(sessions, under_way, later)
    assert reminders.chase(sessions, now=later + DAYS) == Chased(closed=1)
    seen = look(sessions, under_way)
    assert seen.response is not None
    assert (seen.callback.state, seen.response.state) == (CallbackState.DONE, ResponseState.EXPIRED)
    with sessions() as session:
        assert session.get_one(Attempt, second).aapor_code == "2.20"
    assert reminders.chase(sessions, now=later + 2 * DAYS) == Chased()


def test_an_unfinished_one_is_kept_as_partial(sessions: SessionFactory, now: datetime) -> None:
    under_way = survey(sessions, now)
    answered(sessions, under_way, now + timedelta(days=1))
    assert reminders.chase(sessions, now=now + DAYS) == Chased()  # two days from the last answer, not from the first
    assert reminders.chase(sessions, now=now + timedelta(days=1) + DAYS) == Chased(closed=1)
    seen = look(sessions, under_way)
    assert seen.response is not None
    assert (seen.response.state, seen.answers) == (ResponseState.PARTIAL, {"solved": True})
    assert (seen.attempt.disposition, seen.attempt.aapor_code) == (Disposition.PARTIAL, "1.2")
    assert seen.callback.state is CallbackState.DONE


@pytest.mark.parametrize("state", [AttemptState.CLAIMED, AttemptState.UNKNOWN])
def test_what_may_not_have_left_is_not_silence(sessions: SessionFactory, now: datetime, state: AttemptState) -> None:
    under_way = survey(sessions, now)
    with sessions.begin() as session:
        session.get_one(Attempt, under_way.attempt).state = state
    assert reminders.chase(sessions, now=now + 3 * DAYS) == Chased()


def test_what_waits_for_a_reader_is_no_silence(sessions: SessionFactory, now: datetime, make_agent: Any) -> None:
    """Whoever wrote something that a person has to read is not reminded before somebody has read it."""
    under_way = survey(sessions, now)
    with sessions.begin() as session:
        message = InboundMessage(
            provider_id="SM1",
            from_address=under_way.phone,
            to_address=CENTRE,
            text="Where is my engineer?",
            received_at=now,
            outcome=InboundOutcome.LEFT_TO_PERSON,
            needs_person=True,
        )
        session.add(message)
        session.flush()
        message_id = message.id
    assert reminders.chase(sessions, now=now + 3 * DAYS) == Chased()
    with sessions.begin() as session:
        messages.mark_read(session, message_id=message_id, by=make_agent("li"), now=now)
    assert reminders.chase(sessions, now=now + 3 * DAYS) == Chased(reminded=1)


def test_those_that_have_to_be_left_alone_keep_nobody_waiting(
    sessions: SessionFactory, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than are read at once, and they are the oldest: the silent ones behind them have their turn."""
    monkeypatch.setattr(reminders, "CHUNK", 2)
    talking = [survey(sessions, now) for _ in range(5)]
    silent = survey(sessions, now)
    for under_way in talking:
        answered(sessions, under_way, now + DAYS)
    assert reminders.chase(sessions, now=now + DAYS) == Chased(reminded=1)
    assert look(sessions, silent).attempt.disposition is Disposition.NO_RESPONSE


def test_a_withdrawn_one_is_closed(sessions: SessionFactory, now: datetime) -> None:
    """The case was reopened between two tries: no reminder leaves, and the link is closed."""
    under_way = survey(sessions, now)
    reminders.chase(sessions, now=now + DAYS)
    with sessions.begin() as session:
        callback = session.scalars(select(Callback)).one()
        callback.state, callback.result = CallbackState.CANCELLED, "withdrawn"
    assert reminders.chase(sessions, now=now + DAYS) == Chased(closed=1)
    seen = look(sessions, under_way)
    assert seen.response is not None
    assert seen.response.state is ResponseState.EXPIRED
