"""Who keeps an appointment: its owner, the owner a little later, or somebody else in the owner's place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from callback.domain.facts import AgentFacts
from callback.domain.shift import WorkingTime

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Keeper:
    """At this moment, by these agents and nobody else (None: by anybody); `rule` is told."""

    at: datetime
    only: frozenset[int] | None
    rule: str
    """`owner`, `owner_later`, `team_instead` or `anybody_instead`."""


def keeper(
    at: datetime,
    *,
    owner_id: int,
    team_id: int | None,
    hours: Mapping[int, WorkingTime],
    agents: Mapping[int, AgentFacts],
    tolerance: timedelta,
) -> Keeper:
    """The customer asked for this agent at this moment.

    An owner who is away then but back within `tolerance` keeps it as soon as they are back: a little late by the right
    person is better than in time by a stranger. Else a colleague of the same team who works then keeps it in time, and
    where nobody of the team does, anybody.
    """
    works = _first_at_work(hours.get(owner_id), at, until=at + tolerance)
    if works == at:
        return Keeper(at, frozenset({owner_id}), "owner")
    if works is not None:
        return Keeper(works, frozenset({owner_id}), "owner_later")
    team = frozenset(_colleagues(agents.values(), owner_id, team_id, hours, at))
    return Keeper(at, team, "team_instead") if team else Keeper(at, None, "anybody_instead")


def _colleagues(
    agents: Iterable[AgentFacts], owner_id: int, team_id: int | None, hours: Mapping[int, WorkingTime], at: datetime
) -> Iterable[int]:
    for agent in agents:
        mate = team_id is not None and agent.team_id == team_id and agent.id != owner_id
        if mate and _first_at_work(hours.get(agent.id), at, until=at) == at:
            yield agent.id


def _first_at_work(hours: WorkingTime | None, start: datetime, *, until: datetime) -> datetime | None:
    """The first moment in `[start, until]` at which somebody with these hours works; None without one."""
    if hours is None:
        return None
    day, last = start.astimezone(hours.zone).date(), until.astimezone(hours.zone).date()
    while day <= last:
        for stretch in hours.stretches(day):
            if stretch.end > start and stretch.start <= until:
                return max(stretch.start, start)
        day += _ONE_DAY
    return None
