"""Callbacks, the slots they are placed in, attempts, appointments and the decisions behind them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, select, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from callback.db.base import Base, WithId, words
from callback.db.tables.cases import Case
from callback.db.tables.people import Agent, ContactPoint, Customer
from callback.domain.words import (
    AppointmentState,
    AttemptState,
    Attitude,
    BlockedBy,
    CallbackState,
    Channel,
    Disposition,
    HungUp,
    PartOfDay,
    Purpose,
)

LIVE = "state IN ('waiting', 'assigned', 'in_progress', 'blocked')"
OWED_BY_A_PERSON = f"{LIVE} AND channel = 'agent'"
PINNED = "state = 'assigned' AND pinned"
IMPOSSIBLE = f"{OWED_BY_A_PERSON} AND due_at < earliest_at"
UNDECIDED = "state = 'exhausted' AND decided_at IS NULL"
UNSENT = "about = 'channel' OR (about = 'purpose' AND (verdict = 'nothing' OR rule = 'survey'))"
"""Of decisions: those that may have kept something from being sent."""
AUTOMATIC = "state = 'waiting' AND channel IN ('sms', 'voice', 'email')"


def _team_of_case(context: Any) -> int | None:
    """For a callback that is written alone; the planner, which writes thousands, hands it over."""
    case_id = context.get_current_parameters()["case_id"]
    team: int | None = context.connection.scalar(select(Case.team_id).where(Case.id == case_id))
    return team


class Slot(WithId, Base):
    """A stretch of an agent's shift in which callbacks are placed."""

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("agent_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="order"),
        Index("ix_slots_starts_at", "starts_at"),
    )

    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Callback(WithId, Base):
    """One duty to contact one customer about one case for one purpose."""

    __tablename__ = "callbacks"
    __table_args__ = (
        Index(
            "uq_callbacks_one_live",
            "case_id",
            "purpose",
            unique=True,
            postgresql_where=text(LIVE),
            sqlite_where=text(LIVE),
        ),
        Index("ix_callbacks_case_id", "case_id"),
        Index("ix_callbacks_customer_id", "customer_id"),
        Index("ix_callbacks_slot_id", "slot_id", postgresql_where=text("slot_id IS NOT NULL")),
        # An agent's list, in calling order; also the claim of the next task.
        Index(
            "ix_callbacks_agent_list",
            "agent_id",
            "planned_at",
            "id",
            postgresql_where=text(LIVE),
            sqlite_where=text(LIVE),
        ),
        # What people owe, most urgent first: the board's figures and the lists behind them.
        Index(
            "ix_callbacks_owed",
            "due_at",
            "id",
            postgresql_where=text(OWED_BY_A_PERSON),
            sqlite_where=text(OWED_BY_A_PERSON),
        ),
        # What supervisors placed by hand; what is due before it may be made at all. Few, and looked for by themselves.
        Index("ix_callbacks_pinned", "id", postgresql_where=text(PINNED), sqlite_where=text(PINNED)),
        Index("ix_callbacks_impossible", "due_at", postgresql_where=text(IMPOSSIBLE), sqlite_where=text(IMPOSSIBLE)),
        # What came to nothing and nobody has looked at yet.
        Index(
            "ix_callbacks_undecided",
            "purpose",
            "finished_at",
            "id",
            postgresql_where=text(UNDECIDED),
            sqlite_where=text(UNDECIDED),
        ),
        # What was done today, by anybody and by one agent.
        Index("ix_callbacks_finished_at", "finished_at", "id", postgresql_where=text("finished_at IS NOT NULL")),
        Index(
            "ix_callbacks_agent_finished", "agent_id", "finished_at", postgresql_where=text("finished_at IS NOT NULL")
        ),
        # What still needs an agent, most urgent first.
        Index(
            "ix_callbacks_waiting",
            "due_at",
            "id",
            postgresql_where=text("state = 'waiting'"),
            sqlite_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_callbacks_blocked",
            "due_at",
            "id",
            postgresql_where=text("state = 'blocked'"),
            sqlite_where=text("state = 'blocked'"),
        ),
        Index(
            "ix_callbacks_lease",
            "lease_until",
            postgresql_where=text("state = 'in_progress'"),
            sqlite_where=text("state = 'in_progress'"),
        ),
        # What can be sent by itself, by campaign: first tries, and tries that were put off.
        Index(
            "ix_callbacks_automatic_first",
            "channel",
            "campaign_id",
            "earliest_at",
            "id",
            postgresql_where=text(f"{AUTOMATIC} AND next_try_at IS NULL"),
            sqlite_where=text(f"{AUTOMATIC} AND next_try_at IS NULL"),
        ),
        Index(
            "ix_callbacks_automatic_again",
            "channel",
            "campaign_id",
            "next_try_at",
            "id",
            postgresql_where=text(f"{AUTOMATIC} AND next_try_at IS NOT NULL"),
            sqlite_where=text(f"{AUTOMATIC} AND next_try_at IS NOT NULL"),
        ),
        Index("ix_callbacks_campaign_id", "campaign_id", postgresql_where=text("campaign_id IS NOT NULL")),
        Index("ix_callbacks_parent_id", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        CheckConstraint("(state = 'blocked') = (blocked_by IS NOT NULL)", name="blocked_has_reason"),
        CheckConstraint("state <> 'in_progress' OR lease_until IS NOT NULL", name="claim_has_lease"),
        CheckConstraint("state <> 'assigned' OR planned_at IS NOT NULL", name="assigned_has_time"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    case_team_id: Mapped[int | None] = mapped_column(default=_team_of_case)
    """The case's own `team_id`, here so that a team's unassigned work is counted without asking thousands of cases.

    It moves with the case (`db/cases.py: move_to_team`); no foreign key, since that of the case stands for it.
    """
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    """Of a second call: the callback after which the customer was unhappy."""
    purpose: Mapped[Purpose] = mapped_column(words(Purpose, "purpose"))
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    state: Mapped[CallbackState] = mapped_column(words(CallbackState, "state"), default=CallbackState.WAITING)
    blocked_by: Mapped[BlockedBy | None] = mapped_column(words(BlockedBy, "blocked_by"))
    priority: Mapped[int]
    """0 to 100; higher is more urgent."""
    priority_floor: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """What an escalation asked for: the planner goes no lower."""
    earliest_at: Mapped[datetime]
    due_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None]
    """After an attempt that did not reach the customer; replaces `earliest_at` once set."""
    attempts_made: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Attempts that count against the budget of this callback."""
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    slot_id: Mapped[int | None] = mapped_column(ForeignKey("slots.id"))
    planned_at: Mapped[datetime | None]
    """The moment in the agent's list: start of the slot, or the appointment."""
    pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A supervisor placed it; the planner leaves it there."""
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"), index=True)
    lease_until: Mapped[datetime | None]
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"))
    """Of an automatic one: paused, resumed and cancelled with it."""
    result: Mapped[str | None] = mapped_column(String(32))
    """How it ended: a disposition, or `superseded`, `case_reopened`, `expired`, `told_elsewhere`, …"""
    finished_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    """Of an exhausted one: when a supervisor decided what follows, or that nothing does."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    case: Mapped[Case] = relationship()
    customer: Mapped[Customer] = relationship()
    agent: Mapped[Agent | None] = relationship(foreign_keys=[agent_id])
    slot: Mapped[Slot | None] = relationship()


class Attempt(WithId, Base):
    """One try to reach the customer on one channel. Written before anything leaves the house."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_callback_id", "callback_id"),
        # The calls of a day are counted from the index alone.
        Index("ix_attempts_ended_at", "ended_at", postgresql_include=["channel", "disposition", "agent_id"]),
        # The budget is counted per person and per address: two customers may share one telephone.
        Index("ix_attempts_customer_id_started_at", "customer_id", "started_at"),
        Index("ix_attempts_address_started_at", "address", "started_at"),
        Index("ix_attempts_agent_id_started_at", "agent_id", "started_at"),
        Index("ix_attempts_contact_point_id", "contact_point_id"),
        Index("ix_attempts_script_id", "script_id"),
        # One conversation at a time about one callback.
        Index(
            "uq_attempts_one_open",
            "callback_id",
            unique=True,
            postgresql_where=text("state <> 'ended'"),
            sqlite_where=text("state <> 'ended'"),
        ),
        # What the forecast of contact has not counted yet.
        Index(
            "ix_attempts_to_learn",
            "id",
            postgresql_where=text("state = 'ended' AND NOT learned"),
            sqlite_where=text("state = 'ended' AND NOT learned"),
        ),
        CheckConstraint("(state = 'ended') = (disposition IS NOT NULL)", name="ended_has_disposition"),
        CheckConstraint("duration_s IS NULL OR duration_s >= 0", name="duration"),
    )

    handle: Mapped[str] = mapped_column(String(32), unique=True)
    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    contact_point_id: Mapped[int | None] = mapped_column(ForeignKey("contact_points.id"))
    address: Mapped[str | None] = mapped_column(String(255))
    channel: Mapped[Channel] = mapped_column(words(Channel, "channel"))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    """Who spoke, as recorded at the time."""
    state: Mapped[AttemptState] = mapped_column(words(AttemptState, "state"))
    disposition: Mapped[Disposition | None] = mapped_column(words(Disposition, "disposition"))
    aapor_code: Mapped[str | None] = mapped_column(String(8))
    counts: Mapped[bool] = mapped_column(default=True)
    """Against the customer's budget; a technical failure does not."""
    by_appointment: Mapped[bool] = mapped_column(default=False, server_default=false())
    part_of_day: Mapped[PartOfDay] = mapped_column(words(PartOfDay, "part_of_day"))
    """In the customer's zone when it started."""
    started_at: Mapped[datetime]
    identity_at: Mapped[datetime | None]
    """When the person was confirmed; nothing about the case is said before."""
    ended_at: Mapped[datetime | None]
    duration_s: Mapped[int | None]
    hung_up_first: Mapped[HungUp | None] = mapped_column(words(HungUp, "hung_up_first"))
    attitude: Mapped[Attitude | None] = mapped_column(words(Attitude, "attitude"))
    notes: Mapped[str] = mapped_column(Text, default="", server_default="")
    script_id: Mapped[int | None] = mapped_column(ForeignKey("scripts.id"))
    script_state: Mapped[dict[str, Any] | None]
    """Where the conversation stands; a reload brings it back."""
    marks: Mapped[dict[str, Any] | None]
    """What the agent has set during the call beside the script: how unhappy the customer is, who keeps the appointment,
    when the customer waited for a note (`services/attempts/marks.py`)."""
    handed_in: Mapped[dict[str, Any] | None]
    """The hash of what the agent handed in at the end, and the result: the same again gets the same answer."""
    provider_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    provider_rank: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    lease_until: Mapped[datetime | None]
    learned: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The forecast of contact has looked at how it ended."""
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))

    callback: Mapped[Callback] = relationship()
    contact_point: Mapped[ContactPoint | None] = relationship()
    agent: Mapped[Agent | None] = relationship()


class Appointment(WithId, Base):
    """A time that the customer asked for."""

    __tablename__ = "appointments"
    __table_args__ = (
        Index("ix_appointments_callback_id", "callback_id"),
        Index("ix_appointments_agent_id", "agent_id"),
        Index("ix_appointments_made_in_id", "made_in_id"),
        Index(
            "uq_appointments_one_open",
            "callback_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id"))
    at: Mapped[datetime]
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    """With this agent; empty when anybody may keep it."""
    made_in_id: Mapped[int | None] = mapped_column(ForeignKey("attempts.id"))
    state: Mapped[AppointmentState] = mapped_column(words(AppointmentState, "state"), default=AppointmentState.OPEN)
    created_at: Mapped[datetime]


class Decision(WithId, Base):
    """The rule, its inputs and its verdict, kept for every choice the system makes. Append-only."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_callback_id", "callback_id"),
        Index("ix_decisions_case_id", "case_id"),
        Index("ix_decisions_actor_id", "actor_id"),
        # Why something was not sent (`db/unsent.py`).
        Index("ix_decisions_unsent", "id", postgresql_where=text(UNSENT), sqlite_where=text(UNSENT)),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    about: Mapped[str] = mapped_column(String(32))
    """`purpose`, `channel`, `assignment`, `retry`, `reassignment`, `override`, `dissatisfaction`, `end`."""
    rule: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(64))
    inputs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    """The person who decided; empty for the system."""
