"""Customers' messages: kept once, read once, and the conversation that each belongs to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, text, update
from sqlalchemy.orm import Session, aliased

from callback.db.bulk import insert_missing
from callback.db.claims import changed_one
from callback.db.tables import Attempt, InboundMessage, Response
from callback.domain.words import Channel, InboundOutcome, ResponseState

_WAITING = text("inbound_messages.outcome = 'waiting'")
"""Word for word the condition of the partial index."""


def keep(session: Session, messages: Sequence[dict[str, Any]]) -> None:
    """Write down those whose carrier's id is not known yet, to be read by a worker."""
    insert_missing(session, InboundMessage.__table__, messages)  # type: ignore[arg-type]


def waiting(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Ids of messages that may be read now. Of one customer's, the oldest alone: they are read in their order."""
    earlier = aliased(InboundMessage, name="earlier")
    before = select(earlier.id).where(
        text("earlier.outcome = 'waiting'"),
        earlier.from_address == InboundMessage.from_address,
        earlier.id < InboundMessage.id,
    )
    query = select(InboundMessage.id).where(_WAITING, InboundMessage.due_at <= now, ~before.exists())
    return list(session.scalars(query.order_by(InboundMessage.id).limit(limit)))


def locked_waiting(session: Session, message_id: int) -> InboundMessage | None:
    """The message, if it still waits and nobody else is reading it."""
    query = select(InboundMessage).where(InboundMessage.id == message_id, _WAITING)
    return session.scalars(query.with_for_update(skip_locked=True)).one_or_none()


def put_off(session: Session, message_id: int, **values: Any) -> bool:
    """Change one that could not be read. False: it has been read meanwhile."""
    statement = update(InboundMessage).where(
        InboundMessage.id == message_id, InboundMessage.outcome == InboundOutcome.WAITING
    )
    return changed_one(session, statement.values(**values))


def unread_from(session: Session, addresses: Collection[str]) -> frozenset[str]:
    """Those of the addresses from which something came that nobody has read yet: it may be a STOP."""
    if not addresses:
        return frozenset()
    query = select(InboundMessage.from_address).where(_WAITING, InboundMessage.from_address.in_(addresses))
    return frozenset(session.scalars(query))


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
