"""What keeps the house in order: rules as data, accounts, the audit trail, work that must follow."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from callback.db.base import Base, WithId, words
from callback.db.tables.people import Agent
from callback.domain.words import DayKind, SetupKind


class CalendarDay(WithId, Base):
    """An exception to the public calendar of a country: wins over the `holidays` package."""

    __tablename__ = "calendar_days"
    __table_args__ = (UniqueConstraint("country", "day"),)

    country: Mapped[str] = mapped_column(String(2))
    day: Mapped[date]
    kind: Mapped[DayKind] = mapped_column(words(DayKind, "kind"))
    name: Mapped[str] = mapped_column(String(120), default="")


class SetupVersion(WithId, Base):
    """Something that was set up, whole, as it was from one change to the next. The newest of a kind and key counts.

    Of the policy, the retry table and the escalation rules this is the only place; of agents, teams, shifts,
    calendar days and quick replies it is the memory beside the rows, from which a change can be taken back.
    """

    __tablename__ = "setup_versions"
    __table_args__ = (
        UniqueConstraint("kind", "key", "number"),
        CheckConstraint("number >= 1", name="number"),
        Index("ix_setup_versions_act", "act"),
        Index("ix_setup_versions_created_by_id", "created_by_id"),
    )

    kind: Mapped[SetupKind] = mapped_column(words(SetupKind, "kind"))
    key: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """The id of an agent, a team or a quick reply, a country; empty where the house has but one."""
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(default=dict)
    act: Mapped[str | None] = mapped_column(String(32))
    """One act of a person, however many things it changed. Empty: how it was found before anybody changed it here."""
    restores: Mapped[int | None]
    """The version that was brought back."""
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))


class LoginSession(WithId, Base):
    """A browser that is logged in. The cookie's secret is kept as a hash alone."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        Index("ix_login_sessions_agent_id", "agent_id"),
        Index("ix_login_sessions_expires_at", "expires_at"),
    )

    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    agent: Mapped[Agent] = relationship()


class ApiToken(WithId, Base):
    """A bearer token of a program: scopes narrow what its owner's role allows."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_agent_id", "agent_id"),)

    name: Mapped[str] = mapped_column(String(120))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    scopes: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    agent: Mapped[Agent] = relationship()


class LoginFailure(WithId, Base):
    """A wrong password; counted per login and per network address to slow guessing down."""

    __tablename__ = "login_failures"
    __table_args__ = (
        Index("ix_login_failures_login_at", "login", "at"),
        Index("ix_login_failures_address_at", "address", "at"),
    )

    login: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class AuditEntry(WithId, Base):
    """Who did what to what, and why. Append-only: triggers refuse UPDATE and DELETE."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_actor_id_at", "actor_id", "at"),
        Index("ix_audit_entries_subject", "subject_kind", "subject_id"),
    )

    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    """Empty for the system and for the command line."""
    action: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class IdempotencyKey(WithId, Base):
    """The answer to a request that created something: the same key again gets the same answer."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        UniqueConstraint("agent_id", "key"),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )

    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    """Empty while the first request is still running."""
    body: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]


class Job(WithId, Base):
    """Work that must follow a change, written in its transaction. On SQLite alone: PostgreSQL has Procrastinate's."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "ix_jobs_due_at", "due_at", postgresql_where=text("done_at IS NULL"), sqlite_where=text("done_at IS NULL")
        ),
        Index(
            "uq_jobs_one_queued",
            "queueing_lock",
            unique=True,
            postgresql_where=text("done_at IS NULL AND claimed_until IS NULL"),
            sqlite_where=text("done_at IS NULL AND claimed_until IS NULL"),
        ),
    )

    task: Mapped[str] = mapped_column(String(64))
    args: Mapped[dict[str, Any]] = mapped_column(default=dict)
    queueing_lock: Mapped[str | None] = mapped_column(String(120))
    """At most one unclaimed job per lock: asking twice is asking once."""
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    last_error: Mapped[str | None] = mapped_column(String(500))
    done_at: Mapped[datetime | None]
    failed: Mapped[bool] = mapped_column(default=False)
