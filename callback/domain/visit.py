"""Recurring visits (定期回访): whose turn it is, when they are called, and what lets a turn wait or pass."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from callback.domain.facts import Calendar, CustomerFacts
from callback.domain.moment import calling_hours, start_of_day
from callback.domain.policy import Policy
from callback.domain.words import SuppressionScope

NOT_YET = timedelta(days=7)
"""So long is waited for an unhappy customer before it is asked again whether they are content."""
FURTHEST_DAY = 30
"""A day that suits is looked for so many days ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRhythm:
    """What a plan says."""

    every_months: int
    within_days: int
    rest: timedelta
    """After a survey of the same customer."""
    starts_on: date
    weekdays: frozenset[int] = frozenset()
    """Preferred; Monday is 0. Empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSituation:
    """One customer whose turn has come."""

    now: datetime
    day: date
    """Of the turn, on the customer's calendar."""
    next_day: date
    """Of the turn after it."""
    customer: CustomerFacts
    calendar: Calendar
    rhythm: VisitRhythm
    has_case: bool = True
    under_way: bool = False
    """A visit of this customer is live."""
    unhappy_now: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """A call is owed."""

    earliest: datetime
    due: datetime
    rule: str = "visit"


@dataclass(frozen=True, slots=True)
class Wait:
    """The turn waits until then."""

    rule: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """There is no visit in this turn; the next one comes."""

    rule: str


TurnVerdict = Visit | Wait | Pass


def decide_turn(situation: TurnSituation, policy: Policy) -> TurnVerdict:
    """The verdict of the first rule that has one. Whoever would have to wait for their next turn passes this one."""
    for rule in TURN_RULES:
        verdict = rule(situation)
        if isinstance(verdict, Wait) and verdict.until >= start_of_day(situation.next_day, situation.customer.zone):
            return Pass(verdict.rule)
        if verdict is not None:
            return verdict
    return _visit(situation, policy)


def suppressed(situation: TurnSituation) -> TurnVerdict | None:
    stops = (SuppressionScope.ALL, SuppressionScope.AGENT)
    if any(fact.address is None and fact.scope in stops for fact in situation.customer.suppressions):
        return Pass("suppressed")
    return None


def needs_phone(situation: TurnSituation) -> TurnVerdict | None:
    return None if situation.customer.phones else Pass("needs_phone")


def needs_case(situation: TurnSituation) -> TurnVerdict | None:
    """A call is always about something that the customer came with."""
    return None if situation.has_case else Pass("needs_case")


def under_way(situation: TurnSituation) -> TurnVerdict | None:
    return Pass("visit_under_way") if situation.under_way else None


def unhappy_now(situation: TurnSituation) -> TurnVerdict | None:
    """A friendly call while a complaint is being recovered is none."""
    return Wait("unhappy_now", situation.now + NOT_YET) if situation.unhappy_now else None


def resting(situation: TurnSituation) -> TurnVerdict | None:
    last = situation.customer.last_survey_at
    if last is None or situation.now >= last + situation.rhythm.rest:
        return None
    return Wait("resting", last + situation.rhythm.rest)


TURN_RULES: tuple[Callable[[TurnSituation], TurnVerdict | None], ...] = (
    suppressed,
    needs_phone,
    needs_case,
    under_way,
    unhappy_now,
    resting,
)


def _visit(situation: TurnSituation, policy: Policy) -> Visit:
    """From the first day that suits; on any calling day where no preferred one comes in time."""
    zone = situation.customer.zone
    today = max(situation.day, situation.now.astimezone(zone).date())
    days = [
        today + timedelta(days=n) for n in range(FURTHEST_DAY) if _is_open(today + timedelta(days=n), situation, policy)
    ]
    wanted = [day for day in days if day.weekday() in situation.rhythm.weekdays]
    first = next(iter(wanted or days), today)
    return Visit(start_of_day(first, zone), start_of_day(first + timedelta(days=situation.rhythm.within_days), zone))


def _is_open(day: date, situation: TurnSituation, policy: Policy) -> bool:
    customer = situation.customer
    hours = calling_hours(customer.zone, situation.calendar, policy)
    return hours.is_calling_day(day) and not any(day in dates for dates in customer.forbidden)


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last of a month that is too short for it."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), first_of_next - timedelta(days=1))


def turn_day(anchor: date, rhythm: VisitRhythm, turn: int) -> date:
    """Of the `turn`-th visit. Counted from the anchor each time, so the 31st does not become the 28th for ever."""
    return add_months(anchor, turn * rhythm.every_months)


def first_turn(anchor: date, rhythm: VisitRhythm, today: date) -> int:
    """The first turn, at least one interval after the anchor, that is neither before the plan starts nor past."""
    earliest = max(today, rhythm.starts_on)
    months = (earliest.year - anchor.year) * 12 + earliest.month - anchor.month
    turn = max(1, months // rhythm.every_months)
    while turn_day(anchor, rhythm, turn) < earliest:
        turn += 1
    return turn
