"""Quick replies: found by language and words, with their pictures but not the bytes of them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.orm import Session

from callback.db.tables import QuickReply, QuickReplyPicture

_SHOWN = (
    QuickReplyPicture.quick_reply_id,
    QuickReplyPicture.handle,
    QuickReplyPicture.description,
    QuickReplyPicture.width,
    QuickReplyPicture.height,
)


def listed(
    session: Session, *, language: str | None, words: Collection[str], active: bool | None, limit: int
) -> Sequence[QuickReply]:
    """By category and title; each of the words stands somewhere in it."""
    query = select(QuickReply).order_by(QuickReply.language, QuickReply.category, QuickReply.title).limit(limit)
    if language is not None:
        query = query.where(QuickReply.language == language)
    if active is not None:
        query = query.where(QuickReply.active.is_(active))
    for word in words:
        texts = (QuickReply.category, QuickReply.title, QuickReply.body)
        query = query.where(or_(*(text.icontains(word, autoescape=True) for text in texts)))
    return session.scalars(query).all()


def locked(session: Session, reply_id: int) -> QuickReply | None:
    return session.scalars(
        select(QuickReply).where(QuickReply.id == reply_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()


def same_title(session: Session, *, language: str, category: str, title: str) -> int | None:
    return session.scalar(
        select(QuickReply.id).where(
            QuickReply.language == language, QuickReply.category == category, QuickReply.title == title
        )
    )


def pictures_of(session: Session, ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    """By quick reply, in their order."""
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    if ids:
        query = (
            select(*_SHOWN)
            .where(QuickReplyPicture.quick_reply_id.in_(ids), QuickReplyPicture.shown)
            .order_by(QuickReplyPicture.position)
        )
        for row in session.execute(query):
            found[row.quick_reply_id].append(row)
    return found


def picture(session: Session, handle: str) -> QuickReplyPicture | None:
    query = select(QuickReplyPicture).where(QuickReplyPicture.handle == handle, QuickReplyPicture.shown)
    return session.scalars(query).one_or_none()


def show_pictures(session: Session, reply_id: int, handles: Collection[str]) -> None:
    """These of its pictures are shown and no others."""
    of_reply = update(QuickReplyPicture).where(QuickReplyPicture.quick_reply_id == reply_id)
    session.execute(of_reply.values(shown=QuickReplyPicture.handle.in_(handles)))


def last_position(session: Session, reply_id: int) -> tuple[int, int]:
    """How many pictures are shown, and the highest place that was ever taken."""
    shown = func.count().filter(QuickReplyPicture.shown)
    row = session.execute(
        select(shown, func.max(QuickReplyPicture.position)).where(QuickReplyPicture.quick_reply_id == reply_id)
    ).one()
    return int(row[0]), -1 if row[1] is None else int(row[1])


def anything(session: Session) -> bool:
    return session.scalar(select(QuickReply.id).limit(1)) is not None
