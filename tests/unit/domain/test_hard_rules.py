"""Attempts to break the hard rules: whatever is generated, what the rules allow has none of the faults they forbid.

The judge says each rule again in its own words, from the wall clock and the facts alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from callback.domain.facts import (
    AgentFacts,
    AttemptFact,
    Calendar,
    CaseFacts,
    CustomerFacts,
    DissatisfactionFact,
    SuppressionFact,
)
from callback.domain.policy import Policy
from callback.domain.rules import (
    Contact,
    may_move,
    may_reveal,
    next_legal_moment,
    rank,
    refusals,
    states_below,
    who_may,
)
from callback.domain.words import (
    AttemptState,
    CaseStatus,
    Channel,
    Disposition,
    PartOfDay,
    Purpose,
    SuppressionScope,
)
from tests.unit.domain.test_million_moments import CHINA, judge, part
from tests.unit.domain.zones import NOON_FOLD, NOON_GAP, STRANGE

SPOKEN = {
    Disposition.COMPLETED,
    Disposition.PARTIAL,
    Disposition.NOT_CONVENIENT,
    Disposition.REFUSED,
    Disposition.BREAK_OFF,
    Disposition.THIRD_PARTY,
    Disposition.IDENTITY_NOT_CONFIRMED,
    Disposition.LANGUAGE_BARRIER,
    Disposition.UNABLE,
    Disposition.WRONG_NUMBER,
}
PHONES, EMAILS = ("+8613900000001", "+8613900000002"), ("wang@example.com",)
CASE, CALLBACK = 1, 1


def _between(first: str, last: str) -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime.fromisoformat(first), datetime.fromisoformat(last), timezones=st.just(UTC))


zones = st.sampled_from([ZoneInfo(key) for key in STRANGE] + [NOON_GAP, NOON_FOLD])
moments = st.one_of(
    _between("2025-01-01", "2027-12-31"),
    _between("2026-03-07", "2026-03-12"),
    _between("2026-03-28", "2026-03-30"),
)
policies = st.builds(
    Policy,
    call_on_weekends=st.booleans(),
    call_on_holidays=st.booleans(),
    attempts_per_day=st.integers(1, 3),
    attempts_per_callback=st.integers(1, 4),
    cool_off=st.integers(0, 30).map(lambda hours: timedelta(hours=hours)),
)


@st.composite
def attempts(draw: st.DrawFn, before: datetime, zone: ZoneInfo) -> AttemptFact:
    """Earlier attempts, most of them in the last days, on this and other callbacks and cases, by few people."""
    ago = draw(st.one_of(st.integers(0, 3 * 86_400), st.integers(0, 40 * 86_400)))
    at = before - timedelta(seconds=ago)
    return AttemptFact(
        at=at,
        channel=draw(st.sampled_from(Channel)),
        purpose=draw(st.sampled_from(Purpose)),
        part_of_day=part(at.astimezone(zone)),
        disposition=draw(st.sampled_from([None, *Disposition])),
        agent_id=draw(st.none() | st.integers(1, 4)),
        case_id=draw(st.integers(CASE, 3)),
        callback_id=draw(st.integers(CALLBACK, 4)),
        address=draw(st.none() | st.sampled_from(PHONES)),
        counts=draw(st.sampled_from([True, True, True, False])),
        connected=draw(st.booleans()),
    )


purposes_of_all_kinds = st.sampled_from(Purpose)


@st.composite
def contacts(draw: st.DrawFn, purposes: st.SearchStrategy[Purpose] = purposes_of_all_kinds) -> Contact:
    at, zone, channel = draw(moments), draw(zones), draw(st.sampled_from(Channel))
    suppressions = st.builds(
        SuppressionFact,
        scope=st.sampled_from(SuppressionScope),
        address=st.none() | st.sampled_from([*PHONES, *EMAILS, "+8613999999999"]),
        reason=st.just("asked"),
    )
    addresses = EMAILS if channel is Channel.EMAIL else PHONES
    customer = CustomerFacts(
        id=1,
        zone=zone,
        country="CN",
        phones=PHONES[: draw(st.integers(1, 2))],
        emails=EMAILS,
        suppressions=tuple(draw(st.lists(suppressions, max_size=2)) if draw(st.integers(0, 2)) == 0 else ()),
        attempts=tuple(sorted(draw(st.lists(attempts(at, zone), max_size=5)), key=lambda attempt: attempt.at)),
        last_survey_at=draw(st.none() | st.integers(0, 60).map(lambda days: at - timedelta(days=days))),
        last_survey_callback_id=draw(st.integers(CALLBACK, 3)),
    )
    flag = DissatisfactionFact(
        id=1,
        raised_at=at - timedelta(hours=draw(st.integers(0, 48))),
        unhappy_parts=frozenset(draw(st.lists(st.sampled_from(PartOfDay), max_size=2))),
    )
    return Contact(
        at=at,
        channel=channel,
        purpose=draw(purposes),
        customer=customer,
        case=CaseFacts(
            id=CASE,
            status=CaseStatus.CLOSED,
            opened_at=at - timedelta(days=3),
            handler_ids=frozenset(draw(st.sets(st.integers(1, 4), max_size=2))),
        ),
        calendar=draw(st.sampled_from([Calendar(), CHINA])),
        agent_id=draw(st.none() | st.integers(1, 5)),
        address=draw(st.none() | st.sampled_from(addresses)),
        callback_id=draw(st.none() | st.just(CALLBACK)),
        dissatisfaction=flag,
        by_appointment=draw(st.booleans()),
    )


def faults(contact: Contact, policy: Policy) -> Iterator[str]:
    """The rules once more, in the words of the design."""
    yield from suppression_faults(contact)
    yield from budget_faults(contact, policy)
    yield from survey_faults(contact, policy)
    if not pulled(contact) and not judge(contact.at, contact.customer.zone, contact.calendar, policy):
        yield "window"
    if contact.purpose is Purpose.SECOND_CALL:
        yield from second_call_faults(contact, policy)


def pulled(contact: Contact) -> bool:
    return contact.channel is Channel.WEB and contact.purpose is not Purpose.SECOND_CALL


def suppression_faults(contact: Contact) -> Iterator[str]:
    customer = contact.customer
    ways = {
        Channel.AGENT: customer.phones,
        Channel.SMS: customer.phones,
        Channel.VOICE: customer.phones,
        Channel.WEB: customer.phones + customer.emails,
        Channel.EMAIL: customer.emails,
    }[contact.channel]
    narrow = {contact.channel.value} | ({"survey"} if contact.purpose is Purpose.SURVEY else set())
    for fact in customer.suppressions:
        if fact.scope is SuppressionScope.ALL:
            if fact.address is None or fact.address in (*customer.phones, *customer.emails, contact.address):
                yield "suppression"
        elif fact.scope.value in narrow and fact.address in (None, contact.address):
            yield "suppression"
    if contact.address is None and narrow:
        closed = {fact.address for fact in customer.suppressions if fact.scope.value in narrow}
        if closed and all(address in closed for address in ways):
            yield "suppression"


def budget_faults(contact: Contact, policy: Policy) -> Iterator[str]:
    made = contact.customer.attempts
    refused = [attempt for attempt in made if attempt.disposition is Disposition.REFUSED]
    if any(attempt.case_id == CASE or attempt.callback_id == contact.callback_id for attempt in refused):
        yield "budget"
    if pulled(contact):
        return
    counted = [attempt for attempt in made if attempt.counts]
    on_this = [attempt for attempt in counted if contact.callback_id and attempt.callback_id == contact.callback_id]
    if len(on_this) >= policy.attempts_per_callback:
        yield "budget"
    day = contact.at.astimezone(contact.customer.zone).date()
    today = [attempt for attempt in counted if attempt.at.astimezone(contact.customer.zone).date() == day]
    if len(today) >= policy.attempts_per_day and not contact.by_appointment:
        yield "budget"


def survey_faults(contact: Contact, policy: Policy) -> Iterator[str]:
    if contact.purpose is not Purpose.SURVEY:
        return
    customer = contact.customer
    earlier = [
        attempt.at
        for attempt in customer.attempts
        if attempt.purpose is Purpose.SURVEY
        and attempt.callback_id != contact.callback_id
        and attempt.counts
        and (attempt.channel in (Channel.SMS, Channel.EMAIL) or attempt.connected or attempt.disposition in SPOKEN)
    ]
    if customer.last_survey_at and customer.last_survey_callback_id != contact.callback_id:
        earlier.append(customer.last_survey_at)
    if any(contact.at - moment < policy.survey_rest for moment in earlier):
        yield "survey_rest"


def second_call_faults(contact: Contact, policy: Policy) -> Iterator[str]:
    flag = contact.dissatisfaction
    assert flag is not None
    if contact.agent_id is not None and contact.agent_id in tainted(contact):
        yield "negative_affinity"
    if (
        contact.at - flag.raised_at < policy.cool_off
        or part(contact.at.astimezone(contact.customer.zone)) in flag.unhappy_parts
    ):
        yield "negative_affinity"


def tainted(contact: Contact) -> set[int]:
    """Everybody who handled the case or spoke with the customer about it."""
    spoke = {
        attempt.agent_id
        for attempt in contact.customer.attempts
        if attempt.case_id == contact.case.id and (attempt.connected or attempt.disposition in SPOKEN)
    }
    return {agent_id for agent_id in spoke | contact.case.handler_ids if agent_id is not None}


@settings(max_examples=200, deadline=None)
@given(contact=contacts(), policy=policies)
def test_the_rules_refuse_exactly_the_faults(contact: Contact, policy: Policy) -> None:
    found = refusals(contact, policy)
    event("allowed" if not found else f"refused by {len({refusal.rule for refusal in found})}")
    assert {refusal.rule for refusal in found} == set(faults(contact, policy))


@settings(max_examples=500, deadline=None)
@given(contact=contacts(), policy=policies, days=st.integers(0, 45), fraction=st.floats(0, 1, exclude_max=True))
def test_the_next_legal_moment_is_legal_and_the_first(
    contact: Contact, policy: Policy, days: int, fraction: float
) -> None:
    until = contact.at + timedelta(days=days)
    found = next_legal_moment(contact, policy, until=until)
    event("none" if found is None else "at once" if found == contact.at else "later")
    if found is not None:
        assert contact.at <= found < until
        assert not set(faults(replace(contact, at=found), policy))
    # Somewhere before it (anywhere before `until` when there is none) nothing is legal.
    earlier = contact.at + ((found or until) - contact.at) * fraction
    if earlier < (found or until):
        assert set(faults(replace(contact, at=earlier), policy))


second_calls = contacts(purposes=st.just(Purpose.SECOND_CALL))


@settings(max_examples=200, deadline=None)
@given(contact=second_calls, policy=policies)
def test_nobody_who_handled_or_spoke_may_make_the_second_call(contact: Contact, policy: Policy) -> None:
    agents = [AgentFacts(id=number, languages=frozenset({"en"})) for number in range(1, 6)]
    allowed, barred = who_may(contact, policy, agents)
    assert {agent.id for agent in allowed} == {agent.id for agent in agents} - tainted(contact)
    assert {agent.id for agent, _ in barred} == {agent.id for agent in agents} & tainted(contact)
    assert {refusal.rule for _, refused in barred for refusal in refused} <= {"negative_affinity"}


@settings(max_examples=100, deadline=None)
@given(contact=second_calls, policy=policies)
def test_a_second_call_is_never_in_an_unhappy_part_of_the_day_nor_inside_the_cool_off(
    contact: Contact, policy: Policy
) -> None:
    contact = replace(contact, agent_id=None, channel=Channel.AGENT, by_appointment=True)
    flag = contact.dissatisfaction
    assert flag is not None
    found = next_legal_moment(contact, policy, until=contact.at + timedelta(days=30))
    assume(found is not None)
    assert found is not None
    assert part(found.astimezone(contact.customer.zone)) not in flag.unhappy_parts
    assert found >= flag.raised_at + policy.cool_off


@settings(max_examples=100, deadline=None)
@given(contact=contacts(), policy=policies, tries=st.integers(5, 12))
def test_however_often_one_tries_no_day_has_more_attempts_than_allowed(
    contact: Contact, policy: Policy, tries: int
) -> None:
    """Contacts made as early as the rules allow, one after another, each on a callback of its own."""
    zone = contact.customer.zone
    contact = replace(contact, channel=Channel.SMS, purpose=Purpose.ANSWER, by_appointment=False, callback_id=None)
    contact = replace(contact, customer=replace(contact.customer, attempts=(), suppressions=()))
    made: list[AttemptFact] = []
    for _ in range(tries):
        found = next_legal_moment(contact, policy, until=contact.at + timedelta(days=30))
        assert found is not None
        made.append(AttemptFact(found, Channel.SMS, Purpose.ANSWER, PartOfDay.MORNING, Disposition.NO_ANSWER))
        contact = replace(contact, at=found, customer=replace(contact.customer, attempts=tuple(made)))
    days = [attempt.at.astimezone(zone).date() for attempt in made]
    assert max(days.count(day) for day in days) <= policy.attempts_per_day


@given(states=st.lists(st.sampled_from(AttemptState), min_size=1, max_size=12))
def test_events_in_any_order_and_any_number_end_in_the_highest(states: list[AttemptState]) -> None:
    """Late, twice and out of order: an attempt ends where the highest event takes it, and never moves back."""
    state, seen = AttemptState.CLAIMED, [0]
    for following in states:
        assert may_move(state, following) is (state in states_below(following))
        if may_move(state, following):
            state = following
        seen.append(rank(state))
        assert not may_move(state, following), "the same event again changes nothing"
    assert seen == sorted(seen)
    assert rank(state) == max(rank(each) for each in [*states, AttemptState.CLAIMED])


def test_attempt_states_are_ranked_apart() -> None:
    assert sorted(AttemptState, key=rank) == list(AttemptState)
    assert len({rank(state) for state in AttemptState}) == len(AttemptState)


@given(st.datetimes(timezones=st.just(UTC)))
def test_nothing_is_revealed_before_the_person_is_confirmed(at: datetime) -> None:
    assert may_reveal(at)
    assert not may_reveal(None)


@pytest.mark.parametrize("value", list(PartOfDay))
def test_every_part_unhappy_is_for_the_supervisor(value: PartOfDay) -> None:
    """All three parts used up: no moment is left, and the search says so instead of going on for ever."""
    contact = _plain(Purpose.SECOND_CALL, unhappy=frozenset(PartOfDay))
    assert next_legal_moment(contact, Policy(), until=contact.at + timedelta(days=400)) is None
    one_left = _plain(Purpose.SECOND_CALL, unhappy=frozenset(PartOfDay) - {value})
    found = next_legal_moment(one_left, Policy(), until=contact.at + timedelta(days=3))
    assert found is not None
    assert part(found.astimezone(ZoneInfo("Asia/Shanghai"))) is value


def _plain(purpose: Purpose, *, unhappy: frozenset[PartOfDay]) -> Contact:
    at = datetime(2026, 3, 11, 2, tzinfo=UTC)
    return Contact(
        at=at,
        channel=Channel.AGENT,
        purpose=purpose,
        customer=CustomerFacts(id=1, zone=ZoneInfo("Asia/Shanghai"), country="CN", phones=PHONES),
        case=CaseFacts(id=CASE, status=CaseStatus.CLOSED, opened_at=at),
        calendar=Calendar(),
        dissatisfaction=DissatisfactionFact(id=1, raised_at=at, unhappy_parts=unhappy),
    )
