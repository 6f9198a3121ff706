"""What became too late or too bad for whoever has it, and who was told."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from callback.db.base import Base, WithId, words
from callback.db.tables.callbacks import Callback
from callback.db.tables.cases import Case
from callback.domain.words import EscalationTold, EscalationTrigger

OPEN = "resolved_at IS NULL"
UNREAD = "read_at IS NULL"


class Escalation(WithId, Base):
    """One rule that fired for one thing: once, however often one looks. It ends when the thing is in order."""

    __tablename__ = "escalations"
    __table_args__ = (
        # At most once, whoever looks: two workers at the same moment write one row.
        Index(
            "uq_escalations_one_open",
            "rule",
            "trigger",
            "subject_id",
            unique=True,
            postgresql_where=text(OPEN),
            sqlite_where=text(OPEN),
        ),
        Index("ix_escalations_open", "raised_at", "id", postgresql_where=text(OPEN), sqlite_where=text(OPEN)),
        # The board's figure and the list behind it, of everybody and of one team.
        Index(
            "ix_escalations_on_the_board",
            "marked",
            "raised_at",
            "id",
            postgresql_where=text(OPEN),
            sqlite_where=text(OPEN),
        ),
        Index(
            "ix_escalations_of_team_on_the_board",
            "team_id",
            "marked",
            "raised_at",
            "id",
            postgresql_where=text(OPEN),
            sqlite_where=text(OPEN),
        ),
        Index("ix_escalations_case_id", "case_id", postgresql_where=text("case_id IS NOT NULL")),
        Index("ix_escalations_callback_id", "callback_id", postgresql_where=text("callback_id IS NOT NULL")),
        Index("ix_escalations_team_id", "team_id", postgresql_where=text("team_id IS NOT NULL")),
    )

    rule: Mapped[str] = mapped_column(String(64))
    """Its key in the rules that were in force then."""
    trigger: Mapped[EscalationTrigger] = mapped_column(words(EscalationTrigger, "trigger"))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    """Of the promise, dissatisfaction, callback, handover or message, by the trigger."""
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    since: Mapped[datetime]
    """When it began to be so; of a promise that is about to break, when it breaks."""
    raised_at: Mapped[datetime]
    marked: Mapped[bool]
    """Shown on the board."""
    raised_to: Mapped[int | None]
    """The priority that its callback was given."""
    told: Mapped[EscalationTold] = mapped_column(words(EscalationTold, "told"))
    resolved_at: Mapped[datetime | None]

    case: Mapped[Case | None] = relationship()
    callback: Mapped[Callback | None] = relationship()


class EscalationNotice(WithId, Base):
    """That somebody was told of it."""

    __tablename__ = "escalation_notices"
    __table_args__ = (
        UniqueConstraint("escalation_id", "agent_id"),
        Index("ix_escalation_notices_agent_id", "agent_id", "id"),
        Index("ix_escalation_notices_unread", "agent_id", postgresql_where=text(UNREAD), sqlite_where=text(UNREAD)),
    )

    escalation_id: Mapped[int] = mapped_column(ForeignKey("escalations.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]

    escalation: Mapped[Escalation] = relationship()
