"""Visits (定期回访): a supervisor arranges a friendly call about a case, outside the rules of promises."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db import decisions
from callback.db.jobs import enqueue
from callback.db.tables import Callback, Case
from callback.domain.handle import new_handle
from callback.domain.plan import BASE_PRIORITY
from callback.domain.words import LIVE_STATES, CallbackState, Channel, Purpose
from callback.errors import Conflict, Invalid
from callback.services import audit


def arrange(
    session: Session, *, case: Case, earliest_at: datetime, due_at: datetime, by: int | None, now: datetime
) -> Callback:
    """A callback for the purpose `visit`, to be placed by the next planning.

    Raises `Invalid` for times that cannot be kept and `Conflict` when a visit about the case is live already.
    """
    if due_at <= max(earliest_at, now):
        raise Invalid("visit_times")
    live = select(Callback.handle).where(
        Callback.case_id == case.id, Callback.purpose == Purpose.VISIT, Callback.state.in_(LIVE_STATES)
    )
    existing = session.scalar(live)
    if existing is not None:
        raise Conflict("visit_exists", callback=existing)
    callback = Callback(
        handle=new_handle(),
        case_id=case.id,
        customer_id=case.customer_id,
        purpose=Purpose.VISIT,
        channel=Channel.AGENT,
        state=CallbackState.WAITING,
        priority=BASE_PRIORITY[Purpose.VISIT],
        earliest_at=earliest_at,
        due_at=due_at,
        created_at=now,
        updated_at=now,
    )
    session.add(callback)
    session.flush()
    decisions.record(
        session,
        now=now,
        case_id=case.id,
        callback_id=callback.id,
        about="purpose",
        rule="visit",
        verdict="created",
        actor_id=by,
        inputs={"earliest": earliest_at.isoformat(), "due": due_at.isoformat(), "channel_rule": "always_a_person"},
    )
    audit.record(
        session, now=now, actor_id=by, action="visit.arranged", subject_kind="callback", subject_id=callback.handle
    )
    enqueue(session, "plan", queueing_lock="plan")
    return callback
