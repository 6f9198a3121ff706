"""A whole planning: every case gets its callback, every callback its agent and slot."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from callback.db.engine import SessionFactory
from callback.domain.assignment import Assigner
from callback.domain.moment import start_of_day
from callback.domain.words import Channel
from callback.errors import Invalid
from callback.services.assignments import AssignmentReport, assign
from callback.services.plans import PlanReport, plan


@dataclass(frozen=True, slots=True)
class Planned:
    cases: PlanReport
    callbacks: AssignmentReport


def plan_day(
    sessions: SessionFactory,
    *,
    now: datetime,
    zone: ZoneInfo,
    day: date | None = None,
    carriers: frozenset[Channel] = frozenset(),
    assigner: Assigner | None = None,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> Planned:
    """Plan `day` (the centre's local day; default: today) and the days of the horizon after it.

    Safe to run any number of times, and at the same time on several machines. Raises `Invalid("plan_date_past")`.
    """
    today = now.astimezone(zone).date()
    if day is not None and day < today:
        raise Invalid("plan_date_past", date=day)
    moment = now if day is None or day == today else start_of_day(day, zone)
    cases = plan(sessions, now=now, moment=moment, carriers=carriers, on_progress=on_progress)
    callbacks = assign(sessions, now=now, zone=zone, moment=moment, assigner=assigner)
    return Planned(cases, callbacks)
