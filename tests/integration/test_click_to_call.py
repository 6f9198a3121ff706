"""An agent's call through the carrier: rings the agent, then the customer, and measures; without one, a link."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from callback.channels.protocol import SendChannel
from callback.db.tables import Agent, ContactPoint
from callback.domain.words import AttemptState, CallbackState, Channel, Disposition, SendState, SuppressionScope
from callback.services.sends import click_to_call
from callback.services.sends.click_to_call import Dialling
from callback.services.suppressions import suppress
from tests.fake_carrier import twiml
from tests.fake_carrier.server import ACCOUNT, Call, Event
from tests.integration.call_centre import Centre
from tests.integration.post_office import PUBLIC_URL, PostOffice


@pytest.fixture
def centre(post: PostOffice) -> Centre:
    return Centre(post.house.sessions, post.house.settings, post.now).open()


def _dial(post: PostOffice, handle: str, agent_id: int, *, way: SendChannel | None) -> Dialling:
    with post.house.sessions.begin() as session:
        return click_to_call.dial(session, handle=handle, agent_id=agent_id, way=way, now=post.now)


def _agent(post: PostOffice, centre: Centre, *, phone: str | None = "+862155550001") -> int:
    agent_id = centre.agent("li")
    with post.house.sessions.begin() as session:
        session.execute(update(Agent).values(phone=phone))
        session.execute(update(ContactPoint).values(fictional=False))
    return agent_id


def _real(post: PostOffice) -> None:
    with post.house.sessions.begin() as session:
        session.execute(update(ContactPoint).values(fictional=False))


def test_the_agent_then_the_customer_and_the_length_comes_back(post: PostOffice, centre: Centre) -> None:
    agent_id = _agent(post, centre)
    handle = centre.callback(agent_id)
    _real(post)
    sheet = centre.start(handle, agent_id)
    way = post.way(Channel.VOICE)
    assert _dial(post, sheet.attempt, agent_id, way=way).state is SendState.QUEUED
    assert _dial(post, sheet.attempt, agent_id, way=way).state is SendState.QUEUED  # a second click
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    assert call.form["To"] == "+862155550001"
    assert "MachineDetection" not in call.form

    answer = _turn(post, call, call.form["Url"], CallStatus="in-progress")
    assert "<Number>+8613800138000</Number>" in answer
    assert centre.attempt(sheet.attempt).state is AttemptState.SENT
    over = call.form["Url"].replace("/bridges/", "/bridged/")
    _turn(post, call, over, DialCallStatus="completed", DialCallDuration="187")
    post.receive(*post.fake.events_of_call(call, duration=240))
    attempt = centre.attempt(sheet.attempt)
    assert (attempt.state, attempt.duration_s) == (AttemptState.CONNECTED, 187)
    finished = centre.finish(sheet, agent_id, Disposition.THIRD_PARTY)
    assert finished.disposition is Disposition.THIRD_PARTY
    assert centre.attempt(sheet.attempt).duration_s == 187


def _turn(post: PostOffice, call: Call, url: str, **form: str) -> str:
    assert url.startswith(PUBLIC_URL)
    event = Event(url, {"CallSid": call.sid, "AccountSid": ACCOUNT, **form})
    answer = post.client().post(event.url, data=dict(event.form), headers=event.headers)
    assert answer.status_code == 200, answer.text
    assert not twiml.faults(answer.text), answer.text
    return answer.text


def test_busy_is_told_and_the_agent_may_dial_again(post: PostOffice, centre: Centre) -> None:
    agent_id = _agent(post, centre)
    handle = centre.callback(agent_id)
    _real(post)
    sheet = centre.start(handle, agent_id)
    way = post.way(Channel.VOICE)
    _dial(post, sheet.attempt, agent_id, way=way)
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    _turn(post, call, call.form["Url"], CallStatus="in-progress")
    _turn(post, call, call.form["Url"].replace("/bridges/", "/bridged/"), DialCallStatus="busy")
    post.receive(*post.fake.events_of_call(call))
    with post.house.sessions() as session:
        told = click_to_call.of_attempt(session, centre.attempt(sheet.attempt))
    assert told is not None
    assert (told.error_code, told.state) == ("busy", SendState.DELIVERED)
    assert _dial(post, sheet.attempt, agent_id, way=way).state is SendState.QUEUED


def test_without_a_carrier_or_a_number_there_is_a_link(post: PostOffice, centre: Centre) -> None:
    agent_id = _agent(post, centre, phone=None)
    handle = centre.callback(agent_id)
    sheet = centre.start(handle, agent_id)
    for way in (None, post.way(Channel.VOICE)):
        told = _dial(post, sheet.attempt, agent_id, way=way)
        assert (told.by_carrier, told.link) == (False, "tel:+8613800138000")


@pytest.mark.parametrize("forbids", ["suppression", "window"])
def test_what_has_come_to_be_forbidden_rings_nobody(post: PostOffice, centre: Centre, forbids: str) -> None:
    """Between the click and the agent's picking up the customer has opted out, or their window has closed."""
    agent_id = _agent(post, centre)
    handle = centre.callback(agent_id)
    _real(post)
    if forbids == "window":
        post.clock.advance(hours=1, minutes=59, seconds=50)
    sheet = centre.start(handle, agent_id, now=post.now)
    _dial(post, sheet.attempt, agent_id, way=post.way(Channel.VOICE))
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    if forbids == "window":
        post.clock.advance(seconds=20)  # 12:00:10
    else:
        with post.house.sessions.begin() as session:
            evidence = {"words": "no more calls"}
            customer = centre.attempt(sheet.attempt).customer_id
            suppress(
                session,
                scope=SuppressionScope.ALL,
                reason="by_hand",
                evidence=evidence,
                customer_id=customer,
                now=post.now,
            )
    answer = _turn(post, call, call.form["Url"], CallStatus="in-progress")
    assert "<Number>" not in answer
    assert "<Say" in answer
    attempt = centre.attempt(sheet.attempt)
    assert (attempt.state, attempt.disposition) == (AttemptState.ENDED, Disposition.TECHNICAL_FAILURE)
    assert attempt.counts is False
    callback = centre.look(handle)
    if forbids == "window":
        assert callback.state in (CallbackState.WAITING, CallbackState.ASSIGNED)
        assert callback.next_try_at is not None
        assert callback.next_try_at >= post.now + timedelta(hours=1, minutes=59)
    else:
        assert callback.state is CallbackState.BLOCKED
    with post.house.sessions() as session:
        told = click_to_call.of_attempt(session, attempt)
    assert told is not None
    assert told.error_code == {"suppression": "suppressed", "window": "outside_window"}[forbids]


def test_a_second_ring_that_is_forbidden_leaves_the_attempt_to_the_agent(post: PostOffice, centre: Centre) -> None:
    agent_id = _agent(post, centre)
    handle = centre.callback(agent_id)
    _real(post)
    post.clock.advance(hours=1, minutes=59)
    sheet = centre.start(handle, agent_id, now=post.now)
    way = post.way(Channel.VOICE)
    _dial(post, sheet.attempt, agent_id, way=way)
    post.round(channel=Channel.VOICE)
    (first,) = post.fake.calls.values()
    assert "<Number>" in _turn(post, first, first.form["Url"], CallStatus="in-progress")
    _turn(post, first, first.form["Url"].replace("/bridges/", "/bridged/"), DialCallStatus="busy")
    post.receive(*post.fake.events_of_call(first))
    _dial(post, sheet.attempt, agent_id, way=way)
    post.round(channel=Channel.VOICE)
    *_, second = post.fake.calls.values()
    post.clock.advance(minutes=2)
    assert "<Number>" not in _turn(post, second, second.form["Url"], CallStatus="in-progress")
    assert centre.attempt(sheet.attempt).state is AttemptState.SENT
    assert centre.finish(sheet, agent_id, Disposition.BUSY, now=post.now).disposition is Disposition.BUSY


def test_a_call_that_is_over_is_not_begun_by_a_late_answer(post: PostOffice, centre: Centre) -> None:
    agent_id = _agent(post, centre)
    handle = centre.callback(agent_id)
    _real(post)
    sheet = centre.start(handle, agent_id)
    _dial(post, sheet.attempt, agent_id, way=post.way(Channel.VOICE))
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    centre.finish(sheet, agent_id, Disposition.NO_ANSWER)
    assert "<Number>" not in _turn(post, call, call.form["Url"], CallStatus="in-progress")
