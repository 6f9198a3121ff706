"""The supervisor's board: what is about to go wrong, what waits for a decision, who is loaded, how the day goes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from callback.db import board as rows
from callback.db import escalations, handovers, outlooks, work
from callback.db.tables import Escalation, Handover, Outlook
from callback.db.work import Kind, Wanted
from callback.domain.facts import ShiftFact
from callback.domain.moment import start_of_day
from callback.domain.rate import wilson
from callback.domain.shift import WorkingTime
from callback.domain.words import DissatisfactionState, Severity
from callback.services.outlooks import EVERYBODY

AGES = (timedelta(hours=4), timedelta(days=1), timedelta(days=3))
"""Unhappy for less than the cool-off, than a day (the second call is due), than three days, and longer."""
CALLS_SHOWN = 12
WARNINGS_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A measured share with the interval in which it truly lies (Wilson, 95 %). `share` is None without data."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.count, self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLoad:
    id: int
    name: str
    listed: int
    """On the list of today, left-overs among them."""
    done: int
    capacity: int
    """Of today; 0 without a shift."""
    presence: str
    """`working`, `later`, `gone` or `off`; the sentence is `board.presence_<…>`."""

    @property
    def work(self) -> int:
        return self.listed + self.done

    @property
    def share(self) -> float:
        """Of the day's capacity; work without capacity is more than full."""
        return self.work / self.capacity if self.capacity else (2.0 if self.listed else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLoad:
    id: int | None
    name: str | None
    agents: tuple[AgentLoad, ...]
    """The most loaded first."""
    listed: int
    done: int
    capacity: int
    working: int

    @property
    def share(self) -> float:
        return (self.listed + self.done) / self.capacity if self.capacity else (2.0 if self.listed else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    starts_at: datetime
    dialled: int
    reached: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    counts: Mapping[str, int]
    """By the name of what is counted, up to `work.MOST + 1`."""
    outlook: Outlook | None
    breaking: int
    """Promises that will break, of the chosen team."""
    warnings: tuple[Mapping[str, Any], ...]
    unhappy: Mapping[Severity, tuple[int, ...]]
    """Severity → how many by age (`AGES`), the severest first."""
    escalated: int
    calls: tuple[Row[Any], ...]
    teams: tuple[TeamLoad, ...]
    hours: tuple[Hour, ...]
    reach: Share
    content: Share
    nps: int | None
    nps_of: int


WANTED: Mapping[str, Wanted] = {
    "overdue": Wanted(kind=Kind.OVERDUE),
    "soon": Wanted(kind=Kind.SOON, promised=True),
    "waiting": Wanted(kind=Kind.WAITING),
    "calling": Wanted(kind=Kind.CALLING),
    "nobody_qualifies": Wanted(kind=Kind.NOBODY_QUALIFIES),
    "no_legal_moment": Wanted(kind=Kind.NO_LEGAL_MOMENT),
    "needs_data": Wanted(kind=Kind.NEEDS_DATA),
    "supervisor_only": Wanted(kind=Kind.SUPERVISOR_ONLY),
    "exhausted": Wanted(kind=Kind.EXHAUSTED, promised=True),
    "exhausted_courtesy": Wanted(kind=Kind.EXHAUSTED, promised=False),
}


def look(session: Session, *, now: datetime, zone: ZoneInfo, team_id: int | None = None) -> Board:
    """The whole board, of everybody or of one team. A dozen statements, none of which reads what it does not count."""
    today = now.astimezone(zone).date()
    day_starts, day_ends = start_of_day(today, zone), start_of_day(today + timedelta(days=1), zone)
    rows.plain_plans(session)
    outlook = outlooks.newest(session)
    counts = work.counts(
        session,
        {name: _of(wanted, team_id) for name, wanted in WANTED.items()},
        now=now,
        day_starts=day_starts,
        broken=work.up_to_most(work.broken_promises(since=day_starts, team_id=team_id)),
        without_address=work.up_to_most(work.cases_without_address(team_id=team_id)),
        marked=work.up_to_most(escalations.on_the_board(select(Escalation.id), team_id=team_id)),
        unsigned=work.up_to_most(handovers.unsigned(select(Handover.id), team_id=team_id)),
    )
    unhappy, escalated = _unhappy(session, now=now, team_id=team_id)
    hours = _hours(session, day_starts=day_starts, now=now, team_id=team_id)
    scores = rows.satisfaction(session, since=day_starts, team_id=team_id)
    return Board(
        counts=counts,
        outlook=outlook,
        breaking=0 if outlook is None else int(outlook.counts.get(EVERYBODY if team_id is None else str(team_id), 0)),
        warnings=_warnings(session, outlook, team_id=team_id),
        unhappy=unhappy,
        escalated=escalated,
        calls=tuple(work.calls_under_way(session, team_id=team_id, limit=CALLS_SHOWN)),
        teams=_load(session, now=now, day_starts=day_starts, day_ends=day_ends, team_id=team_id),
        hours=hours,
        reach=Share(count=sum(hour.reached for hour in hours), of=sum(hour.dialled for hour in hours)),
        content=Share(count=scores.content, of=scores.scored),
        nps=round(100 * (scores.promoters - scores.detractors) / scores.asked) if scores.asked else None,
        nps_of=scores.asked,
    )


def _of(wanted: Wanted, team_id: int | None) -> Wanted:
    return replace(wanted, team_id=team_id)


def _warnings(session: Session, outlook: Outlook | None, *, team_id: int | None) -> tuple[Mapping[str, Any], ...]:
    """The first promises that will break, with whom they were made to."""
    if outlook is None:
        return ()
    mine = [one for one in outlook.promises if team_id is None or one["team_id"] == team_id][:WARNINGS_SHOWN]
    names = outlooks.customers_of(session, [one["case_id"] for one in mine])
    return tuple(
        {**one, "due_at": datetime.fromisoformat(one["due_at"]), "customer": names.get(one["case_id"])} for one in mine
    )


def _unhappy(session: Session, *, now: datetime, team_id: int | None) -> tuple[Mapping[Severity, tuple[int, ...]], int]:
    found = {severity: [0] * (len(AGES) + 1) for severity in reversed(Severity)}
    escalated = 0
    for row in rows.unhappy(session, now=now, ages=AGES, team_id=team_id):
        found[row.severity][row.age] += row.number
        escalated += row.number if row.state is DissatisfactionState.ESCALATED else 0
    return {severity: tuple(numbers) for severity, numbers in found.items()}, escalated


def _hours(session: Session, *, day_starts: datetime, now: datetime, team_id: int | None) -> tuple[Hour, ...]:
    """From the first hour in which somebody called to the last."""
    counted = rows.calls_by_hour(session, day_starts=day_starts, now=now, team_id=team_id)
    if not counted:
        return ()
    hours = range(min(counted), max(counted) + 1)
    return tuple(
        Hour(
            starts_at=day_starts + timedelta(hours=hour),
            dialled=counted.get(hour, (0, 0))[0],
            reached=counted.get(hour, (0, 0))[1],
        )
        for hour in hours
    )


# ── Load ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _load(
    session: Session, *, now: datetime, day_starts: datetime, day_ends: datetime, team_id: int | None
) -> tuple[TeamLoad, ...]:
    """Teams, the most loaded first. Who neither works today nor has anything to do is left out."""
    people = rows.load(session, day_starts=day_starts, day_ends=day_ends, team_id=team_id)
    shifts = _shifts(session, people, now=now, team_id=team_id)
    presences = {id(times): _presence(times, now) for times in {id(one): one for one in shifts.values()}.values()}
    teams: defaultdict[int | None, list[AgentLoad]] = defaultdict(list)
    for row in people:
        times = shifts.get(row.id)
        presence = "off" if times is None else presences[id(times)]
        if presence == "off" and not row.listed and not row.done:
            continue
        capacity = 0 if presence == "off" else row.daily_capacity
        teams[row.team_id].append(
            AgentLoad(id=row.id, name=row.name, listed=row.listed, done=row.done, capacity=capacity, presence=presence)
        )
    names = dict(work.teams(session))
    found = [_team(which, names.get(which) if which else None, agents) for which, agents in teams.items()]
    return tuple(sorted(found, key=lambda team: (-team.share, team.name or "")))


def _team(team_id: int | None, name: str | None, agents: list[AgentLoad]) -> TeamLoad:
    return TeamLoad(
        id=team_id,
        name=name,
        agents=tuple(sorted(agents, key=lambda agent: (-agent.share, -agent.work, agent.name))),
        listed=sum(agent.listed for agent in agents),
        done=sum(agent.done for agent in agents),
        capacity=sum(agent.capacity for agent in agents),
        working=sum(agent.presence == "working" for agent in agents),
    )


def _shifts(
    session: Session, people: Sequence[Row[Any]], *, now: datetime, team_id: int | None
) -> Mapping[int, WorkingTime]:
    """The hours of those who have any, as far as they bear on this day."""
    zones = {name: ZoneInfo(name) for name in {row.time_zone for row in people}}
    days = {now.astimezone(zone).date() for zone in zones.values()}
    changes = rows.changes_on(session, days, team_id=team_id)
    patterns = rows.weeks_on(session, days, team_id=team_id)
    exceptions: defaultdict[int, dict[date, tuple[tuple[time, time], ...]]] = defaultdict(dict)
    for change in changes:
        hours = ((change.starts, change.ends),) if change.starts is not None else ()
        exceptions[change.agent_id][change.day] = exceptions[change.agent_id].get(change.day, ()) + hours
    same: dict[tuple[str, tuple[ShiftFact, ...]], WorkingTime] = {}
    found: dict[int, WorkingTime] = {}
    for row in people:
        if row.id in exceptions:
            found[row.id] = WorkingTime(zones[row.time_zone], tuple(patterns.get(row.id, ())), exceptions[row.id])
        elif row.id in patterns:  # who works the same hours is asked about once
            key = row.time_zone, tuple(patterns[row.id])
            found[row.id] = same.setdefault(key, WorkingTime(zones[row.time_zone], key[1], {}))
    return found


def _presence(times: WorkingTime, now: datetime) -> str:
    """Where the agent's own day stands."""
    stretches = times.stretches(now.astimezone(times.zone).date())
    if not stretches:
        return "off"
    if any(stretch.start <= now < stretch.end for stretch in stretches):
        return "working"
    return "later" if now < stretches[-1].start else "gone"
