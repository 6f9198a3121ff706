"""Teams, agents, their shifts; customers, their addresses and what they do not want."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from callback.db.base import Base, WithId, words
from callback.domain.words import ContactKind, ContactState, Role, SuppressionScope


class Team(WithId, Base):
    __tablename__ = "teams"

    name: Mapped[str] = mapped_column(String(120), unique=True)
    created_at: Mapped[datetime]


class Agent(WithId, Base):
    """A person who works here: agents, supervisors and administrators alike."""

    __tablename__ = "agents"
    __table_args__ = (
        CheckConstraint("daily_capacity >= 0", name="daily_capacity"),
        Index("ix_agents_team_id", "team_id"),
    )

    login: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    number: Mapped[str] = mapped_column(String(32), unique=True)
    """The agent number that is read out to the customer (工号)."""
    phone: Mapped[str | None] = mapped_column(String(32))
    """E.164: where a call through the carrier rings the agent. Empty: the agent dials by hand."""
    role: Mapped[Role] = mapped_column(words(Role, "role"), default=Role.AGENT)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    leads_team: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Child cases of the team go to its leader."""
    password_hash: Mapped[str | None] = mapped_column(String(255))
    languages: Mapped[list[str]] = mapped_column(default=list)
    """Spoken, as `zh` and `en`."""
    skills: Mapped[list[str]] = mapped_column(default=list)
    daily_capacity: Mapped[int] = mapped_column(default=60, server_default=text("60"))
    """Callbacks a day at the most."""
    time_zone: Mapped[str] = mapped_column(String(64))
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    team: Mapped[Team | None] = relationship()


class Shift(WithId, Base):
    """One stretch of an agent's week, in the agent's own wall-clock time."""

    __tablename__ = "shifts"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("starts < ends", name="order"),
        UniqueConstraint("agent_id", "weekday", "starts"),
    )

    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    weekday: Mapped[int]
    """0 is Monday."""
    starts: Mapped[time]
    ends: Mapped[time]


class ShiftException(WithId, Base):
    """A day that differs from the week pattern: absent when `starts` is empty, else these hours instead."""

    __tablename__ = "shift_exceptions"
    __table_args__ = (
        CheckConstraint("(starts IS NULL) = (ends IS NULL)", name="both_or_none"),
        CheckConstraint("starts IS NULL OR starts < ends", name="order"),
        UniqueConstraint("agent_id", "day", "starts"),
    )

    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    day: Mapped[date]
    starts: Mapped[time | None]
    ends: Mapped[time | None]
    reason: Mapped[str | None] = mapped_column(String(200))


class Customer(WithId, Base):
    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    source: Mapped[str] = mapped_column(String(64))
    external_id: Mapped[str] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(255))
    salutation: Mapped[str | None] = mapped_column(String(64))
    """How the script addresses them: 王女士, Ms Wang. Empty: made from the name."""
    language: Mapped[str] = mapped_column(String(2))
    country: Mapped[str] = mapped_column(String(2))
    region: Mapped[str | None] = mapped_column(String(64))
    time_zone: Mapped[str] = mapped_column(String(64))
    special: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A special customer is called by a person, not by a machine."""
    consents: Mapped[list[str]] = mapped_column(default=list)
    """Automatic channels that the customer agreed to, as `sms`, `voice`, `web`, `email`."""
    preferred_times: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    """When the customer likes to be called, as `mon-fri 18:00-20:00` (`domain/wish.py`), on their own clock."""
    forbidden_dates: Mapped[list[str]] = mapped_column(default=list, server_default=text("'[]'"))
    """Days on which nobody calls, as `2026-03-12` or `2026-03-12/2026-03-20`, on their own calendar."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    contact_points: Mapped[list["ContactPoint"]] = relationship(
        back_populates="customer", order_by="ContactPoint.position", cascade="all, delete-orphan"
    )


class ContactPoint(WithId, Base):
    """One address of a customer: a telephone number in E.164 or an e-mail address."""

    __tablename__ = "contact_points"
    __table_args__ = (
        UniqueConstraint("customer_id", "address"),
        Index("ix_contact_points_address", "address"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    kind: Mapped[ContactKind] = mapped_column(words(ContactKind, "kind"))
    address: Mapped[str] = mapped_column(String(255))
    extension: Mapped[str | None] = mapped_column(String(16))
    """Behind the number (分机): told to the agent; a machine cannot dial it."""
    position: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """The order in which they are tried."""
    state: Mapped[ContactState] = mapped_column(
        words(ContactState, "state"), default=ContactState.GOOD, server_default=ContactState.GOOD.value
    )
    fictional: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Made by `--fictional-phones` or by the sample; no real carrier is ever given it."""

    customer: Mapped[Customer] = relationship(back_populates="contact_points")


class Suppression(WithId, Base):
    """A person or an address not to be contacted. Never deleted: lifting it is a fact of its own."""

    __tablename__ = "suppressions"
    __table_args__ = (
        CheckConstraint("customer_id IS NOT NULL OR address IS NOT NULL", name="who"),
        Index("ix_suppressions_customer_id", "customer_id"),
        Index("ix_suppressions_address", "address"),
        Index("ix_suppressions_created_by_id", "created_by_id"),
        Index("ix_suppressions_reason_id", "reason", "id"),
    )

    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    address: Mapped[str | None] = mapped_column(String(255))
    scope: Mapped[SuppressionScope] = mapped_column(words(SuppressionScope, "scope"))
    reason: Mapped[str] = mapped_column(String(64))
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What was said or received, where and when: the words of the customer, the message id, the list's name."""
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    lifted_at: Mapped[datetime | None]
    lifted_evidence: Mapped[dict[str, Any] | None]
