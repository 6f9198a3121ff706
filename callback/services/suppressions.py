"""Who is not to be contacted: every entry has its evidence, and taking it back is a fact of its own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callback.db import suppressions as rows
from callback.db.claims import changed_one
from callback.db.jobs import enqueue
from callback.db.tables import Customer, Suppression
from callback.domain.words import SuppressionScope
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit

OPT_OUT_WORD = "opt_out_word"
OPT_OUT_SENTENCE = "opt_out_sentence"
OPT_OUT_CARRIER = "opted_out_at_carrier"
OPT_OUT_CALL = "opt_out_in_call"
OPT_OUT_PAGE = "opt_out_on_page"
DO_NOT_CALL = "do_not_call_list"
BY_HAND = "by_hand"

TAKEN_BACK_BY_START = frozenset({OPT_OUT_WORD, OPT_OUT_SENTENCE, OPT_OUT_CARRIER})
"""What a START ends: what was said by message. A list, or what was said to a person, is not undone by a word."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    entry: Suppression
    new: bool
    """False: it was so already, and nobody needs to be told again."""


def suppress(
    session: Session,
    *,
    scope: SuppressionScope,
    reason: str,
    evidence: Mapping[str, Any],
    now: datetime,
    customer_id: int | None = None,
    address: str | None = None,
    by: int | None = None,
) -> Suppressed:
    """Keep that this person, or this address, is not to be contacted. Saying it again changes nothing.

    `evidence`: what was said or received, where and when. Raises `Invalid` (`suppression_nobody`,
    `suppression_without_evidence`).
    """
    if customer_id is None and not address:
        raise Invalid("suppression_nobody")
    if not any(value not in (None, "") for value in evidence.values()):
        raise Invalid("suppression_without_evidence")
    present = rows.live(session, scope=scope, customer_id=customer_id, address=address)
    if present is not None:
        return Suppressed(present, new=False)
    entry = Suppression(
        customer_id=customer_id,
        address=address,
        scope=scope,
        reason=reason,
        evidence={**evidence, "at": now.isoformat()},
        created_at=now,
        created_by_id=by,
    )
    session.add(entry)
    _woken(session, entry, now=now)
    return Suppressed(entry, new=True)


def suppress_by_hand(
    session: Session,
    *,
    scope: SuppressionScope,
    words: str,
    now: datetime,
    by: int | None,
    customer_id: int | None = None,
    address: str | None = None,
) -> Suppressed:
    """A person enters it; `words` is what the customer said, or why. Raises as `suppress` does, and `NotFound`."""
    if customer_id is not None and session.get(Customer, customer_id) is None:
        raise NotFound("customer_not_found", customer=customer_id)
    evidence = {"words": words.strip()}
    done = suppress(
        session,
        scope=scope,
        reason=BY_HAND,
        evidence=evidence,
        now=now,
        customer_id=customer_id,
        address=address,
        by=by,
    )
    if done.new:
        audit.record(
            session,
            now=now,
            actor_id=by,
            action="suppression.add",
            subject_kind="suppression",
            subject_id=done.entry.id,
            scope=scope.value,
        )
    return done


def lift(session: Session, *, suppression_id: int, words: str, by: int | None, now: datetime) -> Suppression:
    """A person takes an entry back, with the reason.

    Raises `NotFound` (`suppression_not_found`), `Conflict` (`suppression_lifted`), `Invalid`
    (`suppression_without_evidence`).
    """
    if not words.strip():
        raise Invalid("suppression_without_evidence")
    entry = session.get(Suppression, suppression_id)
    if entry is None:
        raise NotFound("suppression_not_found")
    if not _lifted(session, entry, evidence={"words": words.strip(), "by": by}, now=now):
        raise Conflict("suppression_lifted")
    audit.record(
        session,
        now=now,
        actor_id=by,
        action="suppression.lift",
        subject_kind="suppression",
        subject_id=entry.id,
        words=words.strip(),
    )
    return entry


def take_back(
    session: Session, *, address: str, customer_ids: Collection[int], evidence: Mapping[str, Any], now: datetime
) -> Sequence[Suppression]:
    """The customer writes START: what they had ended by message is lifted. Gives what was."""
    found = rows.live_of(session, address=address, customer_ids=customer_ids)
    mine = [entry for entry in found if entry.reason in TAKEN_BACK_BY_START]
    return [entry for entry in mine if _lifted(session, entry, evidence=dict(evidence), now=now)]


def _lifted(session: Session, entry: Suppression, *, evidence: dict[str, Any], now: datetime) -> bool:
    statement = rows.lift_statement(entry.id, evidence={**evidence, "at": now.isoformat()}, now=now)
    if not changed_one(session, statement):
        return False
    session.refresh(entry)
    _woken(session, entry, now=now)
    return True


def _woken(session: Session, entry: Suppression, *, now: datetime) -> None:
    """What is owed to these people may have changed: the planner looks again."""
    if entry.customer_id is not None:
        rows.wake_cases(session, now=now, customer_id=entry.customer_id)
    if entry.address is not None:
        rows.wake_cases(session, now=now, addresses=[entry.address])
    enqueue(session, "plan", queueing_lock="plan")
