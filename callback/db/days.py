"""An agent's day: the call under way, the calls made, what waits for a place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, func, or_, select, text
from sqlalchemy.orm import Session

from callback.db.callbacks import LIVE
from callback.db.tables import Attempt, Callback, Customer, Dissatisfaction, Response
from callback.domain.words import AttemptState, Channel

MOST_CALLS = 500
"""Of one day: nobody makes more."""
MOST_WAITING = 1_000


def under_way(session: Session, agent_id: int) -> Row[Any] | None:
    """The conversation that the agent has not ended: whose, since when. Also one whose lease ran out meanwhile."""
    held = or_(
        and_(text("callbacks.state = 'in_progress'"), Callback.claimed_by_id == agent_id),
        and_(text("callbacks.state = 'assigned'"), Callback.agent_id == agent_id),
    )
    return session.execute(
        select(
            Attempt.handle,
            Attempt.started_at,
            Attempt.address,
            Callback.handle.label("callback"),
            Callback.purpose,
            Customer.name,
        )
        .join(Callback, Callback.id == Attempt.callback_id)
        .join(Customer, Customer.id == Attempt.customer_id)
        .where(LIVE, held, Attempt.state != AttemptState.ENDED, Attempt.agent_id == agent_id)
        .order_by(Attempt.id.desc())
        .limit(1)
    ).first()


def calls(session: Session, *, agent_id: int, since: datetime) -> Sequence[Row[Any]]:
    """The agent's ended calls since then, the latest first, each with what the customer said of it.

    `unhappy`: the call raised a flag, or its second call failed too.
    """
    unhappy = exists().where(
        Dissatisfaction.raised_at >= Attempt.started_at,
        or_(Dissatisfaction.callback_id == Attempt.callback_id, Dissatisfaction.second_call_id == Attempt.callback_id),
    )
    return session.execute(
        select(
            Attempt.handle,
            Attempt.callback_id,
            Attempt.ended_at,
            Attempt.identity_at,
            Attempt.duration_s,
            Attempt.disposition,
            Callback.purpose,
            Customer.name,
            Response.csat,
            unhappy.label("unhappy"),
        )
        .join(Callback, Callback.id == Attempt.callback_id)
        .join(Customer, Customer.id == Attempt.customer_id)
        .outerjoin(
            Response, and_(Response.callback_id == Attempt.callback_id, Response.started_at >= Attempt.started_at)
        )
        .where(Attempt.agent_id == agent_id, Attempt.started_at >= since)
        .where(Attempt.channel == Channel.AGENT, Attempt.state == AttemptState.ENDED)
        .order_by(Attempt.started_at.desc(), Attempt.id.desc())
        .limit(MOST_CALLS)
    ).all()


def waiting_for_a_person(session: Session) -> int:
    """How many of the most urgent callbacks without a place are for a person to call; never counts further."""
    urgent = select(Callback.channel).where(text("callbacks.state = 'waiting'")).order_by(Callback.due_at, Callback.id)
    looked_at = urgent.limit(MOST_WAITING).subquery()
    return session.scalar(select(func.count()).where(looked_at.c.channel == Channel.AGENT)) or 0
