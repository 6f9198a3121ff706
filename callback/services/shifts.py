"""When an agent works: the week pattern, days with other hours, absences. Times are the agent's own wall-clock time."""

from collections.abc import Iterator, Sequence
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
