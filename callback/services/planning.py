"""A whole planning: every case gets its callback, every callback its agent and slot."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from callback.db.engine import SessionFactory, reading
from callback.db.shards import Shard, shards_of
from callback.domain.assignment import Assigner
from callback.domain.moment import start_of_day
from callback.domain.words import Channel
from callback.errors import Invalid
from callback.services.assignments import AssignmentReport, assign
from callback.services.collector import paused_collector
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
    afresh: bool = False,
    keep: bool = False,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> Planned:
    """Plan `day` (the centre's local day; default: today) and the days of the horizon after it.

    Safe to run any number of times, and at the same time on several machines. `afresh`: also what has its place may
    get a better one, as far as it is neither pinned, nor an appointment, nor about to begin. Raises
    `Invalid("plan_date_past")`. `keep` as in `assign`.
    """
    today = now.astimezone(zone).date()
    if day is not None and day < today:
        raise Invalid("plan_date_past", date=day)
    moment = now if day is None or day == today else start_of_day(day, zone)
    callbacks = AssignmentReport()
    with paused_collector() as collect:
        cases = plan(sessions, now=now, moment=moment, carriers=carriers, on_progress=on_progress)
        for number, shard in enumerate(shards(sessions)):
            if number:
                collect()
            part = assign(
                sessions, now=now, zone=zone, moment=moment, assigner=assigner, afresh=afresh, shard=shard, keep=keep
            )
            callbacks.add(part)
    return Planned(cases, callbacks)


def shards(sessions: SessionFactory) -> list[Shard]:
    """The parts that are planned by themselves: everything at once, or each team and what belongs to none."""
    with reading(sessions) as session:
        return shards_of(session)
