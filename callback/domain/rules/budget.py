"""Hard rule 3: one budget of attempts per customer over all channels, and rest between surveys."""

from datetime import datetime, timedelta

from callback.domain.disposition import spoke
from callback.domain.facts import AttemptFact
from callback.domain.moment import start_of_day
from callback.domain.policy import Policy
from callback.domain.rules.contact import Contact, Refusal
from callback.domain.words import Channel, Disposition, Purpose

BUDGET = "budget"
SURVEY_REST = "survey_rest"
WRITTEN = frozenset({Channel.SMS, Channel.EMAIL})
"""What is sent is asked, whether or not anybody answers."""


def refused(contact: Contact, policy: Policy) -> Refusal | None:  # noqa: ARG001
    """A refusal ends it: no further attempt on the callback, nor on another one of the same case."""
    for attempt in contact.customer.attempts:
        if attempt.disposition is Disposition.REFUSED and _same_matter(attempt, contact):
            return Refusal(rule=BUDGET, reason="refused_before", params={"at": _wall(attempt.at, contact)})
    return None


def attempts_per_callback(contact: Contact, policy: Policy) -> Refusal | None:
    """An appointment is no way around it: it overrides the daily count alone."""
    if contact.callback_id is None or contact.is_pulled:
        return None
    made = sum(attempt.counts and attempt.callback_id == contact.callback_id for attempt in contact.customer.attempts)
    if made < policy.attempts_per_callback:
        return None
    return Refusal(
        rule=BUDGET, reason="callback_attempts_used", params={"made": made, "allowed": policy.attempts_per_callback}
    )


def attempts_per_day(contact: Contact, policy: Policy) -> Refusal | None:
    """Counted over the customer's own day, over every channel, case and purpose, and all who share an address."""
    if contact.by_appointment or contact.is_pulled or not contact.customer.attempts:
        return None
    zone = contact.customer.zone
    today = contact.at.astimezone(zone).date()
    made = sum(attempt.counts and attempt.at.astimezone(zone).date() == today for attempt in contact.customer.attempts)
    if made < policy.attempts_per_day:
        return None
    return Refusal(
        rule=BUDGET,
        reason="day_attempts_used",
        params={"made": made, "allowed": policy.attempts_per_day, "day": today.isoformat()},
        not_before=start_of_day(today + timedelta(days=1), zone),
    )


def survey_rest(contact: Contact, policy: Policy) -> Refusal | None:
    """No two surveys of one customer within the rest. Other purposes, the second call among them, are not surveys."""
    if contact.purpose is not Purpose.SURVEY:
        return None
    last = _last_other_survey(contact)
    if last is None or contact.at >= last + policy.survey_rest:
        return None
    return Refusal(
        rule=SURVEY_REST,
        reason="surveyed_recently",
        params={"last": _wall(last, contact), "days": policy.survey_rest.days},
        not_before=last + policy.survey_rest,
    )


def _last_other_survey(contact: Contact) -> datetime | None:
    """When the customer was last asked, this callback's own tries left out: going on with a survey is not another one.

    It is enough to look at the last one. If that is our own, it was itself only begun after the rest.
    """
    customer = contact.customer
    own = contact.callback_id is not None and customer.last_survey_callback_id == contact.callback_id
    moments = [
        attempt.at for attempt in customer.attempts if _asked(attempt) and attempt.callback_id != contact.callback_id
    ]
    if customer.last_survey_at is not None and not own:
        moments.append(customer.last_survey_at)
    return max(moments, default=None)


def _asked(attempt: AttemptFact) -> bool:
    """A survey that reached the customer: written ones once they are sent, spoken ones once somebody answered."""
    if attempt.purpose is not Purpose.SURVEY or not attempt.counts:
        return False
    return attempt.channel in WRITTEN or attempt.connected or spoke(attempt.disposition)


def _same_matter(attempt: AttemptFact, contact: Contact) -> bool:
    if attempt.case_id is not None and attempt.case_id == contact.case.id:
        return True
    return attempt.callback_id is not None and attempt.callback_id == contact.callback_id


def _wall(at: datetime, contact: Contact) -> str:
    return at.astimezone(contact.customer.zone).strftime("%Y-%m-%d %H:%M")
