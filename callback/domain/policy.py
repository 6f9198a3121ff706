"""The figures that a centre may change. The hard limits (`LEGAL_FLOOR`, `LEGAL_CEILING`) are not among them."""

from dataclasses import dataclass, field, fields, replace
from datetime import time, timedelta
from typing import Any, Self

LEGAL_FLOOR = time(8, 0)
LEGAL_CEILING = time(21, 0)
"""Nobody is ever called outside these, in their own time zone, whatever the policy says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Immutable; a change makes a new version. Durations are `timedelta`, times are customer-local."""

    calling_windows: tuple[tuple[time, time], ...] = ((time(9), time(12)), (time(14), time(20)))
    """Half-open `[start, end)`, wall-clock in the customer's zone."""
    call_on_weekends: bool = True
    call_on_holidays: bool = False

    promise_days: int = 3
    """A case without a promise of its own is owed an answer this many days after it was reported or answered."""
    promise_in_working_days: bool = False

    attempts_per_day: int = 2
    attempts_per_callback: int = 3
    survey_rest: timedelta = timedelta(days=30)
    """Between any two surveys of one customer."""

    survey_after: timedelta = timedelta(hours=24)
    survey_due: timedelta = timedelta(hours=48)
    complaint_survey_after_working_days: int = 3
    complaint_survey_due_working_days: int = 5
    survey_expires: timedelta = timedelta(days=14)
    """After closing; an older survey is not sent any more."""

    survey_wait: timedelta = timedelta(days=2)
    """An automatic survey to which nothing (more) is said for so long is reminded of once, or closed."""

    second_call_working_days: int = 1
    cool_off: timedelta = timedelta(hours=4)
    """Between the contact that made a customer unhappy and the earliest second call."""
    low_score: int = 2
    """Of five; this or less is a dissatisfaction."""
    low_nps: int = 6

    max_repromises: int = 2
    """After so many holding calls the supervisor is told as well."""
    slot: timedelta = timedelta(minutes=30)
    handling_time: timedelta = timedelta(minutes=6)
    """Expected for one callback, with the notes; five callbacks fill a slot of half an hour."""
    slot_overfill: float = 0.1
    """By which share a slot may be overfilled in expectation: calls differ, and a rest at the end is lost time."""
    freeze: timedelta = timedelta(minutes=30)
    """What an agent sees coming within this time is not moved any more by the planner."""
    plan_by_team: bool = False
    """Each team's cases are planned by themselves, for the agents of that team: for centres beyond one planner."""
    claim_lease: timedelta = timedelta(minutes=30)
    planning_horizon_days: int = 3
    """How many days ahead callbacks are placed into slots."""
    holdout_share: float = 0.1
    """Of the customers, planned without what was learned about when people answer: it measures what that is worth."""
    owner_wait: timedelta = timedelta(hours=4)
    """So long after an appointment an absent owner is waited for; then somebody of the same team keeps it."""
    automatic_countries: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            # Mainland China: no survey SMS with links and no two-way SMS for foreign senders; a call is allowed.
            "CN": ("voice",),
            "*": ("sms", "voice", "email"),
        }
    )
    """Automatic survey channels by country, the preferred first; `*` is every other country."""

    def changed(self, figures: dict[str, Any]) -> Self:
        """This policy with `figures` (as stored in `setup_versions`) laid over it.

        Durations are stored in seconds, windows as `[["09:00", "12:00"], …]`. Raises `ValueError` naming a figure that
        is unknown.
        """
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        unknown = sorted(set(figures) - set(known))
        if unknown:
            raise ValueError(f"unknown figures: {', '.join(unknown)}")
        return replace(self, **{name: _parsed(known[name], value) for name, value in figures.items()})


def _parsed(present: object, value: Any) -> Any:
    """`value` from JSON in the type of the figure it replaces."""
    if isinstance(present, timedelta):
        return timedelta(seconds=value)
    if isinstance(present, tuple):
        return tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in value)
    if isinstance(present, dict):
        return {country: tuple(channels) for country, channels in value.items()}
    return value
