"""Unhappy customers: the flag that is raised, the second call, and what a supervisor decides when that fails too."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callback.db import callbacks as callback_rows
from callback.db import decisions
from callback.db import dissatisfactions as rows
from callback.db.claims import changed_one
from callback.db.jobs import enqueue
from callback.db.policies import load_policy
from callback.db.tables import Callback, Case, Dissatisfaction
from callback.domain.dissatisfaction import Verdict
from callback.domain.handle import new_handle
from callback.domain.moment import add_working_days
from callback.domain.policy import Policy
from callback.domain.recovery import SUB_CAUSES, Finding
from callback.domain.words import (
    CallbackState,
    Cause,
    Channel,
    DissatisfactionState,
    PartOfDay,
    Purpose,
    RecoveryStep,
)
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit
from callback.services.hard_rules import contact_of
from callback.services.placements import place
from callback.services.recoveries import write_finding

SEVEREST_PRIORITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """What became of the flag after one contact."""

    id: int
    state: DissatisfactionState
    failures: int


# ── What a contact does to the flag ─────────────────────────────────────────────────────────────────────────────────


def raise_flag(
    session: Session,
    *,
    callback: Callback,
    verdict: Verdict,
    part_of_day: PartOfDay,
    now: datetime,
    by: int | None,
    cause: str | None = None,
) -> Raised:
    """The contact in `callback` has left the customer unhappy.

    The first time raises the flag, which calls for a second call. When the second call itself failed, person, place and
    time have been changed once: the flag is escalated to the supervisor. Any other contact adds its evidence.
    """
    evidence = [
        {**seen, "callback": callback.handle, "part_of_day": part_of_day.value, "at": now.isoformat()}
        for seen in verdict.evidence
    ]
    flag = rows.live_flag(session, callback.case_id)
    if flag is None:
        flag = Dissatisfaction(
            case_id=callback.case_id,
            customer_id=callback.customer_id,
            team_id=rows.team_of(session, callback),
            callback_id=callback.id,
            rule=verdict.rule,
            severity=verdict.severity,
            evidence=evidence,
            failures=1,
            state=DissatisfactionState.OPEN,
            raised_at=now,
        )
        session.add(flag)
    else:
        flag.evidence = [*flag.evidence, *evidence]
        flag.version += 1
        if callback.purpose is Purpose.SECOND_CALL:
            flag.failures += 1
            flag.state = DissatisfactionState.ESCALATED
            flag.second_call_id = callback.id
            _take_cause(session, flag, cause, by=by, now=now)
    session.flush()
    if flag.failures == 1 and callback.id == flag.callback_id:
        rows.add_step(session, flag, RecoveryStep.LISTEN, by=by, now=now)
    _decide(session, flag, callback, rule=verdict.rule.value, verdict=flag.state.value, by=by, now=now)
    return _raised(flag)


def settle_second_call(
    session: Session, *, callback: Callback, recovered: bool, why: str, cause: str | None, now: datetime, by: int | None
) -> Raised | None:
    """A second call has ended without a new complaint: the customer is won back, or was not reached or would not talk.

    The latter goes to the supervisor: `why` is how it ended. None when the flag was settled in the meantime.
    """
    flag = rows.live_flag(session, callback.case_id)
    if flag is None:
        return None
    flag.second_call_id = callback.id
    flag.version += 1
    _take_cause(session, flag, cause, by=by, now=now)
    if recovered:
        rows.add_step(session, flag, RecoveryStep.TELL, by=by, now=now)
        flag.state, flag.closed_at, flag.closed_by_id = DissatisfactionState.RECOVERED, now, by
    else:
        flag.state = DissatisfactionState.ESCALATED
        flag.evidence = [*flag.evidence, {"rule": "second_call_failed", "outcome": why, "at": now.isoformat()}]
    session.flush()
    _decide(session, flag, callback, rule="second_call", verdict=flag.state.value, by=by, now=now)
    return _raised(flag)


def _take_cause(session: Session, flag: Dissatisfaction, cause: str | None, *, by: int | None, now: datetime) -> None:
    """The kind that the agent found in the second call; a word of a centre's own script is none of the three."""
    if cause not in set(Cause):
        return
    flag.cause = Cause(cause)
    if flag.sub_cause not in SUB_CAUSES[flag.cause]:
        flag.sub_cause = None
    rows.add_step(session, flag, RecoveryStep.ANALYSE, by=by, now=now)


def _raised(flag: Dissatisfaction) -> Raised:
    return Raised(id=flag.id, state=flag.state, failures=flag.failures)


def _decide(
    session: Session,
    flag: Dissatisfaction,
    callback: Callback | None,
    *,
    rule: str,
    verdict: str,
    now: datetime,
    by: int | None = None,
    about: str = "dissatisfaction",
    **inputs: Any,
) -> None:
    decisions.record(
        session,
        now=now,
        case_id=flag.case_id,
        callback_id=callback.id if callback is not None else None,
        about=about,
        rule=rule,
        verdict=verdict,
        inputs={"dissatisfaction": flag.id, "severity": flag.severity.value, "failures": flag.failures} | inputs,
        actor_id=by,
    )


# ── What a supervisor decides ───────────────────────────────────────────────────────────────────────────────────────


def find(session: Session, dissatisfaction_id: int) -> Dissatisfaction:
    """Raises `NotFound` (`dissatisfaction_not_found`)."""
    flag = session.get(Dissatisfaction, dissatisfaction_id)
    if flag is None:
        raise NotFound("dissatisfaction_not_found")
    return flag


def assign_second_call(
    session: Session,
    *,
    dissatisfaction_id: int,
    agent_id: int,
    by: int,
    now: datetime,
    at: datetime | None = None,
    override_reason: str | None = None,
    version: int | None = None,
) -> Callback:
    """A supervisor gives the second call to this agent, at the next legal moment or at `at`.

    An agent whom a rule about persons forbids (handled the case, spoke before, language, skill) is refused unless
    `override_reason` says why it shall be so; that is kept as a decision and audited. Rules about moments are never
    overruled. After two failures, or when the planner found nobody, this makes the call that the planner would not.

    Raises `NotFound`, `Conflict` (`dissatisfaction_settled`, `changed_meanwhile`, `callback_taken`), `RuleBroken`
    (`rule_forbids_agent`, `rule_forbids_call`).
    """
    flag = _lock(session, dissatisfaction_id, version=version)
    if callback_rows.agent_facts(session, agent_id) is None:
        raise NotFound("agent_not_found", agent=agent_id)
    callback = rows.live_second_call(session, flag.case_id) or _new_second_call(
        session, flag, policy=load_policy(session), now=now
    )
    place(
        session,
        callback,
        agent_id=agent_id,
        by=by,
        now=now,
        at=at,
        override_reason=override_reason,
        about={"dissatisfaction": flag.id, "severity": flag.severity.value, "failures": flag.failures},
    )
    flag.second_call_id = callback.id
    flag.version += 1
    session.flush()
    return callback


def _new_second_call(session: Session, flag: Dissatisfaction, *, policy: Policy, now: datetime) -> Callback:
    """A further second call, which only a supervisor makes."""
    callback = Callback(
        handle=new_handle(),
        case_id=flag.case_id,
        customer_id=flag.customer_id,
        parent_id=flag.callback_id,
        purpose=Purpose.SECOND_CALL,
        channel=Channel.AGENT,
        state=CallbackState.WAITING,
        priority=SEVEREST_PRIORITY,
        earliest_at=now,
        due_at=now + timedelta(days=1),
        attempts_made=0,
        created_at=now,
        updated_at=now,
    )
    session.add(callback)
    session.flush()
    contact = contact_of(session, callback, at=now, agent_id=None)
    callback.due_at = add_working_days(now, policy.second_call_working_days, contact.customer.zone, contact.calendar)
    session.flush()
    return callback


def close(
    session: Session,
    *,
    dissatisfaction_id: int,
    finding: Finding,
    by: int,
    now: datetime,
    version: int | None = None,
) -> Dissatisfaction:
    """A supervisor settles the matter, with the cause. A second call that is still to be made is taken back.

    What the finding leaves open stays as it was found before. Raises `NotFound`, `Invalid` (`cause_missing`,
    `cause_not_of_kind`), `Conflict` (`dissatisfaction_settled`, `changed_meanwhile`, `callback_taken` while the second
    call is being made).
    """
    flag = _lock(session, dissatisfaction_id, version=version)
    write_finding(session, flag, finding, by=by, now=now)
    if flag.cause is None or flag.sub_cause is None:
        raise Invalid("cause_missing")
    callback = rows.live_second_call(session, flag.case_id)
    if callback is not None:
        _take_back(session, callback, now=now)
    flag.state = DissatisfactionState.CLOSED
    flag.closed_at, flag.closed_by_id = now, by
    flag.version += 1
    rows.add_step(session, flag, RecoveryStep.REVIEW, by=by, now=now)
    wake_planner(session, flag.case_id, now=now)
    causes = {"cause": flag.cause.value, "sub_cause": flag.sub_cause.value}
    _decide(session, flag, callback, rule="supervisor", verdict="closed", by=by, now=now, **causes)
    audit.record(
        session,
        now=now,
        actor_id=by,
        action="dissatisfaction.close",
        subject_kind="dissatisfaction",
        subject_id=flag.id,
        **causes,
    )
    return flag


def _take_back(session: Session, callback: Callback, *, now: datetime) -> None:
    taken_back = changed_one(
        session,
        update(Callback)
        .where(Callback.id == callback.id)
        .where(Callback.state.in_((CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.BLOCKED)))
        .values(
            state=CallbackState.CANCELLED,
            blocked_by=None,
            result="dissatisfaction_closed",
            slot_id=None,
            finished_at=now,
            updated_at=now,
            version=Callback.version + 1,
        ),
    )
    if not taken_back:
        raise Conflict("callback_taken")


def _lock(session: Session, dissatisfaction_id: int, *, version: int | None) -> Dissatisfaction:
    """The live flag, with its case and customer locked in the order in which the planner locks them."""
    seen = find(session, dissatisfaction_id)
    session.execute(select(Case.id).where(Case.id == seen.case_id).with_for_update(key_share=True))
    callback_rows.lock_customer(session, seen.customer_id)
    flag = rows.locked(session, dissatisfaction_id)
    assert flag is not None  # noqa: S101  flags are never deleted
    if flag.state not in rows.LIVE:
        raise Conflict("dissatisfaction_settled", state=flag.state.value)
    if version is not None and flag.version != version:
        raise Conflict("changed_meanwhile", present=flag.version)
    return flag


def wake_planner(session: Session, case_id: int, *, now: datetime) -> None:
    session.execute(
        update(Case).where(Case.id == case_id).values(plan_at=now).execution_options(synchronize_session=False)
    )
    enqueue(session, "plan", queueing_lock="plan")
