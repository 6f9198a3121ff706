"""What the customer asked for: days without calls are kept like a rule, preferred times as far as promises allow."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from callback.domain.moment import Interval, part_of_day, start_of_day, wall_intervals
from callback.domain.policy import Policy
from callback.domain.rules.contact import Contact, Refusal
from callback.domain.wish import PreferredTime
from callback.domain.words import Channel, PartOfDay

RULE = "wish"


def forbidden_dates(contact: Contact, policy: Policy) -> Refusal | None:  # noqa: ARG001
    """Not on a day that the customer has ruled out. An appointment is their later word; a web page they open."""
    forbidden = contact.customer.forbidden
    if not forbidden or contact.by_appointment or contact.channel is Channel.WEB:
        return None
    zone = contact.customer.zone
    day = today = contact.at.astimezone(zone).date()
    while any(day in dates for dates in forbidden):
        day += timedelta(days=1)
    if day == today:
        return None
    return Refusal(
        rule=RULE,
        reason="forbidden_date",
        params={"day": today.isoformat(), "again": day.isoformat()},
        not_before=start_of_day(day, zone),
    )


def preferred_time(contact: Contact, policy: Policy) -> Refusal | None:  # noqa: ARG001
    """Soft: at another time than the customer asked for. The planner avoids it; a promise goes before it."""
    customer = contact.customer
    if contact.by_appointment or is_wanted(contact.at, customer.preferred, customer.zone):
        return None
    wishes = "; ".join(str(wish) for wish in customer.preferred)
    local = contact.at.astimezone(customer.zone)
    return Refusal(rule=RULE, reason="not_preferred_time", params={"local": f"{local:%Y-%m-%d %H:%M}", "times": wishes})


def narrowed(stretches: Sequence[Interval], times: Sequence[PreferredTime], zone: ZoneInfo) -> tuple[Interval, ...]:
    """Legal stretches with the customer's wish: of a part of a day that they named, only the hours that they named.

    Other parts stay, for when a promise could not be kept otherwise (`wanted_parts` makes them worth less). `stretches`
    do not cross a part of the day.
    """
    found: list[Interval] = []
    for stretch in stretches:
        day = stretch.start.astimezone(zone).date()
        hours = [hour for wish in times for hour in _hours(wish, day, zone)]
        cut = sorted(
            Interval(max(stretch.start, hour.start), min(stretch.end, hour.end))
            for hour in hours
            if hour.start < stretch.end and stretch.start < hour.end
        )
        found += cut or [stretch]
    return tuple(dict.fromkeys(found))


def wanted_parts(times: Sequence[PreferredTime]) -> frozenset[tuple[int, PartOfDay]]:
    """Weekdays with the parts of the day in which some of a preferred time lies."""
    return frozenset(
        (weekday, part)
        for wish in times
        for part, (starts, ends) in _PARTS.items()
        if wish.starts < ends and starts < wish.ends
        for weekday in wish.weekdays
    )


def is_wanted(at: datetime, times: Sequence[PreferredTime], zone: ZoneInfo) -> bool:
    """Whether a contact at this moment is what the customer asked for; no wish is content with everything."""
    wall = at.astimezone(zone)
    return not times or any(
        wall.weekday() in wish.weekdays and wish.starts <= wall.time().replace(tzinfo=None) < wish.ends
        for wish in times
    )


def _hours(wish: PreferredTime, day: date, zone: ZoneInfo) -> Iterator[Interval]:
    """The preferred time of the local `day`, in UTC."""
    if day.weekday() in wish.weekdays:
        yield from wall_intervals(datetime.combine(day, wish.starts), datetime.combine(day, wish.ends), zone)


def _part_bounds() -> dict[PartOfDay, tuple[time, time]]:
    """From the one place that says which hour belongs to which part."""
    bounds: dict[PartOfDay, tuple[time, time]] = {}
    zone = ZoneInfo("UTC")
    for hour in range(24):
        part = part_of_day(datetime(2000, 1, 1, hour, tzinfo=zone), zone)
        first = bounds.get(part, (time(hour), time.max))[0]
        bounds[part] = (first, time.max if hour == 23 else time(hour + 1))
    return bounds


_PARTS = _part_bounds()
