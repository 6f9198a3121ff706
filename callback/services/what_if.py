"""What would the plan be, if …: other people, other hours, other figures. Nothing is written.

Whoever is absent keeps nothing: as after a real absence, what is pinned, promised or about to begin goes to others too.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db import slots
from callback.db.policies import policy_of
from callback.db.shards import EVERYTHING, Shard, shards_of
from callback.db.waiting import Waiting, read_held
from callback.domain.assignment import Demand, Left, Placement, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import start_of_day
from callback.domain.policy import Policy
from callback.domain.shift import WorkingTime
from callback.domain.words import SetupKind
from callback.errors import Invalid
from callback.services import demands, policies
from callback.services.demands import People
from callback.services.kept_slots import wanted
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

    def joined(self, other: "World") -> "World":
        return World(
            placed=self.placed + other.placed,
            in_time=self.in_time + other.in_time,
            expected_contacts=self.expected_contacts + other.expected_contacts,
            left=self.left + other.left,
            proof=self.proof.joined(other.proof),
        )


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

    def joined(self, other: "Comparison") -> "Comparison":
        """Of two shards together."""
        return Comparison(
            today=self.today.joined(other.today),
            otherwise=self.otherwise.joined(other.otherwise),
            moved=self.moved + other.moved,
            gained=tuple(sorted((*self.gained, *other.gained))),
            lost=tuple(sorted((*self.lost, *other.lost))),
            people={**self.people, **other.people},
            shifted=tuple(sorted((*self.shifted, *other.shifted), key=_lost_first)[:MOST_SHIFTED]),
        )

    @property
    def kept(self) -> int:
        """Callbacks that stay where they are."""
        return self.today.placed - len(self.lost) - self.moved


MOST_SHIFTED = 60
NO_SLOT = 0
"""Of a callback that stands in a list beside all slots."""


def compare_all(session: Session, change: Change, *, moment: datetime, zone: ZoneInfo) -> Comparison:
    """The whole centre, planned as it is planned: at once, or each team by itself.

    Raises as `compare`, and `Invalid("what_if_hire_team")` for somebody hired who would belong to no team.
    """
    parts = shards_of(session)
    if parts != [EVERYTHING] and any(agent.team_id is None for agent in change.hired):
        raise Invalid("what_if_hire_team")
    found = [compare(session, change, moment=moment, zone=zone, shard=shard) for shard in parts]
    return functools.reduce(Comparison.joined, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsItIs:
    """Everything that may be moved, planned as things are; any number of changes are held against it."""

    moment: datetime
    zone: ZoneInfo
    shard: Shard
    people: People
    problem: Problem
    solution: Solution
    held: Sequence[Waiting]
    """What stands in anybody's list."""

    @property
    def since(self) -> datetime:
        return start_of_day(self.moment.astimezone(self.zone).date(), self.zone)


def look(session: Session, *, moment: datetime, zone: ZoneInfo, shard: Shard = EVERYTHING) -> AsItIs:
    people = demands.read_people(session, shard)
    problem = read_problem(session, moment=moment, zone=zone, afresh=True, shard=shard, people=people)
    since = start_of_day(moment.astimezone(zone).date(), zone)
    return AsItIs(
        moment=moment, zone=zone, shard=shard, people=people, problem=problem,
        solution=OptimalAssigner().solve(problem.demands, problem.roster, problem.policy),
        held=read_held(session, people.agents, since=since, shard=shard),
    )  # fmt: skip


def compare(
    session: Session, change: Change, *, moment: datetime, zone: ZoneInfo, shard: Shard = EVERYTHING
) -> Comparison:
    """Plan everything that may be moved twice, as things are and with the change; of one team with `shard`.

    Raises as `otherwise`.
    """
    return otherwise(session, look(session, moment=moment, zone=zone, shard=shard), change)


def otherwise(session: Session, seen: AsItIs, change: Change) -> Comparison:
    """The plan with the change against the one as things are.

    Raises `Invalid` for figures that no policy can have, hours outside what is planned, or an agent who is not there.
    """
    policy, moment = _other_policy(session, change), seen.moment
    people = _other_people(session, seen.people, change, policy, moment=moment, shard=seen.shard)
    before = {p.callback_id: p for p in (*_standing(seen.held, seen.problem, moment), *seen.solution.placed)}
    leaving = [row for row in seen.held if row.agent_id in change.absent]
    other = read_problem(
        session, moment=moment, zone=seen.zone, afresh=True, policy=policy, shard=seen.shard, moving=leaving,
        people=people,
    )  # fmt: skip
    roster = _cut_roster(other.roster, seen, people, policy)
    # What the plan of today shows stays where it can: the difference is then the change's doing.
    wishes = [replace(d, current=_slot(before.get(d.callback_id))) for d in other.demands]
    solution = OptimalAssigner().solve(wishes, roster, policy)
    staying = [row for row in seen.held if row.agent_id not in change.absent]
    after = {p.callback_id: p for p in (*_standing(staying, other, moment), *solution.placed)}
    known = {d.callback_id: d for d in (*other.demands, *seen.problem.demands)}
    left = (*seen.solution.left, *seen.problem.impossible)
    return Comparison(
        today=_world(before.values(), known, left, seen.solution.proof),
        otherwise=_world(after.values(), known, (*solution.left, *other.impossible), solution.proof),
        moved=sum(after[i].slot_id != before[i].slot_id for i in before.keys() & after.keys()),
        gained=tuple(sorted(after.keys() - before.keys())),
        lost=tuple(sorted(before.keys() - after.keys())),
        people=_people(before, after),
        shifted=tuple(_shifted(before, after)),
    )


def _other_policy(session: Session, change: Change) -> Policy:
    """The policy in force with the figures of the change, held to the same limits as one that is saved."""
    return policy_of({**policies.present(session, SetupKind.POLICY).document, **change.figures})


def _other_people(
    session: Session, people: People, change: Change, policy: Policy, *, moment: datetime, shard: Shard
) -> People:
    """Who is at work in the other world, and when: an extra shift is added to the hours that are there."""
    agents = {**people.agents, **_more_people(session, change, shard)}
    hours = {agent_id: people.hours.get(agent_id, WorkingTime(agents[agent_id].zone, (), {})) for agent_id in agents}
    for extra in change.extra:
        if extra.agent_id not in agents:
            continue  # of another shard
        _check_hours(extra, agents[extra.agent_id], policy, moment=moment)
        hours[extra.agent_id] = hours[extra.agent_id].with_more(extra.day, extra.starts, extra.ends)
    present = agents.keys() - change.absent
    return People({i: agents[i] for i in agents if i in present}, {i: hours[i] for i in present}, people.only)


def _more_people(session: Session, change: Change, shard: Shard) -> dict[int, AgentFacts]:
    """Who would work without being at work now: with hours for the first time, or hired; of this shard."""
    asked = change.absent | {extra.agent_id for extra in change.extra if extra.agent_id > 0}
    found = slots.agents_by_id(session, asked)
    if missing := asked - found.keys():
        raise Invalid("agent_has_no_shifts", agent=min(missing))
    if change.absent and (idle := sorted(change.absent - slots.agents_at_work(session).keys())):
        raise Invalid("agent_has_no_shifts", agent=slots.name_of(session, idle[0]))
    more = {**found, **{agent.id: agent for agent in change.hired}}
    return {i: agent for i, agent in more.items() if not shard.by_team or agent.team_id == shard.team_id}


def _check_hours(extra: ExtraShift, agent: AgentFacts, policy: Policy, *, moment: datetime) -> None:
    if extra.starts >= extra.ends:
        raise Invalid("shift_ends_before_start", starts=f"{extra.starts:%H:%M}", ends=f"{extra.ends:%H:%M}")
    now = moment.astimezone(agent.zone)
    last = now.date() + timedelta(days=policy.planning_horizon_days - 1)
    if not now.date() <= extra.day <= last or datetime.combine(extra.day, extra.ends, agent.zone) <= now:
        raise Invalid("what_if_shift_outside", day=extra.day, first=now.date(), last=last)


def _standing(held: Iterable[Waiting], problem: Problem, moment: datetime) -> list[Placement]:
    """What is not asked about stays where it is: pinned, about to begin. What should have been called comes now."""
    asked = {row.id for row in problem.rows}
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

    changed = [
        Shifted(callback_id=i, before=place(before.get(i)), after=place(after.get(i)))
        for i in before.keys() | after.keys()
        if _slot(before.get(i)) != _slot(after.get(i))
    ]
    return sorted(changed, key=_lost_first)[:MOST_SHIFTED]


def _lost_first(one: Shifted) -> tuple[bool, bool, int]:
    return one.after is not None, one.before is not None, one.callback_id


def _slot(placement: Placement | None) -> int | None:
    return None if placement is None else placement.slot_id


def _cut_roster(roster: Roster, seen: AsItIs, people: People, policy: Policy) -> Roster:
    """The roster with the slots of whoever's hours are others cut anew."""
    today = seen.problem.policy
    all_anew = (today.slot, today.planning_horizon_days) != (policy.slot, policy.planning_horizon_days)
    anew = {i for i in people.agents if all_anew or people.hours[i] is not seen.people.hours.get(i)}
    kept = [slot for slot in roster.slots if slot.agent_id not in anew]
    slots_anew = _cut_anew(roster.slots, anew, people, policy, since=seen.moment, first=seen.since)
    return replace(roster, slots=tuple(sorted((*kept, *slots_anew), key=lambda s: (s.starts_at, s.agent_id))))


def _cut_anew(
    present: Sequence[SlotFact], anew: set[int], people: People, policy: Policy, *, since: datetime, first: datetime
) -> list[SlotFact]:
    """Slots as they would be cut. One that is there already is itself; the ids of the others are negative, and what
    stays booked lies where its time lies."""
    there: defaultdict[int, list[SlotFact]] = defaultdict(list)
    for slot in present:
        there[slot.agent_id].append(slot)
    same = {(slot.agent_id, slot.starts_at, slot.ends_at): slot for slot in present}
    whose = People({i: people.agents[i] for i in anew}, {i: people.hours[i] for i in anew}, people.only)
    found: list[SlotFact] = []
    for agent_id, start, end in wanted(whose, policy, since, first):
        if end <= since:
            continue
        known = same.get((agent_id, start, end))
        if known is None:
            booked = sum(s.booked_seconds for s in there[agent_id] if start <= s.starts_at < end)
            booked = max(booked, int((since - start).total_seconds()))
            known = SlotFact(-1 - len(found), agent_id, start, end, booked)
        found.append(known)
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
