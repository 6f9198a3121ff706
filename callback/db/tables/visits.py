"""Recurring visits (定期回访): who is called every so many months, and when it is whose turn."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, Json, WithId


class VisitPlan(WithId, Base):
    """A friendly call every so many months, to one customer or to a segment."""

    __tablename__ = "visit_plans"
    __table_args__ = (
        CheckConstraint("every_months BETWEEN 1 AND 60", name="every_months"),
        CheckConstraint("within_days BETWEEN 1 AND 60", name="within_days"),
        CheckConstraint("rest_days BETWEEN 0 AND 365", name="rest_days"),
        Index("ix_visit_plans_customer_id", "customer_id"),
        Index("ix_visit_plans_created_by_id", "created_by_id"),
    )

    name: Mapped[str] = mapped_column(String(120), unique=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    """One customer; empty: everybody in the segment."""
    segment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """`countries`, `languages`, `regions` (lists), `special` (yes or no); what is left out does not matter."""
    every_months: Mapped[int]
    weekdays: Mapped[list[int]] = mapped_column(Json, default=list)
    """Preferred days, Monday is 0; empty: any."""
    within_days: Mapped[int] = mapped_column(default=7, server_default=text("7"))
    """So many days after its turn a visit is due."""
    rest_days: Mapped[int] = mapped_column(default=30, server_default=text("30"))
    """Not sooner than this after a survey of the same customer."""
    starts_on: Mapped[date]
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))


class VisitTurn(WithId, Base):
    """When one customer's next visit of a plan is."""

    __tablename__ = "visit_turns"
    __table_args__ = (
        UniqueConstraint("plan_id", "customer_id"),
        Index("ix_visit_turns_customer_id", "customer_id"),
        Index("ix_visit_turns_callback_id", "callback_id"),
        # The tick's whole working list.
        Index(
            "ix_visit_turns_next_at",
            "next_at",
            postgresql_where=text("next_at IS NOT NULL"),
            sqlite_where=text("next_at IS NOT NULL"),
        ),
    )

    plan_id: Mapped[int] = mapped_column(ForeignKey("visit_plans.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    anchor: Mapped[date]
    """When the customer's latest case was reported: turns are counted from it, so they are spread over the months."""
    turn: Mapped[int]
    """Which one comes next, `turn` × `every_months` after the anchor."""
    next_at: Mapped[datetime | None]
    """When it is looked at; empty while the plan is stopped."""
    rule: Mapped[str | None] = mapped_column(String(64))
    """What became of the last turn, or why it waits."""
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    """The last visit."""
