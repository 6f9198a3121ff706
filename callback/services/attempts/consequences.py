"""What a finished call changes: the case is told or put off; the callback is done, tried again or given up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db import callbacks as callback_rows
from callback.db import decisions
from callback.db.claims import changed_one
from callback.db.policies import load_retry_table
from callback.db.tables import Attempt, Callback, Case
from callback.domain.call import settles
from callback.domain.disposition import spoke
from callback.domain.policy import Policy
from callback.domain.retry import RetryDecision, after
from callback.domain.rules import Contact, usable_addresses
from callback.domain.script import Facts
from callback.domain.words import (
    AppointmentState,
    BlockedBy,
    CallbackState,
    CaseStatus,
    Disposition,
)
from callback.services import appointments, cases
from callback.services.hard_rules import contact_of, next_moment

SOON = timedelta(hours=1)
"""A try that follows so soon stays with the agent who knows what it is about."""
GIVEN_UP: Mapping[str, tuple[CallbackState, BlockedBy | None]] = {
    "no_contact_point": (CallbackState.BLOCKED, BlockedBy.NEEDS_DATA),
    "no_legal_moment": (CallbackState.BLOCKED, BlockedBy.NO_LEGAL_MOMENT),
}
"""Ends that a supervisor can help; every other end without success is `exhausted`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What became of the callback."""

    state: CallbackState
    rule: str
    counts: bool
    next_try_at: datetime | None = None
    appointment_at: datetime | None = None


# ── The case ────────────────────────────────────────────────────────────────────────────────────────────────────────


def tell(session: Session, case: Case, *, at: datetime, now: datetime) -> None:
    """The customer has heard the answer: `told_at`, and the promise is kept or broken."""
    if case.answer:
        cases.mark_told(session, case=case, at=at, now=now)


def take_promise(
    session: Session, case: Case, callback: Callback, *, due_at: datetime, by: int, policy: Policy, now: datetime
) -> bool:
    """The holding call's new promise replaces the old one. True when it was put off more often than the policy allows.

    Raises `Invalid` (`promise_in_the_past`).
    """
    cases.promise(session, case=case, due_at=due_at, by=by, now=now, in_holding_call=True)
    too_many = case.repromises > policy.max_repromises
    decisions.record(
        session,
        now=now,
        case_id=case.id,
        callback_id=callback.id,
        about="promise",
        rule="max_repromises",
        verdict="supervisor" if too_many else "taken",
        inputs={"due_at": due_at.isoformat(), "repromises": case.repromises, "allowed": policy.max_repromises},
        actor_id=by,
    )
    return too_many


def new_needs(session: Session, case: Case, *, needs: Iterable[str], by: int, now: datetime) -> tuple[int, ...]:
    """Each need without an answer yet becomes a child case of the team leader; the ids."""
    return tuple(
        cases.create_child_case(
            session, parent=case, subject=" ".join(need.split())[:500], description=need, by=by, now=now
        ).id
        for need in needs
    )


def unanswered(facts: Facts) -> list[str]:
    """The needs that the agent could not answer in the call."""
    return [str(need["need"]) for need in facts.new_needs if need.get("need") and not need.get("answered")]


def close_accepted(session: Session, case: Case, *, by: int, now: datetime) -> None:
    """An answer that was told and accepted ends the case."""
    if case.status is not CaseStatus.CLOSED and case.answer and case.told_at is not None:
        cases.close_case(session, case=case, by=by, now=now)


# ── The callback ────────────────────────────────────────────────────────────────────────────────────────────────────


def settle_callback(
    session: Session,
    *,
    attempt: Attempt,
    callback: Callback,
    facts: Facts,
    policy: Policy,
    with_agent: int | None,
    now: datetime,
    taken: bool = False,
) -> After:
    """Done, tried again, or given up, by the retry table and the hard rules; the decision is kept.

    `taken`: a carrier had accepted it.
    """
    assert attempt.disposition is not None  # noqa: S101  it has just ended
    outcome = attempt.disposition
    done = settles(callback.purpose, outcome, facts)
    contact = contact_of(session, callback, at=now, agent_id=None)
    appointment_at = None if done else facts.appointment_at
    retry = _retry(session, attempt, contact, appointment_at=appointment_at, taken=taken, policy=policy)
    attempt.counts = retry.counts
    if retry.mark_contact is not None and attempt.contact_point_id is not None:
        rows.mark_contact(session, attempt.contact_point_id, retry.mark_contact)
    _keep_appointment(session, attempt, callback)
    session.flush()
    # Whoever says nothing to a survey and to its reminder has said enough: nothing is left for a supervisor to decide.
    silent = outcome is Disposition.NO_RESPONSE and retry.ends
    if done or silent or outcome is Disposition.REFUSED:
        ended = After(state=CallbackState.DONE, rule="settled", counts=retry.counts)
    elif retry.ends:
        ended = _given_up(retry)
    else:
        ended = _again(session, attempt, callback, retry, facts=facts, with_agent=with_agent, policy=policy, now=now)
    _write(session, attempt, callback, ended, now=now)
    _record(session, attempt, callback, ended, now=now)
    return ended


def _retry(
    session: Session,
    attempt: Attempt,
    contact: Contact,
    *,
    appointment_at: datetime | None,
    taken: bool,
    policy: Policy,
) -> RetryDecision:
    assert attempt.disposition is not None  # noqa: S101  see `settle_callback`
    others = set(usable_addresses(contact.customer, contact.channel, contact.purpose)) - {attempt.address}
    return after(
        attempt.disposition,
        now=contact.at,
        nth=rows.ended_so(session, attempt.callback_id, attempt.disposition),
        attempts_made=rows.counted(session, attempt.callback_id, without=attempt.id),
        zone=contact.customer.zone,
        calendar=contact.calendar,
        policy=policy,
        more_contact_points=bool(others),
        appointment_at=appointment_at,
        taken=taken,
        table=load_retry_table(session),
    )


def _keep_appointment(session: Session, attempt: Attempt, callback: Callback) -> None:
    """The appointment that brought this call about was kept when somebody spoke, else it was missed."""
    if attempt.by_appointment:
        kept = spoke(attempt.disposition)
        state = AppointmentState.KEPT if kept else AppointmentState.MISSED
        rows.settle_appointment(session, callback.id, state)


def _given_up(retry: RetryDecision) -> After:
    state, _ = GIVEN_UP.get(retry.rule, (CallbackState.EXHAUSTED, None))
    # A conversation that was cut short before anything was settled is not over for the house: the supervisor sees it.
    rule = "cut_short" if retry.rule == "settled" else retry.rule
    return After(state=state, rule=rule, counts=retry.counts)


def _again(
    session: Session,
    attempt: Attempt,
    callback: Callback,
    retry: RetryDecision,
    *,
    facts: Facts,
    with_agent: int | None,
    policy: Policy,
    now: datetime,
) -> After:
    """Waiting for the next legal moment, or for the customer's own."""
    if facts.appointment_at is not None:
        at = facts.appointment_at
        appointments.check(session, callback=callback, at=at, now=now, policy=policy)
        appointments.make(session, callback=callback, at=at, agent_id=with_agent, made_in=attempt, now=now)
        return After(
            state=CallbackState.WAITING, rule="appointment", counts=retry.counts, next_try_at=at, appointment_at=at
        )
    assert retry.next_try_at is not None  # noqa: S101  it does not end
    legal = next_moment(contact_of(session, callback, at=retry.next_try_at, agent_id=None), policy)
    if legal is None:
        return After(state=CallbackState.BLOCKED, rule="no_legal_moment", counts=retry.counts)
    stays = legal - now <= SOON and callback_rows.slot_at(session, attempt.agent_id or 0, legal) is not None
    state = CallbackState.ASSIGNED if stays else CallbackState.WAITING
    return After(state=state, rule=retry.rule, counts=retry.counts, next_try_at=legal)


def _write(session: Session, attempt: Attempt, callback: Callback, ended: After, *, now: datetime) -> None:
    """Move the callback on, unless it has come to an end by another hand while the lease was lost."""
    values: dict[str, Any] = {
        "state": ended.state,
        "blocked_by": None,
        "claimed_by_id": None,
        "lease_until": None,
        "attempts_made": rows.counted(session, callback.id),
        "updated_at": now,
        "version": Callback.version + 1,
    }
    if ended.state is CallbackState.ASSIGNED and ended.next_try_at is not None:
        slot_id = callback_rows.slot_at(session, attempt.agent_id or 0, ended.next_try_at)
        values |= {"next_try_at": ended.next_try_at, "planned_at": ended.next_try_at, "slot_id": slot_id}
    elif ended.state in (CallbackState.WAITING, CallbackState.BLOCKED):
        values |= {"agent_id": None, "slot_id": None, "planned_at": None, "pinned": False}
        values |= {"next_try_at": ended.next_try_at} if ended.next_try_at else {}
        if ended.state is CallbackState.BLOCKED:
            values["blocked_by"] = GIVEN_UP[ended.rule][1]
    else:
        result = attempt.disposition.value if attempt.disposition else None
        values |= {"result": result, "finished_at": now, "slot_id": None}
    statement = (
        update(Callback)
        .where(Callback.id == callback.id)
        .where(Callback.state.in_((CallbackState.IN_PROGRESS, CallbackState.ASSIGNED)))
        .values(**values)
    )
    changed_one(session, statement)
    session.refresh(callback)


def _record(session: Session, attempt: Attempt, callback: Callback, ended: After, *, now: datetime) -> None:
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about="retry" if ended.state.is_live else "end",
        rule=ended.rule,
        verdict=ended.state.value,
        inputs={
            "attempt": attempt.handle,
            "disposition": attempt.disposition.value if attempt.disposition else "",
            "attempts_made": callback.attempts_made,
            "counts": ended.counts,
        }
        | ({"next_try_at": ended.next_try_at.isoformat()} if ended.next_try_at else {}),
    )
