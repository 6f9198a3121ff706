"""Each hard rule by itself: what it refuses, why, until when, and in which words."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callback.domain.facts import (
    AgentFacts,
    AttemptFact,
    Calendar,
    CaseFacts,
    CustomerFacts,
    DissatisfactionFact,
    SuppressionFact,
)
from callback.domain.legality import legal_stretches
from callback.domain.policy import Policy
from callback.domain.rules import (
    HARD_RULES,
    Contact,
    Refusal,
    addresses_of,
    may,
    next_legal_moment,
    refusals,
    usable_addresses,
    who_may,
)
from callback.domain.words import (
    CaseStatus,
    Channel,
    Disposition,
    PartOfDay,
    Purpose,
    SuppressionScope,
)
from callback.texts import LANGUAGES, say

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 11, 2, tzinfo=UTC)
"""Wednesday, 10:00 in Shanghai."""
OWN, SECOND, MAIL = "+8613900000001", "+8613900000002", "wang@example.com"
HOUR = timedelta(hours=1)


def contact(purpose: Purpose = Purpose.ANSWER, channel: Channel = Channel.AGENT, **facts: Any) -> Contact:
    """An allowed contact; `facts` of the customer, the case or the contact make it another."""
    customer = CustomerFacts(id=1, zone=SHANGHAI, country="CN", language="zh", phones=(OWN, SECOND), emails=(MAIL,))
    case = CaseFacts(id=7, status=CaseStatus.CLOSED, opened_at=NOW - 24 * HOUR)
    of_customer = {name: facts.pop(name) for name in list(facts) if name in CustomerFacts.__slots__}
    of_case = {name: facts.pop(name) for name in list(facts) if name in ("handler_ids", "required_skill")}
    return Contact(
        **{
            "at": NOW,
            "channel": channel,
            "purpose": purpose,
            "customer": replace(customer, **of_customer),
            "case": replace(case, **of_case),
            "calendar": Calendar(),
            "callback_id": 3,
            **facts,
        }
    )


def attempt(at: datetime = NOW - HOUR, **facts: Any) -> AttemptFact:
    columns = {"channel": Channel.AGENT, "purpose": Purpose.ANSWER, "part_of_day": PartOfDay.MORNING, **facts}
    return AttemptFact(at, **columns)


def reasons(asked: Contact, policy: Policy | None = None) -> list[str]:
    return [refusal.reason for refusal in refusals(asked, policy or Policy())]


def only(asked: Contact, policy: Policy | None = None) -> Refusal:
    (refusal,) = refusals(asked, policy or Policy())
    return refusal


def suppressed(scope: SuppressionScope, address: str | None = None) -> dict[str, Any]:
    return {"suppressions": (SuppressionFact(scope, address, "said so"),)}


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("channel", list(Channel))
def test_nothing_against_it_nothing_refused(purpose: Purpose, channel: Channel) -> None:
    assert reasons(contact(purpose, channel)) == []


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("address", [None, OWN, MAIL])
def test_all_said_anywhere_ends_every_channel(channel: Channel, address: str | None) -> None:
    asked = contact(channel=channel, **suppressed(SuppressionScope.ALL, address))
    assert only(asked).reason == "suppressed_all"
    assert next_legal_moment(asked, Policy(), until=NOW + 1000 * HOUR) is None


def test_all_said_about_an_address_of_somebody_else_is_theirs() -> None:
    stranger = "+8613999999999"
    assert reasons(contact(**suppressed(SuppressionScope.ALL, stranger))) == []
    assert reasons(contact(address=stranger, **suppressed(SuppressionScope.ALL, stranger))) == ["suppressed_all"]


@pytest.mark.parametrize("scope", [s for s in SuppressionScope if s.value in set(Channel)])
@pytest.mark.parametrize("channel", list(Channel))
def test_a_channel_is_closed_by_itself(scope: SuppressionScope, channel: Channel) -> None:
    expected = [f"suppressed_{scope}"] if scope.value == channel.value else []
    assert reasons(contact(channel=channel, **suppressed(scope))) == expected


@pytest.mark.parametrize("purpose", list(Purpose))
def test_no_more_surveys_leaves_the_answers(purpose: Purpose) -> None:
    expected = ["suppressed_survey"] if purpose is Purpose.SURVEY else []
    assert reasons(contact(purpose, **suppressed(SuppressionScope.SURVEY))) == expected


def test_one_closed_number_leaves_the_other() -> None:
    closed = suppressed(SuppressionScope.AGENT, OWN)
    assert reasons(contact(address=OWN, **closed)) == ["suppressed_agent"]
    assert reasons(contact(address=SECOND, **closed)) == []
    assert reasons(contact(**closed)) == []
    assert reasons(contact(phones=(OWN,), **closed)) == ["suppressed_agent"]
    assert usable_addresses(contact(**closed).customer, Channel.AGENT, Purpose.ANSWER) == (SECOND,)


def test_which_addresses_a_channel_may_use() -> None:
    customer = contact().customer
    assert addresses_of(customer, Channel.EMAIL) == (MAIL,)
    assert addresses_of(customer, Channel.WEB) == (OWN, SECOND, MAIL)
    assert addresses_of(customer, Channel.VOICE) == addresses_of(customer, Channel.SMS) == (OWN, SECOND)
    no_surveys = replace(customer, **suppressed(SuppressionScope.SURVEY, OWN))
    assert usable_addresses(no_surveys, Channel.SMS, Purpose.SURVEY) == (SECOND,)
    assert usable_addresses(no_surveys, Channel.SMS, Purpose.ANSWER) == (OWN, SECOND)
    nothing = replace(customer, **suppressed(SuppressionScope.SMS))
    assert usable_addresses(nothing, Channel.SMS, Purpose.ANSWER) == ()


def test_a_refusal_ends_the_callback_and_its_case_and_nothing_else() -> None:
    said: dict[str, Any] = {"disposition": Disposition.REFUSED, "at": NOW - 300 * HOUR}
    assert reasons(contact(attempts=(attempt(callback_id=3, **said),))) == ["refused_before"]
    assert reasons(contact(attempts=(attempt(callback_id=9, case_id=7, **said),))) == ["refused_before"]
    assert reasons(contact(attempts=(attempt(callback_id=9, case_id=8, **said),))) == []
    assert only(contact(attempts=(attempt(callback_id=3, **said),))).not_before is None


def test_two_a_day_over_all_channels_cases_and_people_at_the_address() -> None:
    today = (attempt(channel=Channel.SMS, case_id=1, callback_id=1), attempt(channel=Channel.VOICE, callback_id=2))
    refusal = only(contact(attempts=today))
    assert refusal.reason == "day_attempts_used"
    assert refusal.not_before == datetime(2026, 3, 11, 16, tzinfo=UTC), "midnight in Shanghai"
    assert reasons(contact(attempts=today[:1])) == []
    assert reasons(contact(attempts=(*today[:1], attempt(counts=False)))) == []


def test_the_day_is_the_customers() -> None:
    """23:30 and 00:30 in Shanghai lie in one UTC day and in two of the customer's."""
    yesterday = attempt(datetime(2026, 3, 10, 15, 30, tzinfo=UTC), callback_id=1)
    today = attempt(datetime(2026, 3, 10, 16, 30, tzinfo=UTC), callback_id=2)
    assert reasons(contact(attempts=(yesterday, today))) == []
    assert reasons(contact(attempts=(today, today))) == ["day_attempts_used"]


def test_an_appointment_overrides_the_daily_count_alone() -> None:
    today = (attempt(callback_id=1), attempt(callback_id=2))
    assert reasons(contact(attempts=today, by_appointment=True)) == []
    thrice = tuple(attempt(NOW - days * 24 * HOUR, callback_id=3) for days in (1, 2, 3))
    assert reasons(contact(attempts=thrice, by_appointment=True)) == ["callback_attempts_used"]
    at_night = datetime(2026, 3, 11, 15, tzinfo=UTC)
    assert reasons(contact(at=at_night, by_appointment=True)) == ["outside_window"]


def test_three_for_a_callback_that_exists() -> None:
    thrice = tuple(attempt(NOW - days * 24 * HOUR, callback_id=3) for days in (1, 2, 3))
    assert reasons(contact(attempts=thrice)) == ["callback_attempts_used"]
    assert reasons(contact(attempts=thrice[:2])) == []
    assert reasons(contact(attempts=thrice, callback_id=None)) == []


def test_surveys_rest_thirty_days_and_the_second_calls_questions_do_not() -> None:
    asked: dict[str, Any] = {"last_survey_at": NOW - timedelta(days=29), "last_survey_callback_id": 1}
    refusal = only(contact(Purpose.SURVEY, **asked))
    assert (refusal.reason, refusal.not_before) == ("surveyed_recently", NOW + timedelta(days=1))
    assert reasons(contact(Purpose.SECOND_CALL, **asked)) == []
    assert reasons(contact(Purpose.SURVEY, last_survey_at=NOW - timedelta(days=30))) == []


def test_going_on_with_a_survey_is_not_another_one() -> None:
    assert reasons(contact(Purpose.SURVEY, last_survey_at=NOW - HOUR, last_survey_callback_id=3)) == []
    own_try = attempt(purpose=Purpose.SURVEY, channel=Channel.SMS, callback_id=3)
    assert reasons(contact(Purpose.SURVEY, attempts=(own_try,))) == []


def test_a_survey_that_was_sent_was_asked_and_one_that_nobody_answered_the_telephone_for_was_not() -> None:
    def after(**facts: Any) -> list[str]:
        return reasons(contact(Purpose.SURVEY, attempts=(attempt(purpose=Purpose.SURVEY, callback_id=1, **facts),)))

    assert after(channel=Channel.SMS, disposition=Disposition.NO_RESPONSE) == ["surveyed_recently"]
    assert after(disposition=Disposition.PARTIAL) == ["surveyed_recently"]
    assert after(connected=True) == ["surveyed_recently"]
    assert after(disposition=Disposition.NO_ANSWER) == []
    assert after(channel=Channel.SMS, disposition=Disposition.TECHNICAL_FAILURE, counts=False) == []


@pytest.mark.parametrize("channel", list(Channel))
def test_everything_we_send_or_dial_keeps_the_windows_and_a_page_is_the_customers_own(channel: Channel) -> None:
    at_noon = datetime(2026, 3, 11, 4, tzinfo=UTC)
    assert reasons(contact(channel=channel, at=at_noon)) == ([] if channel is Channel.WEB else ["outside_window"])


def test_a_second_call_is_ours_to_make_at_a_decent_hour_whatever_its_channel() -> None:
    at_noon = datetime(2026, 3, 11, 4, tzinfo=UTC)
    assert reasons(contact(Purpose.SECOND_CALL, Channel.WEB, at=at_noon)) == ["outside_window"]


def test_why_the_hour_is_wrong() -> None:
    calendar = Calendar(holidays=frozenset({date(2026, 3, 11)}))
    assert reasons(contact(calendar=calendar)) == ["holiday"]
    saturday = NOW + timedelta(days=3)
    assert reasons(contact(at=saturday), Policy(call_on_weekends=False)) == ["weekend"]
    on_both = Calendar(holidays=frozenset({saturday.date()}))
    allowed = Policy(call_on_weekends=False, call_on_holidays=True)
    assert reasons(contact(at=saturday, calendar=on_both), allowed) == ["weekend"]
    refusal = only(contact(at=datetime(2026, 3, 11, 4, tzinfo=UTC)))
    assert refusal.params == {
        "local": "2026-03-11 12:00",
        "windows": "09:00–12:00, 14:00–20:00",
        "zone": "Asia/Shanghai",
    }
    assert refusal.not_before == datetime(2026, 3, 11, 6, tzinfo=UTC)


def test_the_windows_told_are_those_that_hold() -> None:
    """A stored policy from before the legal limits were checked: nobody is told that 06:00 is fine."""
    refusal = only(contact(at=datetime(2026, 3, 10, 23, tzinfo=UTC)), Policy(calling_windows=((time(6), time(22)),)))
    assert refusal.params["windows"] == "08:00–21:00"


UNHAPPY = DissatisfactionFact(id=1, raised_at=NOW - 5 * HOUR, unhappy_parts=frozenset({PartOfDay.MORNING}))


def test_a_second_call_is_at_another_time() -> None:
    refusal = only(contact(Purpose.SECOND_CALL, dissatisfaction=UNHAPPY))
    assert (refusal.reason, refusal.not_before) == ("same_part_of_day_morning", NOW + 4 * HOUR)
    fresh = replace(UNHAPPY, raised_at=NOW - HOUR, unhappy_parts=frozenset())
    refusal = only(contact(Purpose.SECOND_CALL, dissatisfaction=fresh))
    assert (refusal.reason, refusal.not_before) == ("cool_off", NOW + 3 * HOUR)
    assert refusal.params["hours"] == "4"
    assert reasons(contact(Purpose.ANSWER, dissatisfaction=UNHAPPY)) == []
    found = next_legal_moment(contact(Purpose.SECOND_CALL, dissatisfaction=fresh), Policy(), until=NOW + 24 * HOUR)
    assert found == NOW + 4 * HOUR, "13:00 is after the cool-off and before the window"


def test_a_second_call_is_another_person() -> None:
    asked = contact(Purpose.SECOND_CALL, handler_ids=frozenset({1}), agent_id=1)
    assert reasons(asked) == ["handled_case"]
    assert reasons(replace(asked, agent_id=None)) == []
    assert reasons(replace(asked, purpose=Purpose.FOLLOW_UP)) == []
    spoke = attempt(NOW - 30 * HOUR, agent_id=2, case_id=7, disposition=Disposition.THIRD_PARTY)
    assert reasons(contact(Purpose.SECOND_CALL, attempts=(spoke,), agent_id=2)) == ["spoke_before"]
    rang = replace(spoke, disposition=Disposition.NO_ANSWER)
    assert reasons(contact(Purpose.SECOND_CALL, attempts=(rang,), agent_id=2)) == []
    elsewhere = replace(spoke, case_id=8)
    assert reasons(contact(Purpose.SECOND_CALL, attempts=(elsewhere,), agent_id=2)) == []


def test_who_may_and_who_may_not_and_why() -> None:
    def agent(number: int, **facts: Any) -> AgentFacts:
        return AgentFacts(number, **{"languages": frozenset({"zh"}), "skills": frozenset({"billing"}), **facts})

    agents = [
        agent(1),
        agent(2, active=False, languages=frozenset({"en"})),
        agent(3, languages=frozenset({"en"}), skills=frozenset()),
        agent(4, skills=frozenset()),
        agent(5),
    ]
    asked = contact(Purpose.SECOND_CALL, required_skill="billing", handler_ids=frozenset({4, 5}))
    allowed, barred = who_may(asked, Policy(), agents)
    assert [agent.id for agent in allowed] == [1]
    assert [(agent.id, *((refusal.rule, refusal.reason) for refusal in refused)) for agent, refused in barred] == [
        (2, ("inactive", "agent_inactive"), ("language", "agent_language")),
        (3, ("language", "agent_language"), ("skill", "agent_skill")),
        (4, ("skill", "agent_skill"), ("negative_affinity", "handled_case")),
        (5, ("negative_affinity", "handled_case")),
    ]
    anybody, _ = who_may(contact(), Policy(), agents[3:])
    assert [agent.id for agent in anybody] == [4, 5], "no skill is asked for, and an answer knows no affinity"
    for _, refused in barred:
        for refusal in refused:
            assert_told(refusal)


def test_the_order_of_the_rules() -> None:
    """The first refusal is the one that people are told first."""
    worst = contact(
        Purpose.SECOND_CALL,
        at=datetime(2026, 3, 11, 15, tzinfo=UTC),
        attempts=tuple(
            attempt(callback_id=3, case_id=7, agent_id=1, disposition=Disposition.REFUSED) for _ in range(3)
        ),
        handler_ids=frozenset({1}),
        agent_id=1,
        dissatisfaction=replace(UNHAPPY, raised_at=NOW + 12 * HOUR, unhappy_parts=frozenset(PartOfDay)),
        **suppressed(SuppressionScope.ALL),
    )
    found = refusals(worst, Policy())
    assert [refusal.reason for refusal in found] == [
        "suppressed_all",
        "refused_before",
        "callback_attempts_used",
        "day_attempts_used",
        "outside_window",
        "handled_case",
        "cool_off",
        "same_part_of_day_evening",
    ]
    assert len(HARD_RULES) == len(found) + 2, "all but the rest between surveys and the customer's forbidden dates"
    for refusal in found:
        assert_told(refusal)


def assert_told(refusal: Refusal) -> None:
    """The refusal has a sentence in both languages, and every placeholder of it is filled."""
    for language in LANGUAGES:
        sentence = say(f"rule.{refusal.reason}", language, **refusal.params)
        assert not sentence.startswith("rule."), refusal.reason
        assert "{" not in sentence, sentence


ALL_REASONS = [
    *(f"suppressed_{scope}" for scope in SuppressionScope),
    *(f"same_part_of_day_{part}" for part in PartOfDay),
    *("surveyed_recently", "holiday", "weekend", "spoke_before"),
]


@pytest.mark.parametrize("reason", ALL_REASONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_sentence(reason: str, language: Any) -> None:
    assert say(f"rule.{reason}", language) != f"rule.{reason}"


def test_may_names_the_first_thing_that_forbids_it() -> None:
    someone = AgentFacts(3, frozenset({"en"}), zone=SHANGHAI)
    refusal = may(contact(required_skill="billing"), someone, Policy())
    assert refusal is not None
    assert refusal.reason == "agent_language"
    assert may(contact(), AgentFacts(3, frozenset({"zh"}), zone=SHANGHAI), Policy()) is None


def test_who_is_never_to_be_called_has_no_legal_stretch() -> None:
    never = contact(suppressions=(SuppressionFact(scope=SuppressionScope.ALL),))
    assert refusals(never, Policy())
    assert legal_stretches(never, Policy(), until=NOW + 48 * HOUR) == ()
