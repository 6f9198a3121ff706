"""An agent's day: what can be called now, what waits and until when, what is done, and why there may be nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.orm import Session

from callback.db import agents
from callback.db import days as rows
from callback.db.tables import Agent
from callback.domain.address import mask
from callback.domain.facts import ShiftFact
from callback.domain.moment import Interval, start_of_day
from callback.domain.shift import WorkingTime
from callback.domain.words import Disposition, Purpose
from callback.services import callbacks, handovers, notes
from callback.services.callbacks import Entry
from callback.services.notes import Unread

LONGEST = 200
"""Entries on one page; a full day has 60."""
SOON = timedelta(minutes=30)
"""What is planned so far ahead may be called already: the next slot, as `attempts.start_next` has it."""
LATEST_DONE = 8
LOOK_AHEAD_DAYS = 14
CONTENT = 50.0
"""CSAT from which a customer counts as satisfied: half of the level questions in the two highest boxes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    attempt: str
    """Handle."""
    callback: str
    """Handle."""
    purpose: Purpose
    customer_name: str | None
    address: str | None
    """Masked."""
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    attempt: str
    """Handle."""
    ended_at: datetime
    purpose: Purpose
    customer_name: str | None
    disposition: Disposition
    duration: timedelta | None
    unhappy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The agent's own, since the day began."""

    finished: int
    """Callbacks that ended."""
    called: int
    reached: int
    """Calls in which the person was confirmed."""
    average: timedelta | None
    """Of the calls that reached somebody."""
    satisfied: int
    """Answered the questions, with at least `CONTENT` of them well, and raised no flag."""
    unhappy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What the agent works. `stretches` is empty on a free day."""

    stretches: tuple[Interval, ...]
    absence: str | None
    """The reason that was entered for a day off; None when it is the week's pattern, or no reason was given."""
    next_start: datetime | None
    """When the agent works next, from now on."""

    def at_work(self, at: datetime) -> bool:
        return any(at in stretch for stretch in self.stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """So many on the list may not be called before this moment of the customer's day."""

    until: datetime
    time_zone: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    now: tuple[Entry, ...]
    """To be called now, in calling order."""
    later: tuple[Entry, ...]
    """Later today, or waiting for a moment; in the order in which they become possible."""
    more: bool
    """There is more on the list than is shown."""
    under_way: UnderWay | None
    done: tuple[Done, ...]
    """The latest first."""
    figures: Figures
    shift: Shift
    waiting: tuple[Waiting, ...]
    """The soonest first; told when nobody may be called now."""
    next_planned_at: datetime | None
    """The first on the list after today; looked for when today has nothing left."""
    to_sign: int
    """Handovers that wait for this agent's signature."""
    unread: Mapping[str, Unread]
    """Messages of colleagues, by the handle of the callback."""
    not_placed: int
    """Callbacks for people that have no place yet; looked for when the list is empty."""


def callable_early(day: Day) -> int:
    """How many of those that are planned for later may be called already: nothing forbids it but the plan."""
    return sum(entry.waits_until is None for entry in day.later)


def possible_at(entry: Entry) -> datetime:
    """When this one can be called: its place in the list, or what it waits for."""
    return max(entry.planned_at, entry.waits_until or entry.planned_at)


def day_of(session: Session, *, agent_id: int, now: datetime, zone: ZoneInfo) -> Day:
    """The agent's day in `zone`."""
    today = callbacks.todays_list(session, agent_id=agent_id, now=now, zone=zone, limit=LONGEST)
    under_way = rows.under_way(session, agent_id)
    listed = [e for e in today.entries if under_way is None or e.handle != under_way.callback]
    ready = tuple(e for e in listed if e.waits_until is None and e.planned_at <= now + SOON)
    later = sorted((e for e in listed if e.waits_until is not None or e.planned_at > now + SOON), key=possible_at)
    calls = rows.calls(session, agent_id=agent_id, since=start_of_day(now.astimezone(zone).date(), zone))
    return Day(
        now=ready,
        later=tuple(later),
        more=today.next_place is not None,
        under_way=_under_way(under_way),
        done=tuple(_done(row) for row in calls[:LATEST_DONE]),
        figures=_figures(calls, finished=today.finished_today),
        shift=shift_of(session, agent_id, now=now, zone=zone),
        waiting=() if ready else _waiting(later),
        next_planned_at=today.next_planned_at,
        to_sign=len(handovers.to_sign(session, session.get_one(Agent, agent_id))),
        unread=notes.unread_of(session, agent_id),
        not_placed=0 if today.entries else rows.waiting_for_a_person(session),
    )


def _under_way(row: Row[Any] | None) -> UnderWay | None:
    if row is None:
        return None
    return UnderWay(
        attempt=row.handle,
        callback=row.callback,
        purpose=row.purpose,
        customer_name=row.name,
        address=mask(row.address) if row.address else None,
        started_at=row.started_at,
    )


def _done(row: Row[Any]) -> Done:
    return Done(
        attempt=row.handle,
        ended_at=row.ended_at,
        purpose=row.purpose,
        customer_name=row.name,
        disposition=row.disposition,
        duration=None if row.duration_s is None else timedelta(seconds=row.duration_s),
        unhappy=row.unhappy,
    )


def _figures(calls: Sequence[Row[Any]], *, finished: int) -> Figures:
    reached = [row for row in calls if row.identity_at is not None]
    lengths = [row.duration_s for row in reached if row.duration_s is not None]
    unhappy = {row.callback_id for row in calls if row.unhappy}
    content = {row.callback_id for row in calls if row.csat is not None and row.csat >= CONTENT}
    return Figures(
        finished=finished,
        called=len(calls),
        reached=len(reached),
        average=timedelta(seconds=sum(lengths) / len(lengths)) if lengths else None,
        satisfied=len(content - unhappy),
        unhappy=len(unhappy),
    )


def _waiting(later: Sequence[Entry]) -> tuple[Waiting, ...]:
    counted = Counter((e.waits_until, e.time_zone) for e in later if e.waits_until is not None)
    soonest = sorted(counted.items())
    return tuple(Waiting(until=until, time_zone=zone, count=count) for (until, zone), count in soonest)


def shift_of(session: Session, agent_id: int, *, now: datetime, zone: ZoneInfo) -> Shift:
    """What the agent works today in `zone`, and when next."""
    today = now.astimezone(zone).date()
    until = today + timedelta(days=LOOK_AHEAD_DAYS)
    pattern = tuple(ShiftFact(s.weekday, s.starts, s.ends) for s in agents.shifts_of(session, agent_id))
    changes = agents.exceptions_of(session, agent_id, since=today, until=until)
    exceptions = {
        day: tuple((c.starts, c.ends) for c in changes if c.day == day and c.starts is not None and c.ends is not None)
        for day in {c.day for c in changes}
    }
    hours = WorkingTime(zone, pattern, exceptions)
    return Shift(
        stretches=hours.stretches(today),
        absence=next((c.reason for c in changes if c.day == today and c.starts is None), None),
        next_start=_next_start(hours, today, until, now),
    )


def _next_start(hours: WorkingTime, day: date, until: date, now: datetime) -> datetime | None:
    while day <= until:
        for stretch in hours.stretches(day):
            if stretch.start > now:
                return stretch.start
        day += timedelta(days=1)
    return None
