"""What early warning found when it last looked: the worker makes it, the board shows it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Float, Index
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId


class Outlook(WithId, Base):
    """One look over the planning horizon: which promises will break with the shifts that are entered."""

    __tablename__ = "outlooks"
    __table_args__ = (Index("ix_outlooks_at", "at"),)

    at: Mapped[datetime]
    until: Mapped[datetime]
    calls: Mapped[int]
    agent_hours: Mapped[float] = mapped_column(Float)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Promises that will break, by the id of the case's team; under `all` every one of them."""
    promises: Mapped[list[Any]] = mapped_column(default=list)
    """The first of each team, earliest due first."""
    shortages: Mapped[list[Any]] = mapped_column(default=list)
