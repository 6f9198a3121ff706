"""Scripts, questionnaires, responses, answers and the dissatisfaction they may raise."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from callback.db.base import Base, Json, WithId, words
from callback.domain.words import (
    Cause,
    Channel,
    ComplaintContent,
    ComplaintNature,
    DissatisfactionRule,
    DissatisfactionState,
    Purpose,
    RecoveryStep,
    ResponseState,
    Severity,
    SubCause,
    Validity,
    VersionState,
)

PUBLISHED = "state = 'published'"


class Script(WithId, Base):
    """One version of a call script in one language."""

    __tablename__ = "scripts"
    __table_args__ = (
        UniqueConstraint("key", "language", "version"),
        Index(
            "uq_scripts_one_published",
            "key",
            "language",
            unique=True,
            postgresql_where=text(PUBLISHED),
            sqlite_where=text(PUBLISHED),
        ),
        Index("ix_scripts_created_by_id", "created_by_id"),
    )

    key: Mapped[str] = mapped_column(String(64))
    """`outbound` or `holding`; a centre may add its own."""
    language: Mapped[str] = mapped_column(String(2))
    version: Mapped[int]
    state: Mapped[VersionState] = mapped_column(words(VersionState, "state"), default=VersionState.DRAFT)
    purposes: Mapped[list[str]] = mapped_column(default=list)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))


class Questionnaire(WithId, Base):
    """One version of a questionnaire (a strict subset of SurveyJS JSON)."""

    __tablename__ = "questionnaires"
    __table_args__ = (
        UniqueConstraint("key", "version"),
        Index(
            "uq_questionnaires_one_published",
            "key",
            unique=True,
            postgresql_where=text(PUBLISHED),
            sqlite_where=text(PUBLISHED),
        ),
        Index("ix_questionnaires_created_by_id", "created_by_id"),
    )

    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    state: Mapped[VersionState] = mapped_column(words(VersionState, "state"), default=VersionState.DRAFT)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))


class Response(WithId, Base):
    """One customer's filling-in of a questionnaire, over however many channels it took."""

    __tablename__ = "responses"
    __table_args__ = (
        Index("ix_responses_questionnaire_id", "questionnaire_id"),
        Index("ix_responses_case_id", "case_id"),
        Index("ix_responses_customer_id_started_at", "customer_id", "started_at"),
        UniqueConstraint("callback_id"),
        # The satisfaction of a day.
        Index(
            "ix_responses_completed_at",
            "completed_at",
            postgresql_where=text("completed_at IS NOT NULL"),
            postgresql_include=["csat", "nps"],
        ),
        # What may have gone silent.
        Index(
            "ix_responses_open",
            "started_at",
            "id",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    handle: Mapped[str] = mapped_column(String(48), unique=True)
    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaires.id"))
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose, "purpose"))
    state: Mapped[ResponseState] = mapped_column(words(ResponseState, "state"), default=ResponseState.OPEN)
    engine_state: Mapped[dict[str, Any]] = mapped_column(default=dict)
    csat: Mapped[float | None] = mapped_column(Float)
    """0 to 100 (% of level questions in the top two boxes)."""
    nps: Mapped[int | None]
    """The raw recommendation, 0 to 10; the NPS is a figure over many."""
    ces: Mapped[float | None] = mapped_column(Float)
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    """Of the link to the web page; empty: no link was made."""
    confirmed_at: Mapped[datetime | None]
    """When somebody on the web page said that they are the customer."""
    visitor_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """SHA-256 of the secret that the browser of that person holds; another browser has to confirm again."""
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    answers: Mapped[list["Answer"]] = relationship(order_by="Answer.id", back_populates="response")


class Answer(WithId, Base):
    """One value. Kept as it came (`said`) beside what was understood (`value`)."""

    __tablename__ = "answers"
    __table_args__ = (UniqueConstraint("response_id", "question"),)

    response_id: Mapped[int] = mapped_column(ForeignKey("responses.id"))
    question: Mapped[str] = mapped_column(String(64))
    value: Mapped[Any] = mapped_column(Json)
    said: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    answered_at: Mapped[datetime]

    response: Mapped[Response] = relationship(back_populates="answers")


class Dissatisfaction(WithId, Base):
    """The flag on an unhappy customer, with the rule that named its severity and all the evidence."""

    __tablename__ = "dissatisfactions"
    __table_args__ = (
        Index("ix_dissatisfactions_customer_id", "customer_id"),
        Index("ix_dissatisfactions_callback_id", "callback_id"),
        Index("ix_dissatisfactions_second_call_id", "second_call_id"),
        Index("ix_dissatisfactions_closed_by_id", "closed_by_id"),
        Index("ix_dissatisfactions_state_raised_at", "state", "raised_at"),
        # One live flag per case: a second failure escalates it, it does not raise another.
        Index(
            "uq_dissatisfactions_one_live",
            "case_id",
            unique=True,
            postgresql_where=text("state IN ('open', 'escalated')"),
            sqlite_where=text("state IN ('open', 'escalated')"),
        ),
        Index("ix_dissatisfactions_case_id", "case_id"),
        Index("ix_dissatisfactions_raised_at", "raised_at", "id"),
        Index("ix_dissatisfactions_team_id_raised_at", "team_id", "raised_at", "id"),
        CheckConstraint("failures >= 0", name="failures"),
        CheckConstraint("state <> 'closed' OR cause IS NOT NULL", name="closed_has_cause"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    """Whose it is to put right: the case's team, else that of whoever made the call."""
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    """After which it was raised; empty for an imported rating."""
    second_call_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    rule: Mapped[DissatisfactionRule] = mapped_column(words(DissatisfactionRule, "rule"))
    severity: Mapped[Severity] = mapped_column(words(Severity, "severity"))
    evidence: Mapped[list[Any]] = mapped_column(default=list)
    failures: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """1 after the first unhappy contact, 2 when the second call failed too."""
    state: Mapped[DissatisfactionState] = mapped_column(
        words(DissatisfactionState, "state"), default=DissatisfactionState.OPEN
    )
    raised_at: Mapped[datetime]
    cause: Mapped[Cause | None] = mapped_column(words(Cause, "cause"))
    sub_cause: Mapped[SubCause | None] = mapped_column(words(SubCause, "sub_cause"))
    validity: Mapped[Validity | None] = mapped_column(words(Validity, "validity"))
    nature: Mapped[ComplaintNature | None] = mapped_column(words(ComplaintNature, "nature"))
    content: Mapped[ComplaintContent | None] = mapped_column(words(ComplaintContent, "content"))
    lesson: Mapped[str | None] = mapped_column(Text)
    """What is to be learned from it."""
    lesson_shared_at: Mapped[datetime | None]
    """When it was passed on to the others."""
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))


class DissatisfactionStep(WithId, Base):
    """One of the six steps of handling a complaint as it was taken. Append-only: a step taken again is another row."""

    __tablename__ = "dissatisfaction_steps"
    __table_args__ = (
        Index("ix_dissatisfaction_steps_dissatisfaction_id", "dissatisfaction_id"),
        Index("ix_dissatisfaction_steps_by_id", "by_id"),
    )

    dissatisfaction_id: Mapped[int] = mapped_column(ForeignKey("dissatisfactions.id"))
    step: Mapped[RecoveryStep] = mapped_column(words(RecoveryStep, "step"))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    """Empty for the system."""
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
