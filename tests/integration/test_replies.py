"""Conversations by message on both databases: every reply once, understood or asked again once, then a person."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from callback.db.engine import SessionFactory
from callback.db.tables import Case, ContactPoint, InboundMessage, Suppression
from callback.domain.words import (
    AttemptState,
    CallbackState,
    ContactState,
    Disposition,
    DissatisfactionRule,
    InboundOutcome,
    ResponseState,
    SuppressionScope,
)
from callback.errors import Conflict, NotFound
from callback.services import messages, reminders, replies
from callback.services.replies import Received
from callback.services.suppressions import BY_HAND, suppress
from callback.settings import Settings
from tests.integration.surveyed import CENTRE, PHONE, look, survey

Write = Callable[..., Received]


@pytest.fixture
def write(sessions: SessionFactory, settings: Settings, now: datetime) -> Write:
    """`write("5")`: a message of the customer, each with an id of its own unless told."""
    numbers = iter(range(1000))

    def one(text: str, *, provider_id: str | None = None, phone: str = PHONE, at: datetime | None = None) -> Received:
        with sessions.begin() as session:
            return replies.receive(
                session,
                from_address=phone,
                to_address=CENTRE,
                text=text,
                provider_id=provider_id or f"SM{next(numbers)}",
                now=at or now,
                settings=settings,
            )

    return one


def test_a_whole_conversation(sessions: SessionFactory, write: Write, now: datetime) -> None:
    under_way = survey(sessions, now)
    for said, asked_next in (
        ("Yes!", "acceptable"),
        ("１", "treated"),
        ("very good", "quickly"),
        ("4 stars", "recommend"),
        ("ten", "improve"),
    ):
        received = write(said)
        assert received.outcome is InboundOutcome.ANSWERED
        assert received.text is not None
        assert asked_next in received.text
    done = write("Nothing, 都很好")
    assert (done.outcome, done.text) == (InboundOutcome.ANSWERED, "Callback Demo: Thank you for your answers. Goodbye.")
    seen = look(sessions, under_way)
    assert seen.answers == {
        "solved": True, "accepted": True, "attitude": 5, "speed": 4, "recommend": 10, "improve": "Nothing, 都很好",
    }  # fmt: skip
    assert seen.said["accepted"] == "１"
    assert seen.response is not None
    assert (seen.response.state, seen.response.nps) == (ResponseState.COMPLETE, 10)
    assert (seen.attempt.state, seen.attempt.disposition) == (AttemptState.ENDED, Disposition.COMPLETED)
    assert seen.attempt.aapor_code == "1.1"
    assert seen.callback.state is CallbackState.DONE
    assert seen.flags == []


def test_the_same_message_again_changes_nothing(sessions: SessionFactory, write: Write, now: datetime) -> None:
    under_way = survey(sessions, now)
    first = write("yes", provider_id="SM-one")
    again = write("yes", provider_id="SM-one")
    assert (first.repeated, again.repeated, again.text, again.outcome) == (False, True, first.text, first.outcome)
    assert look(sessions, under_way).answers == {"solved": True}


def test_the_same_message_from_many_sides_at_once(sessions: SessionFactory, write: Write, now: datetime) -> None:
    under_way = survey(sessions, now)
    barrier = threading.Barrier(6)
    got: list[Received] = []

    def deliver() -> None:
        barrier.wait()
        got.append(write("1", provider_id="SM-one"))

    threads = [threading.Thread(target=deliver) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.repeated for one in got) == [False, True, True, True, True, True]
    assert look(sessions, under_way).answers == {"solved": True}


def test_not_understood_is_asked_once_more_and_then_left_to_a_person(
    sessions: SessionFactory, write: Write, now: datetime
) -> None:
    under_way = survey(sessions, now)
    again = write("who knows")
    assert again.outcome is InboundOutcome.ASKED_AGAIN
    assert again.text is not None
    assert "did not understand" in again.text
    left = write("dunno really")
    assert left.outcome is InboundOutcome.LEFT_TO_PERSON
    assert left.text is not None
    assert write("hm").text is None
    with sessions() as session:
        waiting = session.scalars(select(InboundMessage).where(InboundMessage.needs_person)).all()
        assert [message.text for message in waiting] == ["dunno really", "hm"]
    assert write("no").outcome is InboundOutcome.ANSWERED
    assert write("hmm?").outcome is InboundOutcome.ASKED_AGAIN  # of the next question, for the first time
    assert look(sessions, under_way).answers == {"solved": False}


def test_thanks_are_not_an_answer(sessions: SessionFactory, write: Write, now: datetime) -> None:
    survey(sessions, now)
    for said in ("Thanks!", "谢谢", "🙏"):
        received = write(said)
        assert (received.outcome, received.text) == (InboundOutcome.COURTESY, None)


def test_a_bad_answer_raises_the_flag_at_once_and_further_ones_add_to_it(
    sessions: SessionFactory, write: Write, now: datetime
) -> None:
    under_way = survey(sessions, now)
    write("no")
    (flag,) = look(sessions, under_way).flags
    assert (flag.rule, len(flag.evidence), flag.failures) == (DissatisfactionRule.PROBLEM_NOT_SOLVED, 1, 1)
    write("no")
    write("5")
    write("5")
    write("9")
    (flag,) = look(sessions, under_way).flags
    assert [seen["rule"] for seen in flag.evidence] == ["problem_not_solved", "solution_not_accepted"]
    done = write("your people are rude")
    assert done.text is not None
    assert "colleague will call" in done.text
    (flag,) = look(sessions, under_way).flags
    assert [seen["rule"] for seen in flag.evidence][2:] == ["free_text"]
    assert flag.failures == 1


@pytest.mark.parametrize("word", ["STOP", "td", "退订", "Unsubscribe", "R", "please stop texting me"])
def test_a_stop_ends_it_and_is_confirmed_once(sessions: SessionFactory, write: Write, now: datetime, word: str) -> None:
    under_way = survey(sessions, now)
    stopped = write(word)
    assert (stopped.outcome, stopped.text is not None) == (InboundOutcome.OPT_OUT, True)
    assert write("STOP").text is None
    seen = look(sessions, under_way)
    assert (seen.attempt.disposition, seen.attempt.aapor_code) == (Disposition.REFUSED, "2.112")
    assert seen.callback.state is CallbackState.DONE
    assert seen.response is not None
    assert seen.response.state is ResponseState.EXPIRED
    with sessions() as session:
        entries = session.scalars(select(Suppression).order_by(Suppression.id)).all()
        assert [(entry.scope, entry.address, entry.customer_id) for entry in entries] == [
            (SuppressionScope.SMS, PHONE, None),
            (SuppressionScope.SURVEY, None, under_way.customer),
        ]
        assert all(entry.evidence["words"] == word and entry.evidence["provider_id"] for entry in entries)


def test_n_to_a_yes_or_no_question_is_no_and_to_a_scale_is_stop(
    sessions: SessionFactory, write: Write, now: datetime
) -> None:
    under_way = survey(sessions, now)
    assert write("N").outcome is InboundOutcome.ANSWERED
    write("Y")
    assert look(sessions, under_way).answers == {"solved": False, "accepted": True}
    assert write("N").outcome is InboundOutcome.OPT_OUT
    seen = look(sessions, under_way)
    assert (seen.attempt.disposition, seen.callback.state) == (Disposition.PARTIAL, CallbackState.DONE)
    assert seen.response is not None
    assert seen.response.state is ResponseState.PARTIAL
    assert seen.answers == {"solved": False, "accepted": True}


@pytest.mark.parametrize("texts", [("leave me alone", "STOP", "stop calling me"), ("STOP", "stop calling me", "退订")])
def test_however_often_and_in_whatever_words_it_is_confirmed_once(
    sessions: SessionFactory, write: Write, now: datetime, texts: tuple[str, ...]
) -> None:
    under_way = survey(sessions, now)
    said = [write(text) for text in texts]
    assert [one.outcome for one in said] == [InboundOutcome.OPT_OUT] * 3
    assert [one.text is not None for one in said] == [True, False, False]
    with sessions() as session:
        live = session.scalars(select(Suppression).where(Suppression.lifted_at.is_(None))).all()
        assert {(one.scope, one.customer_id) for one in live if one.scope is SuppressionScope.ALL} == {
            (SuppressionScope.ALL, None),
            (SuppressionScope.ALL, under_way.customer),
        }
    assert write("START", at=now + timedelta(hours=1)).text is not None
    assert write("leave me alone", at=now + timedelta(hours=2)).text is not None


def test_whoever_has_ended_everything_elsewhere_is_not_written_to_once_more(
    sessions: SessionFactory, write: Write, now: datetime
) -> None:
    under_way = survey(sessions, now)
    with sessions.begin() as session:
        words = {"words": "said so to an agent"}
        suppress(
            session,
            scope=SuppressionScope.ALL,
            reason=BY_HAND,
            evidence=words,
            now=now,
            customer_id=under_way.customer,
        )
    assert write("STOP").text is None


@pytest.mark.parametrize(
    ("texts", "answers"),
    [
        ("不，不要再给我打电话", {"solved": False}),
        ("no, stop sending me messages", {"solved": False}),
        ("yes|yes|不满意，别再发了", {"solved": True, "accepted": True, "attitude": 2}),
        ("yes|yes|5 STOP", {"solved": True, "accepted": True, "attitude": 5}),
        ("yes|yes|stop, 5", {"solved": True, "accepted": True, "attitude": 5}),
    ],
)
def test_an_answer_and_a_stop_in_one_message_are_both_kept(
    sessions: SessionFactory, write: Write, now: datetime, texts: str, answers: dict[str, object]
) -> None:
    under_way = survey(sessions, now)
    *before, text = texts.split("|")
    for said in before:
        write(said)
    stopped = write(text)
    assert (stopped.outcome, stopped.text is not None) == (InboundOutcome.OPT_OUT, True)
    seen = look(sessions, under_way)
    assert seen.answers == answers
    assert text in seen.said.values()
    assert (seen.attempt.disposition, seen.callback.state) == (Disposition.PARTIAL, CallbackState.DONE)
    with sessions() as session:
        assert session.scalar(select(func.count(Suppression.id))) == 2


def test_start_takes_it_back_and_says_so_once(sessions: SessionFactory, write: Write, now: datetime) -> None:
    survey(sessions, now)
    write("STOP")
    back = write("START", at=now + timedelta(hours=1))
    assert (back.outcome, back.text is not None) == (InboundOutcome.OPT_IN, True)
    assert write("start").text is None
    with sessions() as session:
        assert session.scalar(select(func.count(Suppression.id)).where(Suppression.lifted_at.is_(None))) == 0
    assert write("STOP", at=now + timedelta(hours=2)).text is not None  # a new stop, a new confirmation


def test_an_answer_that_ends_with_a_wish_is_both(sessions: SessionFactory, write: Write, now: datetime) -> None:
    under_way = survey(sessions, now)
    for said in ("yes", "yes", "4", "4", "8"):
        write(said)
    done = write("Be quicker. And please do not contact me again")
    assert done.outcome is InboundOutcome.OPT_OUT
    seen = look(sessions, under_way)
    assert seen.answers["improve"].startswith("Be quicker")
    assert seen.attempt.disposition is Disposition.COMPLETED
    with sessions() as session:
        assert set(session.scalars(select(Suppression.scope))) == {SuppressionScope.ALL}


@pytest.mark.parametrize("text", ["wrong number", "打错了", "我不是王先生", "No, you have the wrong person"])
def test_a_wrong_person_ends_it_as_a_call_to_a_wrong_number_does(
    sessions: SessionFactory, write: Write, now: datetime, text: str
) -> None:
    under_way = survey(sessions, now)
    told = write(text)
    assert told.outcome is InboundOutcome.WRONG_PERSON
    assert told.text is not None
    assert "sorry to have troubled you" in told.text
    seen = look(sessions, under_way)
    assert (seen.attempt.disposition, seen.attempt.aapor_code) == (Disposition.WRONG_NUMBER, "3.30")
    assert (seen.callback.state, seen.answers) == (CallbackState.BLOCKED, {})  # no other number is known
    with sessions() as session:
        assert session.scalars(select(ContactPoint.state)).all() == [ContactState.WRONG]
    write("STOP")  # of the number, and no longer of the customer
    with sessions() as session:
        (entry,) = session.scalars(select(Suppression)).all()
        assert (entry.scope, entry.address, entry.customer_id) == (SuppressionScope.SMS, PHONE, None)


def test_a_wrong_person_who_wants_no_more_takes_nothing_from_the_customer(
    sessions: SessionFactory, write: Write, now: datetime
) -> None:
    under_way = survey(sessions, now)
    assert write("wrong number, stop texting me").outcome is InboundOutcome.OPT_OUT
    assert look(sessions, under_way).attempt.disposition is Disposition.WRONG_NUMBER
    with sessions() as session:
        assert [entry.customer_id for entry in session.scalars(select(Suppression))] == [None]


def test_a_wrong_person_between_two_tries_is_not_reminded(
    sessions: SessionFactory, write: Write, now: datetime
) -> None:
    under_way = survey(sessions, now)
    later = now + timedelta(days=2, minutes=1)
    assert reminders.chase(sessions, now=later).reminded == 1
    assert write("wrong number", at=later).outcome is InboundOutcome.WRONG_PERSON
    with sessions() as session:
        assert session.scalars(select(ContactPoint.state)).all() == [ContactState.WRONG]
        assert session.get_one(Case, under_way.case).plan_at == later


def test_who_has_answered_is_the_person_whatever_is_written_later(
    sessions: SessionFactory, write: Write, now: datetime
) -> None:
    under_way = survey(sessions, now)
    write("yes")
    assert write("打错了").outcome is InboundOutcome.ASKED_AGAIN  # a slip of the finger, as like as not
    assert look(sessions, under_way).attempt.state is not AttemptState.ENDED


def test_after_the_end_a_message_is_acknowledged_once(sessions: SessionFactory, write: Write, now: datetime) -> None:
    survey(sessions, now)
    for said in ("yes", "yes", "5", "5", "10", "skip"):
        write(said)
    first = write("Actually it broke again")
    assert (first.outcome, first.text is not None) == (InboundOutcome.NO_QUESTION, True)
    assert "A colleague will read" in str(first.text)
    assert write("Hello?! Anybody there?").text is None


def test_after_a_stop_nothing_is_acknowledged(sessions: SessionFactory, write: Write, now: datetime) -> None:
    survey(sessions, now)
    write("STOP")
    later = write("Your engineer was rude")
    assert (later.outcome, later.text) == (InboundOutcome.NO_QUESTION, None)


def test_what_nobody_asked_for_is_kept_for_a_person(sessions: SessionFactory, write: Write, now: datetime) -> None:
    lost = write("Where is my engineer?", phone="+14155559999")
    assert (lost.outcome, lost.text, lost.customer_id) == (InboundOutcome.NO_QUESTION, None, None)
    assert write("STOP", phone="+14155559999").outcome is InboundOutcome.OPT_OUT
    assert write("HELP", phone="+14155559999").outcome is InboundOutcome.HELP
    with sessions.begin() as session:
        (message,) = session.scalars(select(InboundMessage).where(InboundMessage.needs_person)).all()
        with pytest.raises(NotFound):
            messages.mark_read(session, message_id=10**6, by=1, now=now)
    assert message.text == "Where is my engineer?"


def test_a_message_is_dealt_with_once(sessions: SessionFactory, write: Write, now: datetime, make_agent: Any) -> None:
    agent = make_agent("li")
    write("Where is my engineer?")
    with sessions.begin() as session:
        (message,) = session.scalars(select(InboundMessage)).all()
        assert messages.mark_read(session, message_id=message.id, by=agent, now=now).handled_by_id == agent
        with pytest.raises(Conflict):
            messages.mark_read(session, message_id=message.id, by=agent, now=now)


def test_what_no_database_can_keep_is_left_out(sessions: SessionFactory, write: Write, now: datetime) -> None:
    under_way = survey(sessions, now)
    assert write("who\x00 knows\ud800").outcome is InboundOutcome.ASKED_AGAIN
    assert write("yes\x00").outcome is InboundOutcome.ANSWERED
    assert look(sessions, under_way).answers == {"solved": True}
