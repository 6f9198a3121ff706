"""What customers write to us, as it came, and what it was taken for."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId, words
from callback.domain.words import InboundOutcome


class InboundMessage(WithId, Base):
    """One message from a customer. The carrier's id makes it one, however often it is handed to us."""

    __tablename__ = "inbound_messages"
    __table_args__ = (
        UniqueConstraint("provider_id"),
        Index("ix_inbound_messages_response_id", "response_id"),
        Index("ix_inbound_messages_customer_id", "customer_id"),
        Index("ix_inbound_messages_handled_by_id", "handled_by_id"),
        Index(
            "ix_inbound_messages_for_a_person",
            "id",
            postgresql_where=text("needs_person AND handled_at IS NULL"),
            sqlite_where=text("needs_person AND handled_at IS NULL"),
        ),
        Index(
            "ix_inbound_messages_due",
            "due_at",
            "id",
            postgresql_where=text("outcome = 'waiting'"),
            sqlite_where=text("outcome = 'waiting'"),
        ),
        Index(
            "ix_inbound_messages_unread",
            "from_address",
            "id",
            postgresql_where=text("outcome = 'waiting'"),
            sqlite_where=text("outcome = 'waiting'"),
        ),
        Index(
            "ix_inbound_messages_for_a_person_from",
            "from_address",
            postgresql_where=text("needs_person AND handled_at IS NULL"),
            sqlite_where=text("needs_person AND handled_at IS NULL"),
        ),
        CheckConstraint("(outcome = 'waiting') = (due_at IS NOT NULL)", name="waiting_is_due"),
    )

    provider_id: Mapped[str] = mapped_column(String(64))
    from_address: Mapped[str] = mapped_column(String(255))
    to_address: Mapped[str] = mapped_column(String(255))
    due_at: Mapped[datetime | None]
    """While it waits: when it is read, or tried again after an error."""
    tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often reading it ended in an error."""
    text: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    """Whose it is, as far as the address tells."""
    response_id: Mapped[int | None] = mapped_column(ForeignKey("responses.id"))
    question: Mapped[str | None] = mapped_column(String(64))
    """What had just been asked."""
    outcome: Mapped[InboundOutcome] = mapped_column(words(InboundOutcome, "outcome"))
    reply: Mapped[str | None] = mapped_column(Text)
    """What we answered; empty: nothing."""
    needs_person: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Nothing here could take it further: somebody has to read it."""
    handled_at: Mapped[datetime | None]
    handled_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    handled_as: Mapped[str | None] = mapped_column(String(16))
    """What was done: `answer`, `callback`, `opt_out` or `read` (`services/messages.py`)."""
