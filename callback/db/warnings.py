"""What early warning looks at: every live call of an agent, and promises that have no call yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, select
from sqlalchemy.orm import Session

from callback.db.among import plain, plain_scalars
from callback.db.tables import Callback, Case
from callback.domain.words import LIVE_STATES, CallbackState, CaseStatus, Channel


def live_calls(session: Session, *, until: datetime) -> Sequence[int]:
    """Callbacks that agents still have to begin and that are due before `until`."""
    live = LIVE_STATES - {CallbackState.IN_PROGRESS}
    query = select(Callback.id).where(
        Callback.state.in_(live), Callback.channel == Channel.AGENT, Callback.due_at < until
    )
    return list(plain_scalars(session, query.order_by(Callback.id)))


def calls(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Handle, state and planned moment of these."""
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(ids), 5_000):
        chunk = ids[start : start + 5_000]
        columns = (Callback.id, Callback.handle, Callback.case_id, Callback.purpose, Callback.due_at)
        found |= {row.id: row for row in plain(session, select(*columns).where(Callback.id.in_(chunk)))}
    return found


def promises_without_a_call(session: Session, *, now: datetime, until: datetime) -> Sequence[Row[Any]]:
    """Open cases whose promise falls due before `until`, and for which nobody has to call yet: unless an answer is
    found, each becomes a holding call on its day."""
    live = exists().where(Callback.case_id == Case.id, Callback.state.in_(LIVE_STATES))
    columns = (Case.id, Case.customer_id, Case.promised_at, Case.required_skill, Case.status, Case.opened_at)
    query = select(*columns).where(
        Case.promised_at > now,
        Case.promised_at < until,
        Case.status != CaseStatus.CLOSED,
        Case.told_at.is_(None),
        ~live,
    )
    return plain(session, query.order_by(Case.promised_at, Case.id)).all()
