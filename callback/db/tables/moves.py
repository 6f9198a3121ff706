"""What a person moved at once, kept so that it can be undone."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId, words
from callback.domain.words import MoveKind


class Move(WithId, Base):
    """Callbacks that a supervisor moved in one act, with the place that each had before.

    `undone_at` is set once, by a conditional UPDATE: two clicks on "undo" undo it once.
    """

    __tablename__ = "moves"
    __table_args__ = (
        Index("ix_moves_actor_id", "actor_id"),
        Index("ix_moves_at", "at"),
        Index("ix_moves_undone_by_id", "undone_by_id"),
    )

    kind: Mapped[MoveKind] = mapped_column(words(MoveKind, "kind"))
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    reason: Mapped[str] = mapped_column(String(500))
    before: Mapped[list[Any]] = mapped_column(default=list)
    """One list for each callback, in the order of `services.moves.Before`."""
    absence: Mapped[dict[str, Any] | None]
    """Of an absence: whose, from when until when, and the hours that those days had before."""
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
