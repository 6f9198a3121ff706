"""What leaves the house by itself: each message and call, who sends it, how fast, and in which campaign."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from callback.db.base import Base, WithId, words
from callback.domain.words import CampaignState, Channel, SendKind, SendState


class Campaign(WithId, Base):
    """A named part of the automatic contacts, which is paused, resumed and cancelled as one."""

    __tablename__ = "campaigns"
    __table_args__ = (UniqueConstraint("name"), Index("ix_campaigns_created_by_id", "created_by_id"))

    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[CampaignState] = mapped_column(words(CampaignState, "state"), default=CampaignState.RUNNING)
    criteria: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Which contacts belong to it (`services/campaigns.py`)."""
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    updated_at: Mapped[datetime]
    figures: Mapped[dict[str, Any] | None]
    """How far it has come, counted now and then (`services/progress.py`): a page does not count a million rows."""
    counted_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))


class Sender(WithId, Base):
    """One sender of one channel: its bucket of tokens and its breaker, shared by all workers."""

    __tablename__ = "senders"
    __table_args__ = (UniqueConstraint("channel", "sender"),)

    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    sender: Mapped[str] = mapped_column(String(255))
    tokens: Mapped[float] = mapped_column(Float)
    refilled_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Of the carrier, in a row."""
    open_until: Mapped[datetime | None]
    """The breaker is open: nothing is handed over before."""
    turn: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Id of the campaign that was served last, 0 for contacts of none: the next place is of the one after it."""
    held_by: Mapped[str | None] = mapped_column(String(32))
    """The carrier's code for what is wrong with our account, this sender or our addresses (`domain/holding.py`)."""
    held_since: Mapped[datetime | None]
    held_late: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It was told after the carrier had accepted: that it accepts another one proves nothing."""


class Send(WithId, Base):
    """One message or call, written before it leaves, in the transaction that decided it."""

    __tablename__ = "sends"
    __table_args__ = (
        UniqueConstraint("provider_id"),
        Index("ix_sends_attempt_id", "attempt_id"),
        Index("ix_sends_callback_id", "callback_id"),
        Index("ix_sends_customer_id", "customer_id"),
        Index("ix_sends_address_created_at", "address", "created_at"),
        Index(
            "ix_sends_queued",
            "channel",
            "due_at",
            "id",
            postgresql_where=text("state = 'queued'"),
            sqlite_where=text("state = 'queued'"),
        ),
        Index(
            "ix_sends_to_look_after",
            "lease_until",
            postgresql_where=text("state IN ('claimed', 'unknown')"),
            sqlite_where=text("state IN ('claimed', 'unknown')"),
        ),
        # What waits in the carrier's own queue.
        Index(
            "ix_sends_handed_over",
            "channel",
            "provider_rank",
            postgresql_where=text("state = 'sent'"),
            sqlite_where=text("state = 'sent'"),
        ),
        # What went wrong, for those who look after it.
        Index(
            "ix_sends_went_wrong",
            "state",
            "id",
            postgresql_where=text("state IN ('failed', 'withdrawn')"),
            sqlite_where=text("state IN ('failed', 'withdrawn')"),
        ),
        CheckConstraint("state NOT IN ('claimed', 'unknown') OR lease_until IS NOT NULL", name="claim_has_lease"),
        CheckConstraint("segments >= 1", name="segments"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    """In the address that the carrier calls back."""
    kind: Mapped[SendKind] = mapped_column(words(SendKind, "kind"))
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    sender: Mapped[str] = mapped_column(String(255))
    carrier: Mapped[str] = mapped_column(String(64))
    """The channel's entry point: `twilio_sms`, `gateway`, `sandbox`, …"""
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("attempts.id"))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    address: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text, default="")
    """Empty for a call: what it says is asked for when somebody answers."""
    segments: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    state: Mapped[SendState] = mapped_column(words(SendState, "state"), default=SendState.QUEUED)
    due_at: Mapped[datetime]
    closes_at: Mapped[datetime | None]
    """Not from this moment on: the customer's window closes. Empty for an answer to what they have just written; a
    later message of a conversation gets it when it leaves (`services/sends/conversations.py`)."""
    lease_until: Mapped[datetime | None]
    """Claimed: until then the worker may hand it over. Unknown: when the carrier is asked next."""
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    asked: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often the carrier has said, since it became unknown, that it does not have it."""
    provider_id: Mapped[str | None] = mapped_column(String(64))
    provider_rank: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    provider_status: Mapped[str | None] = mapped_column(String(32))
    error_code: Mapped[str | None] = mapped_column(String(32))
    duration_s: Mapped[int | None]
    created_at: Mapped[datetime]
