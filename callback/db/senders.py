"""Senders that are held because of how we are set up, and what shows that they are not refused any more."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.tables import Send, Sender
from callback.domain.words import Channel, SendState


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
    query = select(Send.state, Send.claimed_at, Send.sent_at)
    query = query.where(Send.channel == row.channel, Send.sender == row.sender).order_by(Send.id.desc()).limit(100)
    return any(
        one.claimed_at is not None
        and one.claimed_at >= since
        and (one.state is SendState.DELIVERED or (one.state is SendState.SENT and one.sent_at <= before))
        for one in session.execute(query)
    )
