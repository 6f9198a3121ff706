"""What the hard rules are told about customers, read from rows."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import event
from sqlalchemy.orm import Session

from callback.db.customers import SHARED_SINCE, customer_facts
from callback.db.engine import SessionFactory, reading
from callback.db.tables import (
    Attempt,
    Callback,
    Case,
    ContactPoint,
    Customer,
    Questionnaire,
    Response,
    Suppression,
)
from callback.domain.facts import SuppressionFact
from callback.domain.handle import new_handle
from callback.domain.words import (
    AttemptState,
    CallbackState,
    Channel,
    ContactKind,
    ContactState,
    Disposition,
    PartOfDay,
    Purpose,
    ResponseState,
    SuppressionScope,
)
from tests.town import add_agent, add_case, add_customer, make_unhappy

HOUR = timedelta(hours=1)


def add_callback(session: Session, case: Case, *, now: datetime, purpose: Purpose = Purpose.ANSWER) -> Callback:
    callback = Callback(
        handle=new_handle(),
        case_id=case.id,
        customer_id=case.customer_id,
        purpose=purpose,
        channel=Channel.AGENT,
        state=CallbackState.DONE,
        priority=50,
        earliest_at=now,
        due_at=now + HOUR,
        created_at=now,
        updated_at=now,
    )
    session.add(callback)
    session.flush()
    return callback


def add_attempt(session: Session, callback: Callback, *, at: datetime, **columns: object) -> Attempt:
    attempt = Attempt(
        **{
            "handle": new_handle(),
            "callback_id": callback.id,
            "case_id": callback.case_id,
            "customer_id": callback.customer_id,
            "channel": Channel.AGENT,
            "state": AttemptState.ENDED,
            "disposition": Disposition.NO_ANSWER,
            "part_of_day": PartOfDay.MORNING,
            "started_at": at,
            **columns,
        }
    )
    session.add(attempt)
    session.flush()
    return attempt


def add_address(session: Session, customer: Customer, address: str, **columns: object) -> None:
    session.add(ContactPoint(**{"customer_id": customer.id, "kind": ContactKind.MOBILE, "address": address, **columns}))
    session.flush()


def add_suppression(session: Session, *, at: datetime, scope: SuppressionScope, **columns: object) -> None:
    session.add(Suppression(**{"scope": scope, "reason": "asked", "created_at": at, **columns}))
    session.flush()


def test_a_customer_with_nothing_behind_them(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        customer = add_customer(
            session, now=now, phone=None, special=True, consents=["sms"], time_zone="America/New_York", country="US"
        )
        session.flush()
        facts = customer_facts(session, [customer.id, customer.id + 99], now)
    assert list(facts) == [customer.id]
    found = facts[customer.id]
    assert (found.zone, found.country, found.special) == (ZoneInfo("America/New_York"), "US", True)
    assert found.consents == {"sms"}
    assert (found.phones, found.emails, found.attempts, found.suppressions) == ((), (), (), ())
    assert found.last_survey_at is None
    assert not found.unhappy_before


def test_good_addresses_in_the_order_in_which_they_are_tried(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        customer = add_customer(session, now=now, phone=None)
        add_address(session, customer, "+8613900000003", position=3)
        add_address(session, customer, "+8613900000001", position=1, kind=ContactKind.LANDLINE)
        add_address(session, customer, "+8613900000002", position=2, state=ContactState.WRONG)
        add_address(session, customer, "b@example.com", position=1, kind=ContactKind.EMAIL)
        add_address(session, customer, "a@example.com", position=2, kind=ContactKind.EMAIL)
        facts = customer_facts(session, [customer.id], now)[customer.id]
    assert facts.phones == ("+8613900000001", "+8613900000003")
    assert facts.emails == ("b@example.com", "a@example.com")


def test_attempts_of_the_customer_and_of_others_at_the_same_address(sessions: SessionFactory, now: datetime) -> None:
    shared, gone = "+8613900000010", "+8613900000011"
    with sessions.begin() as session:
        agent = add_agent(session, "li", now=now)
        mine, theirs = add_customer(session, now=now, phone=shared), add_customer(session, now=now, phone=shared)
        stranger = add_customer(session, now=now)
        add_address(session, mine, gone, state=ContactState.WRONG)
        add_address(session, theirs, gone)
        calls = [add_callback(session, add_case(session, who, now=now), now=now) for who in (mine, theirs, stranger)]
        own_id, their_id, stranger_id = (call.id for call in calls)
        long_ago = now - SHARED_SINCE - HOUR
        spoken = {"agent_id": agent.id, "disposition": Disposition.PARTIAL}
        add_attempt(session, calls[1], at=now - HOUR, address=shared)
        add_attempt(session, calls[1], at=now - HOUR, address=gone)
        add_attempt(session, calls[1], at=long_ago, address=shared)
        add_attempt(session, calls[2], at=now - HOUR)
        add_attempt(session, calls[0], at=long_ago, **spoken)
        add_attempt(session, calls[0], at=now - 2 * HOUR, address=shared, counts=False, by_appointment=True)
        facts = customer_facts(session, [mine.id, theirs.id], now)
        told = [(fact.callback_id, fact.at, fact.connected) for fact in facts[mine.id].attempts]
    assert told == [(own_id, long_ago, True), (own_id, now - 2 * HOUR, False), (their_id, now - HOUR, False)]
    first, second, _ = facts[mine.id].attempts
    assert (first.agent_id, first.disposition, first.purpose) == (agent.id, Disposition.PARTIAL, Purpose.ANSWER)
    assert (second.counts, second.by_appointment, second.address) == (False, True, shared)
    # The other one is told of the shared attempt of today as well, and of their own.
    assert [fact.callback_id for fact in facts[theirs.id].attempts] == [their_id, own_id, their_id, their_id]
    assert stranger_id not in {fact.callback_id for fact in facts[theirs.id].attempts}


def test_who_is_spoken_with_before_the_attempt_has_ended(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        customer = add_customer(session, now=now)
        states = (
            (AttemptState.CLAIMED, None),
            (AttemptState.CONNECTED, None),
            (AttemptState.UNKNOWN, None),
            (AttemptState.UNKNOWN, now),
        )
        for minute, (state, identity_at) in enumerate(states):
            callback = add_callback(session, add_case(session, customer, now=now), now=now)
            at = now + timedelta(minutes=minute)
            add_attempt(session, callback, at=at, state=state, disposition=None, identity_at=identity_at)
        facts = customer_facts(session, [customer.id], now)[customer.id]
    assert [attempt.connected for attempt in facts.attempts] == [False, True, False, True]


def test_suppressions_of_the_person_and_of_their_addresses(sessions: SessionFactory, now: datetime) -> None:
    mine, gone = "+8613900000020", "+8613900000021"
    with sessions.begin() as session:
        customer, other = add_customer(session, now=now, phone=mine), add_customer(session, now=now)
        add_address(session, customer, gone, state=ContactState.DEAD)
        add_suppression(session, at=now, scope=SuppressionScope.SURVEY, customer_id=customer.id)
        add_suppression(session, at=now, scope=SuppressionScope.SMS, customer_id=customer.id, address=mine)
        add_suppression(session, at=now, scope=SuppressionScope.VOICE, address=mine)
        add_suppression(session, at=now, scope=SuppressionScope.ALL, customer_id=customer.id, address=gone)
        # None of these: another person, an address that is theirs no more, not yet said, lifted.
        add_suppression(session, at=now, scope=SuppressionScope.ALL, customer_id=other.id)
        add_suppression(session, at=now, scope=SuppressionScope.ALL, address=gone)
        add_suppression(session, at=now + HOUR, scope=SuppressionScope.AGENT, customer_id=customer.id)
        lifted = {"lifted_at": now, "lifted_evidence": {"said": "call me again"}}
        add_suppression(session, at=now - HOUR, scope=SuppressionScope.EMAIL, customer_id=customer.id, **lifted)
        facts = customer_facts(session, [customer.id], now)[customer.id]
        before = customer_facts(session, [customer.id], now - HOUR)[customer.id]
    assert facts.suppressions == (
        SuppressionFact(SuppressionScope.SURVEY, None, "asked"),
        SuppressionFact(SuppressionScope.SMS, mine, "asked"),
        SuppressionFact(SuppressionScope.VOICE, mine, "asked"),
        SuppressionFact(SuppressionScope.ALL, None, "asked"),
    )
    assert [fact.scope for fact in before.suppressions] == [SuppressionScope.EMAIL]


def test_the_last_survey_and_the_callback_it_belonged_to(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        customer = add_customer(session, now=now)
        questionnaire = Questionnaire(key="short", version=1, definition={}, created_at=now)
        session.add(questionnaire)
        session.flush()
        callbacks = [
            add_callback(session, add_case(session, customer, now=now), now=now, purpose=purpose)
            for purpose in (Purpose.SECOND_CALL, Purpose.SURVEY)
        ]
        for callback, days in zip(callbacks, (3, 40), strict=True):
            session.add(
                Response(
                    handle=new_handle(),
                    callback_id=callback.id,
                    case_id=callback.case_id,
                    customer_id=customer.id,
                    questionnaire_id=questionnaire.id,
                    channel=Channel.AGENT,
                    purpose=callback.purpose,
                    state=ResponseState.PARTIAL,
                    started_at=now - timedelta(days=days),
                )
            )
        session.flush()
        facts = customer_facts(session, [customer.id], now)[customer.id]
    assert (facts.last_survey_at, facts.last_survey_callback_id) == (now - timedelta(days=3), callbacks[0].id)


def test_once_unhappy_always_known(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        happy, unhappy = add_customer(session, now=now), add_customer(session, now=now)
        make_unhappy(session, add_case(session, unhappy, now=now), at=now)
        facts = customer_facts(session, [happy.id, unhappy.id], now)
    assert not facts[happy.id].unhappy_before
    assert facts[unhappy.id].unhappy_before


def test_a_thousand_customers_cost_as_many_queries_as_one(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        ids = [add_customer(session, now=now).id for _ in range(1000)]

    def queries(wanted: list[int]) -> int:
        seen: list[str] = []
        with reading(sessions) as session:
            event.listen(session.get_bind(), "before_cursor_execute", lambda *args: seen.append(args[2]))
            assert len(customer_facts(session, wanted, now)) == len(wanted)
        return len(seen)

    assert queries(ids) == queries(ids[:1]) <= 9
