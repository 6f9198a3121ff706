"""The day's plan as a grid: agents down, half hours across, and what stands where."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.orm import Session

from callback.db import day_plans as rows
from callback.db import reassignments, slots
from callback.db.policies import load_policy
from callback.db.tables import Agent
from callback.domain.moment import start_of_day
from callback.domain.words import CallbackState

AGENTS_A_PAGE = 12
MOST_CHIPS = 1_200
IN_TRAY = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One callback in the grid."""

    row: Row[Any]
    late: bool
    """It is overdue, or stands after its due time."""

    @property
    def movable(self) -> bool:
        return self.row.state is CallbackState.ASSIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One agent in one half hour."""

    starts_at: datetime | None
    """Of the agent's slot; None where they do not work."""
    chips: tuple[Chip, ...]
    full: bool
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    agent: Row[Any]
    hours: tuple[tuple[datetime, datetime], ...]
    absent: bool
    """Entered as absent on a day of theirs that the reader's day touches."""
    move_id: int | None
    """By which the absence is undone; None where it was entered elsewhere."""
    planned: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    day: date
    columns: tuple[datetime, ...]
    """Beginnings of the half hours in which anybody shown works or has something."""
    current: int | None
    """The column in which now lies."""
    lines: tuple[Line, ...]
    page: int
    pages: int
    count: int
    tray: tuple[Row[Any], ...]
    """What has no place: waiting, and blocked for the supervisor."""


def look(
    session: Session,
    *,
    day: date,
    zone: ZoneInfo,
    now: datetime,
    team_id: int | None = None,
    text: str = "",
    page: int = 1,
) -> DayPlan:
    """The plan of the reader's `day` in `zone` for one page of agents."""
    policy = load_policy(session)
    skip = (max(page, 1) - 1) * AGENTS_A_PAGE
    people, count = rows.people(session, team_id=team_id, text=text, skip=skip, limit=AGENTS_A_PAGE)
    since, until = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    ids = [person.id for person in people]
    shifts = rows.slots_between(session, ids, since=since, until=until)
    placed = rows.placed_between(session, ids, since=since, until=until, limit=MOST_CHIPS)
    grid = _Grid(since, policy.slot, policy.handling_time, now)
    for slot in shifts:
        grid.add_slot(slot)
    for row in placed:
        grid.add(row)
    columns = tuple(since + number * policy.slot for number in grid.numbers)
    running = [at for at in columns if at <= now < at + policy.slot]
    return DayPlan(
        day=day,
        columns=columns,
        current=columns.index(running[0]) if running else None,
        lines=tuple(_lines(session, people, grid, day=day, zone=zone, now=now)),
        page=max(page, 1),
        pages=max(1, -(-count // AGENTS_A_PAGE)),
        count=count,
        tray=_tray(session, team_id),
    )


def _tray(session: Session, team_id: int | None) -> tuple[Row[Any], ...]:
    """The first of what waits and of what is blocked, the earliest due first."""
    rows_found = [
        row
        for state in (CallbackState.BLOCKED, CallbackState.WAITING)
        for row in reassignments.found(
            session, reassignments.Filter(placeless=state, team_id=team_id), after=None, limit=IN_TRAY
        )
    ]
    return tuple(sorted(rows_found, key=lambda row: (row.due_at, row.id))[:IN_TRAY])


class _Grid:
    """Slots and callbacks by agent and half hour."""

    def __init__(self, since: datetime, slot: timedelta, handling: timedelta, now: datetime) -> None:
        self._since, self._slot, self._now = since, slot, now
        self._fits = max(1, round(slot / handling))
        self._slots: dict[tuple[int, int], Row[Any]] = {}
        self._chips: defaultdict[tuple[int, int], list[Chip]] = defaultdict(list)
        self.planned: Counter[int] = Counter()

    def _number(self, at: datetime) -> int:
        return (at - self._since) // self._slot

    def add_slot(self, slot: Row[Any]) -> None:
        self._slots[slot.agent_id, self._number(slot.starts_at)] = slot

    def add(self, row: Row[Any]) -> None:
        late = row.due_at < self._now or row.planned_at > row.due_at
        self._chips[row.agent_id, self._number(row.planned_at)].append(Chip(row=row, late=late))
        self.planned[row.agent_id] += 1

    @cached_property
    def numbers(self) -> list[int]:
        """Of the columns; asked for when everything has been added."""
        return sorted({number for _, number in self._slots.keys() | self._chips.keys()})

    def cells(self, agent_id: int) -> tuple[Cell, ...]:
        return tuple(self._cell(agent_id, number) for number in self.numbers)

    def _cell(self, agent_id: int, number: int) -> Cell:
        slot = self._slots.get((agent_id, number))
        chips = self._chips.get((agent_id, number), [])
        ends = self._since + (number + 1) * self._slot if slot is None else slot.ends_at
        return Cell(
            starts_at=None if slot is None else slot.starts_at,
            chips=tuple(chips),
            full=slot is not None and len(chips) >= self._fits,
            past=ends <= self._now,
        )


def _lines(
    session: Session, people: Sequence[Row[Any]], grid: _Grid, *, day: date, zone: ZoneInfo, now: datetime
) -> list[Line]:
    agents = slots.agents_at_work(session, which=Agent.id.in_([person.id for person in people]))
    hours = slots.working_times(session, agents)
    undoable = rows.absences(session, now=now)
    since, until = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    lines = []
    for person in people:
        times = hours[person.id]
        seen = sorted({at.astimezone(times.zone).date() for at in (since, until - timedelta(seconds=1))})
        stretches = [stretch for own in seen for stretch in times.stretches(own)]
        away = [own for own in seen if times.exceptions.get(own) == ()]
        lines.append(
            Line(
                agent=person,
                hours=tuple((s.start, s.end) for s in stretches if s.end > since and s.start < until),
                absent=bool(away),
                move_id=_undo_of(undoable, person.id, away),
                planned=grid.planned[person.id],
                cells=grid.cells(person.id),
            )
        )
    return lines


def _undo_of(undoable: Mapping[int, tuple[int, dict[str, Any]]], agent_id: int, away: Sequence[date]) -> int | None:
    move_id, absence = undoable.get(agent_id, (None, {}))
    return move_id if any(day.isoformat() in absence.get("days", {}) for day in away) else None
