"""A conversation that could not go on for a while: by an outage, a stopped worker, a campaign that was stopped."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, update

from callback.db.tables import Callback, Campaign, Response, Send
from callback.domain.words import (
    CallbackState,
    Channel,
    Disposition,
    ResponseState,
    SendKind,
    SendState,
    SuppressionScope,
)
from callback.services import answering, campaigns, reminders, surveys
from callback.services.campaigns import Criteria
from callback.services.suppressions import suppress
from tests.fake_carrier.server import ACCOUNT, Event, Message
from tests.integration.post_office import PUBLIC_URL, PostOffice

_sids = count(1)


def _deliver(post: PostOffice, number: str, text: str) -> None:
    """The customer writes; nobody has read it yet."""
    sid = f"SM{next(_sids):032d}"
    form = {"MessageSid": sid, "SmsSid": sid, "AccountSid": ACCOUNT, "From": number, "To": "+15005550006", "Body": text}
    event = Event(f"{PUBLIC_URL}/api/v1/carrier/twilio/inbound", form)
    assert post.client().post(event.url, data=dict(event.form), headers=event.headers).status_code == 200


def _write(post: PostOffice, number: str, text: str) -> None:
    _deliver(post, number, text)
    post.read()


def _begun(post: PostOffice, **columns: Any) -> tuple[str, str]:
    """A survey whose first question is with the customer."""
    handle = post.due(**columns)
    post.round()
    (number,) = post.addresses(handle)
    assert len(post.fake.sent_to(number)) == 1
    return handle, number


def _time_goes_by(post: PostOffice, minutes: float) -> None:
    for _ in range(int(minutes)):
        post.round()
        post.look_after()
        post.clock.advance(seconds=60)


def _texts(post: PostOffice, number: str) -> list[str]:
    return [message.form["Body"] for message in post.fake.sent_to(number)]


def _of_kind(post: PostOffice, handle: str, kind: SendKind) -> list[Send]:
    return [send for send in post.sends(handle) if send.kind is kind]


def _response(post: PostOffice, handle: str) -> Response:
    with post.house.sessions() as session:
        return session.scalars(select(Response).where(Response.callback_id == post.callback(handle).id)).one()


# ── Outages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _down(post: PostOffice, out: bool) -> None:
    post.fake.behaviour.down = out


def _erring(post: PostOffice, out: bool) -> None:
    """Hands over nothing, but can be asked."""
    post.fake.behaviour.server_error = 1.0 if out else 0.0


def _crowded(post: PostOffice, out: bool) -> None:
    post.fake.behaviour.too_many = 1.0 if out else 0.0


@pytest.mark.parametrize("outage", [_down, _erring, _crowded])
def test_an_hour_without_the_carrier_in_mid_conversation_loses_nothing(
    post: PostOffice, outage: Callable[[PostOffice, bool], None]
) -> None:
    asked, number = _begun(post)
    stopped, other = _begun(post)
    waiting = post.due()
    outage(post, True)
    _write(post, number, "yes")
    _write(post, other, "STOP")
    _time_goes_by(post, 60)
    assert len(_texts(post, number)) == len(_texts(post, other)) == 1
    outage(post, False)
    _time_goes_by(post, 30)
    assert len(_texts(post, number)) == 2, post.sends(asked)
    assert len(_texts(post, other)) == 2, post.sends(stopped)
    assert len(post.fake.sent_to(post.addresses(waiting)[0])) == 1
    assert not post.fake.doubles()
    (question,) = _of_kind(post, asked, SendKind.QUESTION)
    assert question.state is SendState.SENT
    _write(post, number, "yes")
    post.round()
    assert len(_texts(post, number)) == 3


def test_an_outage_that_ends_at_night_waits_for_the_morning(post: PostOffice) -> None:
    handle, number = _begun(post)
    post.clock.advance(hours=9, minutes=45)  # 19:45
    _down(post, True)
    _write(post, number, "yes")
    _time_goes_by(post, 60)
    _down(post, False)
    _time_goes_by(post, 60)
    assert len(_texts(post, number)) == 1, "21:45 for the customer"
    assert ("outside_window", "not_sent") in post.decisions(handle)
    post.clock.advance(hours=11, minutes=20)  # 09:05
    _time_goes_by(post, 5)
    assert len(_texts(post, number)) == 2
    assert not post.fake.doubles()


def test_a_message_that_the_carrier_chokes_on_does_not_keep_the_others_back(post: PostOffice) -> None:
    """The breaker opens by it; the try after the rest is somebody else's."""
    handle, number = _begun(post)
    _write(post, number, "yes")
    choking = post.way().send

    def send(outgoing: Any, *, now: Any) -> Any:
        post.fake.behaviour.server_error = 1.0 if outgoing.address == number else 0.0
        return choking(outgoing, now=now)

    post.way().send = send  # type: ignore[method-assign]
    _time_goes_by(post, 10)
    others = [post.due() for _ in range(3)]
    _time_goes_by(post, 30)
    assert all(len(post.fake.sent_to(post.addresses(one)[0])) == 1 for one in others)
    assert len(_texts(post, number)) == 1
    assert ("unknown_error", "not_sent") in post.decisions(handle)


def test_a_question_that_failed_is_put_again_later(post: PostOffice) -> None:
    handle, number = _begun(post)
    post.fake.behaviour.fate[number] = ("undelivered", 30008)
    _write(post, number, "yes")
    post.round()
    post.receive(*post.fake.events_of(post.fake.sent_to(number)[-1]))
    assert ("unknown_error", "not_sent") in post.decisions(handle)
    assert post.round() == []
    post.clock.advance(minutes=11)
    post.round()
    first, second = _of_kind(post, handle, SendKind.QUESTION)
    assert (first.state, second.state, first.body) == (SendState.FAILED, SendState.SENT, second.body)
    # … and in the end no more: what was answered is kept.
    for _ in range(12):
        post.receive(*post.fake.events_of(post.fake.sent_to(number)[-1]))
        post.clock.advance(hours=3)
        post.round()
    assert len(_of_kind(post, handle, SendKind.QUESTION)) == 4
    attempt = post.attempts(handle)[0]
    assert (attempt.disposition, attempt.aapor_code is not None) == (Disposition.PARTIAL, True)
    assert _response(post, handle).state is ResponseState.PARTIAL
    assert post.callback(handle).state is not CallbackState.IN_PROGRESS


def _undelivered(post: PostOffice, number: str, message: Message, code: int) -> None:
    """The carrier's last word about one message, however late it comes."""
    post.fake.behaviour.fate[number] = ("undelivered", code)
    post.receive(*post.fake.events_of(message))
    post.fake.behaviour.fate.clear()


def _first_question_answered(post: PostOffice) -> tuple[str, str, Message]:
    """The second question is with the customer; the message of the first."""
    handle, number = _begun(post)
    _write(post, number, "yes")
    post.round()
    first = post.fake.sent_to(number)[-1]
    _write(post, number, "yes")
    return handle, number, first


def test_what_was_answered_is_not_asked_again_when_it_is_said_not_to_have_arrived(post: PostOffice) -> None:
    handle, number, first = _first_question_answered(post)
    post.round()
    _undelivered(post, number, first, 30008)
    assert ("unknown_error", "not_sent") in post.decisions(handle)
    _time_goes_by(post, 12)
    assert len(_texts(post, number)) == len(set(_texts(post, number))) == 3


def test_a_question_that_is_held_up_is_not_overtaken_by_an_answered_one(post: PostOffice) -> None:
    handle, number, first = _first_question_answered(post)
    _down(post, True)
    _undelivered(post, number, first, 30008)
    _time_goes_by(post, 30)
    _down(post, False)
    _time_goes_by(post, 20)
    assert [send.state for send in _of_kind(post, handle, SendKind.QUESTION)] == [SendState.FAILED, SendState.SENT]
    assert len(set(_texts(post, number))) == 3


def test_a_question_that_is_answered_while_it_waits_to_be_put_again_is_not(post: PostOffice) -> None:
    handle, number = _begun(post)
    _write(post, number, "yes")
    post.round()
    _undelivered(post, number, post.fake.sent_to(number)[-1], 30008)
    post.clock.advance(minutes=9)
    _write(post, number, "yes")
    _time_goes_by(post, 5)
    assert len(_texts(post, number)) == len(set(_texts(post, number))) == 3
    _, again, _ = _of_kind(post, handle, SendKind.QUESTION)
    assert (again.state, again.error_code) == (SendState.WITHDRAWN, "overtaken")


def test_a_question_that_is_answered_on_the_page_is_not_put_again(post: PostOffice) -> None:
    handle, number = _begun(post)
    _write(post, number, "yes")
    post.round()
    _undelivered(post, number, post.fake.sent_to(number)[-1], 30008)
    post.clock.advance(minutes=1)
    with post.house.sessions.begin() as session:
        response = session.get_one(Response, _response(post, handle).id)
        asked = surveys.where(session, response).question
        assert asked is not None
        answering.take(
            session, response=response, channel=Channel.WEB, now=post.now, question=asked.name, value=True, said="yes"
        )
    _time_goes_by(post, 15)
    assert len(_texts(post, number)) == 2


@pytest.mark.parametrize("code", [30005, 30006, 30007])
def test_a_late_word_about_an_answered_question_does_not_end_a_conversation(post: PostOffice, code: int) -> None:
    handle, number, first = _first_question_answered(post)
    post.round()
    _undelivered(post, number, first, code)
    assert post.attempts(handle)[0].disposition is None
    _write(post, number, "5")
    post.round()
    assert len(set(_texts(post, number))) == 4
    assert _response(post, handle).state is ResponseState.OPEN


@pytest.mark.parametrize("code", [30007, 30008])
def test_a_conversation_without_an_answer_that_is_cut_short_counts(post: PostOffice, code: int) -> None:
    """The invitation was taken: it does not come again in ten minutes, for ever."""
    handle, number = _begun(post)
    _write(post, number, "what was the question?")
    post.fake.behaviour.refused[number] = code
    for _ in range(16):  # of two hours: the night is between the tries
        post.round()
        post.clock.advance(hours=2)
        if post.attempts(handle)[0].disposition is not None:
            break
    post.fake.behaviour.refused.clear()
    (attempt,) = post.attempts(handle)
    assert (attempt.disposition, attempt.counts) == (Disposition.TECHNICAL_FAILURE, True)
    callback = post.callback(handle)
    assert callback.attempts_made == 1
    if code == 30007:
        assert callback.state is CallbackState.EXHAUSTED
    else:
        assert callback.next_try_at is not None
        assert attempt.ended_at is not None
        assert callback.next_try_at - attempt.ended_at >= timedelta(hours=3)


@pytest.mark.parametrize("code", [21610, 21211, 21614, 30007])
def test_a_question_that_will_never_arrive_ends_the_conversation(post: PostOffice, code: int) -> None:
    handle, number = _begun(post)
    _write(post, number, "yes")
    post.fake.behaviour.refused[number] = code
    post.round()
    assert post.attempts(handle)[0].disposition is Disposition.PARTIAL
    assert _response(post, handle).state is ResponseState.PARTIAL
    assert post.callback(handle).state is not CallbackState.IN_PROGRESS
    assert len(_of_kind(post, handle, SendKind.QUESTION)) == 1


def test_of_two_questions_that_were_held_up_the_last_is_asked(post: PostOffice) -> None:
    handle, number = _begun(post)
    _down(post, True)
    _write(post, number, "yes")
    _write(post, number, "what was the question?")
    _time_goes_by(post, 60)
    _down(post, False)
    _time_goes_by(post, 30)
    first, second = _of_kind(post, handle, SendKind.QUESTION)
    assert (first.state, first.error_code, second.state) == (SendState.WITHDRAWN, "overtaken", SendState.SENT)
    assert _texts(post, number)[1:] == [second.body]


# ── Hours ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_writes_at_night_is_answered_at_once(post: PostOffice) -> None:
    handle, number = _begun(post)
    post.clock.advance(hours=13)  # 23:00
    _write(post, number, "yes")
    post.clock.advance(minutes=2)
    post.round()
    assert len(_texts(post, number)) == 2
    (question,) = _of_kind(post, handle, SendKind.QUESTION)
    assert question.closes_at is None


def test_what_a_stopped_worker_left_lying_waits_for_the_window(post: PostOffice) -> None:
    """Also when the reader stood still: what counts is when the customer wrote."""
    handle, number = _begun(post)
    _, opted_out = _begun(post)
    post.clock.advance(hours=9)  # 19:00
    _deliver(post, number, "yes")
    _deliver(post, opted_out, "STOP")
    post.clock.advance(hours=4, minutes=5)  # 23:05
    post.read()
    post.round()
    assert len(_texts(post, number)) == 1
    assert len(_texts(post, opted_out)) == 2, "the confirmation of an opt-out always goes"
    (question,) = _of_kind(post, handle, SendKind.QUESTION)
    assert question.state is SendState.QUEUED
    post.clock.advance(hours=10)  # 09:05
    post.round()
    assert len(_texts(post, number)) == 2
    (question,) = _of_kind(post, handle, SendKind.QUESTION)
    assert question.closes_at is not None


def test_a_late_question_at_the_end_of_its_window_keeps_nobody_waiting(post: PostOffice) -> None:
    handle, number = _begun(post)
    post.clock.advance(hours=9, minutes=30)  # 19:30
    _write(post, number, "yes")
    post.clock.advance(minutes=29, seconds=30)  # nobody claimed until 19:59:30
    assert post.claim() == []
    (question,) = _of_kind(post, handle, SendKind.QUESTION)
    assert question.state is SendState.QUEUED
    assert question.due_at - post.now > timedelta(hours=12)
    assert ("no_room_in_window", "not_sent") in post.decisions(handle)


def test_a_late_question_is_not_sent_to_somebody_who_has_opted_out(post: PostOffice) -> None:
    handle, number = _begun(post)
    _down(post, True)
    _write(post, number, "yes")
    _time_goes_by(post, 20)
    with post.house.sessions.begin() as session:
        suppress(
            session,
            scope=SuppressionScope.ALL,
            reason="by_hand",
            evidence={"words": "no more"},
            customer_id=post.callback(handle).customer_id,
            now=post.now,
        )
    _down(post, False)
    _time_goes_by(post, 20)
    assert len(_texts(post, number)) == 1
    (question,) = _of_kind(post, handle, SendKind.QUESTION)
    assert (question.state, question.error_code) == (SendState.WITHDRAWN, "suppressed")


# ── Campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _campaign(post: PostOffice, *handles: str) -> int:
    with post.house.sessions.begin() as session:
        campaign = campaigns.create(session, name="A", criteria=Criteria(category="a"), by=None, now=post.now)
        session.execute(update(Callback).where(Callback.handle.in_(handles)).values(campaign_id=campaign.id))
        return campaign.id


def _do(post: PostOffice, act: Callable[..., Campaign], campaign_id: int) -> None:
    with post.house.sessions.begin() as session:
        act(session, campaigns.find(session, campaign_id), by=None, now=post.now)


@pytest.mark.parametrize("stop", [campaigns.pause, campaigns.cancel])
def test_a_conversation_goes_on_when_its_campaign_is_stopped(post: PostOffice, stop: Callable[..., Campaign]) -> None:
    handle, number = _begun(post)
    leaving, other = _begun(post)
    waiting = post.due()
    _do(post, stop, _campaign(post, handle, leaving, waiting))
    _write(post, number, "yes")
    _write(post, other, "STOP")
    post.round()
    assert len(_texts(post, number)) == 2
    assert len(_texts(post, other)) == 2
    assert not post.attempts(waiting)
    assert post.callback(leaving).state is not CallbackState.IN_PROGRESS


def test_what_is_claimed_when_its_campaign_is_paused_still_leaves_if_it_is_a_question(post: PostOffice) -> None:
    handle, number = _begun(post)
    _campaign(post, handle)
    _write(post, number, "yes")
    (claimed,) = post.claim()
    assert claimed.campaign_id is None


def test_a_conversation_of_a_cancelled_campaign_is_not_begun_again(post: PostOffice) -> None:
    """No reminder: it ends with what was answered, and nothing of it waits for ever."""
    handle, _ = _begun(post)
    _do(post, campaigns.cancel, _campaign(post, handle))
    post.clock.advance(days=2, hours=1)
    reminders.chase(post.house.sessions, now=post.now)
    assert post.callback(handle).state is CallbackState.WAITING
    campaigns.enrol_all(post.house.sessions, now=post.now)
    assert post.callback(handle).state is CallbackState.CANCELLED
    assert post.decisions(handle)[-1] == ("campaign_cancelled", "cancelled")
    reminders.chase(post.house.sessions, now=post.now)
    assert _response(post, handle).state is not ResponseState.OPEN
    assert post.attempts(handle)[0].aapor_code is not None
    post.clock.advance(days=1)
    assert post.round() == []
