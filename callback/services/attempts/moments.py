"""The moments that can be offered to the customer: their own days, in half hours, as far as the rules allow a call."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.db.tables import Callback
from callback.domain.legality import legal_stretches
from callback.domain.moment import Interval, start_of_day
from callback.domain.policy import Policy
from callback.domain.rules import Contact, refusals
from callback.services.appointments import FURTHEST
from callback.services.attempts.sheet import own_attempt
from callback.services.hard_rules import contact_of

STEP = timedelta(minutes=30)
NOTICE = timedelta(minutes=15)
"""So much from now on is no appointment but waiting on the line."""
DAYS = 14
"""On one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day on the customer's calendar."""

    day: date
    moments: tuple[datetime, ...]
    """UTC, in order."""
    why_none: str | None
    """The reason (as of a refusal) why nobody may call on it; None when somebody may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    time_zone: str
    """Of the customer."""
    days: tuple[Day, ...]
    earlier: date | None
    """Where the page before begins; None on the first."""
    later: date | None


def offer(session: Session, *, handle: str, agent_id: int, since: date | None, now: datetime) -> Offer:
    """Two weeks of the customer's calendar from `since` on (default: today, theirs).

    The rules are asked as they will be when the appointment is made: it overrides the daily count and nothing else.
    Raises `NotFound` (`attempt_not_found`).
    """
    attempt = own_attempt(session, handle, agent_id=agent_id)
    callback = session.get_one(Callback, attempt.callback_id)
    policy = load_policy(session)
    contact = contact_of(session, callback, at=now + NOTICE, agent_id=None, by_appointment=True)
    zone = contact.customer.zone
    today, last = now.astimezone(zone).date(), (now + FURTHEST).astimezone(zone).date()
    first = min(max(since or today, today), last)
    after = min(first + timedelta(days=DAYS), last + timedelta(days=1))
    until = min(start_of_day(after, zone), now + FURTHEST)
    stretches = legal_stretches(contact, policy, until=until)
    days = tuple(
        _day(day, stretches, contact, policy, zone)
        for day in (first + timedelta(days=n) for n in range((after - first).days))
    )
    return Offer(
        time_zone=zone.key,
        days=days,
        earlier=max(first - timedelta(days=DAYS), today) if first > today else None,
        later=after if after <= last else None,
    )


def _day(day: date, stretches: tuple[Interval, ...], contact: Contact, policy: Policy, zone: ZoneInfo) -> Day:
    begins, ends = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    moments = tuple(moment for stretch in stretches for moment in _half_hours(stretch, zone) if begins <= moment < ends)
    return Day(day=day, moments=moments, why_none=None if moments else _why_none(day, contact, policy, zone))


def _half_hours(stretch: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """The full and half hours on the customer's clock."""
    wall = stretch.start.astimezone(zone)
    past = timedelta(minutes=wall.minute % 30, seconds=wall.second, microseconds=wall.microsecond)
    at = stretch.start if not past else stretch.start + STEP - past
    while at < stretch.end:
        yield at
        at += STEP


def _why_none(day: date, contact: Contact, policy: Policy, zone: ZoneInfo) -> str:
    """What forbids ten o'clock on that day, or every later moment of today."""
    morning = datetime.combine(day, time(10), tzinfo=zone)
    refused = refusals(replace(contact, at=max(morning, contact.at)), policy)
    return refused[0].reason if refused else "outside_window"
