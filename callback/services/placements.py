"""A callback is given to one agent by hand, at the next legal moment or at a chosen one.

Who is suited may be overruled with a reason, which is kept as a decision and audited. When a customer may be called is
never overruled.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import callbacks as rows
from callback.db import decisions
from callback.db.claims import changed_one
from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback
from callback.domain.policy import Policy
from callback.domain.rules import Contact, Refusal, against
from callback.domain.words import CallbackState
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit
from callback.services.hard_rules import HORIZON, broken, contact_of, next_moment, standing_refusals

NOT_OVERRULED = frozenset({"inactive"})
"""A supervisor may overrule who is suited; nobody calls who does not work here any more."""
PLACEABLE = (CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.BLOCKED)


def place(
    session: Session,
    callback: Callback,
    *,
    agent_id: int,
    by: int,
    now: datetime,
    at: datetime | None = None,
    override_reason: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Give it to this agent. The caller has locked the case and the customer.

    An agent whom rules about persons forbid is refused with all of them, unless `override_reason` says why it shall be
    so: then each of them is overruled, and is on record by itself. `about` is kept with the decisions. Raises
    `NotFound` (`agent_not_found`), `Invalid` (`appointment_too_far`: a promise is not put off for years by a slip of
    the pen), `Conflict` (`callback_taken`, `callback_over`),
    `RuleBroken` (`rule_forbids_agent`, `rule_forbids_call`).
    """
    agent = rows.agent_facts(session, agent_id)
    if agent is None:
        raise NotFound("agent_not_found", agent=agent_id)
    check_placeable(callback)
    policy = load_policy(session)
    if at is not None and at > now + HORIZON:
        raise Invalid("appointment_too_far", days=HORIZON.days)
    at = None if at is None else max(at, now)
    contact = contact_of(session, callback, at=at or max(now, callback.next_try_at or now), agent_id=None)
    refused = tuple(against(contact, agent, policy))
    if refused and (override_reason is None or any(refusal.rule in NOT_OVERRULED for refusal in refused)):
        name = session.get_one(Agent, agent_id).name
        told = tuple(replace(refusal, params={**refusal.params, "agent_id": name}) for refusal in refused)
        raise broken(told, next_moment=next_moment(contact, policy), code="rule_forbids_agent")
    planned_at = _legal(contact, policy, asked_for=at)
    _write(session, callback, agent_id=agent_id, planned_at=planned_at, now=now)
    inputs = {**(about or {}), "agent_id": agent_id, "planned_at": planned_at.isoformat()}
    if not refused:
        _decide(
            session, callback, about="reassignment", rule="supervisor", verdict="assigned", by=by, now=now, **inputs
        )
    for refusal in refused:
        _keep_override(session, callback, refusal, reason=override_reason or "", by=by, now=now, **inputs)


def check_placeable(callback: Callback) -> None:
    """Raises `Conflict` (`callback_taken` while the call is being made, `callback_over` after its end)."""
    if callback.state is CallbackState.IN_PROGRESS:
        raise Conflict("callback_taken")
    if callback.state not in PLACEABLE:
        raise Conflict("callback_over", state=callback.state.value)


def _legal(contact: Contact, policy: Policy, *, asked_for: datetime | None) -> datetime:
    refused = standing_refusals(contact, policy)
    if not refused:
        return contact.at
    legal = next_moment(contact, policy)
    if asked_for is not None or legal is None:
        raise broken(refused, next_moment=legal)
    return legal


def _write(session: Session, callback: Callback, *, agent_id: int, planned_at: datetime, now: datetime) -> None:
    moved = changed_one(
        session,
        update(Callback)
        .where(Callback.id == callback.id, Callback.version == callback.version)
        .where(Callback.state.in_(PLACEABLE))
        .values(
            state=CallbackState.ASSIGNED,
            blocked_by=None,
            agent_id=agent_id,
            slot_id=rows.slot_at(session, agent_id, planned_at),
            planned_at=planned_at,
            pinned=True,
            updated_at=now,
            version=callback.version + 1,
        ),
    )
    if not moved:
        raise Conflict("callback_taken")
    session.refresh(callback)


def _keep_override(
    session: Session, callback: Callback, refusal: Refusal, *, reason: str, by: int, now: datetime, **inputs: Any
) -> None:
    """The override is what the start of the call looks for later (`db.callbacks.overridden_for`)."""
    _decide(
        session,
        callback,
        about="override",
        rule=refusal.rule,
        verdict="overridden",
        by=by,
        now=now,
        reason=reason,
        refusal=refusal.reason,
        **inputs,
    )
    audit.record(
        session,
        now=now,
        actor_id=by,
        action="callback.override",
        subject_kind="callback",
        subject_id=callback.handle,
        rule=refusal.rule,
        refusal=refusal.reason,
        reason=reason,
        agent_id=inputs["agent_id"],
    )


def _decide(
    session: Session, callback: Callback, *, about: str, rule: str, verdict: str, by: int, now: datetime, **inputs: Any
) -> None:
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about=about,
        rule=rule,
        verdict=verdict,
        inputs=inputs,
        actor_id=by,
    )
