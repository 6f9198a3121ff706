"""What the sandbox's telephones show: what was sent to a customer, and what was written back."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Row, Select, func, or_, select, text
from sqlalchemy.orm import Session

from callback.db.tables import (
    Agent,
    Callback,
    Customer,
    Dissatisfaction,
    InboundMessage,
    Response,
    Send,
)
from callback.domain.words import LIVE_STATES, Channel, SendState

CARRIERS = ("sandbox_sms", "sandbox_voice", "sandbox_email")
LATEST = 150
"""So many of the newest sends are looked through for the list of telephones."""
_AUTOMATIC = text("callbacks.state = 'waiting' AND callbacks.channel IN ('sms', 'voice', 'email')")


def outbox() -> Select[tuple[Send]]:
    """What would have left. The edge adds order, cursor and limit."""
    return select(Send).where(Send.carrier.in_(CARRIERS))


def newest_of_each(session: Session) -> Sequence[Row[tuple[Send, Customer]]]:
    """The newest send of each customer among the newest sends of all, the newest first."""
    latest = select(Send.id, Send.customer_id).where(Send.carrier.in_(CARRIERS), Send.customer_id.is_not(None))
    looked_at = latest.order_by(Send.id.desc()).limit(LATEST).subquery()
    newest = select(func.max(looked_at.c.id)).group_by(looked_at.c.customer_id)
    query = select(Send, Customer).join(Customer, Customer.id == Send.customer_id).where(Send.id.in_(newest))
    return session.execute(query.order_by(Send.id.desc())).all()


def sends_to(session: Session, customer_id: int, *, limit: int) -> Sequence[Send]:
    """The newest, oldest first; what waits for the worker is among them."""
    mine = select(Send).where(Send.customer_id == customer_id, or_(Send.carrier.in_(CARRIERS), Send.carrier == ""))
    return session.scalars(mine.order_by(Send.id.desc()).limit(limit)).all()[::-1]


def written_by(
    session: Session, customer_id: int, addresses: Collection[str], *, limit: int
) -> Sequence[InboundMessage]:
    """What the customer wrote, oldest first."""
    mine = or_(
        InboundMessage.customer_id == customer_id,
        InboundMessage.customer_id.is_(None) & InboundMessage.from_address.in_(addresses),
    )
    query = select(InboundMessage).where(mine).order_by(InboundMessage.id.desc()).limit(limit)
    return session.scalars(query).all()[::-1]


def latest_response(session: Session, customer_id: int) -> Response | None:
    query = select(Response).where(Response.customer_id == customer_id).order_by(Response.started_at.desc())
    return session.scalars(query.order_by(Response.id.desc()).limit(1)).one_or_none()


def latest_flag(session: Session, case_id: int) -> Dissatisfaction | None:
    query = select(Dissatisfaction).where(Dissatisfaction.case_id == case_id).order_by(Dissatisfaction.id.desc())
    return session.scalars(query.limit(1)).one_or_none()


def owed_to(session: Session, customer_id: int) -> Sequence[tuple[Callback, Agent | None]]:
    """What is still owed to the customer, and who will do it."""
    query = select(Callback, Agent).outerjoin(Agent, Agent.id == Callback.agent_id)
    query = query.where(Callback.customer_id == customer_id, Callback.state.in_(LIVE_STATES))
    return [(callback, agent) for callback, agent in session.execute(query.order_by(Callback.id))]


def waiting(session: Session, channels: Collection[Channel], *, most: int) -> tuple[int, datetime | None]:
    """How many automatic contacts wait (at most `most`), and when the first of them may be looked at."""
    mine = select(func.coalesce(Callback.next_try_at, Callback.earliest_at).label("at"))
    mine = mine.where(_AUTOMATIC, Callback.channel.in_(channels)).limit(most)
    found = mine.subquery()
    count, first = session.execute(select(func.count(), func.min(found.c.at))).one()
    return int(count), first


def left_lying(session: Session, *, before: datetime) -> bool:
    """Something has waited for a worker since `before`."""
    query = select(Send.id).where(text("sends.state = 'queued'"), Send.state == SendState.QUEUED, Send.due_at < before)
    return session.scalar(query.limit(1)) is not None
