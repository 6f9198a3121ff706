"""Files that were sent over the browser: of cases, kept until they are read; of do-not-call lists, what was refused."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId


class Upload(WithId, Base):
    """One file, and one reading of it. In the database, because the worker that reads it may be another machine."""

    __tablename__ = "uploads"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'queued', 'running', 'done', 'failed')", name="state"),
        Index("ix_uploads_created_at", "created_at"),
        Index("ix_uploads_uploaded_by_id", "uploaded_by_id"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    file_name: Mapped[str] = mapped_column(String(255))
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Empty once it has been read in, or has been kept long enough."""
    headings: Mapped[list[str]] = mapped_column(default=list)
    profile: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """As `services/imports/profile.py` reads it; empty: nobody has said yet which column is what."""
    dry_run: Mapped[bool] = mapped_column(default=False, server_default=false())
    state: Mapped[str] = mapped_column(String(16), default="open")
    rows_done: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    rows_total: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rejects: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    error: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Code and params of what stopped it."""
    uploaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class SuppressionList(WithId, Base):
    """A do-not-call list that was read in and had rows that were refused, for whoever puts them right."""

    __tablename__ = "suppression_lists"
    __table_args__ = (
        Index("ix_suppression_lists_created_at", "created_at"),
        Index("ix_suppression_lists_read_by_id", "read_by_id"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    file_name: Mapped[str] = mapped_column(String(255))
    rejects: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    read_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    created_at: Mapped[datetime]
