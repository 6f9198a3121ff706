"""What was asked further in a conversation by message, beside its invitation."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callback.db.among import among
from callback.db.tables import Answer, Response, Send
from callback.domain.words import SendKind, SendState


def still_asked(session: Session, attempt_ids: Collection[int]) -> frozenset[int]:
    """Of each of these attempts the question that was put last, unless it was answered since, as on the page."""
    last = select(func.max(Send.id)).where(among(session, Send.attempt_id, attempt_ids))
    last = last.where(Send.kind == SendKind.QUESTION).group_by(Send.attempt_id)
    answered = select(Answer.id).join(Response, Response.id == Answer.response_id)
    answered = answered.where(Response.callback_id == Send.callback_id, Answer.answered_at > Send.created_at)
    query = select(Send.id).where(Send.id.in_(last), ~answered.exists())
    return frozenset(session.scalars(query)) if attempt_ids else frozenset()


def failed_so_far(session: Session, send: Send) -> int:
    """How often this very message of this attempt has failed for good."""
    same = (Send.attempt_id == send.attempt_id, Send.kind == send.kind, Send.body == send.body)
    return session.scalar(select(func.count()).where(*same, Send.state == SendState.FAILED)) or 0
