"""When an agent works: the week pattern, days with other hours, absences. Times are the agent's own wall-clock time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from callback.db import agents as rows
from callback.db.jobs import enqueue
from callback.db.tables import Agent, Shift, ShiftException
from callback.domain.roster import LONGEST_ABSENCE_DAYS, Stretch, problem_of
from callback.errors import Conflict, Invalid
from callback.services import agents, audit


@dataclass(frozen=True, slots=True)
class Hours:
    """From, to; wall-clock, on one day."""

    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class Week:
    """An agent's pattern and the days that differ from it."""

    agent_id: int
    version: int
    time_zone: str
    pattern: tuple[Shift, ...]
    exceptions: tuple[ShiftException, ...]


def week_of(session: Session, agent_id: int, *, since: date, until: date) -> Week:
    """The pattern, and the exceptions from `since` to `until`, both included."""
    agent = agents.get(session, agent_id)
    return Week(
        agent_id=agent.id,
        version=agent.version,
        time_zone=agent.time_zone,
        pattern=tuple(rows.shifts_of(session, agent_id)),
        exceptions=tuple(rows.exceptions_of(session, agent_id, since=since, until=until)),
    )


def set_pattern(
    session: Session, agent_id: int, pattern: Sequence[Stretch], *, version: int, now: datetime, actor_id: int | None
) -> None:
    """Replace the week pattern. `Stretch.day` is the weekday, Monday 0.

    Raises `Invalid` for a stretch that ends before it starts or overlaps another, `Conflict` when the agent changed.
    """
    _check(pattern)
    agent = _take(session, agent_id, version)
    session.execute(delete(Shift).where(Shift.agent_id == agent_id))
    session.add_all(Shift(agent_id=agent_id, weekday=s.day, starts=s.starts, ends=s.ends) for s in pattern)
    _finish(session, agent, now=now, actor_id=actor_id, action="shifts_changed", stretches=len(pattern))


def set_day(
    session: Session,
    agent_id: int,
    day: date,
    hours: Sequence[Hours],
    *,
    reason: str | None,
    version: int,
    now: datetime,
    actor_id: int | None,
) -> None:
    """Other hours on one day; none means absent."""
    _check([Stretch(day, h.starts, h.ends) for h in hours])
    agent = _take(session, agent_id, version)
    _put_day(session, agent_id, day, hours, reason)
    _finish(session, agent, now=now, actor_id=actor_id, action="day_changed", day=day.isoformat(), hours=len(hours))


def clear_day(session: Session, agent_id: int, day: date, *, version: int, now: datetime, actor_id: int | None) -> None:
    """Back to the week pattern on this day."""
    agent = _take(session, agent_id, version)
    session.execute(delete(ShiftException).where(ShiftException.agent_id == agent_id, ShiftException.day == day))
    _finish(session, agent, now=now, actor_id=actor_id, action="day_cleared", day=day.isoformat())


def set_absent(
    session: Session,
    agent_id: int,
    *,
    first: date,
    last: date,
    reason: str | None,
    version: int,
    now: datetime,
    actor_id: int | None,
) -> int:
    """Absent from `first` to `last`, both included; how many days. What is planned on them finds other agents."""
    if last < first:
        raise Invalid("absence_ends_before_start")
    days = list(_days(first, last))
    if len(days) > LONGEST_ABSENCE_DAYS:
        raise Invalid("absence_too_long", days=LONGEST_ABSENCE_DAYS)
    agent = _take(session, agent_id, version)
    for day in days:
        _put_day(session, agent_id, day, (), reason)
    _finish(
        session,
        agent,
        now=now,
        actor_id=actor_id,
        action="absence_entered",
        first=first.isoformat(),
        last=last.isoformat(),
    )
    return len(days)


Kept = list[list[str | None]]
"""The hours of one day that differ from the pattern, as JSON: starts, ends, reason. Empty: the pattern."""


def hours_kept(session: Session, agent_id: int, *, first: date, last: date) -> dict[str, Kept]:
    """What is entered for each of these days, to be put back by `put_days_back`."""
    kept: dict[str, Kept] = {day.isoformat(): [] for day in _days(first, last)}
    for row in rows.exceptions_of(session, agent_id, since=first, until=last):
        starts = None if row.starts is None else row.starts.isoformat()
        kept[row.day.isoformat()].append([starts, None if row.ends is None else row.ends.isoformat(), row.reason])
    return kept


def put_days_back(
    session: Session, agent_id: int, kept: Mapping[str, Kept], *, now: datetime, actor_id: int | None
) -> int:
    """End an absence: days on which the agent is still absent get the hours they had; how many.

    Days that somebody gave other hours since are left alone.
    """
    days = sorted(date.fromisoformat(day) for day in kept)
    present = hours_kept(session, agent_id, first=days[0], last=days[-1])
    agent = _take(session, agent_id, agents.get(session, agent_id).version)
    back = [day for day in days if [hours[:2] for hours in present[day.isoformat()]] == [[None, None]]]
    for day in back:
        session.execute(delete(ShiftException).where(ShiftException.agent_id == agent_id, ShiftException.day == day))
        for starts, ends, reason in kept[day.isoformat()]:
            hours = {"starts": starts and time.fromisoformat(starts), "ends": ends and time.fromisoformat(ends)}
            session.add(ShiftException(agent_id=agent_id, day=day, reason=reason, **hours))
    _finish(session, agent, now=now, actor_id=actor_id, action="absence_undone", days=len(back))
    return len(back)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range(min((last - first).days, LONGEST_ABSENCE_DAYS) + 1):
        yield first + timedelta(days=number)


def _put_day(session: Session, agent_id: int, day: date, hours: Sequence[Hours], reason: str | None) -> None:
    session.execute(delete(ShiftException).where(ShiftException.agent_id == agent_id, ShiftException.day == day))
    if not hours:
        session.add(ShiftException(agent_id=agent_id, day=day, starts=None, ends=None, reason=reason))
    for one in hours:
        session.add(ShiftException(agent_id=agent_id, day=day, starts=one.starts, ends=one.ends, reason=reason))


def _check(stretches: Sequence[Stretch]) -> None:
    problem = problem_of(stretches)
    if problem is not None:
        wrong = stretches[problem.index]
        raise Invalid(
            problem.code,
            starts=f"{wrong.starts:%H:%M}",
            ends=f"{wrong.ends:%H:%M}",
            details={"index": problem.index},
        )


def _take(session: Session, agent_id: int, version: int) -> Agent:
    """The agent, whose version is counted up: two who edit one roster do not overwrite each other."""
    agent = agents.get(session, agent_id)
    if not rows.bump(session, agent_id, version):
        raise Conflict("changed_meanwhile", present=agent.version)
    session.refresh(agent)
    return agent


def _finish(
    session: Session, agent: Agent, *, now: datetime, actor_id: int | None, action: str, **details: object
) -> None:
    session.flush()
    audit.record(
        session, now=now, actor_id=actor_id, action=action, subject_kind="agent", subject_id=agent.id, **details
    )
    enqueue(session, "plan", queueing_lock="plan")
