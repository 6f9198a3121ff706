"""Customers' messages: applied once, and the conversation that each belongs to."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from callback.db.tables import Attempt, InboundMessage, Response
from callback.domain.words import Channel, InboundOutcome, ResponseState


def by_provider_id(session: Session, provider_id: str) -> InboundMessage | None:
    return session.scalars(select(InboundMessage).where(InboundMessage.provider_id == provider_id)).one_or_none()


def conversation(session: Session, address: str) -> Response | None:
    """The response that is being filled in by message from this address; of several, the one begun last."""
    query = (
        select(Response)
        .join(Attempt, Attempt.callback_id == Response.callback_id)
        .where(Attempt.address == address, Attempt.channel == Channel.SMS, Response.state == ResponseState.OPEN)
        .order_by(Attempt.started_at.desc(), Attempt.id.desc())
        .limit(1)
    )
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def outcomes(session: Session, response_id: int, question: str) -> set[InboundOutcome]:
    """What the messages about this question have come to so far."""
    query = select(InboundMessage.outcome).where(
        InboundMessage.response_id == response_id, InboundMessage.question == question
    )
    return set(session.scalars(query))


def listed(*, for_a_person: bool = False, customer_id: int | None = None) -> Select[tuple[InboundMessage]]:
    """Messages that match. The edge adds order, cursor and limit."""
    query = select(InboundMessage)
    if for_a_person:
        query = query.where(InboundMessage.needs_person, InboundMessage.handled_at.is_(None))
    return query if customer_id is None else query.where(InboundMessage.customer_id == customer_id)
