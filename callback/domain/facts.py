"""What the rules are told: rows of the database, reduced to what a rule may look at."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from callback.domain.fact import fact
from callback.domain.wish import ForbiddenDates, PreferredTime
from callback.domain.words import (
    CallbackState,
    CaseKind,
    CaseStatus,
    Channel,
    ContactKind,
    Disposition,
    PartOfDay,
    Priority,
    Purpose,
    SuppressionScope,
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The public calendar of one country over the days that matter."""

    holidays: frozenset[date] = frozenset()
    working_weekends: frozenset[date] = frozenset()
    """Make-up working days (调休)."""
    weekend: frozenset[int] = frozenset({5, 6})
    """Weekdays on which people rest, Monday being 0: Saturday and Sunday unless the country has others."""

    def is_weekend(self, day: date) -> bool:
        """A make-up working day is not one, whatever its weekday."""
        return day.weekday() in self.weekend and day not in self.working_weekends

    def is_holiday(self, day: date) -> bool:
        return day in self.holidays

    def is_working_day(self, day: date) -> bool:
        if day in self.working_weekends:
            return True
        return day.weekday() not in self.weekend and day not in self.holidays


@dataclass(frozen=True, slots=True)
class SuppressionFact:
    """A live suppression: of the customer (`address` None) or of one address."""

    scope: SuppressionScope
    address: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AttemptFact:
    """One earlier attempt, on any channel, for any purpose."""

    at: datetime
    channel: Channel
    purpose: Purpose
    part_of_day: PartOfDay
    disposition: Disposition | None = None
    """None while it is still under way."""
    agent_id: int | None = None
    case_id: int | None = None
    callback_id: int | None = None
    address: str | None = None
    counts: bool = True
    by_appointment: bool = False
    connected: bool = False
    """Somebody spoke with somebody."""


@fact(frozen=True, slots=True)
class CustomerFacts:
    """Who is to be contacted, and everything about them that a hard rule may ask."""

    id: int
    zone: ZoneInfo
    country: str
    language: str = "en"
    special: bool = False
    phones: tuple[str, ...] = ()
    """Good telephone numbers, in the order in which they are tried."""
    phone_kinds: tuple[ContactKind, ...] = ()
    """Of `phones`, in the same order."""
    emails: tuple[str, ...] = ()
    consents: frozenset[str] = frozenset()
    preferred: tuple[PreferredTime, ...] = ()
    """When they like to be called; empty: no wish."""
    forbidden: tuple[ForbiddenDates, ...] = ()
    """Days on which nobody calls them."""
    suppressions: tuple[SuppressionFact, ...] = ()
    attempts: tuple[AttemptFact, ...] = ()
    """Over all channels and cases, and of others who share an address; oldest first."""
    last_survey_at: datetime | None = None
    last_survey_callback_id: int | None = None
    """The callback that survey belonged to: going on with it is not another survey."""
    unhappy_before: bool = False


@fact(frozen=True, slots=True)
class CaseFacts:
    id: int
    status: CaseStatus
    opened_at: datetime
    kind: CaseKind = CaseKind.REQUEST
    priority: Priority = Priority.NORMAL
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    told_at: datetime | None = None
    promised_at: datetime | None = None
    repromises: int = 0
    has_answer: bool = False
    is_child: bool = False
    handler_ids: frozenset[int] = frozenset()
    """Everybody who ever handled the case, as recorded at the time."""
    team_id: int | None = None
    required_skill: str | None = None
    surveyed: bool = False
    """A questionnaire was answered about it, in whole or in part, on any channel and for any purpose."""
    was_unhappy: bool = False
    """A dissatisfaction was ever raised about it."""


CALLED_AGAIN = "called_again"
"""The result of an exhausted callback that a supervisor wants tried anew."""


@dataclass(frozen=True, slots=True)
class CallbackFact:
    """A callback that exists already for a case."""

    id: int
    purpose: Purpose
    state: CallbackState
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None = None
    result: str | None = None

    @property
    def withdrawn(self) -> bool:
        """Taken back by the planner because nothing was owed any more; it does not count as having been tried."""
        return self.state is CallbackState.CANCELLED and (self.result or "").startswith("withdrawn")

    @property
    def called_again(self) -> bool:
        """It came to nothing, and a supervisor wants it tried anew; it does not count as having been tried."""
        return self.state is CallbackState.EXHAUSTED and self.result == CALLED_AGAIN


@dataclass(frozen=True, slots=True)
class DissatisfactionFact:
    """The live flag on a case."""

    id: int
    raised_at: datetime
    failures: int = 1
    escalated: bool = False
    unhappy_parts: frozenset[PartOfDay] = frozenset()
    """The parts of day of the contacts that left the customer unhappy."""


@dataclass(frozen=True, slots=True)
class AgentFacts:
    id: int
    languages: frozenset[str]
    skills: frozenset[str] = frozenset()
    team_id: int | None = None
    daily_capacity: int = 60
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    active: bool = True


@dataclass(frozen=True, slots=True)
class ShiftFact:
    """One stretch of an agent's week, wall-clock in the agent's zone. Monday is 0."""

    weekday: int
    starts: time
    ends: time
