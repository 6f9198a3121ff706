"""Messages on callbacks: how they are found."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, joinedload

from callback.db.callbacks import LIVE
from callback.db.claims import changed_one
from callback.db.tables import Attempt, Callback, CallbackNote, IncomingCall
from callback.domain.words import AttemptState

MOST = 50
"""Messages of one callback, and unread ones of one agent, that are shown."""
_UNREAD = text("callback_notes.read_at IS NULL")
_PEOPLE = (joinedload(CallbackNote.author), joinedload(CallbackNote.read_by))


def by_handle(session: Session, handle: str) -> CallbackNote | None:
    return session.scalars(
        select(CallbackNote)
        .where(CallbackNote.handle == handle)
        .options(joinedload(CallbackNote.callback), *_PEOPLE)
        .execution_options(populate_existing=True)
    ).one_or_none()


def of_callback(session: Session, callback_id: int, *, by: int | None = None) -> Sequence[CallbackNote]:
    """The latest first; `by`: only those that this agent wrote."""
    query = select(CallbackNote).where(CallbackNote.callback_id == callback_id)
    if by is not None:
        query = query.where(CallbackNote.author_id == by)
    return session.scalars(query.options(*_PEOPLE).order_by(CallbackNote.id.desc()).limit(MOST)).all()


def unread_of(session: Session, agent_id: int) -> Sequence[CallbackNote]:
    """What waits to be read on the agent's own live callbacks, the oldest first."""
    return session.scalars(
        select(CallbackNote)
        .join(Callback, Callback.id == CallbackNote.callback_id)
        .where(_UNREAD, LIVE, Callback.agent_id == agent_id)
        .options(joinedload(CallbackNote.callback).joinedload(Callback.customer), joinedload(CallbackNote.author))
        .order_by(CallbackNote.id)
        .limit(MOST)
    ).all()


def mark_read(session: Session, note_id: int, *, by: int, now: datetime) -> bool:
    """False: it was read before."""
    return changed_one(
        session,
        update(CallbackNote)
        .where(CallbackNote.id == note_id, CallbackNote.read_at.is_(None))
        .values(read_at=now, read_by_id=by),
    )


def is_confirmed(session: Session, callback: Callback, *, agent_id: int, since: datetime) -> bool:
    """Whether this agent has the person on the line: in a call of theirs that goes on, or one that came in `since`."""
    calling = select(Attempt.id).where(
        Attempt.callback_id == callback.id,
        Attempt.agent_id == agent_id,
        Attempt.identity_at.is_not(None),
        Attempt.state != AttemptState.ENDED,
    )
    called = select(IncomingCall.id).where(
        IncomingCall.customer_id == callback.customer_id,
        IncomingCall.agent_id == agent_id,
        IncomingCall.identity_at >= since,
    )
    return session.scalar(calling.limit(1)) is not None or session.scalar(called.limit(1)) is not None
