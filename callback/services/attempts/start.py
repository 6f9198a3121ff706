"""A call begins: claimed, the hard rules asked again, the script made ready, the attempt written before the dial."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import attempts as attempt_rows
from callback.db import callbacks as rows
from callback.db import decisions
from callback.db.claims import changed_one
from callback.db.policies import load_policy, load_retry_table
from callback.db.tables import Agent, Attempt, Callback
from callback.domain.disposition import aapor_code
from callback.domain.handle import new_handle
from callback.domain.moment import part_of_day
from callback.domain.policy import Policy
from callback.domain.retry import RetryTable
from callback.domain.rules import Contact, usable_addresses
from callback.domain.words import AttemptState, BlockedBy, CallbackState, Channel, Disposition
from callback.errors import CallbackError, Conflict, Forbidden, Invalid, RuleBroken
from callback.services import callbacks
from callback.services.attempts import consequences
from callback.services.attempts.sheet import CallSheet, sheet_of
from callback.services.attempts.walk import Walk
from callback.services.dissatisfactions import wake_planner
from callback.services.hard_rules import broken, contact_of, next_moment, questions_refused, standing_refusals
from callback.services.scripts import prepare
from callback.settings import Settings

EARLY = timedelta(minutes=10)
"""So much before an appointment the call is still the customer's own wish."""
MOST_PASSED_OVER = 20
"""Callbacks that one request for the next call puts off before it gives up."""


def start(session: Session, *, handle: str, agent_id: int, now: datetime, settings: Settings) -> CallSheet:
    """Begin the call of this callback, or come back to it: the same agent gets the same attempt.

    Whatever forbids the call is an error before anything is dialled, and then nothing has changed.
    Raises `NotFound`, `Conflict` (`callback_taken`, `callback_over`, `callback_not_placed`, `callback_not_for_agents`,
    `other_call_under_way`), `RuleBroken` (`rule_forbids_call`), `Invalid` (`no_phone_left`,
    `script_placeholder_missing`).
    """
    _check_active(session, agent_id)
    rows.lock_agent(session, agent_id)
    callback = callbacks.find_callback(session, handle)
    under_way = rows.in_progress_of(session, agent_id)
    policy = load_policy(session)
    if under_way is not None:
        if under_way.id != callback.id:
            raise Conflict("other_call_under_way", callback=under_way.handle)
        return _resume(session, callback, agent_id=agent_id, now=now, policy=policy)
    _check_startable(callback, agent_id)
    claimed = callbacks.claim(
        session, callback_id=callback.id, customer_id=callback.customer_id, agent_id=agent_id, now=now, policy=policy
    )
    if claimed is None:
        raise Conflict("callback_taken")
    return _begin(session, claimed, agent_id=agent_id, now=now, policy=policy, settings=settings)


def start_next(session: Session, *, agent_id: int, now: datetime, settings: Settings) -> CallSheet | None:
    """Begin the first call on the agent's list that may be made now; None when there is none.

    A callback that a rule forbids now is put off to its next legal moment, one whose script has nothing to say goes to
    the supervisor: neither stands in the way of the next.
    """
    _check_active(session, agent_id)
    rows.lock_agent(session, agent_id)
    policy = load_policy(session)
    under_way = rows.in_progress_of(session, agent_id)
    if under_way is not None:
        return _resume(session, under_way, agent_id=agent_id, now=now, policy=policy)
    passed_over: set[int] = set()
    while len(passed_over) < MOST_PASSED_OVER:
        callback = callbacks.claim_next(session, agent_id=agent_id, now=now, policy=policy, passed_over=passed_over)
        if callback is None:
            return None
        try:
            return _begin(session, callback, agent_id=agent_id, now=now, policy=policy, settings=settings)
        except RuleBroken as error:
            _put_off(session, callback, error, now=now)
        except Invalid as error:
            _hand_over(session, callback, error, now=now)
        passed_over.add(callback.id)
    return None


def _check_active(session: Session, agent_id: int) -> None:
    agent = session.get(Agent, agent_id)
    if agent is None or not agent.active:
        raise Forbidden("agent_not_active")


def _check_startable(callback: Callback, agent_id: int) -> None:
    if callback.channel is not Channel.AGENT:
        raise Conflict("callback_not_for_agents", channel=callback.channel.value)
    if not callback.state.is_live:
        raise Conflict("callback_over", state=callback.state.value)
    if callback.state in (CallbackState.WAITING, CallbackState.BLOCKED):
        raise Conflict("callback_not_placed", state=callback.state.value)
    if callback.agent_id != agent_id or callback.state is CallbackState.IN_PROGRESS:
        raise Conflict("callback_taken")


def _resume(session: Session, callback: Callback, *, agent_id: int, now: datetime, policy: Policy) -> CallSheet:
    attempt = rows.open_attempt(session, callback.id)
    if attempt is None or attempt.agent_id != agent_id:
        raise Conflict("callback_taken")
    attempt_rows.keep_lease(session, attempt, agent_id=agent_id, now=now, lease_until=now + policy.claim_lease)
    session.refresh(callback)
    return sheet_of(session, attempt, now=now)


def _begin(
    session: Session, callback: Callback, *, agent_id: int, now: datetime, policy: Policy, settings: Settings
) -> CallSheet:
    """The claimed callback gets its attempt. Everything that can refuse does so before the first row is written."""
    left_open = rows.open_attempt(session, callback.id)
    if left_open is not None and left_open.agent_id == agent_id:
        # The lease ran out in this agent's own call: its end has to be recorded, nothing is dialled again.
        return sheet_of(session, left_open, now=now)
    appointment = rows.open_appointment(session, callback.id)
    by_appointment = appointment is not None and now >= appointment.at - EARLY
    contact = contact_of(session, callback, at=now, agent_id=agent_id, by_appointment=by_appointment)
    overridden = rows.overridden_for(session, callback_id=callback.id, agent_id=agent_id)
    refused = standing_refusals(contact, policy, overridden=overridden)
    if refused:
        raise broken(refused, next_moment=next_moment(contact, policy))
    address = next_address(contact, load_retry_table(session))
    if address is None:
        raise Invalid("no_phone_left")
    prepared = prepare(session, callback_id=callback.id, agent_id=agent_id, now=now, settings=settings)
    if left_open is not None:
        _give_up(session, left_open, now=now)
    point = attempt_rows.contact_point(session, customer_id=callback.customer_id, address=address)
    attempt = Attempt(
        handle=new_handle(),
        callback_id=callback.id,
        case_id=callback.case_id,
        customer_id=callback.customer_id,
        contact_point_id=point.id if point is not None else None,
        address=address,
        channel=Channel.AGENT,
        agent_id=agent_id,
        state=AttemptState.CLAIMED,
        by_appointment=by_appointment,
        part_of_day=part_of_day(now, contact.customer.zone),
        started_at=now,
        script_id=prepared.script_id,
        script_state=Walk.begun(prepared, no_questions=questions_refused(contact, policy)).to_json(),
        lease_until=now + policy.claim_lease,
        notes="",
    )
    session.add(attempt)
    session.flush()
    return sheet_of(session, attempt, now=now)


def next_address(contact: Contact, table: RetryTable) -> str | None:
    """The telephone number to dial: the first good one that the retry table has not moved on from."""
    usable = usable_addresses(contact.customer, contact.channel, contact.purpose)
    moved_on = {
        attempt.address
        for attempt in contact.customer.attempts
        if attempt.callback_id == contact.callback_id
        and attempt.disposition is not None
        and any(step.next_contact_point for step in table[attempt.disposition])
    }
    return next((address for address in usable if address not in moved_on), usable[0] if usable else None)


def _give_up(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Another agent calls now: the attempt whose end nobody recorded ends as a failure of ours, and still counts.

    What the customer said in it is not lost: needs that were written down become child cases.
    """
    values = {
        "disposition": Disposition.TECHNICAL_FAILURE,
        "aapor_code": aapor_code(Disposition.TECHNICAL_FAILURE),
        "counts": True,
        "ended_at": now,
    }
    if attempt_rows.end(session, attempt, values) and attempt.agent_id is not None and attempt.script_state:
        case = attempt_rows.locked_case(session, attempt.case_id)
        needs = consequences.unanswered(Walk.of(attempt).facts)
        consequences.new_needs(session, case, needs=needs, by=attempt.agent_id, now=now)


def _put_off(session: Session, callback: Callback, error: RuleBroken, *, now: datetime) -> None:
    """The planner places it again, not before its next legal moment; a supervisor's choice of person stays."""
    moment = error.details.get("next_legal_moment")
    next_at = datetime.fromisoformat(moment) if isinstance(moment, str) else None
    values: dict[str, object] = {"next_try_at": next_at or callback.next_try_at, "slot_id": None}
    if callback.pinned and next_at is not None:
        values |= {"state": CallbackState.ASSIGNED, "planned_at": next_at}
    else:
        values |= {"state": CallbackState.WAITING, "planned_at": None, "agent_id": None}
    _release(session, callback, values, now=now)
    _record(session, callback, rule=str(error.params["reason"]), verdict="put_off", now=now, at=moment)


def _hand_over(session: Session, callback: Callback, error: CallbackError, *, now: datetime) -> None:
    """Nobody can call with what is known: the supervisor has to add it."""
    values = {
        "state": CallbackState.BLOCKED,
        "blocked_by": BlockedBy.NEEDS_DATA,
        "agent_id": None,
        "slot_id": None,
        "planned_at": None,
    }
    _release(session, callback, values, now=now)
    params = {name: str(value) for name, value in error.params.items()}
    _record(session, callback, rule=error.code, verdict="blocked", now=now, **params)


def _release(session: Session, callback: Callback, values: Mapping[str, object], *, now: datetime) -> None:
    statement = (
        update(Callback)
        .where(Callback.id == callback.id, Callback.state == CallbackState.IN_PROGRESS)
        .values(**values, claimed_by_id=None, lease_until=None, updated_at=now, version=Callback.version + 1)
    )
    changed_one(session, statement)
    session.refresh(callback)
    wake_planner(session, callback.case_id, now=now)


def _record(session: Session, callback: Callback, *, rule: str, verdict: str, now: datetime, **inputs: object) -> None:
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about="retry",
        rule=rule[:64],
        verdict=verdict,
        inputs=inputs,
    )
