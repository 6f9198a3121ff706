"""Who may take some callbacks, and who may not and why: agent by agent, and of one callback name by name."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db import reassignments as rows
from callback.db import slots
from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback, Team
from callback.db.waiting import read_waiting
from callback.domain.facts import AgentFacts
from callback.domain.moment import start_of_day
from callback.domain.rules import Contact, Refusal, may, who_may
from callback.domain.shift import WorkingTime
from callback.domain.words import Purpose
from callback.services import demands


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One agent who was asked about all the callbacks."""

    agent_id: int
    name: str
    number: str
    team: str | None
    allowed: int
    refused: tuple[tuple[str, str, int], ...]
    """(reason, what it is about, how many): the sentence is `candidate.<reason>`."""
    holds: int
    """Of the callbacks, how many are theirs already."""
    planned: int
    """Calls in their list today."""
    capacity: int
    hours: tuple[tuple[datetime, datetime], ...]
    """Today's shift; empty: not at work today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    asked: int
    """Callbacks."""
    agents: tuple[Candidate, ...]
    """Who may take most first, then the least loaded."""
    nobody: tuple[str, ...]
    """Handles of callbacks that no agent at all may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Of one callback: by name."""

    allowed: tuple[tuple[int, str], ...]
    barred: tuple[tuple[int, str, tuple[Refusal, ...]], ...]
    """With everything that speaks against them."""


def look(session: Session, callback_ids: Sequence[int], *, now: datetime) -> Candidates:
    """Every agent with shifts asked about every callback, by the rules about persons."""
    policy = load_policy(session)
    agents = slots.agents_at_work(session)
    waiting = read_waiting(session, callback_ids)
    holds = Counter(row.agent_id for row in waiting if row.agent_id is not None)
    contacts = [contact for _, contact in demands.read_contacts(session, waiting, moment=now)]
    refused: dict[int, Counter[tuple[str, str]]] = {agent_id: Counter() for agent_id in agents}
    nobody: list[int] = []
    for alike in _alike(contacts):
        takers = 0
        for agent in agents.values():
            refusal = may(alike[0], agent, policy)
            if refusal is None:
                takers += 1
            else:
                refused[agent.id][refusal.reason, _about(refusal)] += len(alike)
        if takers == 0:
            nobody += [contact.callback_id for contact in alike if contact.callback_id is not None]
    return Candidates(
        asked=len(contacts),
        agents=_candidates(session, agents, refused, holds, asked=len(contacts), now=now),
        nobody=tuple(session.scalars(select(Callback.handle).where(Callback.id.in_(nobody)).order_by(Callback.id))),
    )


def who(session: Session, callback_id: int, *, now: datetime) -> Who:
    """Every agent with shifts asked about one callback."""
    policy = load_policy(session)
    agents = slots.agents_at_work(session)
    names = dict(session.execute(select(Agent.id, Agent.name)).tuples().all())
    ((_, contact),) = demands.read_contacts(session, read_waiting(session, [callback_id]), moment=now)
    allowed, barred = who_may(contact, policy, agents.values())
    return Who(
        allowed=tuple((agent.id, names[agent.id]) for agent in allowed),
        barred=tuple((agent.id, names[agent.id], refused) for agent, refused in barred),
    )


def _alike(contacts: Sequence[Contact]) -> list[list[Contact]]:
    """Those for whom every agent gives one answer: only of a second call it matters whose it is."""
    kinds: defaultdict[object, list[Contact]] = defaultdict(list)
    for contact in contacts:
        key: object = (contact.customer.language, contact.case.required_skill)
        kinds[contact.callback_id if contact.purpose is Purpose.SECOND_CALL else key].append(contact)
    return list(kinds.values())


def _about(refusal: Refusal) -> str:
    """What the sentence about several callbacks names: the language or the skill."""
    return str(refusal.params.get("language") or refusal.params.get("skill") or "")


def _candidates(
    session: Session,
    agents: Mapping[int, AgentFacts],
    refused: Mapping[int, Counter[tuple[str, str]]],
    holds: Mapping[int, int],
    *,
    asked: int,
    now: datetime,
) -> tuple[Candidate, ...]:
    columns = (Agent.id, Agent.name, Agent.number, Team.name.label("team"))
    people = session.execute(select(*columns).outerjoin(Team, Team.id == Agent.team_id).where(Agent.active)).all()
    hours = slots.working_times(session, agents)
    planned = _planned_today(session, agents, now)
    found = [
        Candidate(
            agent_id=row.id,
            name=row.name,
            number=row.number,
            team=row.team,
            allowed=asked - refused[row.id].total(),
            refused=tuple((reason, about, n) for (reason, about), n in refused[row.id].most_common()),
            holds=holds.get(row.id, 0),
            planned=planned.get(row.id, 0),
            capacity=agents[row.id].daily_capacity,
            hours=_today(hours[row.id], agents[row.id].zone, now),
        )
        for row in people
        if row.id in agents and holds.get(row.id, 0) < asked
    ]
    return tuple(sorted(found, key=lambda c: (-c.allowed, not c.hours, c.planned - c.capacity, c.agent_id)))


def _planned_today(session: Session, agents: Mapping[int, AgentFacts], now: datetime) -> dict[int, int]:
    """By zone, because today is another stretch in each."""
    by_zone: defaultdict[ZoneInfo, list[int]] = defaultdict(list)
    for agent in agents.values():
        by_zone[agent.zone].append(agent.id)
    planned: dict[int, int] = {}
    for zone, ids in by_zone.items():
        today = now.astimezone(zone).date()
        since, until = start_of_day(today, zone), start_of_day(today + timedelta(days=1), zone)
        planned |= rows.planned_between(session, ids, since=since, until=until)
    return planned


def _today(hours: WorkingTime, zone: ZoneInfo, now: datetime) -> tuple[tuple[datetime, datetime], ...]:
    day: date = now.astimezone(zone).date()
    return tuple((stretch.start, stretch.end) for stretch in hours.stretches(day))
