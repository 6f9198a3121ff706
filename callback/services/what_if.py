"""What would the plan be, if …: other people, other hours, other figures. Nothing is written.

Whoever is absent keeps nothing: as after a real absence, what is pinned, promised or about to begin goes to others too.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db import slots
from callback.db.policies import load_policy
from callback.db.shards import EVERYTHING, Shard
from callback.db.waiting import Waiting, read_held
from callback.domain.assignment import Demand, Left, Placement, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import start_of_day, wall_intervals
from callback.domain.policy import Policy
from callback.errors import Invalid
from callback.services import demands
from callback.services.optimum import OptimalAssigner, Proof
from callback.services.problems import read_problem


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
NO_SLOT = 0
"""Of a callback that stands in a list beside all slots."""


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
    people = demands.read_people(session, shard)
    problem = read_problem(session, moment=moment, zone=zone, afresh=True, shard=shard, people=people)
    today = OptimalAssigner().solve(problem.demands, problem.roster, policy)
    since = start_of_day(moment.astimezone(zone).date(), zone)
    held = read_held(session, change.absent, since=since, shard=shard)
    fixed = _standing(held, {row.id for row in problem.rows}, moment)
    before = {p.callback_id: p for p in (*fixed, *today.placed)}
    other = read_problem(
        session, moment=moment, zone=zone, afresh=True, policy=other_policy, shard=shard, moving=held,
        people=demands.without(people, change.absent),
    )  # fmt: skip
    other_roster = _changed(other.roster, change, agents, other_policy, since=moment)
    # What the plan of today shows stays where it can: the difference is then the change's doing.
    wishes = [replace(d, current=_slot(before.get(d.callback_id))) for d in other.demands]
    otherwise = OptimalAssigner().solve(wishes, other_roster, other_policy)
    after = {p.callback_id: p for p in otherwise.placed}
    known = {d.callback_id: d for d in (*other.demands, *problem.demands)}
    return Comparison(
        today=_world(before.values(), known, (*today.left, *problem.impossible), today.proof),
        otherwise=_world(after.values(), known, (*otherwise.left, *other.impossible), otherwise.proof),
        moved=sum(after[i].slot_id != before[i].slot_id for i in before.keys() & after.keys()),
        gained=tuple(sorted(after.keys() - before.keys())),
        lost=tuple(sorted(before.keys() - after.keys())),
        people=_people(before, after),
        shifted=tuple(_shifted(before, after)),
    )


def _standing(held: Iterable[Waiting], asked: Collection[int], moment: datetime) -> list[Placement]:
    """What is not `asked` about stays where it is as things are; what should have been called comes from now on."""
    return [
        Placement(row.id, row.slot_id or NO_SLOT, row.agent_id, max(row.planned_at, moment))
        for row in held
        if row.id not in asked and row.agent_id is not None and row.planned_at is not None
    ]


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
    present = {(slot.agent_id, slot.starts_at) for slot in roster.slots}
    extra = [slot for slot in _extra_slots(change.extra, agents, policy) if slot.ends_at > since]
    new = tuple(slot for slot in extra if (slot.agent_id, slot.starts_at) not in present)
    return replace(
        roster,
        agents=(*roster.agents, *change.hired),
        slots=tuple(sorted((*roster.slots, *new), key=lambda s: (s.starts_at, s.agent_id))),
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


def _world(placed: Iterable[Placement], known: Mapping[int, Demand], left: Sequence[Left], proof: Proof) -> World:
    """Of what has no legal moment any more (`known` has it not) nothing is expected where it stands."""
    places = list(placed)
    wishes = [(known[p.callback_id], p.at) for p in places if p.callback_id in known]
    return World(
        placed=len(places),
        in_time=sum(at <= wish.due for wish, at in wishes),
        expected_contacts=sum(wish.chance(at) for wish, at in wishes),
        left=Counter(item.reason for item in left),
        proof=proof,
    )
