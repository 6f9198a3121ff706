"""What would the plan be, if …: other people, other hours, other figures. Nothing is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db import slots
from callback.db.policies import load_policy
from callback.domain.assignment import Placement, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import wall_intervals
from callback.domain.policy import Policy
from callback.errors import Invalid
from callback.services.demands import EVERYTHING, Shard
from callback.services.optimum import OptimalAssigner, Proof, Solution
from callback.services.problems import Problem, read_problem


@dataclass(frozen=True, slots=True)
class ExtraShift:
    agent_id: int
    day: date
    starts: time
    ends: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is different in the other world."""

    absent: frozenset[int] = frozenset()
    extra: tuple[ExtraShift, ...] = ()
    hired: tuple[AgentFacts, ...] = ()
    """People who are not there, with negative ids; their hours are among `extra`."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Of the policy, in their stored form: another window, another limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What one plan reaches."""

    placed: int
    in_time: int
    """Placed before their due time."""
    expected_contacts: float
    """Sum of the chances of contact."""
    left: Counter[str]
    proof: Proof


Place = tuple[int, datetime]
"""Agent and moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """One callback that would be somewhere else. `before` or `after` is None where it has no place."""

    callback_id: int
    before: Place | None
    after: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    today: World
    otherwise: World
    moved: int
    """Callbacks that would be in another slot."""
    gained: tuple[int, ...]
    """Callbacks placed only in the other world."""
    lost: tuple[int, ...]
    """Callbacks placed only as things are."""
    people: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Agent → calls as it is and with the change, where they differ."""
    shifted: tuple[Shifted, ...] = ()
    """What is behind the figures, the lost ones first; at most `MOST_SHIFTED`."""

    @property
    def kept(self) -> int:
        """Callbacks that stay where they are."""
        return self.today.placed - len(self.lost) - self.moved


MOST_SHIFTED = 60


def compare(
    session: Session, change: Change, *, moment: datetime, zone: ZoneInfo, shard: Shard = EVERYTHING
) -> Comparison:
    """Plan everything that may be moved twice, as things are and with the change; of one team with `shard`.

    Raises `Invalid` for figures that no policy can have, or an agent who has no shifts.
    """
    policy = load_policy(session)
    try:
        other_policy = policy.changed(dict(change.figures))
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid("policy_figure", problem=str(error)) from error
    agents = slots.agents_at_work(session) | {agent.id: agent for agent in change.hired}
    for agent_id in sorted(change.absent | {extra.agent_id for extra in change.extra}):
        if agent_id not in agents:
            raise Invalid("agent_has_no_shifts", agent=agent_id)
    problem = read_problem(session, moment=moment, zone=zone, afresh=True, shard=shard)
    today = OptimalAssigner().solve(problem.demands, problem.roster, policy)
    before = {p.callback_id: p for p in today.placed}
    other = read_problem(session, moment=moment, zone=zone, afresh=True, policy=other_policy, shard=shard)
    other_roster = _changed(other.roster, change, agents, other_policy, since=moment)
    # What the plan of today shows stays where it can: the difference is then the change's doing.
    wishes = [replace(d, current=_slot(before.get(d.callback_id))) for d in other.demands]
    otherwise = OptimalAssigner().solve(wishes, other_roster, other_policy)
    after = {p.callback_id: p for p in otherwise.placed}
    return Comparison(
        today=_world(problem, today),
        otherwise=_world(other, otherwise),
        moved=sum(after[i].slot_id != before[i].slot_id for i in before.keys() & after.keys()),
        gained=tuple(sorted(after.keys() - before.keys())),
        lost=tuple(sorted(before.keys() - after.keys())),
        people=_people(before, after),
        shifted=tuple(_shifted(before, after)),
    )


def _people(before: Mapping[int, Placement], after: Mapping[int, Placement]) -> dict[int, tuple[int, int]]:
    one, other = (Counter(p.agent_id for p in world.values()) for world in (before, after))
    return {i: (one[i], other[i]) for i in sorted(one.keys() | other.keys()) if one[i] != other[i]}


def _shifted(before: Mapping[int, Placement], after: Mapping[int, Placement]) -> list[Shifted]:
    def place(found: Placement | None) -> Place | None:
        return None if found is None else (found.agent_id, found.at)

    changed = [i for i in before.keys() | after.keys() if _slot(before.get(i)) != _slot(after.get(i))]
    changed.sort(key=lambda i: (i in after, i in before, i))
    return [
        Shifted(callback_id=i, before=place(before.get(i)), after=place(after.get(i))) for i in changed[:MOST_SHIFTED]
    ]


def _slot(placement: Placement | None) -> int | None:
    return None if placement is None else placement.slot_id


def _changed(
    roster: Roster, change: Change, agents: Mapping[int, AgentFacts], policy: Policy, *, since: datetime
) -> Roster:
    kept = tuple(slot for slot in roster.slots if slot.agent_id not in change.absent)
    present = {(slot.agent_id, slot.starts_at) for slot in kept}
    extra = [slot for slot in _extra_slots(change.extra, agents, policy) if slot.ends_at > since]
    new = tuple(slot for slot in extra if (slot.agent_id, slot.starts_at) not in present)
    return replace(
        roster,
        agents=(*(a for a in roster.agents if a.id not in change.absent), *change.hired),
        slots=tuple(sorted((*kept, *new), key=lambda s: (s.starts_at, s.agent_id))),
    )


def _extra_slots(extras: Sequence[ExtraShift], agents: Mapping[int, AgentFacts], policy: Policy) -> list[SlotFact]:
    """Slots that do not exist: their ids are negative."""
    found: list[SlotFact] = []
    for extra in extras:
        start, end = datetime.combine(extra.day, extra.starts), datetime.combine(extra.day, extra.ends)
        if start >= end:
            raise Invalid("shift_ends_before_start")
        for stretch in wall_intervals(start, end, agents[extra.agent_id].zone):
            at = stretch.start
            while stretch.end - at >= policy.slot / 2:
                found.append(SlotFact(-1 - len(found), extra.agent_id, at, min(at + policy.slot, stretch.end)))
                at += policy.slot
    return found


def _world(problem: Problem, solution: Solution) -> World:
    wishes = {demand.callback_id: demand for demand in problem.demands}
    contacts = 0.0
    in_time = 0
    for p in solution.placed:
        wish = wishes[p.callback_id]
        in_time += p.at <= wish.due
        contacts += wish.chance(p.at)
    left = Counter(item.reason for item in (*solution.left, *problem.impossible))
    return World(
        placed=len(solution.placed), in_time=in_time, expected_contacts=contacts, left=left, proof=solution.proof
    )
