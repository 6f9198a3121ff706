"""What customers write is kept before it is acknowledged, read once, in order, and not lost to an error of ours."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, update

from callback.api.mailbox import Mailbox
from callback.bootstrap import House
from callback.db.tables import Answer, Callback, Campaign, InboundMessage, Send
from callback.domain.words import CallbackState, InboundOutcome, SendKind, SendState
from callback.errors import Conflict
from callback.services import campaigns, inbox, reminders, replies
from callback.services.campaigns import Criteria
from callback.services.inbox import Written
from callback.worker.reading import Reader
from tests.integration.post_office import PostOffice


def _written(post: PostOffice, address: str, *texts: str, first: int = 0) -> list[Written]:
    return [
        Written(provider_id=f"SM{address}{n}", address=address, to_address="+1", text=text, received_at=post.now)
        for n, text in enumerate(texts, first)
    ]


def _keep(post: PostOffice, messages: list[Written]) -> None:
    with post.house.sessions.begin() as session:
        inbox.keep(session, messages)


def test_nothing_more_is_sent_while_a_person_has_to_read_what_came(post: PostOffice) -> None:
    phone = "+12125557001"
    with post.house.sessions.begin() as session:
        session.add(
            InboundMessage(
                provider_id="SM-left",
                from_address=phone,
                to_address="+15005550006",
                text="Where is my engineer?",
                received_at=post.now,
                outcome=InboundOutcome.LEFT_TO_PERSON,
                needs_person=True,
            )
        )
    handle = post.due(phone=phone)
    post.round()
    assert ("message_waits_for_a_person", "not_sent") in post.decisions(handle)
    assert not post.fake.messages


def _messages(post: PostOffice) -> list[InboundMessage]:
    with post.house.sessions() as session:
        return list(session.scalars(select(InboundMessage).order_by(InboundMessage.id)))


def _invited(post: PostOffice) -> tuple[str, str]:
    """A callback whose invitation has left, and the customer's number."""
    handle = post.due()
    post.round()
    return handle, post.the_send(handle).address


def test_kept_twice_and_read_once(post: PostOffice) -> None:
    _, number = _invited(post)
    (message,) = _written(post, number, "1")
    _keep(post, [message, message])
    _keep(post, [message])
    assert [one.outcome for one in _messages(post)] == [InboundOutcome.WAITING]
    assert (post.read(), post.read()) == (1, 0)
    (read,) = _messages(post)
    assert (read.outcome, read.due_at, read.tries) == (InboundOutcome.ANSWERED, None, 0)
    with post.house.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Answer)) == 1
        assert session.scalar(select(func.count()).where(Send.kind == SendKind.QUESTION)) == 1


def test_many_readers_read_in_the_order_in_which_it_was_written(post: PostOffice) -> None:
    numbers = [_invited(post)[1] for _ in range(5)]
    for number in numbers:
        _keep(post, _written(post, number, "1", "yes", "Five", "4", "9", "call earlier"))
    readers = [Reader(post.house) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        done = threading.Event()
        for _ in range(600):
            if all(one.outcome is not InboundOutcome.WAITING for one in _messages(post)):
                done.set()
                break
            done.wait(0.05)
    finally:
        stopped = [reader.stop(10) for reader in readers]
    assert all(stopped)
    assert done.is_set()
    with post.house.sessions() as session:
        given = session.execute(
            select(Answer.question, Answer.value, func.count()).group_by(Answer.question, Answer.value)
        )
        assert {question: (value, n) for question, value, n in given} == {
            "solved": (True, 5),
            "accepted": (True, 5),
            "attitude": (5, 5),
            "speed": (4, 5),
            "recommend": (9, 5),
            "improve": ("call earlier", 5),
        }
        assert session.scalar(select(func.count()).where(Send.kind != SendKind.INVITATION)) == 30


def test_an_error_while_reading_loses_nothing(post: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    _, number = _invited(post)
    _keep(post, _written(post, number, "1", "yes"))
    with monkeypatch.context() as broken:
        broken.setattr(replies, "apply", _fails)
        assert post.read() == 0
    first, second = _messages(post)
    assert (first.outcome, first.tries, second.tries) == (InboundOutcome.WAITING, 1, 0)
    assert post.read() == 0  # neither before its time, nor the second before the first
    post.clock.advance(seconds=20)
    assert (post.read(), post.read()) == (1, 1)
    assert {one.outcome for one in _messages(post)} == {InboundOutcome.ANSWERED}


def _fails(*_: Any, **__: Any) -> None:
    raise Conflict("response_changed")


def test_what_cannot_be_read_at_all_is_left_to_a_person(post: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    _, number = _invited(post)
    _keep(post, _written(post, number, "1"))
    monkeypatch.setattr(replies, "apply", _fails)
    for _ in range(inbox.MOST_TRIES):
        assert post.read() == 0
        post.clock.advance(hours=2)
    (message,) = _messages(post)
    assert (message.outcome, message.needs_person, message.text) == (InboundOutcome.LEFT_TO_PERSON, True, "1")
    assert message.due_at is None
    assert post.read() == 0


def test_nothing_goes_out_to_somebody_whose_words_nobody_has_read(post: PostOffice) -> None:
    """After an hour without a worker, the STOP of that hour counts before the first message leaves."""
    handle = post.due()
    (address,) = post.addresses(handle)
    _keep(post, _written(post, address, "STOP"))
    assert post.round() == []
    assert not post.fake.messages
    assert post.read() == 1
    post.round()
    assert post.sends(handle) == []
    (confirmation,) = post.fake.sent_to(address)
    assert "no more messages" in confirmation.form["Body"]
    assert post.callback(handle).state is CallbackState.WAITING
    post.plan()
    assert not post.callback(handle).state.is_live


def test_a_reply_waits_for_what_was_written_after_it(post: PostOffice) -> None:
    handle, number = _invited(post)
    _keep(post, _written(post, number, "1"))
    post.read()
    _keep(post, _written(post, number, "STOP", first=1))
    assert post.round() == []
    post.read()
    post.round()
    question, confirmation = post.sends(handle)[1:]
    assert (question.kind, question.state) == (SendKind.QUESTION, SendState.WITHDRAWN)
    assert (confirmation.kind, confirmation.state) == (SendKind.NOTICE, SendState.SENT)


def test_silence_is_not_what_nobody_has_read(post: PostOffice) -> None:
    handle, number = _invited(post)
    post.clock.advance(days=5)
    _keep(post, _written(post, number, "1"))
    reminders.chase(post.house.sessions, now=post.now)
    assert post.attempts(handle)[0].ended_at is None
    post.read()
    assert [one.outcome for one in _messages(post)] == [InboundOutcome.ANSWERED]


def test_conversations_of_a_paused_campaign_go_on(post: PostOffice) -> None:
    """Whoever has answered gets the next question, whatever has become of the campaign since."""
    paused = [_invited(post) for _ in range(3)]
    with post.house.sessions.begin() as session:
        campaign = campaigns.create(session, name="Paused", criteria=Criteria(category="none"), by=None, now=post.now)
        mine = update(Callback).where(Callback.handle.in_([one for one, _ in paused]))
        session.execute(mine.values(campaign_id=campaign.id))
    for _, number in paused:
        _keep(post, _written(post, number, "1"))
    post.read()
    with post.house.sessions.begin() as session:
        campaigns.pause(session, session.get_one(Campaign, campaign.id), by=None, now=post.now)
    free, number = _invited(post)
    _keep(post, _written(post, number, "1"))
    post.read()
    post.round()
    assert all(post.sends(one)[-1].state is SendState.SENT for one in (free, *(one for one, _ in paused)))


def test_many_requests_share_a_transaction_and_none_takes_another_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, batches = inbox.keep, []

    def keep(session: Any, messages: list[Written]) -> None:
        batches.append(len(messages))
        if any(one.text == "cannot be stored" for one in messages):
            raise ValueError("no database takes this")
        really(session, messages)

    monkeypatch.setattr(inbox, "keep", keep)
    mailbox = Mailbox(house.sessions)

    async def all_at_once() -> list[Any]:
        texts = [*("fine" for _ in range(30)), "cannot be stored", *("fine" for _ in range(30))]
        puts = [
            mailbox.put(
                Written(
                    provider_id=f"SM{n}", address=f"+1212{n:07}", to_address="+1", text=text, received_at=house.clock()
                )
            )
            for n, text in enumerate(texts)
        ]
        return await asyncio.gather(*puts, return_exceptions=True)

    with ThreadPoolExecutor(max_workers=1) as thread:  # the browser's tests leave a loop running in this one
        came = thread.submit(asyncio.run, all_at_once()).result()
    assert [type(one) for one in came if one is not None] == [ValueError]
    assert max(batches) > 1
    with house.sessions() as session:
        assert session.scalar(select(func.count()).select_from(InboundMessage)) == 60
