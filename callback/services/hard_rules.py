"""The hard rules asked at the edge: fresh facts about one callback, read in the transaction that acts on the answer."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.db.customers import customer_facts
from callback.db.plans import read_cases
from callback.db.tables import Callback
from callback.domain.policy import Policy
from callback.domain.rules import Contact, Refusal, next_legal_moment, refusals
from callback.domain.words import Purpose
from callback.errors import RuleBroken
from callback.services.calendars import load_calendar, years_around
from callback.services.wording import sentence
from callback.texts import LANGUAGES

HORIZON = timedelta(days=60)
"""How far ahead a legal moment is looked for."""


def contact_of(
    session: Session, callback: Callback, *, at: datetime, agent_id: int | None, by_appointment: bool = False
) -> Contact:
    """The contact that this callback means at this moment, with everything the rules may ask, as it is now."""
    session.flush()
    case_facts = read_cases(session, [callback.case_id])
    customer = customer_facts(session, [callback.customer_id], now=at)[callback.customer_id]
    return Contact(
        at=at,
        channel=callback.channel,
        purpose=callback.purpose,
        customer=customer,
        case=case_facts.facts[callback.case_id],
        calendar=load_calendar(session, customer.country, years_around(at)),
        agent_id=agent_id,
        callback_id=callback.id,
        dissatisfaction=case_facts.flags.get(callback.case_id),
        by_appointment=by_appointment,
    )


def next_moment(contact: Contact, policy: Policy) -> datetime | None:
    """The next moment at which anybody may make this contact; None when there is none within `HORIZON`.

    The rules about the person are left out: they do not pass with time.
    """
    return next_legal_moment(replace(contact, agent_id=None), policy, until=contact.at + HORIZON)


def standing_refusals(contact: Contact, policy: Policy, *, overridden: Iterable[str] = ()) -> tuple[Refusal, ...]:
    """What forbids the contact now. `overridden` names rules about the person that a supervisor has overruled."""
    refused = refusals(contact, policy)
    overruled = frozenset(overridden)
    if not overruled:
        return refused
    whoever_calls = refusals(replace(contact, agent_id=None), policy)
    return tuple(refusal for refusal in refused if refusal in whoever_calls or refusal.rule not in overruled)


def questions_refused(contact: Contact, policy: Policy) -> str | None:
    """Why the questionnaire may not be asked in this contact, or None.

    Questions at the end of a call are a survey like any other: the rest between surveys and an opt-out from them stop
    it too. Those of a second call belong to the recovery, and are not stopped.
    """
    if contact.purpose is Purpose.SECOND_CALL:
        return None
    as_survey = refusals(replace(contact, purpose=Purpose.SURVEY), policy)
    return next((refusal.reason for refusal in as_survey if refusal.rule in ("survey_rest", "suppression")), None)


def broken(
    refused: tuple[Refusal, ...], *, next_moment: datetime | None, code: str = "rule_forbids_call"
) -> RuleBroken:
    """The error for the first refusal. Its details say all of them, in both languages, and the next legal moment."""
    first = refused[0]
    return RuleBroken(
        code,
        rule=first.rule,
        reason=first.reason,
        next_moment="–" if next_moment is None else next_moment.isoformat(timespec="minutes"),
        details={
            "next_legal_moment": None if next_moment is None else next_moment.isoformat(),
            "refusals": [
                {
                    "rule": refusal.rule,
                    "reason": refusal.reason,
                    "sentences": {
                        language: sentence(f"rule.{refusal.reason}", refusal.params, language) for language in LANGUAGES
                    },
                }
                for refusal in refused
            ],
        },
    )
