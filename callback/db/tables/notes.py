"""What colleagues leave for each other: messages on callbacks, calls that came in, the handover after a shift."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from callback.db.base import Base, WithId, words
from callback.db.tables.callbacks import Callback
from callback.db.tables.people import Agent, Customer
from callback.domain.words import HandoverState, OpenPoint

UNREAD = "read_at IS NULL"
DRAFT = "state = 'draft'"
GIVEN = "state = 'given'"


class CallbackNote(WithId, Base):
    """A message on a callback, for whoever has to make it. It stays with the callback when that is moved."""

    __tablename__ = "callback_notes"
    __table_args__ = (
        Index("ix_callback_notes_callback_id", "callback_id", "id"),
        # What somebody still has to read.
        Index("ix_callback_notes_unread", "callback_id", postgresql_where=text(UNREAD), sqlite_where=text(UNREAD)),
        Index("ix_callback_notes_author_id", "author_id"),
        Index("ix_callback_notes_read_by_id", "read_by_id", postgresql_where=text("read_by_id IS NOT NULL")),
        CheckConstraint("(read_at IS NULL) = (read_by_id IS NULL)", name="who_read"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    read_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))

    callback: Mapped[Callback] = relationship()
    author: Mapped[Agent] = relationship(foreign_keys=[author_id])
    read_by: Mapped[Agent | None] = relationship(foreign_keys=[read_by_id])


class IncomingCall(WithId, Base):
    """A customer who called us: who took the call, that the person was confirmed, and what they said."""

    __tablename__ = "incoming_calls"
    __table_args__ = (
        Index("ix_incoming_calls_customer_id_started_at", "customer_id", "started_at"),
        Index("ix_incoming_calls_agent_id_started_at", "agent_id", "started_at"),
        Index("ix_incoming_calls_case_id", "case_id", postgresql_where=text("case_id IS NOT NULL")),
        CheckConstraint("note = '' OR case_id IS NOT NULL", name="note_has_case"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    started_at: Mapped[datetime]
    identity_at: Mapped[datetime]
    """Nothing of a case is shown without it."""
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    """What the call was about, once something is written down."""
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    noted_at: Mapped[datetime | None]

    customer: Mapped[Customer] = relationship()
    agent: Mapped[Agent] = relationship()


class Handover(WithId, Base):
    """What one shift leaves to the next (交接班): open points with remarks, signed by whoever takes over."""

    __tablename__ = "handovers"
    __table_args__ = (
        Index(
            "uq_handovers_one_draft",
            "from_id",
            unique=True,
            postgresql_where=text(DRAFT),
            sqlite_where=text(DRAFT),
        ),
        Index("ix_handovers_from_id", "from_id"),
        Index("ix_handovers_given_at", "given_at"),
        Index("ix_handovers_to_id", "to_id", postgresql_where=text("to_id IS NOT NULL")),
        Index("ix_handovers_team_id", "team_id", postgresql_where=text("team_id IS NOT NULL")),
        Index("ix_handovers_signed_by_id", "signed_by_id", postgresql_where=text("signed_by_id IS NOT NULL")),
        Index("ix_handovers_unsigned", "given_at", "id", postgresql_where=text(GIVEN), sqlite_where=text(GIVEN)),
        CheckConstraint("(state = 'draft') = (given_at IS NULL)", name="given"),
        CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed"),
        CheckConstraint("state = 'draft' OR to_id IS NOT NULL OR team_id IS NOT NULL", name="to_whom"),
        CheckConstraint("signed_by_id IS NULL OR signed_by_id <> from_id", name="another_signs"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    to_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    """A named colleague; empty: whoever of the team comes next."""
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    day: Mapped[date]
    """Of the shift, on the agent's own calendar."""
    state: Mapped[HandoverState] = mapped_column(words(HandoverState, "state"), default=HandoverState.DRAFT)
    remarks: Mapped[str] = mapped_column(Text, default="", server_default="")
    updated_at: Mapped[datetime]
    given_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]
    signed_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    points: Mapped[list["HandoverPoint"]] = relationship(
        order_by="HandoverPoint.position", cascade="all, delete-orphan"
    )
    given_by: Mapped[Agent] = relationship(foreign_keys=[from_id])
    given_to: Mapped[Agent | None] = relationship(foreign_keys=[to_id])
    signed_by: Mapped[Agent | None] = relationship(foreign_keys=[signed_by_id])


class HandoverPoint(WithId, Base):
    """One open point. Of a draft only those with a remark are kept: the rest is read anew until it is handed over."""

    __tablename__ = "handover_points"
    __table_args__ = (
        UniqueConstraint("handover_id", "kind", "subject"),
        Index("ix_handover_points_callback_id", "callback_id", postgresql_where=text("callback_id IS NOT NULL")),
        Index("ix_handover_points_case_id", "case_id"),
    )

    handover_id: Mapped[int] = mapped_column(ForeignKey("handovers.id", ondelete="CASCADE"))
    kind: Mapped[OpenPoint] = mapped_column(words(OpenPoint, "kind"))
    subject: Mapped[str] = mapped_column(String(32))
    """What it is about, as `callback-17` or `case-4`."""
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    due_at: Mapped[datetime | None]
    position: Mapped[int]
    remark: Mapped[str] = mapped_column(Text, default="", server_default="")
