"""Cases, who handled them, what was promised, and the files they came from."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from callback.db.base import Base, WithId, words
from callback.db.tables.people import Agent, Customer
from callback.domain.words import CaseKind, CaseStatus, Priority, PromiseState

WITHOUT_ADDRESS = "plan_rule IN ('needs_data', 'needs_phone')"
BROKEN = "state = 'broken'"


class Case(WithId, Base):
    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        CheckConstraint("rating IS NULL OR rating BETWEEN 1 AND 5", name="rating"),
        Index("ix_cases_customer_id", "customer_id"),
        # By the number that the customer was told; a number is unique within its source alone.
        Index("ix_cases_external_id", "external_id"),
        Index(
            "ix_cases_parent_id",
            "parent_id",
            postgresql_where=text("parent_id IS NOT NULL"),
            sqlite_where=text("parent_id IS NOT NULL"),
        ),
        Index(
            "ix_cases_owner_id",
            "owner_id",
            postgresql_where=text("owner_id IS NOT NULL"),
            sqlite_where=text("owner_id IS NOT NULL"),
        ),
        Index(
            "ix_cases_team_id",
            "team_id",
            postgresql_where=text("team_id IS NOT NULL"),
            sqlite_where=text("team_id IS NOT NULL"),
        ),
        # The planner's whole working list: everything else is asleep until this moment.
        Index(
            "ix_cases_plan_at",
            "plan_at",
            "id",
            postgresql_where=text("plan_at IS NOT NULL"),
            sqlite_where=text("plan_at IS NOT NULL"),
        ),
        # Customers whom nobody can reach: somebody has to find a number.
        Index(
            "ix_cases_without_address",
            "opened_at",
            "id",
            postgresql_where=text(WITHOUT_ADDRESS),
            sqlite_where=text(WITHOUT_ADDRESS),
        ),
    )

    source: Mapped[str] = mapped_column(String(64))
    external_id: Mapped[str] = mapped_column(String(255))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    """Who works on it now: of a child case, the team leader."""
    subject: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(Text, default="")
    answer: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(String(255))
    product: Mapped[str | None] = mapped_column(String(255))
    kind: Mapped[CaseKind] = mapped_column(words(CaseKind, "kind"), default=CaseKind.REQUEST)
    priority: Mapped[Priority] = mapped_column(words(Priority, "priority"), default=Priority.NORMAL)
    status: Mapped[CaseStatus] = mapped_column(words(CaseStatus, "status"))
    required_skill: Mapped[str | None] = mapped_column(String(64))
    rating: Mapped[int | None]
    """An imported satisfaction rating, 1 to 5."""
    opened_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    """When the answer was found."""
    closed_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    """When the customer learned the answer. Empty: somebody still has to tell them."""
    promised_at: Mapped[datetime | None]
    """The open promise: by when the customer was told to expect an answer."""
    repromises: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    plan_at: Mapped[datetime | None]
    """When the planner has to look at it again; empty when nothing can change until the case does."""
    plan_rule: Mapped[str | None] = mapped_column(String(64))
    """The planner's verdict when it last looked: the rule that made a callback, or why none is owed."""
    import_hash: Mapped[str | None] = mapped_column(String(32))
    """Of the row it was imported from: the same row again is `unchanged`."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    customer: Mapped[Customer] = relationship()
    owner: Mapped[Agent | None] = relationship(foreign_keys=[owner_id])
    parent: Mapped["Case | None"] = relationship(remote_side="Case.id")


class CaseHandler(WithId, Base):
    """Somebody who handled a case, as recorded at the time. Never deleted: negative affinity rests on it."""

    __tablename__ = "case_handlers"
    __table_args__ = (
        UniqueConstraint("case_id", "agent_id", "role"),
        Index("ix_case_handlers_agent_id", "agent_id"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    role: Mapped[str] = mapped_column(String(32))
    """`took`, `answered`, `called`, `owned`."""
    at: Mapped[datetime]


class Promise(WithId, Base):
    __tablename__ = "promises"
    __table_args__ = (
        # What falls due next: looked for every minute.
        Index(
            "ix_promises_open_due",
            "due_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
        Index("ix_promises_case_id", "case_id"),
        Index("ix_promises_made_by_id", "made_by_id"),
        Index(
            "uq_promises_one_open",
            "case_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
        Index("ix_promises_broken", "settled_at", "id", postgresql_where=text(BROKEN), sqlite_where=text(BROKEN)),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    due_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    state: Mapped[PromiseState] = mapped_column(words(PromiseState, "state"), default=PromiseState.OPEN)
    settled_at: Mapped[datetime | None]


class ImportRun(WithId, Base):
    """One file being read in; `rows_done` is where a killed import goes on."""

    __tablename__ = "import_runs"
    __table_args__ = (Index("ix_import_runs_fingerprint", "fingerprint"),)

    file_name: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the file and of the profile."""
    profile: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(16))
    """`running`, `done`, `failed`."""
    rows_done: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
