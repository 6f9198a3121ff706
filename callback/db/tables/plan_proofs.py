"""What plannings leave behind: what they proved, what one more agent would bring, and themselves, for a dispute."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId


class PlanProof(WithId, Base):
    """One row for each part of the centre that is planned by itself, written over by its plannings."""

    __tablename__ = "plan_proofs"

    shard: Mapped[str] = mapped_column(String(32), unique=True)
    at: Mapped[datetime]
    bottlenecks: Mapped[list[Any]] = mapped_column(default=list)
    """The dearest times that are still to come, each with the kind of people it lacks."""
    gains: Mapped[list[Any]] = mapped_column(default=list)
    """What one more agent of each scarce kind would bring, when that was last asked."""
    gains_at: Mapped[datetime | None]


class KeptPlan(WithId, Base):
    """One planning as it was: question and answer, as `services/plan_files.py` writes them, compressed."""

    __tablename__ = "kept_plans"
    __table_args__ = (Index("ix_kept_plans_at", "at"),)

    at: Mapped[datetime]
    shard: Mapped[str] = mapped_column(String(32))
    callbacks: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
