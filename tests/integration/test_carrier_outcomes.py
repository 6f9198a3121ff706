"""Whatever the carrier says: nobody is asked more often than the budget allows, and nobody pays for our faults."""

import re
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from callback.db import senders
from callback.db.tables import Callback, Send, Sender
from callback.domain import pacing
from callback.domain.words import CallbackState, Channel, Disposition, SendState
from callback.services import findings
from callback.services.doctor import INVARIANTS, examine
from callback.services.reminders import chase
from callback.texts import LANGUAGES
from tests.fake_carrier.server import Event
from tests.integration.post_office import SETTLE, PostOffice

SHANGHAI = ZoneInfo("Asia/Shanghai")  # where the post office's customers live
PER_DAY, PER_CALLBACK = 2, 3
UNDELIVERED = (30001, 30003, 30005, 30006, 30007, 30008, 30017, 30022, 30023, 30034, 30036, 99999)
SIP = ("404", "480", "486", "500", "503", "599")


def _handed_over(post: PostOffice, handle: str) -> list[Send]:
    """What the carrier has accepted for this callback."""
    return [send for send in post.sends(handle) if send.sent_at is not None]


def _within_budget(post: PostOffice, handle: str) -> bool:
    taken = _handed_over(post, handle)
    days = Counter(send.sent_at.astimezone(SHANGHAI).date() for send in taken if send.sent_at is not None)
    return len(taken) <= PER_CALLBACK and max(days.values(), default=0) <= PER_DAY


def _say(post: PostOffice, handle: str, outcome: str) -> None:
    """The carrier's last word about the last send: `undelivered 30008`, `canceled`, `failed 503` of a call, …"""
    status, _, code = outcome.partition(" ")
    send = _handed_over(post, handle)[-1]
    if send.state is not SendState.SENT:
        return
    sid = str(send.provider_id)
    if send.channel is Channel.VOICE:
        event = post.fake.events_of_call(post.fake.calls[sid], status)[-1]
        post.receive(Event(event.url, {**event.form, "SipResponseCode": code} if code else event.form))
        return
    message = post.fake.messages[sid]
    if code:
        post.fake.behaviour.fate[message.form["To"]] = (status, int(code))
        post.receive(*post.fake.events_of(message))
        post.fake.behaviour.fate.clear()
    else:
        post.receive(*post.fake.events_of(message, status))


def _hours_of(post: PostOffice, handle: str, outcome: str, *, channel: Channel, hours: int, every_min: int) -> None:
    for _ in range(hours * 60 // every_min):
        post.round(channel=channel)
        if _handed_over(post, handle):
            _say(post, handle, outcome)
        post.clock.advance(minutes=every_min)


# ── The budget ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("channel", "outcome"),
    [
        *((Channel.SMS, f"undelivered {code}") for code in (30001, 30008, 30017, 30022, 30023, 30036)),
        (Channel.SMS, "canceled"),
        (Channel.VOICE, "failed 503"),
        (Channel.VOICE, "failed 599"),
        (Channel.VOICE, "canceled"),
    ],
)
def test_what_the_carrier_took_and_gave_back_counts(post: PostOffice, channel: Channel, outcome: str) -> None:
    handle = post.due(channel=channel)
    _hours_of(post, handle, outcome, channel=channel, hours=13, every_min=20)  # from ten in the morning
    assert len(_handed_over(post, handle)) == PER_DAY
    assert len({attempt.part_of_day for attempt in post.attempts(handle)}) == PER_DAY
    _hours_of(post, handle, outcome, channel=channel, hours=72, every_min=120)
    assert len(_handed_over(post, handle)) == PER_CALLBACK
    assert post.callback(handle).state is CallbackState.EXHAUSTED
    assert post.callback(handle).attempts_made == PER_CALLBACK
    assert {attempt.disposition for attempt in post.attempts(handle)} == {Disposition.TECHNICAL_FAILURE}
    assert post.decisions(handle)[-1] == ("attempts_used", "exhausted")  # and the supervisor sees it


def test_what_never_left_costs_nothing_and_waits_longer_each_time(post: PostOffice) -> None:
    handle = post.due()
    post.fake.behaviour.too_many = 1.0
    for _ in range(12 * 20):
        post.round()
        post.clock.advance(minutes=3)
    assert post.fake.requests.total() < 60
    attempts = post.attempts(handle)
    assert len(attempts) > 1
    assert not any(attempt.counts for attempt in attempts if attempt.disposition is not None)
    post.fake.behaviour.too_many = 0.0
    for _ in range(24 * 4):
        post.clock.advance(minutes=15)
        post.round()
    assert len(post.fake.messages) == 1


OUTCOMES = st.sampled_from(
    [
        *(f"undelivered {code}" for code in UNDELIVERED),
        *("failed 30008", "canceled", "delivered", "sent", "refused 30008", "refused 21606", "refused 99999"),
        *("too_many", "server_error", "lost_reply", "error_after_accepting", "reset", "silence"),
    ]
)
CALL_OUTCOMES = st.sampled_from(
    [*(f"failed {code}" for code in SIP), "canceled", "busy", "no-answer", "too_many", "lost_reply", "refused 21210"]
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    channel=st.sampled_from([Channel.SMS, Channel.VOICE]),
    steps=st.lists(
        st.tuples(OUTCOMES, CALL_OUTCOMES, st.sampled_from([1, 11, 70, 200, 24 * 60])), min_size=4, max_size=14
    ),
)
def test_no_sequence_of_outcomes_breaks_the_budget(
    post: PostOffice, channel: Channel, steps: list[tuple[str, str, int]]
) -> None:
    handle = post.due(channel=channel)
    (address,) = post.addresses(handle)
    behaviour = post.fake.behaviour
    for message_outcome, call_outcome, minutes in steps:
        now_on = post.callback(handle).channel
        outcome = call_outcome if now_on is Channel.VOICE else message_outcome
        word, _, code = outcome.partition(" ")
        fault = word if word in ("too_many", "server_error", "lost_reply", "error_after_accepting", "reset") else None
        if fault is not None:
            setattr(behaviour, fault, 1.0)
        if word == "refused":
            behaviour.refused[address] = int(code)
        for way in (Channel.SMS, Channel.VOICE):
            post.round(channel=way)
            post.look_after(channel=way)
        if fault is not None:
            setattr(behaviour, fault, 0.0)
        behaviour.refused.clear()
        if fault is None and word not in ("refused", "silence") and _handed_over(post, handle):
            _say(post, handle, outcome if _handed_over(post, handle)[-1].channel is now_on else "canceled")
        post.clock.advance(minutes=minutes)
        chase(post.house.sessions, now=post.now)
        post.plan()
        assert _within_budget(post, handle), [(send.sent_at, send.error_code) for send in _handed_over(post, handle)]
    assert not post.fake.doubles()
    with post.house.sessions() as session:
        wanted = ("daily_budget", "budget_per_callback", "attempt_begun_once")
        invariants = [one for one in INVARIANTS if one.name in wanted]
        assert all(one.holds for one in examine(session, invariants, now=post.now))


# ── Faults of ours ──────────────────────────────────────────────────────────────────────────────────────────────────


def _refuse(post: PostOffice, handles: list[str], code: int) -> None:
    for handle in handles:
        post.fake.behaviour.refused[post.addresses(handle)[0]] = code


def _sender(post: PostOffice, sender: str = "+15005550006") -> Sender:
    with post.house.sessions() as session:
        return session.scalars(select(Sender).where(Sender.sender == sender)).one()


def _work(post: PostOffice, *, minutes: int, every_s: int = 60) -> None:
    for _ in range(minutes * 60 // every_s):
        post.round()
        post.clock.advance(seconds=every_s)


@pytest.mark.parametrize("code", [20003, 21606, 21609, 21659, 30034])
def test_a_fault_of_ours_holds_the_sender_and_burns_nobody(post: PostOffice, code: int) -> None:
    handles = [post.due() for _ in range(30)]
    _refuse(post, handles, code)
    post.round(limit=8)
    asked = post.fake.requests.total()
    assert asked == 8
    assert post.round() == []
    _work(post, minutes=30)
    assert post.fake.requests.total() - asked <= 8  # one each after pauses that grow
    assert _sender(post).held_by == str(code)
    assert {post.callback(handle).state for handle in handles} <= {CallbackState.WAITING, CallbackState.IN_PROGRESS}

    post.fake.behaviour.refused.clear()
    _work(post, minutes=120)
    assert len(post.fake.messages) == 30
    assert _sender(post).held_by is None
    assert all(len(post.attempts(handle)) == 1 for handle in handles)
    assert {post.callback(handle).attempts_made for handle in handles} == {0}


def test_what_waits_leaves_from_the_sender_that_was_set_instead(post: PostOffice) -> None:
    handles = [post.due() for _ in range(6)]
    _refuse(post, handles, 21606)
    post.round(limit=3)
    post.way().sender = "+15005550007"
    post.clock.advance(minutes=3)
    post.round()  # the new one is wrong, too: nobody is given up for that
    assert {post.callback(handle).state for handle in handles} == {CallbackState.IN_PROGRESS}
    post.way().sender = "+15005550008"
    post.fake.behaviour.refused.clear()
    _work(post, minutes=15)
    assert {message.form["From"] for message in post.fake.messages.values()} == {"+15005550008"}
    assert len(post.fake.messages) == 6
    with post.house.sessions() as session:
        assert senders.held(session) == []  # what is not used any more is history


def test_supervisors_are_told_by_name_what_to_do(post: PostOffice) -> None:
    handle = post.due()
    _refuse(post, [handle], 21606)
    post.round()
    with post.house.sessions() as session:
        (fault,) = [one for one in findings.find_faults(session, now=post.now) if one.code == "sender_held"]
    assert fault.who == "+15005550006"
    for language in LANGUAGES:
        told = findings.tell(fault, language, zone=SHANGHAI)
        assert "+15005550006" in told
        assert "21606" in told
        assert "CALLBACK_TWILIO_FROM" in told
        assert not re.search(r"[{}]|finding\.|failure\.", told)


def _answer_all(post: PostOffice, handles: list[str], outcome: str) -> None:
    for handle in handles:
        taken = _handed_over(post, handle)
        if taken and taken[-1].state is SendState.SENT:
            _say(post, handle, outcome)


def test_a_fault_that_is_told_late_holds_until_one_has_arrived(post: PostOffice) -> None:
    """30034 comes after the carrier has accepted: that it accepts the next one proves nothing."""
    handles = [post.due() for _ in range(10)]
    post.round(limit=4)
    _answer_all(post, handles, "undelivered 30034")
    assert post.round() == []
    for _ in range(6 * 12):
        post.round()
        _answer_all(post, handles, "undelivered 30034")
        post.clock.advance(minutes=5)
    assert 4 < len(post.fake.messages) <= 4 + 12
    assert all(_within_budget(post, handle) for handle in handles)
    assert _sender(post).held_by == "30034"
    assert not any(post.callback(handle).state is CallbackState.EXHAUSTED for handle in handles)
    for _ in range(2 * 24 * 2):
        post.round()
        _answer_all(post, handles, "delivered")
        post.clock.advance(minutes=30)
    assert _sender(post).held_by is None
    assert all(_handed_over(post, handle)[-1].state is SendState.DELIVERED for handle in handles)


def test_a_code_of_ours_that_is_about_one_number_after_all_stops_nobody_else(post: PostOffice) -> None:
    """A short code, and a number in another country: 21606 for that one alone."""
    odd = post.due()
    _refuse(post, [odd], 21606)
    post.round()
    others = [post.due() for _ in range(10)]
    _work(post, minutes=90)
    assert len(post.fake.messages) == 10
    assert all(_handed_over(post, handle) for handle in others)
    assert post.callback(odd).state is CallbackState.EXHAUSTED
    assert ("refused_by_carrier", "exhausted") in post.decisions(odd)
    assert _sender(post).held_by is None


def test_a_code_that_nobody_knows_again_and_again_is_about_us(post: PostOffice) -> None:
    handles = [post.due() for _ in range(30)]
    _refuse(post, handles, 572006)
    post.round(limit=24)
    _work(post, minutes=30)
    states = Counter(post.callback(handle).state for handle in handles)
    assert states[CallbackState.EXHAUSTED] == 5
    post.fake.behaviour.refused.clear()
    _work(post, minutes=120)
    assert len(post.fake.messages) == 25


# ── The one reminder ────────────────────────────────────────────────────────────────────────────────────────────────


def _is_reminder(text: str) -> bool:
    return "the only one" in text


def test_what_did_not_arrive_is_no_invitation_and_there_is_one_reminder(post: PostOffice) -> None:
    handle = post.due()
    post.round()
    _say(post, handle, "undelivered 30003")
    for _ in range(40 * 4):
        post.round()
        if (taken := _handed_over(post, handle)) and taken[-1].state is SendState.SENT:
            _say(post, handle, "delivered")
        chase(post.house.sessions, now=post.now)
        post.clock.advance(hours=6)
    assert [_is_reminder(send.body) for send in _handed_over(post, handle)] == [False, False, True]


def test_a_call_that_nobody_took_is_no_invitation(post: PostOffice) -> None:
    handle = post.due(channel=Channel.VOICE)
    post.round(channel=Channel.VOICE)
    _say(post, handle, "no-answer")
    with post.house.sessions.begin() as session:
        session.execute(update(Callback).where(Callback.handle == handle).values(channel=Channel.SMS, next_try_at=None))
    post.clock.advance(days=1)
    post.round()
    (message,) = post.fake.messages.values()
    assert not _is_reminder(message.form["Body"])


# ── Asking the carrier ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_pauses_between_tries_that_never_arrived_grow(post: PostOffice) -> None:
    handle = post.due()
    post.fake.behaviour.server_error = 1.0
    post.round()
    pauses: list[timedelta] = []
    post.fake.behaviour.server_error = 0.0
    for _ in range(pacing.TRIPS_AFTER - 1):  # then the breaker opens, and says when
        for _ in range(2):
            post.clock.advance(seconds=SETTLE.total_seconds() + 1)
            post.look_after()
        send = post.the_send(handle)
        assert send.state is SendState.QUEUED
        pauses.append(send.due_at - post.now)
        post.clock.advance(minutes=10)
        post.fake.behaviour.server_error = 1.0
        post.round()
        post.fake.behaviour.server_error = 0.0
    assert all(later > 1.1 * earlier for earlier, later in pairwise(pauses)), pauses
    assert not post.fake.messages


def test_an_outage_is_asked_about_less_and_less_often(post: PostOffice) -> None:
    for _ in range(40):
        post.due()
    post.fake.behaviour.down = True
    post.round(limit=6)
    assert _sender(post).failures >= 5
    trials = []
    for minute in range(4 * 60):
        asked = sum(count for what, count in post.fake.requests.items() if "POST" in what)
        post.round()
        if sum(count for what, count in post.fake.requests.items() if "POST" in what) > asked:
            trials.append(minute / 4)
        post.clock.advance(seconds=15)
    assert 4 <= len(trials) <= 20, trials
    assert trials[-1] - trials[-2] > 5
