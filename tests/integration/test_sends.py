"""What leaves the house: once, by the rules, and never forgotten, whatever the carrier does."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from callback.channels.protocol import ChannelError
from callback.db.tables import Attempt, Case, Send
from callback.domain.sending import Kind
from callback.domain.words import (
    AttemptState,
    BlockedBy,
    CallbackState,
    CaseStatus,
    Channel,
    ContactState,
    Disposition,
    SendState,
)
from callback.services.sends import Result, end_attempt
from tests.fake_carrier.server import Event
from tests.integration.post_office import LEASE, PUBLIC_URL, SETTLE, PostOffice


def test_a_due_survey_is_written_down_before_it_leaves_and_leaves_once(post: PostOffice) -> None:
    handle = post.due()
    claimed = post.claim()
    assert not post.fake.messages
    (attempt,) = post.attempts(handle)
    assert (attempt.state, attempt.provider_id) == (AttemptState.CLAIMED, None)
    assert post.the_send(handle).state is SendState.CLAIMED
    assert post.callback(handle).state is CallbackState.IN_PROGRESS

    post.record(post.hand_over(claimed))
    (message,) = post.fake.messages.values()
    (attempt,) = post.attempts(handle)
    send = post.the_send(handle)
    assert (attempt.state, attempt.provider_id) == (AttemptState.SENT, message.sid)
    assert (send.state, send.provider_id, send.body) == (SendState.SENT, message.sid, message.form["Body"])
    assert send.handle in message.form["StatusCallback"]
    assert post.round() == []


def test_recording_twice_changes_nothing(post: PostOffice) -> None:
    handle = post.due()
    results = post.round()
    before = post.the_send(handle)
    post.record(results)
    after = post.the_send(handle)
    assert (before.state, before.provider_id, before.sent_at) == (after.state, after.provider_id, after.sent_at)


def test_a_lost_reply_is_asked_about_and_never_repeated(post: PostOffice) -> None:
    handle = post.due()
    post.fake.behaviour.lost_reply = 1.0
    post.round()
    assert post.the_send(handle).state is SendState.UNKNOWN
    assert post.attempts(handle)[0].state is AttemptState.UNKNOWN
    assert post.round() == []
    post.fake.behaviour.lost_reply = 0.0
    post.clock.advance(seconds=SETTLE.total_seconds() + 1)
    post.look_after()
    (message,) = post.fake.messages.values()
    assert (post.the_send(handle).state, post.the_send(handle).provider_id) == (SendState.SENT, message.sid)
    assert post.attempts(handle)[0].state is AttemptState.SENT


@pytest.mark.parametrize("kind", ["reset", "server_error"])
def test_what_never_arrived_goes_out_after_the_carrier_has_said_so_twice(post: PostOffice, kind: str) -> None:
    handle = post.due()
    setattr(post.fake.behaviour, kind, 1.0)
    post.round()
    setattr(post.fake.behaviour, kind, 0.0)
    assert post.the_send(handle).state is SendState.UNKNOWN
    for _ in range(2):
        assert post.round() == []
        post.clock.advance(seconds=SETTLE.total_seconds() + 1)
        post.look_after()
    assert post.the_send(handle).state is SendState.QUEUED
    post.clock.advance(seconds=10)
    post.round()
    assert len(post.fake.messages) == 1
    assert post.the_send(handle).state is SendState.SENT
    assert len(post.attempts(handle)) == 1


def test_an_error_after_accepting_sends_no_second_message(post: PostOffice) -> None:
    handle = post.due()
    post.fake.behaviour.error_after_accepting = 1.0
    post.round()
    post.fake.behaviour.error_after_accepting = 0.0
    for _ in range(3):
        post.clock.advance(minutes=5)
        post.look_after()
        post.round()
    assert len(post.fake.messages) == 1
    assert post.the_send(handle).state is SendState.SENT


def test_too_many_requests_wait_and_go_out(post: PostOffice) -> None:
    handle = post.due()
    post.fake.behaviour.too_many = 1.0
    post.round()
    send = post.the_send(handle)
    assert (send.state, send.tries, send.error_code) == (SendState.QUEUED, 1, "20429")
    assert send.due_at > post.now
    assert post.round() == []
    post.fake.behaviour.too_many = 0.0
    post.clock.advance(seconds=10)
    post.round()
    assert len(post.fake.messages) == 1
    assert len(post.attempts(handle)) == 1


def test_a_worker_that_dies_leaves_nothing_lost_and_nothing_doubled(post: PostOffice) -> None:
    left, never_left = post.due(), post.due()
    claimed = post.claim()
    post.hand_over([one for one in claimed if one.outgoing.handle == post.the_send(left).handle])  # and then it dies
    post.look_after()
    assert post.the_send(left).state is SendState.CLAIMED  # the lease still runs
    post.clock.advance(seconds=LEASE.total_seconds() + 1)
    for _ in range(3):
        post.look_after()
        post.clock.advance(seconds=SETTLE.total_seconds() + 1)
    post.round()
    assert post.the_send(left).state is SendState.SENT
    assert post.the_send(never_left).state is SendState.SENT
    assert len(post.fake.messages) == 2
    assert not post.fake.doubles()


def test_nothing_leaves_after_its_lease(post: PostOffice) -> None:
    handle = post.due()
    claimed = post.claim()
    post.clock.advance(seconds=LEASE.total_seconds())
    (result,) = post.hand_over(claimed)
    assert result.withheld == "lease"
    assert not post.fake.messages
    post.record([result])
    assert post.the_send(handle).state is SendState.QUEUED


def test_an_event_that_arrives_before_our_record_is_not_undone_by_it(post: PostOffice) -> None:
    handle = post.due()
    results = post.hand_over(post.claim())
    (message,) = post.fake.messages.values()
    assert post.receive(*post.fake.events_of(message)) == [204, 204, 204]
    post.record(results)
    assert post.the_send(handle).state is SendState.DELIVERED
    assert post.attempts(handle)[0].state is AttemptState.SENT


def test_a_refusal_of_ours_after_the_carrier_s_own_word_leaves_no_trace(post: PostOffice) -> None:
    """An error page after all had gone well: the delivered message has no error, and does not wait to go again."""
    handle = post.due()
    claimed = post.claim()
    post.hand_over(claimed)
    (message,) = post.fake.messages.values()
    post.receive(*post.fake.events_of(message))
    post.record([Result(one, error=ChannelError(Kind.TEMPORARY, code="20429")) for one in claimed])
    send = post.the_send(handle)
    assert (send.state, send.error_code, send.tries) == (SendState.DELIVERED, None, 0)


def test_events_count_once_in_any_order_and_upwards_only(post: PostOffice) -> None:
    handle = post.due()
    post.round()
    (message,) = post.fake.messages.values()
    queued, sent, delivered = post.fake.events_of(message)
    assert post.receive(delivered, sent, delivered, queued, sent) == [204] * 5
    send = post.the_send(handle)
    assert (send.state, send.provider_status) == (SendState.DELIVERED, "delivered")
    (failed,) = post.fake.events_of(message, "undelivered")
    post.receive(failed)
    assert post.the_send(handle).state is SendState.DELIVERED
    assert post.callback(handle).state is CallbackState.IN_PROGRESS


def test_an_event_settles_what_was_unknown(post: PostOffice) -> None:
    handle = post.due()
    post.fake.behaviour.lost_reply = 1.0
    post.round()
    (message,) = post.fake.messages.values()
    post.receive(post.fake.events_of(message)[1])
    assert post.the_send(handle).state is SendState.SENT
    assert post.attempts(handle)[0].state is AttemptState.SENT
    assert post.the_send(handle).provider_id == message.sid


def test_forged_and_foreign_events(post: PostOffice) -> None:
    handle = post.due()
    post.round()
    (message,) = post.fake.messages.values()
    (event,) = post.fake.events_of(message, "delivered")
    client = post.client()
    forged = client.post(event.url, data=dict(event.form), headers={**event.headers, "X-Twilio-Signature": "x"})
    assert (forged.status_code, forged.json()["code"]) == (403, "carrier_signature")
    changed = client.post(event.url, data={**event.form, "MessageStatus": "failed"}, headers=event.headers)
    assert changed.status_code == 403
    assert post.the_send(handle).state is SendState.SENT
    foreign = type(event)(event.url[:-5] + "aaaaa", event.form)
    assert post.receive(foreign) == [204]
    about_another = type(event)(event.url, {**event.form, "MessageSid": "SM" + "9" * 32})
    assert post.receive(about_another) == [204]
    assert post.the_send(handle).state is SendState.SENT


def test_an_event_with_the_id_of_another_send_before_our_own_record(post: PostOffice) -> None:
    """It is about something else, quietly: a conflict would only be told again."""
    first = post.due()
    post.round()
    second = post.due()
    (claimed,) = post.claim()
    url = f"{PUBLIC_URL}/api/v1/carrier/twilio/messages/{claimed.outgoing.handle}"
    form = {"MessageSid": str(post.the_send(first).provider_id), "MessageStatus": "delivered"}
    assert post.receive(Event(url, form)) == [204]
    assert (post.the_send(second).state, post.the_send(second).provider_id) == (SendState.CLAIMED, None)


# ── Failures by kind ────────────────────────────────────────────────────────────────────────────────────────────────


def test_opted_out_at_the_carrier(post: PostOffice) -> None:
    handle = post.due(phone="+12125559001")
    post.fake.behaviour.refused["+12125559001"] = 21610
    post.round()
    (attempt,) = post.attempts(handle)
    assert (attempt.disposition, attempt.counts) == (Disposition.TECHNICAL_FAILURE, False)
    assert post.suppressions() == [("sms", "+12125559001", "opted_out_at_carrier")]
    post.plan()
    callback = post.callback(handle)
    assert (callback.channel, callback.state) == (Channel.VOICE, CallbackState.WAITING)


def test_a_bad_number_is_marked_and_not_tried_again(post: PostOffice) -> None:
    handle = post.due(phone="+12125559002")
    post.fake.behaviour.refused["+12125559002"] = 21211
    post.round()
    assert post.attempts(handle)[0].disposition is Disposition.DEAD_NUMBER
    assert post.point("+12125559002").state is ContactState.DEAD
    callback = post.callback(handle)
    assert (callback.state, callback.blocked_by) == (CallbackState.BLOCKED, BlockedBy.NEEDS_DATA)


def _undelivered(post: PostOffice, code: int) -> str:
    handle = post.due()
    post.round()
    message = post.fake.messages[str(post.the_send(handle).provider_id)]
    post.fake.behaviour.fate[message.form["To"]] = ("undelivered", code)
    assert set(post.receive(*post.fake.events_of(message))) == {204}
    send = post.the_send(handle)
    assert (send.state, send.error_code) == (SendState.FAILED, str(code))
    return handle


def test_an_unreachable_handset_is_tried_in_another_part_of_the_day(post: PostOffice) -> None:
    handle = _undelivered(post, 30003)
    assert post.attempts(handle)[0].disposition is Disposition.SWITCHED_OFF
    callback = post.callback(handle)
    assert callback.state is CallbackState.WAITING
    assert callback.next_try_at is not None
    assert callback.next_try_at >= post.now + timedelta(hours=2)


def test_an_unknown_handset_is_a_dead_number(post: PostOffice) -> None:
    handle = _undelivered(post, 30005)
    assert post.attempts(handle)[0].disposition is Disposition.DEAD_NUMBER


def test_a_landline_takes_no_messages_but_is_a_good_number(post: PostOffice) -> None:
    handle = _undelivered(post, 30006)
    address = post.the_send(handle).address
    assert post.suppressions() == [("sms", address, "cannot_receive")]
    assert post.point(address).state is ContactState.GOOD
    post.plan()
    callback = post.callback(handle)
    assert (callback.channel, callback.state) == (Channel.VOICE, CallbackState.WAITING)


def test_a_filtered_message_is_never_repeated(post: PostOffice) -> None:
    handle = _undelivered(post, 30007)
    callback = post.callback(handle)
    assert callback.state is CallbackState.EXHAUSTED
    assert ("filtered", "exhausted") in post.decisions(handle)
    post.clock.advance(days=1)
    assert post.round() == []


# ── Rules at the edge ───────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_leaves_outside_the_window(post: PostOffice) -> None:
    handle = post.due()
    post.clock.advance(hours=11)  # nine in the evening in Shanghai
    assert post.round() == []
    callback = post.callback(handle)
    assert callback.state is CallbackState.WAITING
    assert callback.next_try_at is not None
    assert callback.next_try_at > post.now
    assert ("outside_window", "not_sent") in post.decisions(handle)


def test_a_reopened_case_is_not_surveyed(post: PostOffice) -> None:
    handle = post.due()
    with post.house.sessions.begin() as session:
        session.execute(update(Case).values(status=CaseStatus.OPEN))
    assert post.round() == []
    assert ("nothing_owed", "not_sent") in post.decisions(handle)


@pytest.mark.parametrize("code", [21611, 14107])
def test_a_full_queue_is_no_refusal(post: PostOffice, code: int) -> None:
    """Some limits of the carrier come as a 400: the message was not taken, and would be a minute later."""
    handle = post.due()
    (address,) = post.addresses(handle)
    post.fake.behaviour.refused[address] = code
    post.round()
    assert post.the_send(handle).state is SendState.QUEUED
    post.fake.behaviour.refused.clear()
    post.clock.advance(minutes=10)
    post.round()
    assert post.the_send(handle).state is SendState.SENT
    assert len(post.attempts(handle)) == 1


def test_what_the_window_closed_on_comes_back_another_day(post: PostOffice) -> None:
    handle = post.due()
    post.round()
    (message,) = post.fake.messages.values()
    post.fake.behaviour.fate[message.form["To"]] = ("undelivered", 30036)
    post.receive(*post.fake.events_of(message))
    (attempt,) = post.attempts(handle)
    assert (attempt.disposition, attempt.counts) == (Disposition.TECHNICAL_FAILURE, True)
    assert post.callback(handle).state is CallbackState.WAITING
    assert ("not_in_time", "not_sent") in post.decisions(handle)


def test_a_carrier_that_says_nothing_does_not_stop_us_for_ever(post: PostOffice) -> None:
    """Its words were lost for as many as fit into the window: what it has dropped by now waits nowhere."""
    first = post.due()
    post.round()
    with post.house.sessions.begin() as session:
        session.execute(update(Send).values(segments=1_000_000_000, closes_at=post.now + timedelta(minutes=30)))
    second = post.due()
    assert post.round() == []
    assert ("no_room_in_window", "not_sent") in post.decisions(second)
    third = post.due()
    post.clock.advance(hours=1)
    assert len(post.round()) == 1
    assert post.sends(third)
    assert post.the_send(first).state is SendState.SENT


@pytest.mark.parametrize(("sip", "disposition"), [("404", "dead_number"), ("503", "technical_failure")])
def test_a_call_that_the_network_refuses(post: PostOffice, sip: str, disposition: str) -> None:
    handle = post.due(channel=Channel.VOICE)
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    (failed,) = post.fake.events_of_call(call, "failed")
    post.receive(Event(failed.url, {**failed.form, "SipResponseCode": sip}))
    (attempt,) = post.attempts(handle)
    assert attempt.disposition == disposition
    assert post.callback(handle).state is not CallbackState.IN_PROGRESS


def test_what_waits_to_be_tried_again_is_looked_at_again(post: PostOffice) -> None:
    """429, and before the next try the case is reopened: what was begun is not finished."""
    handle = post.due()
    post.fake.behaviour.too_many = 1.0
    post.round()
    assert post.the_send(handle).state is SendState.QUEUED
    post.fake.behaviour.too_many = 0.0
    with post.house.sessions.begin() as session:
        case = session.get_one(Case, post.callback(handle).case_id)
        case.status, case.answer = CaseStatus.OPEN, None
    post.clock.advance(minutes=10)
    assert post.round() == []
    assert not post.fake.messages
    assert post.the_send(handle).state is SendState.WITHDRAWN
    assert ("nothing_owed", "not_sent") in post.decisions(handle)
    (attempt,) = post.attempts(handle)
    assert (attempt.disposition, attempt.counts) == (Disposition.TECHNICAL_FAILURE, False)
    post.plan()
    assert not post.callback(handle).state.is_live


def test_nothing_begins_an_attempt_that_is_over(post: PostOffice) -> None:
    """The customer filled in the page of an earlier message while this one waited for its next try."""
    handle = post.due()
    post.fake.behaviour.too_many = 1.0
    post.round()
    post.fake.behaviour.too_many = 0.0
    with post.house.sessions.begin() as session:
        attempt = session.get_one(Attempt, post.attempts(handle)[0].id)
        end_attempt(session, attempt=attempt, disposition=Disposition.COMPLETED, now=post.now)
    post.clock.advance(minutes=10)
    assert post.round() == []
    assert not post.fake.messages
    assert post.the_send(handle).state is SendState.WITHDRAWN
    assert post.callback(handle).state is CallbackState.DONE


def test_fictional_numbers_are_never_given_to_a_real_carrier(post: PostOffice) -> None:
    handle = post.due(point={"fictional": True})
    assert post.round() == []
    assert ("fictional_number", "not_sent") in post.decisions(handle)


def test_no_consent_no_message(post: PostOffice) -> None:
    handle = post.due(consents=["email"])
    assert post.round() == []
    assert ("no_consent", "not_sent") in post.decisions(handle)


def test_two_customers_at_one_telephone_share_the_budget(post: PostOffice) -> None:
    handles = [post.due(phone="+12125559100") for _ in range(3)]
    for _ in range(4):
        post.round()
        post.clock.advance(minutes=1)
    assert len(post.fake.messages) <= 2
    assert sum(bool(post.attempts(handle)) for handle in handles) == len(post.fake.messages)


def test_the_carrier_s_outage_opens_the_breaker_and_loses_nothing(post: PostOffice) -> None:
    handles = [post.due() for _ in range(12)]
    post.fake.behaviour.down = True
    post.round(limit=6)
    asked = sum(post.fake.requests.values())
    assert post.round() == []
    assert sum(post.fake.requests.values()) == asked
    post.fake.behaviour.down = False
    for _ in range(12):
        post.clock.advance(seconds=60)
        post.look_after()
        post.round()
    assert len(post.fake.messages) == 12
    assert not post.fake.doubles()
    assert {post.the_send(handle).state for handle in handles} == {SendState.SENT}


def test_a_sender_keeps_its_pace(post: PostOffice) -> None:
    post.way().rate = 3.0  # segments a second
    for _ in range(30):
        post.due()
    claimed = post.claim()
    assert 1 <= len(claimed) <= 3
    assert post.claim() == []
    for _ in range(40):
        post.clock.advance(seconds=0.5)
        claimed += post.claim()
    segments = sum(post.segments())
    assert 20 * 3 - 9 <= segments <= 20 * 3 + 9  # the last batch may run into the red, and is paid back


def test_no_more_calls_than_fit_before_the_window_closes(post: PostOffice) -> None:
    post.way(Channel.VOICE).rate = 0.1
    handles = [post.due(channel=Channel.VOICE) for _ in range(3)]
    post.clock.advance(minutes=118, seconds=40)  # 11:58:40; the window closes at noon, a minute is kept free
    assert len(post.round(channel=Channel.VOICE)) == 1
    post.clock.advance(seconds=12)
    assert post.round(channel=Channel.VOICE) == []
    rules = [rule for handle in handles for rule, _ in post.decisions(handle)]
    assert "no_room_in_window" in rules


# ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_nobody_takes(post: PostOffice) -> None:
    handle = post.due(channel=Channel.VOICE)
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    post.fake.behaviour.fate[call.form["To"]] = ("no-answer", None)
    assert set(post.receive(*post.fake.events_of_call(call))) == {204}
    (attempt,) = post.attempts(handle)
    assert (attempt.state, attempt.disposition) == (AttemptState.ENDED, Disposition.NO_ANSWER)
    assert post.callback(handle).state is CallbackState.WAITING


def test_a_machine_takes_the_call(post: PostOffice) -> None:
    handle = post.due(channel=Channel.VOICE)
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    post.fake.behaviour.machines.add(call.form["To"])
    post.receive(*post.fake.events_of_call(call))
    assert post.attempts(handle)[0].disposition is Disposition.ANSWERING_MACHINE


def test_a_dropped_call_is_not_complete(post: PostOffice) -> None:
    handle = post.due(channel=Channel.VOICE)
    post.round(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    events = post.fake.events_of_call(call)
    post.receive(events[3], events[2], events[0], events[3])
    (attempt,) = post.attempts(handle)
    assert (attempt.disposition, attempt.duration_s) == (Disposition.BREAK_OFF, 42)


def test_a_lost_call_is_found_again(post: PostOffice) -> None:
    handle = post.due(channel=Channel.VOICE)
    post.fake.behaviour.lost_reply = 1.0
    post.round(channel=Channel.VOICE)
    post.fake.behaviour.lost_reply = 0.0
    post.clock.advance(seconds=SETTLE.total_seconds() + 1)
    post.look_after(channel=Channel.VOICE)
    (call,) = post.fake.calls.values()
    assert post.the_send(handle).provider_id == call.sid


def test_a_stop_with_a_character_that_no_database_keeps(post: PostOffice) -> None:
    """Some networks write U+0000 for an `@`. A message that is refused is not told again: the wish would be lost."""
    handle = post.due()
    post.round()
    (address,) = post.addresses(handle)
    url = f"{PUBLIC_URL}/api/v1/carrier/twilio/inbound"
    form = {"MessageSid": "SM" + "5" * 32, "From": address, "To": "+15005550006", "Body": "STOP\x00"}
    assert post.receive(Event(url, form)) == [200]
    assert {scope for scope, _, _ in post.suppressions()} == {"sms", "survey"}
