"""The hard rules: never traded away, checked at planning and again at the edge, in this one place.

Each rule is a function `(Contact, Policy) -> Refusal | None` in `HARD_RULES`, in the order in which they are asked.
Two of the seven are not about a moment and stand beside the list: `identity.may_reveal` (nothing about the case before
the person is confirmed) and `once.may_move` (an attempt only moves forward). The last, that no survey answer is lost,
is a matter of transactions and has nothing to compute.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from callback.domain.policy import Policy
from callback.domain.rules.affinity import another_part_of_day, another_person, cool_off
from callback.domain.rules.budget import attempts_per_callback, attempts_per_day, refused, survey_rest
from callback.domain.rules.contact import Contact, Refusal
from callback.domain.rules.identity import may_reveal
from callback.domain.rules.once import may_move, rank, states_below
from callback.domain.rules.people import QUALIFICATIONS, against, may, who_may
from callback.domain.rules.suppression import addresses_of, suppression, usable_addresses
from callback.domain.rules.window import window
from callback.domain.rules.wish import forbidden_dates, preferred_time

__all__ = [
    "HARD_RULES",
    "QUALIFICATIONS",
    "SOFT_RULES",
    "Contact",
    "Refusal",
    "addresses_of",
    "against",
    "may",
    "may_move",
    "may_reveal",
    "next_legal_moment",
    "objections",
    "rank",
    "refusals",
    "states_below",
    "usable_addresses",
    "who_may",
]

Rule = Callable[[Contact, Policy], Refusal | None]

HARD_RULES: tuple[Rule, ...] = (
    suppression,
    refused,
    attempts_per_callback,
    attempts_per_day,
    survey_rest,
    window,
    forbidden_dates,
    another_person,
    cool_off,
    another_part_of_day,
)


SOFT_RULES: tuple[Rule, ...] = (preferred_time,)
"""What is avoided while promises can be kept; it is told, and forbids nothing."""


def objections(contact: Contact, policy: Policy) -> tuple[Refusal, ...]:
    """What speaks against `contact` without forbidding it."""
    return tuple(refusal for rule in SOFT_RULES if (refusal := rule(contact, policy)) is not None)


def refusals(contact: Contact, policy: Policy) -> tuple[Refusal, ...]:
    """Every rule that forbids `contact`, in the order of the rules; empty when it is allowed."""
    return tuple(refusal for rule in HARD_RULES if (refusal := rule(contact, policy)) is not None)


def next_legal_moment(contact: Contact, policy: Policy, *, until: datetime) -> datetime | None:
    """The earliest moment from `contact.at` on and before `until` at which no rule refuses, in UTC; None without one.

    Each rule names the moment before which it refuses for certain, so the latest of them is the next one worth asking
    about: nothing legal is jumped over, and every round goes at least to the next window or the next day.
    """
    while contact.at < until:
        refused_by = refusals(contact, policy)
        if not refused_by:
            return contact.at.astimezone(UTC)
        moments = [refusal.not_before for refusal in refused_by if refusal.not_before is not None]
        if len(moments) < len(refused_by):
            return None
        contact = replace(contact, at=max(moments))
    return None
