"""When an agent works: the week pattern, days with other hours, absences. Times are the agent's own wall-clock time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from callback.db import agents as rows
from callback.db.jobs import enqueue
from callback.db.tables import Agent, Shift, ShiftException
from callback.domain.roster import LONGEST_ABSENCE_DAYS, Stretch, problem_of
from callback.domain.words import SetupKind
from callback.errors import Conflict, Invalid
from callback.services import agents, audit
from callback.services.setups.record import Act, Change, Document, record, record_many


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
    session: Session,
    agent_id: int,
    pattern: Sequence[Stretch],
    *,
    version: int,
    now: datetime,
    actor_id: int | None,
    act: Act | None = None,
) -> None:
    """Replace the week pattern. `Stretch.day` is the weekday, Monday 0.

    Raises `Invalid` for a stretch that ends before it starts or overlaps another, `Conflict` when the agent changed.
    """
    _check(pattern)
    taken = _take(session, agent_id, version, now=now)
    session.execute(delete(Shift).where(Shift.agent_id == agent_id))
    session.add_all(Shift(agent_id=agent_id, weekday=s.day, starts=s.starts, ends=s.ends) for s in pattern)
    _finish(session, taken, now=now, actor_id=actor_id, action="shifts_changed", act=act, stretches=len(pattern))


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
    act: Act | None = None,
) -> None:
    """Other hours on one day; none means absent."""
    _check([Stretch(day, h.starts, h.ends) for h in hours])
    taken = _take(session, agent_id, version, now=now)
    _put_day(session, agent_id, day, hours, reason)
    said = {"day": day.isoformat(), "hours": len(hours)}
    _finish(session, taken, now=now, actor_id=actor_id, action="day_changed", act=act, **said)


def clear_day(
    session: Session,
    agent_id: int,
    day: date,
    *,
    version: int,
    now: datetime,
    actor_id: int | None,
    act: Act | None = None,
) -> None:
    """Back to the week pattern on this day."""
    taken = _take(session, agent_id, version, now=now)
    session.execute(delete(ShiftException).where(ShiftException.agent_id == agent_id, ShiftException.day == day))
    _finish(session, taken, now=now, actor_id=actor_id, action="day_cleared", act=act, day=day.isoformat())


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
    act: Act | None = None,
) -> int:
    """Absent from `first` to `last`, both included; how many days. What is planned on them finds other agents."""
    if last < first:
        raise Invalid("absence_ends_before_start")
    days = list(_days(first, last))
    if len(days) > LONGEST_ABSENCE_DAYS:
        raise Invalid("absence_too_long", days=LONGEST_ABSENCE_DAYS)
    taken = _take(session, agent_id, version, now=now)
    for day in days:
        _put_day(session, agent_id, day, (), reason)
    _finish(
        session,
        taken,
        now=now,
        actor_id=actor_id,
        action="absence_entered",
        act=act,
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
    taken = _take(session, agent_id, agents.get(session, agent_id).version, now=now)
    back = [day for day in days if [hours[:2] for hours in present[day.isoformat()]] == [[None, None]]]
    for day in back:
        session.execute(delete(ShiftException).where(ShiftException.agent_id == agent_id, ShiftException.day == day))
        for starts, ends, reason in kept[day.isoformat()]:
            hours = {"starts": starts and time.fromisoformat(starts), "ends": ends and time.fromisoformat(ends)}
            session.add(ShiftException(agent_id=agent_id, day=day, reason=reason, **hours))
    _finish(session, taken, now=now, actor_id=actor_id, action="absence_undone", act=None, days=len(back))
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


@dataclass(frozen=True, slots=True)
class _Taken:
    agent: Agent
    since: date
    before: Document


def _take(session: Session, agent_id: int, version: int, *, now: datetime) -> _Taken:
    """The agent, whose version is counted up: two who edit one roster do not overwrite each other."""
    agent = agents.get(session, agent_id)
    if not rows.bump(session, agent_id, version):
        raise Conflict("changed_meanwhile", present=agent.version)
    session.refresh(agent)
    since = _remembered_since(now)
    return _Taken(agent, since, documents_of(session, [agent_id], since=since)[agent_id])


def _finish(
    session: Session,
    taken: _Taken,
    *,
    now: datetime,
    actor_id: int | None,
    action: str,
    act: Act | None,
    **details: object,
) -> None:
    session.flush()
    agent_id = taken.agent.id
    audit.record(
        session, now=now, actor_id=actor_id, action=action, subject_kind="agent", subject_id=agent_id, **details
    )
    after = documents_of(session, [agent_id], since=taken.since)[agent_id]
    act = act or Act.of(now=now, actor_id=actor_id)
    record(session, SetupKind.SHIFTS, agent_id, Change(taken.before, after), act)
    enqueue(session, "plan", queueing_lock="plan")


# ── Versions: the hours of many at once, and hours as they were ─────────────────────────────────────────────────────


def _remembered_since(now: datetime) -> date:
    """Days that are over change nothing any more, and are not part of a version."""
    return now.date() - timedelta(days=1)


def documents_of(session: Session, agent_ids: Collection[int], *, since: date) -> dict[int, Document]:
    """The week patterns and the days that differ, from `since` on, as versions remember them."""
    found: dict[int, Document] = {agent_id: {"pattern": [], "days": {}} for agent_id in agent_ids}
    for shift in rows.shifts_of_many(session, agent_ids):
        found[shift.agent_id]["pattern"].append([shift.weekday, f"{shift.starts:%H:%M}", f"{shift.ends:%H:%M}"])
    for row in rows.exceptions_of_many(session, agent_ids, since=since):
        day = found[row.agent_id]["days"].setdefault(row.day.isoformat(), {"hours": [], "reason": row.reason})
        if row.starts is not None and row.ends is not None:
            day["hours"].append([f"{row.starts:%H:%M}", f"{row.ends:%H:%M}"])
    return found


def days_changed(
    document: Document, days: Sequence[date], hours: Sequence[Hours] | None, *, reason: str | None
) -> Document:
    """The same hours, but on these days others: none is absent, `None` is as every week."""
    changed = dict(document["days"])
    for day in days:
        changed.pop(day.isoformat(), None)
        if hours is not None:
            said = [[f"{one.starts:%H:%M}", f"{one.ends:%H:%M}"] for one in hours]
            changed[day.isoformat()] = {"hours": said, "reason": reason}
    return {"pattern": document["pattern"], "days": changed}


def days_between(first: date, last: date) -> list[date]:
    """Both included. Raises `Invalid` when that is no stretch of days, or an endless one."""
    if last < first:
        raise Invalid("absence_ends_before_start")
    if (last - first).days >= LONGEST_ABSENCE_DAYS:
        raise Invalid("absence_too_long", days=LONGEST_ABSENCE_DAYS)
    return list(_days(first, last))


def present(session: Session, agent_ids: Collection[int], *, now: datetime) -> dict[int, Document]:
    """The hours of these agents as they are now, to be changed and handed to `put_back`."""
    return documents_of(session, agent_ids, since=_remembered_since(now))


def pattern_of(stretches: Sequence[Stretch]) -> list[list[object]]:
    """A week pattern as a version remembers it. Raises `Invalid` for one that makes no sense."""
    _check(stretches)
    ordered = sorted(stretches, key=lambda s: (s.day, s.starts))
    return [[s.day, f"{s.starts:%H:%M}", f"{s.ends:%H:%M}"] for s in ordered]


def put_back(session: Session, documents: Mapping[int, Document], *, act: Act) -> int:
    """The hours of these agents as in the documents (days that are over stay as they were); how many were changed."""
    since = _remembered_since(act.now)
    held = {agent.id: agent for agent in rows.lock_agents(session, documents)}
    before = documents_of(session, list(held), since=since)
    changes: dict[str, Change] = {}
    for agent_id, agent in held.items():
        days = {day: said for day, said in documents[agent_id]["days"].items() if day >= since.isoformat()}
        after: Document = {"pattern": documents[agent_id]["pattern"], "days": days}
        if after == before[agent_id]:
            continue
        changes[str(agent_id)] = Change(before[agent_id], after)
        agent.version += 1
        _write(session, agent_id, after, since=since)
        audit.record(
            session,
            now=act.now,
            actor_id=act.actor_id,
            action="shifts_changed",
            subject_kind="agent",
            subject_id=agent_id,
            stretches=len(after["pattern"]),
        )
    session.flush()
    record_many(session, SetupKind.SHIFTS, changes, act)
    if changes:
        enqueue(session, "plan", queueing_lock="plan")
    return len(changes)


def _write(session: Session, agent_id: int, document: Document, *, since: date) -> None:
    session.execute(delete(Shift).where(Shift.agent_id == agent_id))
    session.execute(delete(ShiftException).where(ShiftException.agent_id == agent_id, ShiftException.day >= since))
    for weekday, starts, ends in document["pattern"]:
        times = {"starts": time.fromisoformat(starts), "ends": time.fromisoformat(ends)}
        session.add(Shift(agent_id=agent_id, weekday=weekday, **times))
    for day, said in document["days"].items():
        hours = [Hours(time.fromisoformat(starts), time.fromisoformat(ends)) for starts, ends in said["hours"]]
        _put_day(session, agent_id, date.fromisoformat(day), hours, said["reason"])
