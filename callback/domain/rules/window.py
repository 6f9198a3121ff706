"""Hard rule 2: only at a decent hour, on the customer's own clock."""

from callback.domain.moment import calling_hours
from callback.domain.policy import LEGAL_CEILING, LEGAL_FLOOR, Policy
from callback.domain.rules.contact import Contact, Refusal

RULE = "window"


def window(contact: Contact, policy: Policy) -> Refusal | None:
    """Everything that we send or dial keeps the windows, appointments too; a web page is opened by the customer."""
    if contact.is_pulled:
        return None
    hours = calling_hours(contact.customer.zone, contact.calendar, policy)
    if hours.is_legal(contact.at):
        return None
    local = contact.at.astimezone(contact.customer.zone)
    if hours.is_calling_day(local.date()):
        reason = "outside_window"
    else:
        reason = "holiday" if contact.calendar.is_holiday(local.date()) and not policy.call_on_holidays else "weekend"
    inside = ((max(start, LEGAL_FLOOR), min(end, LEGAL_CEILING)) for start, end in policy.calling_windows)
    windows = ", ".join(f"{start:%H:%M}–{end:%H:%M}" for start, end in inside if start < end)
    return Refusal(
        rule=RULE,
        reason=reason,
        params={"local": f"{local:%Y-%m-%d %H:%M}", "windows": windows, "zone": contact.customer.zone.key},
        not_before=hours.next_legal(contact.at),
    )
