"""What a case needs now: the ordered rules that give it a purpose, channel, times and priority, or the reason why not.

A duty is a function of facts, not of the moment at which somebody asks: planning again changes nothing that need not
change. Where time alone will change the verdict, the verdict says when to look again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from callback.domain.facts import Calendar, CallbackFact, CaseFacts, CustomerFacts, DissatisfactionFact
from callback.domain.moment import add_days, add_working_days, start_of_day
from callback.domain.policy import Policy
from callback.domain.words import CaseKind, CaseStatus, Channel, Priority, Purpose, SuppressionScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One case and everything that the rules may look at."""

    now: datetime
    case: CaseFacts
    customer: CustomerFacts
    calendar: Calendar
    callbacks: tuple[CallbackFact, ...] = ()
    flag: DissatisfactionFact | None = None
    """The live dissatisfaction, if any."""
    survey_elsewhere: bool = False
    """A survey of the same customer about another case is under way."""
    carriers: frozenset[Channel] = frozenset()
    """Automatic channels that this house can really send on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One contact is owed."""

    purpose: Purpose
    channel: Channel
    earliest: datetime
    due: datetime
    priority: int
    rule: str
    channel_rule: str
    refused_channels: tuple[tuple[Channel, str], ...] = ()
    """Channels that came first but were not allowed, each with the reason."""
    look_again_at: datetime | None = None
    inputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No contact is owed now, for this reason; look again at the given moment, or when the case changes."""

    rule: str
    look_again_at: datetime | None = None
    inputs: dict[str, str] = field(default_factory=dict)


Verdict = Duty | Nothing
Rule = Callable[[Situation, Policy], Verdict | None]


def decide(situation: Situation, policy: Policy) -> Verdict:
    """The verdict of the first rule that has one."""
    for rule in PURPOSE_RULES:
        verdict = rule(situation, policy)
        if verdict is not None:
            return verdict
    return Nothing(rule="nothing_owed")


# ── Purposes, in the order in which they are asked ──────────────────────────────────────────────────────────────────


def needs_data(situation: Situation, _policy: Policy) -> Verdict | None:
    """Without a telephone number or an address nobody can be contacted; the case is listed as *needs data*."""
    if situation.customer.phones or situation.customer.emails:
        return None
    return Nothing(rule="needs_data")


def suppressed(situation: Situation, _policy: Policy) -> Verdict | None:
    if any(s.scope is SuppressionScope.ALL and s.address is None for s in situation.customer.suppressions):
        return Nothing(rule="suppressed")
    return None


def escalated(situation: Situation, _policy: Policy) -> Verdict | None:
    """Person, place and time have been changed once; what comes next is the supervisor's decision."""
    if situation.flag is not None and situation.flag.escalated:
        return Nothing(rule="escalated")
    return None


def second_call(situation: Situation, policy: Policy) -> Verdict | None:
    flag = situation.flag
    if flag is None:
        return None
    if _spent(situation, Purpose.SECOND_CALL, since=flag.raised_at):
        return Nothing(rule="second_call_made")
    return _by_agent(
        situation,
        Purpose.SECOND_CALL,
        rule="second_call",
        earliest=flag.raised_at + policy.cool_off,
        due=add_working_days(
            flag.raised_at, policy.second_call_working_days, situation.customer.zone, situation.calendar
        ),
        inputs={"raised_at": flag.raised_at.isoformat()},
    )


def answer(situation: Situation, policy: Policy) -> Verdict | None:
    """The case has an answer that the customer has not been told. Of a child case it is a follow-up."""
    case = situation.case
    if not case.has_answer or case.told_at is not None:
        return None
    purpose = Purpose.FOLLOW_UP if case.is_child else Purpose.ANSWER
    found = case.answered_at or case.closed_at or case.opened_at
    if _spent(situation, purpose, since=found):
        return Nothing(rule="tried_in_vain")
    by_rule = promise_days_after(found, situation, policy)
    due = by_rule if case.promised_at is None else min(case.promised_at, by_rule)
    return _by_agent(
        situation,
        purpose,
        rule="follow_up" if case.is_child else "answer",
        earliest=found,
        due=max(due, found),
        inputs={"answered_at": found.isoformat(), "promise": _iso(case.promised_at)},
    )


def holding(situation: Situation, policy: Policy) -> Verdict | None:
    """The promise falls due today and there is no answer: tell the customer so, and take a new promise."""
    case = situation.case
    if case.status is CaseStatus.CLOSED or case.has_answer:
        return None
    due = case.promised_at or promise_days_after(case.opened_at, situation, policy)
    zone = situation.customer.zone
    day_begins = start_of_day(due.astimezone(zone).date(), zone)
    if situation.now < day_begins:
        return Nothing(rule="promise_not_due_yet", look_again_at=day_begins, inputs={"due": due.isoformat()})
    held = (c for c in situation.callbacks if c.purpose is Purpose.HOLDING and not c.state.is_live)
    if any(c.due_at == due and not c.called_again for c in held):
        return Nothing(rule="held_already", inputs={"due": due.isoformat()})
    return _by_agent(
        situation,
        Purpose.HOLDING,
        rule="holding",
        earliest=day_begins,
        due=due,
        inputs={"promise": _iso(case.promised_at), "repromises": str(case.repromises)},
    )


def closed_without_answer(situation: Situation, _policy: Policy) -> Verdict | None:
    """Closed, but nobody wrote down the answer and nobody told the customer: there is nothing to say on a call."""
    case = situation.case
    if case.status is CaseStatus.CLOSED and case.told_at is None:
        return Nothing(rule="closed_without_answer")
    return None


def survey_stopped(situation: Situation, policy: Policy) -> Verdict | None:
    """Every reason not to send a survey, the final ones first."""
    for stop in SURVEY_STOPS:
        verdict = stop(situation, policy)
        if verdict is not None:
            return verdict
    return None


def survey(situation: Situation, policy: Policy) -> Verdict | None:
    """Reached by closed cases alone: `survey_stopped` has answered for the others."""
    case = situation.case
    closed = _closed_at(case)
    zone, calendar = situation.customer.zone, situation.calendar
    if case.kind is CaseKind.COMPLAINT:
        earliest = add_working_days(closed, policy.complaint_survey_after_working_days, zone, calendar)
        due = add_working_days(closed, policy.complaint_survey_due_working_days, zone, calendar)
    else:
        earliest, due = closed + policy.survey_after, closed + policy.survey_due
    channel, channel_rule, refused = survey_channel(situation, policy)
    return Duty(
        purpose=Purpose.SURVEY,
        channel=channel,
        earliest=earliest,
        due=due,
        priority=priority_of(Purpose.SURVEY, situation),
        rule="survey",
        channel_rule=channel_rule,
        refused_channels=refused,
        look_again_at=closed + policy.survey_expires,
        inputs={"closed_at": closed.isoformat()},
    )


PURPOSE_RULES: tuple[Rule, ...] = (
    suppressed,
    needs_data,
    escalated,
    second_call,
    answer,
    holding,
    closed_without_answer,
    survey_stopped,
    survey,
)


# ── Reasons not to send a survey ────────────────────────────────────────────────────────────────────────────────────


def still_open(situation: Situation, _policy: Policy) -> Verdict | None:
    return None if situation.case.status is CaseStatus.CLOSED else Nothing(rule="nothing_owed")


def asked_already(situation: Situation, _policy: Policy) -> Verdict | None:
    """An agent has asked in the call, or an earlier survey came to its end."""
    if situation.case.surveyed or _spent(situation, Purpose.SURVEY, since=_closed_at(situation.case)):
        return Nothing(rule="asked_already")
    return None


def was_unhappy(situation: Situation, _policy: Policy) -> Verdict | None:
    """The second call has asked; a survey on top would rub salt in."""
    return Nothing(rule="asked_in_second_call") if situation.case.was_unhappy else None


def part_of_another(situation: Situation, _policy: Policy) -> Verdict | None:
    """A child case belongs to its parent's conversation; it is not surveyed by itself."""
    return Nothing(rule="part_of_another_case") if situation.case.is_child else None


def opted_out_of_surveys(situation: Situation, _policy: Policy) -> Verdict | None:
    if any(s.scope is SuppressionScope.SURVEY and s.address is None for s in situation.customer.suppressions):
        return Nothing(rule="opted_out_of_surveys")
    return None


def expired(situation: Situation, policy: Policy) -> Verdict | None:
    closed = _closed_at(situation.case)
    if situation.now < closed + policy.survey_expires:
        return None
    return Nothing(rule="survey_expired", inputs={"closed_at": closed.isoformat()})


def resting(situation: Situation, policy: Policy) -> Verdict | None:
    """Between two surveys of one customer lies the rest period, whatever they were about."""
    last = situation.customer.last_survey_at
    if last is None or situation.now >= last + policy.survey_rest:
        return None
    if any(c.id == situation.customer.last_survey_callback_id for c in situation.callbacks):
        return None  # going on with this very survey is not another one
    ends = last + policy.survey_rest
    closes = _closed_at(situation.case) + policy.survey_expires
    return Nothing(rule="resting", look_again_at=min(ends, closes), inputs={"until": ends.isoformat()})


def being_surveyed(situation: Situation, policy: Policy) -> Verdict | None:
    if not situation.survey_elsewhere or any(
        c.purpose is Purpose.SURVEY and c.state.is_live for c in situation.callbacks
    ):
        return None
    return Nothing(rule="surveyed_about_another_case", look_again_at=_closed_at(situation.case) + policy.survey_expires)


SURVEY_STOPS: tuple[Rule, ...] = (
    still_open,
    asked_already,
    was_unhappy,
    part_of_another,
    opted_out_of_surveys,
    expired,
    resting,
    being_surveyed,
)


# ── Who does a survey ───────────────────────────────────────────────────────────────────────────────────────────────

PERSONAL_SURVEY: tuple[tuple[str, Callable[[Situation], bool]], ...] = (
    ("complaint", lambda s: s.case.kind is CaseKind.COMPLAINT),
    ("high_priority", lambda s: s.case.priority in (Priority.HIGH, Priority.URGENT)),
    ("special_customer", lambda s: s.customer.special),
    ("unhappy_before", lambda s: s.customer.unhappy_before),
)
"""Who is asked by a person, and why; everybody else is asked automatically where that is allowed."""


def survey_channel(situation: Situation, policy: Policy) -> tuple[Channel, str, tuple[tuple[Channel, str], ...]]:
    """The channel, the rule that chose it, and the channels refused before it."""
    for rule, applies in PERSONAL_SURVEY:
        if applies(situation):
            return Channel.AGENT, rule, ()
    allowed = policy.automatic_countries.get(situation.customer.country, policy.automatic_countries["*"])
    refused: list[tuple[Channel, str]] = []
    for name in ("sms", "voice", "email"):
        channel = Channel(name)
        reason = channel_refusal(channel, situation, allowed)
        if reason is None:
            return channel, "automatic", tuple(refused)
        refused.append((channel, reason))
    return Channel.AGENT, "no_automatic_channel", tuple(refused)


def channel_refusal(channel: Channel, situation: Situation, allowed: tuple[str, ...]) -> str | None:
    """Why this automatic channel may not be used, or None."""
    customer = situation.customer
    checks: tuple[tuple[str, bool], ...] = (
        ("not_in_this_country", channel.value not in allowed),
        ("no_carrier", channel not in situation.carriers),
        ("no_consent", channel.value not in customer.consents),
        ("no_address", not (customer.emails if channel is Channel.EMAIL else customer.phones)),
        ("opted_out", any(s.scope.value == channel.value for s in customer.suppressions)),
    )
    return next((reason for reason, refuses in checks if refuses), None)


# ── Shared arithmetic ───────────────────────────────────────────────────────────────────────────────────────────────

BASE_PRIORITY: dict[Purpose, int] = {
    Purpose.SECOND_CALL: 60,
    Purpose.FOLLOW_UP: 52,
    Purpose.ANSWER: 50,
    Purpose.HOLDING: 45,
    Purpose.SURVEY: 20,
    Purpose.VISIT: 15,
}


ASKED_FOR = BASE_PRIORITY[Purpose.ANSWER]
"""Of a visit that the customer has asked for: somebody was told that they will be called, which is a promise."""


def priority_of(purpose: Purpose, situation: Situation) -> int:
    """0 to 100: the purpose first, then how urgent the case, a complaint, a special customer."""
    points = BASE_PRIORITY[purpose] + 8 * situation.case.priority.rank
    points += 6 if situation.case.kind is CaseKind.COMPLAINT else 0
    points += 10 if situation.customer.special else 0
    return min(points, 100)


def promise_days_after(at: datetime, situation: Situation, policy: Policy) -> datetime:
    """The end of the house's own promise, in calendar or working days by setting."""
    if policy.promise_in_working_days:
        return add_working_days(at, policy.promise_days, situation.customer.zone, situation.calendar)
    return add_days(at, policy.promise_days, situation.customer.zone)


def _by_agent(
    situation: Situation, purpose: Purpose, *, rule: str, earliest: datetime, due: datetime, inputs: dict[str, str]
) -> Verdict:
    if not situation.customer.phones:
        return Nothing(rule="needs_phone")
    return Duty(
        purpose=purpose,
        channel=Channel.AGENT,
        earliest=earliest,
        due=due,
        priority=priority_of(purpose, situation),
        rule=rule,
        channel_rule="always_a_person",
        inputs=inputs,
    )


def _spent(situation: Situation, purpose: Purpose, *, since: datetime) -> bool:
    """A callback for this purpose has ended after the fact that called for it: it is not made again."""
    return any(
        c.purpose is purpose
        and not c.state.is_live
        and (c.finished_at or c.created_at) >= since
        and not c.withdrawn
        and not c.called_again
        for c in situation.callbacks
    )


def _closed_at(case: CaseFacts) -> datetime:
    return case.closed_at or case.told_at or case.opened_at


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()
