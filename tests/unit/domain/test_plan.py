"""What a case needs: one table of situations, then the figures and the channels."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callback.domain.facts import (
    Calendar,
    CallbackFact,
    CaseFacts,
    CustomerFacts,
    DissatisfactionFact,
    SuppressionFact,
)
from callback.domain.plan import PURPOSE_RULES, Duty, Nothing, Situation, decide, priority_of
from callback.domain.policy import Policy
from callback.domain.words import (
    CallbackState,
    CaseKind,
    CaseStatus,
    Channel,
    Priority,
    Purpose,
    SuppressionScope,
)

NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = Policy()
SHANGHAI = ZoneInfo("Asia/Shanghai")
CUSTOMER = CustomerFacts(1, SHANGHAI, "CN", language="zh", phones=("+8613900000001",))
PENDING = CaseFacts(1, CaseStatus.PENDING, NOW - DAY)
CLOSED = CaseFacts(
    1, CaseStatus.CLOSED, NOW - 5 * DAY, has_answer=True, answered_at=NOW - 2 * DAY, closed_at=NOW - 2 * DAY,
    told_at=NOW - 2 * DAY,
)  # fmt: skip


def situation(case: CaseFacts = CLOSED, customer: CustomerFacts = CUSTOMER, **more: Any) -> Situation:
    return Situation(now=NOW, case=case, customer=customer, calendar=Calendar(), **more)


def fact(purpose: Purpose, state: CallbackState, **more: Any) -> CallbackFact:
    times = {"created_at": NOW - DAY, "due_at": NOW, **more}
    return CallbackFact(7, purpose, state, **times)


def suppressed(scope: SuppressionScope, address: str | None = None) -> CustomerFacts:
    return replace(CUSTOMER, suppressions=(SuppressionFact(scope, address),))


UNHAPPY = DissatisfactionFact(1, NOW - HOUR)

NOTHING: list[tuple[str, Situation]] = [
    ("suppressed", situation(customer=suppressed(SuppressionScope.ALL))),
    ("needs_data", situation(customer=replace(CUSTOMER, phones=()))),
    ("needs_phone", situation(PENDING, replace(CUSTOMER, phones=(), emails=("a@example.com",)), flag=UNHAPPY)),
    ("escalated", situation(flag=replace(UNHAPPY, escalated=True))),
    (
        "second_call_made",
        situation(flag=UNHAPPY, callbacks=(fact(Purpose.SECOND_CALL, CallbackState.EXHAUSTED, finished_at=NOW),)),
    ),
    (
        "tried_in_vain",
        situation(
            replace(PENDING, has_answer=True, answered_at=NOW - 2 * DAY),
            callbacks=(fact(Purpose.ANSWER, CallbackState.EXHAUSTED, finished_at=NOW - DAY),),
        ),
    ),
    ("promise_not_due_yet", situation(replace(PENDING, promised_at=NOW + DAY))),
    (
        "held_already",
        situation(
            replace(PENDING, promised_at=NOW),
            callbacks=(fact(Purpose.HOLDING, CallbackState.DONE, due_at=NOW, finished_at=NOW),),
        ),
    ),
    ("closed_without_answer", situation(replace(CLOSED, told_at=None, has_answer=False))),
    ("nothing_owed", situation(replace(CLOSED, status=CaseStatus.PENDING))),
    ("asked_already", situation(replace(CLOSED, surveyed=True))),
    ("asked_already", situation(callbacks=(fact(Purpose.SURVEY, CallbackState.CANCELLED, result="refused"),))),
    ("asked_in_second_call", situation(replace(CLOSED, was_unhappy=True))),
    ("part_of_another_case", situation(replace(CLOSED, is_child=True))),
    ("opted_out_of_surveys", situation(customer=suppressed(SuppressionScope.SURVEY))),
    ("survey_expired", situation(replace(CLOSED, closed_at=NOW - 14 * DAY))),
    ("resting", situation(customer=replace(CUSTOMER, last_survey_at=NOW - 29 * DAY))),
    ("surveyed_about_another_case", situation(survey_elsewhere=True)),
]
OWED: list[tuple[Purpose, Situation]] = [
    (Purpose.SECOND_CALL, situation(flag=UNHAPPY)),
    (
        Purpose.SECOND_CALL,  # an earlier one belongs to an earlier flag
        situation(flag=UNHAPPY, callbacks=(fact(Purpose.SECOND_CALL, CallbackState.DONE, finished_at=NOW - 2 * HOUR),)),
    ),
    (Purpose.ANSWER, situation(replace(PENDING, has_answer=True, answered_at=NOW - DAY))),
    (Purpose.ANSWER, situation(replace(CLOSED, told_at=None))),
    (
        Purpose.ANSWER,  # what the planner took back was not tried
        situation(
            replace(PENDING, has_answer=True, answered_at=NOW - 2 * DAY),
            callbacks=(fact(Purpose.ANSWER, CallbackState.CANCELLED, finished_at=NOW, result="withdrawn"),),
        ),
    ),
    (Purpose.FOLLOW_UP, situation(replace(PENDING, has_answer=True, is_child=True))),
    (Purpose.HOLDING, situation(replace(PENDING, promised_at=NOW + HOUR))),
    (Purpose.HOLDING, situation(replace(PENDING, opened_at=NOW - 3 * DAY))),
    (Purpose.SURVEY, situation()),
    (Purpose.SURVEY, situation(customer=replace(CUSTOMER, last_survey_at=NOW - 30 * DAY))),
    (
        Purpose.SURVEY,  # going on with a survey is not another one
        situation(
            customer=replace(CUSTOMER, last_survey_at=NOW, last_survey_callback_id=7),
            callbacks=(fact(Purpose.SURVEY, CallbackState.WAITING),),
        ),
    ),
    (Purpose.SURVEY, situation(customer=suppressed(SuppressionScope.ALL, "+8613900000009"))),
    (
        Purpose.SURVEY,
        situation(survey_elsewhere=True, callbacks=(fact(Purpose.SURVEY, CallbackState.ASSIGNED),)),
    ),
]


@pytest.mark.parametrize(("rule", "asked"), NOTHING, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(NOTHING)])
def test_nothing_is_owed_for_a_reason(rule: str, asked: Situation) -> None:
    verdict = decide(asked, POLICY)
    assert isinstance(verdict, Nothing)
    assert verdict.rule == rule
    assert verdict.look_again_at is None or verdict.look_again_at > NOW


@pytest.mark.parametrize(("purpose", "asked"), OWED, ids=[f"{n}-{p.value}" for n, (p, _) in enumerate(OWED)])
def test_one_contact_is_owed(purpose: Purpose, asked: Situation) -> None:
    verdict = decide(asked, POLICY)
    assert isinstance(verdict, Duty)
    assert verdict.purpose is purpose
    assert verdict.earliest <= verdict.due
    later = decide(replace(asked, now=NOW + timedelta(minutes=5)), POLICY)
    assert later == verdict, "a duty is a function of facts, not of the moment of asking"


def test_no_rule_at_all_means_that_nothing_is_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callback.domain.plan.PURPOSE_RULES", PURPOSE_RULES[:4])
    assert decide(situation(), POLICY) == Nothing(rule="nothing_owed")


def test_the_answer_is_due_at_the_promise_or_after_three_days_whichever_is_earlier() -> None:
    answered = replace(PENDING, has_answer=True, answered_at=NOW)
    assert _duty(situation(answered)).due == NOW + 3 * DAY
    assert _duty(situation(replace(answered, promised_at=NOW + DAY))).due == NOW + DAY
    assert _duty(situation(replace(answered, promised_at=NOW + 9 * DAY))).due == NOW + 3 * DAY
    working = Policy(promise_in_working_days=True)  # Wednesday: Thursday, Friday, Monday
    assert _duty(situation(answered), working).due == NOW + 5 * DAY


def test_a_second_call_is_due_in_one_working_day_and_not_before_the_cool_off() -> None:
    duty = _duty(situation(flag=UNHAPPY))
    assert (duty.earliest, duty.due) == (UNHAPPY.raised_at + 4 * HOUR, UNHAPPY.raised_at + DAY)


def test_a_complaint_is_surveyed_after_three_to_five_working_days() -> None:
    complaint = situation(replace(CLOSED, kind=CaseKind.COMPLAINT, closed_at=NOW))
    duty = _duty(complaint)
    assert (duty.earliest, duty.due) == (NOW + 5 * DAY, NOW + 7 * DAY)
    assert _duty(situation(replace(CLOSED, closed_at=NOW))).due == NOW + 2 * DAY


def test_a_holding_call_begins_with_the_day_of_the_promise() -> None:
    promised = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)
    duty = _duty(situation(replace(PENDING, promised_at=promised)))
    assert duty.earliest == datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
    assert duty.due == promised


def test_rest_ends_or_the_survey_expires_whichever_is_first() -> None:
    nearly = decide(situation(customer=replace(CUSTOMER, last_survey_at=NOW - 29 * DAY)), POLICY)
    never = decide(situation(customer=replace(CUSTOMER, last_survey_at=NOW - DAY)), POLICY)
    assert nearly.look_again_at == NOW + DAY
    assert never.look_again_at == NOW + 12 * DAY


AUTOMATIC = frozenset({Channel.SMS, Channel.VOICE, Channel.EMAIL})
WILLING = replace(CUSTOMER, country="US", emails=("a@example.com",), consents=frozenset({"sms", "voice", "email"}))


@pytest.mark.parametrize(
    ("customer", "carriers", "channel", "refused"),
    [
        (WILLING, AUTOMATIC, Channel.SMS, []),
        (WILLING, frozenset(), Channel.AGENT, ["no_carrier", "no_carrier", "no_carrier"]),
        (replace(WILLING, country="CN"), AUTOMATIC, Channel.VOICE, ["not_in_this_country"]),
        (replace(WILLING, consents=frozenset({"email"})), AUTOMATIC, Channel.EMAIL, ["no_consent", "no_consent"]),
        (replace(WILLING, phones=()), AUTOMATIC, Channel.EMAIL, ["no_address", "no_address"]),
        (
            replace(WILLING, suppressions=(SuppressionFact(SuppressionScope.SMS),)),
            AUTOMATIC,
            Channel.VOICE,
            ["opted_out"],
        ),
    ],
)
def test_the_channel_of_a_survey(
    customer: CustomerFacts, carriers: frozenset[Channel], channel: Channel, refused: list[str]
) -> None:
    duty = _duty(situation(customer=customer, carriers=carriers))
    assert duty.channel is channel
    assert [reason for _, reason in duty.refused_channels] == refused


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        ("complaint", situation(replace(CLOSED, kind=CaseKind.COMPLAINT), WILLING, carriers=AUTOMATIC)),
        ("high_priority", situation(replace(CLOSED, priority=Priority.URGENT), WILLING, carriers=AUTOMATIC)),
        ("special_customer", situation(customer=replace(WILLING, special=True), carriers=AUTOMATIC)),
        ("unhappy_before", situation(customer=replace(WILLING, unhappy_before=True), carriers=AUTOMATIC)),
    ],
)
def test_some_are_asked_by_a_person(rule: str, asked: Situation) -> None:
    duty = _duty(asked)
    assert (duty.channel, duty.channel_rule) == (Channel.AGENT, rule)


def test_priority_is_bounded_and_ordered() -> None:
    calm = situation()
    worst = situation(
        replace(CLOSED, kind=CaseKind.COMPLAINT, priority=Priority.URGENT), replace(CUSTOMER, special=True)
    )
    for purpose in Purpose:
        assert 0 <= priority_of(purpose, calm) < priority_of(purpose, worst) <= 100


def _duty(asked: Situation, policy: Policy = POLICY) -> Duty:
    verdict = decide(asked, policy)
    assert isinstance(verdict, Duty)
    return verdict
