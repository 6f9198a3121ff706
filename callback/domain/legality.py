"""The stretches of time in which the hard rules allow a contact: one answer for the whole horizon of a plan."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from callback.domain.moment import CallingHours, Interval, calling_hours
from callback.domain.policy import Policy
from callback.domain.rules import Contact, refusals
from callback.domain.words import Purpose

_ONE_DAY = timedelta(days=1)


def legal_stretches(
    contact: Contact, policy: Policy, *, until: datetime, since: datetime | None = None
) -> tuple[Interval, ...]:
    """Where, from `contact.at` to `until`, no hard rule refuses; in order.

    With `since`, which is not after `contact.at`, customers without a past share one answer that begins there.

    Within one part of one day's calling hours a rule only ever goes from no to yes: the day's budget, the avoided part
    of the day and forbidden dates hold for all of it, and rests and cool-offs end. So each rule is asked once for each
    part, and again only at the moment that it named.
    """
    hours = calling_hours(contact.customer.zone, contact.calendar, policy)
    if is_unburdened(contact):
        return _all(hours, contact.at if since is None else since, until)
    found: list[Interval] = []
    for stretch in _all(hours, contact.at, until):
        start = _first_allowed(contact, policy, stretch)
        if start is None:
            return ()
        if start < stretch.end:
            found.append(Interval(start, stretch.end))
    return tuple(found)


def is_unburdened(contact: Contact) -> bool:
    """Nothing has happened that a rule could look at: then the calling hours are the only rule about moments."""
    customer = contact.customer
    return (
        contact.purpose is not Purpose.SECOND_CALL
        and not customer.attempts
        and not customer.suppressions
        and not customer.forbidden
        and customer.last_survey_at is None
    )


def _first_allowed(contact: Contact, policy: Policy, stretch: Interval) -> datetime | None:
    """The first allowed moment of the stretch, its end when there is none, None when there will never be one."""
    at = stretch.start
    while at < stretch.end:
        refused_by = refusals(replace(contact, at=at), policy)
        if not refused_by:
            return at
        moments = [refusal.not_before for refusal in refused_by if refusal.not_before is not None]
        if len(moments) < len(refused_by):
            return None
        at = max(moments)
    return stretch.end


@lru_cache(maxsize=512)
def _all(hours: CallingHours, start: datetime, until: datetime) -> tuple[Interval, ...]:
    return tuple(_cut(hours, start, until))


def _cut(hours: CallingHours, start: datetime, until: datetime) -> Iterator[Interval]:
    day, last = start.astimezone(hours.zone).date(), until.astimezone(hours.zone).date()
    while day <= last:
        for interval, _ in hours.stretches(day):
            if interval.end > start and interval.start < until:
                yield Interval(max(interval.start, start), min(interval.end, until))
        day += _ONE_DAY
