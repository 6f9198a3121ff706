"""Who keeps an appointment: its owner, the owner a little later, or somebody else in the owner's place.

The ways are asked one after the other, and the first that somebody can go is taken. Whether somebody can is asked where
the room is known: at work then, in the language and with the skill, not in another appointment, and with room left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from callback.domain.facts import AgentFacts

NOT_KEPT = "appointment_not_kept"
"""The minute could not be kept: what is left is to call as soon as somebody can."""


@dataclass(frozen=True, slots=True)
class Way:
    """From `since` to `until`, both included, by these agents and nobody else (None: by anybody); `rule` is told."""

    rule: str
    """`owner`, `owner_later`, `team_instead`, `anybody_instead`, `anybody` or `appointment_not_kept`."""
    since: datetime
    until: datetime
    only: frozenset[int] | None = None

    @property
    def to_the_minute(self) -> bool:
        return self.since == self.until


def ways_to_keep(
    at: datetime,
    *,
    owner_id: int | None,
    team_id: int | None,
    agents: Mapping[int, AgentFacts],
    wait: timedelta,
    until: datetime,
    missed: bool = False,
) -> tuple[Way, ...]:
    """The customer asked for this moment, and perhaps for this agent.

    An owner who cannot call then but can within `wait` keeps it as soon as they can: a little late by the right person
    is better than in time by a stranger. Else a colleague of the same team keeps it in time, and where nobody of the
    team can, anybody. What nobody can keep, or what is `missed` already (`at` is then the first moment that is left),
    is called before anything else, at the latest by `until`.
    """
    soonest = Way(NOT_KEPT, at, max(at, until))
    if missed:
        return (soonest,) if owner_id is None else (Way(NOT_KEPT, at, at, frozenset({owner_id})), soonest)
    if owner_id is None:
        return Way("anybody", at, at), soonest
    owner = frozenset({owner_id})
    found = [Way("owner", at, at, owner)]
    if wait:
        found.append(Way("owner_later", at, at + wait, owner))
    team = frozenset(a.id for a in agents.values() if team_id is not None and a.team_id == team_id and a.id != owner_id)
    if team:
        found.append(Way("team_instead", at, at, team))
    return *found, Way("anybody_instead", at, at), soonest
