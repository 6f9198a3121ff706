"""Hard rule 1: a second call is another person, at another time of the day, after the customer has cooled off."""

from datetime import timedelta

from callback.domain.disposition import spoke
from callback.domain.moment import next_legal, part_of_day
from callback.domain.policy import Policy
from callback.domain.rules.contact import Contact, Refusal
from callback.domain.words import Purpose

RULE = "negative_affinity"


def another_person(contact: Contact, policy: Policy) -> Refusal | None:  # noqa: ARG001
    """Never by anyone who handled the case or spoke in any earlier attempt on it, as recorded at the time."""
    if contact.purpose is not Purpose.SECOND_CALL or contact.agent_id is None:
        return None
    if contact.agent_id in contact.case.handler_ids:
        return Refusal(rule=RULE, reason="handled_case", params={"agent_id": contact.agent_id})
    for attempt in contact.customer.attempts:
        if attempt.agent_id != contact.agent_id or attempt.case_id != contact.case.id:
            continue
        if attempt.connected or spoke(attempt.disposition):
            return Refusal(rule=RULE, reason="spoke_before", params={"agent_id": contact.agent_id})
    return None


def cool_off(contact: Contact, policy: Policy) -> Refusal | None:
    """Not before the customer has had time to cool off."""
    if contact.purpose is not Purpose.SECOND_CALL or contact.dissatisfaction is None:
        return None
    over = contact.dissatisfaction.raised_at + policy.cool_off
    if contact.at >= over:
        return None
    return Refusal(
        rule=RULE,
        reason="cool_off",
        params={
            "until": f"{over.astimezone(contact.customer.zone):%Y-%m-%d %H:%M}",
            "hours": f"{policy.cool_off / timedelta(hours=1):g}",
        },
        not_before=over,
    )


def another_part_of_day(contact: Contact, policy: Policy) -> Refusal | None:
    """Not in a part of the day in which a contact left the customer unhappy."""
    if contact.purpose is not Purpose.SECOND_CALL or contact.dissatisfaction is None:
        return None
    unhappy = contact.dissatisfaction.unhappy_parts
    part = part_of_day(contact.at, contact.customer.zone)
    if part not in unhappy:
        return None
    return Refusal(
        rule=RULE,
        reason=f"same_part_of_day_{part}",
        params={"parts": sorted(part.value for part in unhappy)},
        not_before=next_legal(contact.at, contact.customer.zone, contact.calendar, policy, avoid=unhappy),
    )
