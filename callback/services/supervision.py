"""What a supervisor decides about one callback: who makes it after all, that nobody does, or that it is tried again.

Each is a decision of a person: kept with its reason, and audited.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callback.db import attempts as attempt_rows
from callback.db import callbacks as rows
from callback.db import decisions
from callback.db import dissatisfactions as flags
from callback.db.claims import changed_one
from callback.db.tables import Callback, Case
from callback.domain.facts import CALLED_AGAIN
from callback.domain.words import AppointmentState, CallbackState, Channel, Purpose
from callback.errors import Conflict, Invalid
from callback.services import audit, dissatisfactions
from callback.services.callbacks import find_callback
from callback.services.placements import PLACEABLE, check_placeable, place

CANCELLED = "cancelled"
LONGEST_REASON = 500


def assign(
    session: Session,
    *,
    handle: str,
    agent_id: int,
    by: int,
    now: datetime,
    at: datetime | None = None,
    override_reason: str | None = None,
    version: int | None = None,
) -> Callback:
    """Give it to this agent, at the next legal moment or at `at`; with a reason also against a rule about persons.

    Raises `NotFound`, `Conflict` (`changed_meanwhile`, `callback_taken`, `callback_over`, `callback_not_for_agents`),
    `RuleBroken` (`rule_forbids_agent`, `rule_forbids_call`).
    """
    callback = _lock(session, handle, version=version)
    if callback.channel is not Channel.AGENT:
        raise Conflict("callback_not_for_agents", channel=callback.channel.value)
    reason = _tidy(override_reason) or None
    flag = flags.live_flag(session, callback.case_id) if callback.purpose is Purpose.SECOND_CALL else None
    if flag is not None:
        return dissatisfactions.assign_second_call(
            session, dissatisfaction_id=flag.id, agent_id=agent_id, by=by, now=now, at=at, override_reason=reason
        )
    place(session, callback, agent_id=agent_id, by=by, now=now, at=at, override_reason=reason)
    return callback


def cancel(
    session: Session, *, handle: str, reason: str, by: int, now: datetime, version: int | None = None
) -> Callback:
    """Nobody calls about this any more; it counts as done with, so the planner does not make it anew.

    Raises `NotFound`, `Invalid` (`decision_reason_missing`), `Conflict` (`changed_meanwhile`, `callback_taken`,
    `callback_over`, `second_call_has_flag`: an unhappy customer is settled with the cause, or not at all).
    """
    reason = _reason(reason)
    callback = _lock(session, handle, version=version)
    check_placeable(callback)
    if callback.purpose is Purpose.SECOND_CALL and flags.live_flag(session, callback.case_id) is not None:
        raise Conflict("second_call_has_flag")
    ended = {
        "state": CallbackState.CANCELLED,
        "result": CANCELLED,
        "blocked_by": None,
        "slot_id": None,
        "finished_at": now,
    }
    _change(session, callback, ended, states=PLACEABLE, now=now)
    attempt_rows.settle_appointment(session, callback.id, AppointmentState.CANCELLED)
    _keep(session, callback, about="end", verdict=CANCELLED, action="callback.cancel", reason=reason, by=by, now=now)
    return callback


def call_again(session: Session, *, handle: str, reason: str, by: int, now: datetime) -> Callback:
    """An exhausted one does not count as tried: the planner decides anew, with a fresh budget, by all the rules.

    Raises `NotFound`, `Invalid` (`decision_reason_missing`), `Conflict` (`callback_not_exhausted`,
    `second_call_has_flag`: the next second call is arranged at the flag).
    """
    reason = _reason(reason)
    callback = _lock(session, handle)
    if callback.purpose is Purpose.SECOND_CALL:
        raise Conflict("second_call_has_flag")
    _decide_exhausted(session, callback, {"result": CALLED_AGAIN}, now=now)
    _keep(session, callback, about="retry", verdict="again", action="callback.again", reason=reason, by=by, now=now)
    dissatisfactions.wake_planner(session, callback.case_id, now=now)
    return callback


def let_rest(session: Session, *, handle: str, reason: str, by: int, now: datetime) -> Callback:
    """An exhausted one has been looked at, and nothing follows.

    Raises `NotFound`, `Invalid` (`decision_reason_missing`), `Conflict` (`callback_not_exhausted`).
    """
    reason = _reason(reason)
    callback = _lock(session, handle)
    _decide_exhausted(session, callback, {}, now=now)
    _keep(session, callback, about="end", verdict="rests", action="callback.rest", reason=reason, by=by, now=now)
    return callback


def _reason(text: str) -> str:
    if not (tidy := _tidy(text)):
        raise Invalid("decision_reason_missing")
    return tidy


def _tidy(text: str | None) -> str:
    return " ".join((text or "").split())[:LONGEST_REASON]


def _lock(session: Session, handle: str, *, version: int | None = None) -> Callback:
    """The callback as it is, with its case and customer locked in the order in which the planner locks them."""
    seen = find_callback(session, handle)
    session.execute(select(Case.id).where(Case.id == seen.case_id).with_for_update(key_share=True))
    rows.lock_customer(session, seen.customer_id)
    callback = rows.locked(session, seen.id)
    if version is not None and callback.version != version:
        raise Conflict("changed_meanwhile", present=callback.version)
    return callback


def _decide_exhausted(session: Session, callback: Callback, values: Mapping[str, Any], *, now: datetime) -> None:
    if callback.state is not CallbackState.EXHAUSTED or callback.decided_at is not None:
        raise Conflict("callback_not_exhausted")
    _change(session, callback, {**values, "decided_at": now}, states=(CallbackState.EXHAUSTED,), now=now)


def _change(
    session: Session,
    callback: Callback,
    values: Mapping[str, Any],
    *,
    states: tuple[CallbackState, ...],
    now: datetime,
) -> None:
    changed = changed_one(
        session,
        update(Callback)
        .where(Callback.id == callback.id, Callback.version == callback.version, Callback.state.in_(states))
        .values(**values, updated_at=now, version=callback.version + 1),
    )
    if not changed:
        raise Conflict("callback_taken")
    session.refresh(callback)


def _keep(
    session: Session,
    callback: Callback,
    *,
    about: str,
    verdict: str,
    action: str,
    reason: str,
    by: int,
    now: datetime,
) -> None:
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about=about,
        rule="supervisor",
        verdict=verdict,
        inputs={"reason": reason},
        actor_id=by,
    )
    audit.record(
        session,
        now=now,
        actor_id=by,
        action=action,
        subject_kind="callback",
        subject_id=callback.handle,
        reason=reason,
    )
