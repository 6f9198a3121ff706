"""Quick replies: texts that agents read out, copy or send, with pictures."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId


class QuickReply(WithId, Base):
    """One prepared text in one language."""

    __tablename__ = "quick_replies"
    __table_args__ = (
        UniqueConstraint("language", "category", "title"),
        Index("ix_quick_replies_changed_by_id", "changed_by_id"),
    )

    language: Mapped[str] = mapped_column(String(2))
    category: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    """A retired one is not offered any more; its title may be used again only by bringing it back."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))


class QuickReplyPicture(WithId, Base):
    """A picture of a quick reply. Its bytes are checked when it comes in, and served as what they are."""

    __tablename__ = "quick_reply_pictures"
    __table_args__ = (
        UniqueConstraint("quick_reply_id", "position"),
        CheckConstraint("media_type IN ('image/png', 'image/jpeg')", name="media_type"),
    )

    quick_reply_id: Mapped[int] = mapped_column(ForeignKey("quick_replies.id", ondelete="CASCADE"))
    position: Mapped[int]
    shown: Mapped[bool] = mapped_column(default=True, server_default=true())
    """One that was taken out is kept, so that taking it out can be taken back."""
    handle: Mapped[str] = mapped_column(String(32), unique=True)
    media_type: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(String(200))
    """What is on it, for whoever cannot see it."""
    width: Mapped[int]
    height: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
