"""Senders that are held because of how we are set up, and what shows that they are not refused any more."""

from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from callback.db.tables import Send, Sender
from callback.domain.words import Channel, SendState

NEWEST = 5_000
"""Sends of one sender among which it is looked whether one has got through."""


def held(session: Session) -> list[Sender]:
    """Senders in use that are held. Of each channel the last used one is: what it was before a change is history."""
    newest: dict[Channel, Sender] = {}
    for row in session.scalars(select(Sender).order_by(Sender.refilled_at, Sender.id)):
        newest[row.channel] = row
    return [row for row in newest.values() if row.held_by is not None]


def later_one_was_taken(session: Session, send: Send) -> bool:
    """Whether the carrier has taken one from the same sender that was made after this one."""
    query = select(Send.id).where(Send.id > send.id, Send.channel == send.channel, Send.sender == send.sender)
    return session.scalar(query.where(Send.provider_id.is_not(None)).limit(1)) is not None


def got_through(session: Session, row: Sender, *, since: datetime, before: datetime) -> bool:
    """Whether one that was claimed at `since` or later has arrived, or was accepted by `before` and has not failed."""
    newest = select(Send.state, Send.claimed_at, Send.sent_at)
    newest = newest.where(Send.channel == row.channel, Send.sender == row.sender).order_by(Send.id.desc())
    # What was claimed since is among them, with what was queued behind it; older ones are not worth reading.
    one = newest.limit(NEWEST).subquery().c
    well = or_(one.state == SendState.DELIVERED, and_(one.state == SendState.SENT, one.sent_at <= before))
    return session.scalar(select(one.state).where(one.claimed_at >= since, well).limit(1)) is not None
