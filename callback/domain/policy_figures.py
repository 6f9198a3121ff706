"""What each figure of the policy is measured in, where it may lie, and what no centre can mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from callback.domain.policy import LEGAL_CEILING, LEGAL_FLOOR, Policy


class Unit(StrEnum):
    """In which a figure is entered and shown; it is stored in seconds, as a number, or as it is."""

    WINDOWS = "windows"
    CHANNELS = "channels"
    YES_NO = "yes_no"
    NUMBER = "number"
    PER_CENT = "per_cent"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


SECONDS: Mapping[Unit, int] = MappingProxyType({Unit.MINUTES: 60, Unit.HOURS: 3600, Unit.DAYS: 86400})


@dataclass(frozen=True, slots=True)
class Figure:
    """`lowest` and `highest` are in the unit."""

    name: str
    group: str
    unit: Unit
    lowest: float = 0
    highest: float = 0


FIGURES: tuple[Figure, ...] = (
    Figure("calling_windows", "calling", Unit.WINDOWS),
    Figure("call_on_weekends", "calling", Unit.YES_NO),
    Figure("call_on_holidays", "calling", Unit.YES_NO),
    Figure("attempts_per_day", "budget", Unit.NUMBER, 1, 5),
    Figure("attempts_per_callback", "budget", Unit.NUMBER, 1, 10),
    Figure("survey_rest", "budget", Unit.DAYS, 0, 365),
    Figure("promise_days", "promises", Unit.NUMBER, 1, 30),
    Figure("promise_in_working_days", "promises", Unit.YES_NO),
    Figure("max_repromises", "promises", Unit.NUMBER, 0, 10),
    Figure("owner_wait", "promises", Unit.HOURS, 0, 72),
    Figure("survey_after", "surveys", Unit.HOURS, 0, 24 * 14),
    Figure("survey_due", "surveys", Unit.HOURS, 0, 24 * 30),
    Figure("complaint_survey_after_working_days", "surveys", Unit.NUMBER, 0, 30),
    Figure("complaint_survey_due_working_days", "surveys", Unit.NUMBER, 0, 60),
    Figure("survey_expires", "surveys", Unit.DAYS, 0, 180),
    Figure("survey_wait", "surveys", Unit.HOURS, 0.25, 24 * 14),
    Figure("automatic_countries", "surveys", Unit.CHANNELS),
    Figure("low_score", "recovery", Unit.NUMBER, 1, 4),
    Figure("low_nps", "recovery", Unit.NUMBER, 0, 9),
    Figure("cool_off", "recovery", Unit.HOURS, 0, 72),
    Figure("second_call_working_days", "recovery", Unit.NUMBER, 0, 10),
    Figure("slot", "planning", Unit.MINUTES, 5, 240),
    Figure("handling_time", "planning", Unit.MINUTES, 0.5, 120),
    Figure("slot_overfill", "planning", Unit.PER_CENT, 0, 100),
    Figure("freeze", "planning", Unit.MINUTES, 0, 24 * 60),
    Figure("planning_horizon_days", "planning", Unit.NUMBER, 1, 30),
    Figure("claim_lease", "planning", Unit.MINUTES, 1, 240),
    Figure("holdout_share", "planning", Unit.PER_CENT, 0, 50),
    Figure("plan_by_team", "planning", Unit.YES_NO),
)
"""All of them, in the order in which a person reads them."""

BY_NAME: Mapping[str, Figure] = MappingProxyType({figure.name: figure for figure in FIGURES})
CHANNELS = ("sms", "voice", "web", "email")


@dataclass(frozen=True, slots=True)
class Fault:
    """The sentence is `setup_policy.fault.<code>`."""

    figure: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self.params.items())
        return f"{self.figure}: {self.code}" + (f" ({values})" if values else "")


def in_unit(figure: Figure, value: Any) -> Any:
    """A value of the policy as it is entered: hours instead of a `timedelta`, per cent instead of a share."""
    if isinstance(value, timedelta):
        return value.total_seconds() / SECONDS[figure.unit]
    return round(value * 100, 4) if figure.unit is Unit.PER_CENT else value


def stored(figure: Figure, value: Any) -> Any:
    """What was entered in the figure's unit, as `Policy.changed` takes it: seconds, a share, or as it is."""
    if figure.unit in SECONDS:
        return round(value * SECONDS[figure.unit])
    return round(value / 100, 6) if figure.unit is Unit.PER_CENT else value


def unreadable(figures: Mapping[str, Any]) -> tuple[Fault, ...]:
    """What is no figure, or has not the form of one, of figures as they are stored (`Policy.changed`)."""
    return tuple(_unreadable(figures))


def _unreadable(figures: Mapping[str, Any]) -> Iterator[Fault]:
    for name, value in figures.items():
        if name not in BY_NAME:
            yield Fault(name[:40], "no_such_figure")
            continue
        try:
            faults(Policy().changed({name: value}))
        except (ValueError, TypeError, AttributeError, OverflowError):
            yield Fault(name, "not_in_its_form")


def faults(policy: Policy) -> tuple[Fault, ...]:
    """What no centre can mean, in the order of the figures. Windows may only be narrower than the legal limits."""
    return tuple(_faults(policy))


def _faults(policy: Policy) -> Iterator[Fault]:
    yield from _windows(policy.calling_windows)
    for figure in FIGURES:
        if figure.unit not in (Unit.WINDOWS, Unit.CHANNELS):
            yield from _out_of_bounds(figure, in_unit(figure, getattr(policy, figure.name)))
    yield from _channels(policy.automatic_countries)
    yield from _order(policy)


def _windows(windows: tuple[tuple[time, time], ...]) -> Iterator[Fault]:
    if not windows:
        yield Fault("calling_windows", "no_window")
    limits = {"floor": f"{LEGAL_FLOOR:%H:%M}", "ceiling": f"{LEGAL_CEILING:%H:%M}"}
    before: time | None = None
    for start, end in sorted(windows):
        said = {"window": f"{start:%H:%M}–{end:%H:%M}"}
        if start >= end:
            yield Fault("calling_windows", "window_order", said)
        elif not LEGAL_FLOOR <= start < end <= LEGAL_CEILING:
            yield Fault("calling_windows", "window_not_legal", said | limits)
        elif before is not None and start < before:
            yield Fault("calling_windows", "windows_overlap", said)
        before = end


def _out_of_bounds(figure: Figure, value: Any) -> Iterator[Fault]:
    if figure.unit is Unit.YES_NO:
        if type(value) is not bool:
            yield Fault(figure.name, "not_yes_no")
        return
    if type(value) not in (int, float) or (figure.unit is Unit.NUMBER and type(value) is not int):
        yield Fault(figure.name, "not_a_number")
    elif not figure.lowest <= value <= figure.highest:
        yield Fault(figure.name, "out_of_bounds", {"low": f"{figure.lowest:g}", "high": f"{figure.highest:g}"})


def _channels(countries: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    for country, channels in countries.items():
        if country != "*" and not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
            yield Fault("automatic_countries", "not_a_country", {"country": country[:20]})
        for channel in channels:
            if channel not in CHANNELS:
                yield Fault("automatic_countries", "not_a_channel", {"country": country[:20]})


def _order(policy: Policy) -> Iterator[Fault]:
    """Figures that contradict each other; told at the later one."""
    for first, later in (
        ("survey_after", "survey_due"),
        ("survey_due", "survey_expires"),
        ("complaint_survey_after_working_days", "complaint_survey_due_working_days"),
        ("handling_time", "slot"),
        ("attempts_per_day", "attempts_per_callback"),
    ):
        if getattr(policy, later) < getattr(policy, first):
            yield Fault(later, f"before_{first}")
