"""Conversations through the carrier, over HTTP: messages back and forth, and calls turn by turn."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from sqlalchemy import select

from callback.db.tables import Response, Send
from callback.domain.words import AttemptState, CallbackState, Channel, Disposition, ResponseState, SendKind, SendState
from tests.fake_carrier import twiml
from tests.fake_carrier.server import ACCOUNT, Event
from tests.integration.post_office import PUBLIC_URL, PostOffice


def _write(post: PostOffice, number: str, text: str, sid: str) -> int:
    form = {"MessageSid": sid, "SmsSid": sid, "AccountSid": ACCOUNT, "From": number, "To": "+15005550006", "Body": text}
    (status,) = post.receive(Event(f"{PUBLIC_URL}/api/v1/carrier/twilio/inbound", form))
    return status


def _response(post: PostOffice, handle: str) -> Response:
    with post.house.sessions() as session:
        callback_id = post.callback(handle).id
        return session.scalars(select(Response).where(Response.callback_id == callback_id)).one()


def _contented(asked: str) -> str:
    """What a contented customer writes back: the best of the numbers that are offered, else some words."""
    scale = re.search(r"\((\d+)-(\d+)\)", asked)
    if scale is not None:
        return scale[2]
    offered = re.findall(r"^(\d+) ", asked, re.MULTILINE)
    return "all fine" if not offered else offered[-1] if len(offered) >= 4 else offered[0]


def test_a_survey_by_message_from_the_invitation_to_the_end(post: PostOffice) -> None:
    handle = post.due()
    post.round()
    (invitation,) = post.fake.messages.values()
    number = invitation.form["To"]
    for turn in range(12):
        if post.attempts(handle)[0].state is AttemptState.ENDED:
            break
        said = _contented(post.fake.sent_to(number)[-1].form["Body"])
        assert _write(post, number, said, f"SM{turn:032d}") == 200
        assert _write(post, number, said, f"SM{turn:032d}") == 200  # the carrier repeats itself
        post.round()
        post.clock.advance(seconds=20)
    assert post.attempts(handle)[0].disposition is Disposition.COMPLETED
    assert _response(post, handle).state is ResponseState.COMPLETE
    assert post.callback(handle).state is CallbackState.DONE
    kinds = [send.kind for send in post.sends(handle)]
    assert kinds[0] is SendKind.INVITATION
    assert kinds[-1] is SendKind.NOTICE
    assert set(kinds[1:-1]) == {SendKind.QUESTION}
    assert len(post.fake.sent_to(number)) == len(kinds)
    assert not post.fake.doubles()
    assert all(send.state is SendState.SENT for send in post.sends(handle))


def test_stop_ends_it_and_is_confirmed_once(post: PostOffice) -> None:
    handle = post.due()
    post.round()
    (invitation,) = post.fake.messages.values()
    number = invitation.form["To"]
    for turn in range(2):
        assert _write(post, number, "STOP", f"SM{turn:032d}") == 200
        post.round()
        post.clock.advance(minutes=1)
    assert len(post.fake.sent_to(number)) == 2  # the invitation and one confirmation
    assert post.attempts(handle)[0].state is AttemptState.ENDED
    assert {scope for scope, _, _ in post.suppressions()} & {"sms", "all"}


def test_a_question_is_not_sent_to_somebody_who_stopped_meanwhile(post: PostOffice) -> None:
    handle = post.due()
    post.round()
    number = next(iter(post.fake.messages.values())).form["To"]
    _write(post, number, "1", "SM" + "1" * 32)  # the next question is queued
    _write(post, number, "STOP", "SM" + "2" * 32)
    post.round()
    kinds = {send.kind: send.state for send in post.sends(handle)}
    assert kinds[SendKind.QUESTION] is SendState.WITHDRAWN


# ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Caller:
    """The customer at the telephone: hears TwiML, presses keys."""

    def __init__(self, post: PostOffice, handle: str) -> None:
        self.post, self.handle = post, handle
        (self.call,) = post.fake.calls.values()
        self.address = self.call.form["Url"]
        self.heard = ""
        self.over = False

    def press(self, digits: str = "", **more: str) -> "Caller":
        form = {"CallSid": self.call.sid, "AccountSid": ACCOUNT, "CallStatus": "in-progress", **more}
        if digits:
            form["Digits"] = digits
        event = Event(self.address, form)
        answer = self.post.client().post(event.url, data=form, headers=event.headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        assert not twiml.faults(answer.text), (twiml.faults(answer.text), answer.text)
        root = ET.fromstring(answer.text)  # noqa: S314
        self.heard = " ".join(root.itertext())
        gather = root.find("Gather")
        self.over = gather is None
        if gather is not None:
            self.address = gather.attrib["action"]
        return self


def _called(post: PostOffice, **columns: Any) -> tuple[str, Caller]:
    handle = post.due(channel=Channel.VOICE, **columns)
    post.round(channel=Channel.VOICE)
    return handle, Caller(post, handle)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_survey_by_call_from_hello_to_goodbye(post: PostOffice, language: str) -> None:
    handle, caller = _called(post, language=language)
    caller.press()
    assert ("你好" in caller.heard or "您好" in caller.heard) is (language == "zh")
    for _ in range(20):
        if caller.over:
            break
        caller.press("1")
        post.clock.advance(seconds=8)
    assert caller.over
    post.receive(*post.fake.events_of_call(caller.call))
    (attempt,) = post.attempts(handle)
    assert attempt.disposition is Disposition.COMPLETED
    assert _response(post, handle).state is ResponseState.COMPLETE
    assert post.callback(handle).state is CallbackState.DONE


def test_hanging_up_keeps_what_was_said(post: PostOffice) -> None:
    handle, caller = _called(post)
    caller.press().press("1").press("1")
    post.receive(*post.fake.events_of_call(caller.call))
    (attempt,) = post.attempts(handle)
    assert attempt.disposition is Disposition.PARTIAL
    assert _response(post, handle).state is ResponseState.PARTIAL


def test_a_turn_that_is_not_about_this_call_says_nothing(post: PostOffice) -> None:
    _, caller = _called(post)
    form = {"CallSid": "CA" + "9" * 32}
    event = Event(caller.address, form)
    answer = post.client().post(event.url, data=form, headers=event.headers)
    assert re.sub(r"<\?xml[^>]*>", "", answer.text) == "<Response><Hangup /></Response>"
    tampered = caller.address + "?step=identity"
    assert post.client().post(tampered, data=dict(form), headers=event.headers).status_code == 403


def test_every_text_of_a_call_is_sent_by_nobody_else(post: PostOffice) -> None:
    handle, caller = _called(post)
    caller.press()
    with post.house.sessions() as session:
        (send,) = session.scalars(select(Send))
    assert (send.kind, send.body, send.callback_id) == (SendKind.CALL, "", post.callback(handle).id)
