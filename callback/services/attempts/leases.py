"""Calls that nobody finished: the lease ran out, and what was said by then must not be lost."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db import callbacks as callback_rows
from callback.db import decisions
from callback.db.claims import changed_one
from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Callback
from callback.domain.rules import states_below
from callback.domain.words import AttemptState, CallbackState
from callback.services import cases
from callback.services.attempts import consequences
from callback.services.attempts.walk import Walk
from callback.services.dissatisfactions import wake_planner

CHUNK = 100


def release_expired(sessions: SessionFactory, *, now: datetime) -> int:
    """Give back every agent's call whose lease has run out; returns how many. Safe to run anywhere and at any time.

    Each in a transaction of its own. See `release`.
    """
    released = 0
    with sessions.begin() as session:
        found = callback_rows.lease_expired(session, now=now, limit=CHUNK)
    for callback_id in found:
        with sessions.begin() as session:
            released += release(session, callback_id=callback_id, now=now)
    return released


def release(session: Session, *, callback_id: int, now: datetime) -> bool:
    """One call whose lease has run out. False when it has been finished or renewed in the meantime.

    Whether the customer was called is not known here, so the attempt becomes `unknown` and counts: nobody is called
    more often than allowed because a browser was closed. The callback goes back to the same agent's list; starting it
    again brings back the same attempt, so that its end can be recorded. If another agent starts it later, it ends as a
    failure. What the customer has heard is a fact of the case at once.
    """
    attempt = rows.lock_open(session, callback_id)
    callback = callback_rows.locked(session, callback_id)
    if callback.state is not CallbackState.IN_PROGRESS or callback.lease_until is None or callback.lease_until >= now:
        return False
    stays = callback.agent_id is not None and callback.planned_at is not None
    changed_one(
        session,
        update(Callback)
        .where(Callback.id == callback_id, Callback.state == CallbackState.IN_PROGRESS)
        .values(
            state=CallbackState.ASSIGNED if stays else CallbackState.WAITING,
            claimed_by_id=None,
            lease_until=None,
            attempts_made=rows.counted(session, callback_id),
            updated_at=now,
            version=Callback.version + 1,
        ),
    )
    session.refresh(callback)
    if attempt is not None:
        _lose(session, attempt, now=now)
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about="retry",
        rule="lease_expired",
        verdict="unknown",
        inputs={"attempt": attempt.handle if attempt is not None else None, "agent_id": callback.agent_id},
    )
    wake_planner(session, callback.case_id, now=now)
    return True


def _lose(session: Session, attempt: Attempt, *, now: datetime) -> None:
    moved = changed_one(
        session,
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.state.in_(states_below(AttemptState.UNKNOWN)))
        .values(state=AttemptState.UNKNOWN, lease_until=None, version=Attempt.version + 1),
    )
    if not moved or attempt.agent_id is None or not attempt.script_state:
        return
    session.refresh(attempt)
    walk = Walk.of(attempt)
    case = rows.locked_case(session, attempt.case_id)
    if walk.facts.identity:
        cases.record_handler(session, case_id=case.id, agent_id=attempt.agent_id, role="called", now=now)
    if walk.facts.told:
        consequences.tell(session, case, at=walk.told_at or now, now=now)
