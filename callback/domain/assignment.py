"""Who calls whom, and when: callbacks are placed into slots of agents' shifts.

`Assigner` is the interface; `PlainAssigner` is a correct first-come one: the earliest due first, the earliest legal
slot, the least loaded agent who may. Hard rules decide what is possible; an optimiser may only choose among that.
"""

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from callback.domain.appointment import NOT_KEPT, Way
from callback.domain.fact import fact
from callback.domain.facts import AgentFacts
from callback.domain.moment import Interval, part_of_day
from callback.domain.policy import Policy
from callback.domain.words import PartOfDay

Odds = Mapping[tuple[int, PartOfDay], float]
"""How probably somebody answers, by weekday (Monday is 0) and part of the day on the customer's own clock."""


@fact(frozen=True, slots=True, kw_only=True)
class Demand:
    """One callback that needs an agent and a slot."""

    callback_id: int
    customer_id: int
    zone: ZoneInfo
    language: str
    earliest: datetime
    due: datetime
    priority: int
    legal: Callable[[datetime], bool]
    """Whether the hard rules allow this moment, whoever calls."""
    skill: str | None = None
    excluded: frozenset[int] = frozenset()
    """Agents who may not make this call (negative affinity, or the supervisor's wish)."""
    only: frozenset[int] | None = None
    """When given: nobody else (the owner of an appointment, a supervisor's choice)."""
    at: datetime | None = None
    """An appointment: this moment, or the first legal one after it."""
    seconds: int = 360
    """Expected handling time of an agent at ordinary pace."""
    stretches: tuple[Interval, ...] | None = None
    """The moments at which `legal` says yes, over the horizon and in order; None: nobody worked them out."""
    odds: Odds | None = None
    """None: nothing is known, and every moment is as good as any other."""
    current: int | None = None
    """The slot in which agents see it now; to move it costs a change."""
    knows: int | None = None
    """The agent who knows the case (answers and holding calls)."""
    ways: tuple[Way, ...] = ()
    """Of an appointment: how it may be kept, the best first (`domain/appointment.py`); without any at `at` or not."""

    def suits(self, agent: AgentFacts) -> bool:
        """Whether this agent may make the call and can: language, skill, nobody's wish and no past against it."""
        return (
            self.language in agent.languages
            and (self.skill is None or self.skill in agent.skills)
            and (self.only is None or agent.id in self.only)
            and agent.id not in self.excluded
        )

    def chance(self, at: datetime) -> float:
        """Of contact at this moment; 1 where nothing is known, so that nothing is preferred."""
        if self.odds is None:
            return 1.0
        return self.odds.get((at.astimezone(self.zone).weekday(), part_of_day(at, self.zone)), 0.0)

    def first_legal(self, start: datetime, end: datetime) -> datetime | None:
        """The first moment in `[start, end)` and not before `earliest` that is legal; None without one."""
        start = max(start, self.earliest)
        if self.stretches is None:
            return self._first_minute(start, end)
        for stretch in self.stretches:
            if stretch.end > start:
                at = max(stretch.start, start)
                return at if at < end else None
        return None

    def _first_minute(self, start: datetime, end: datetime) -> datetime | None:
        at = start
        while at < end:
            if self.legal(at):
                return at
            at += _MINUTE
        return None


@dataclass(frozen=True, slots=True)
class SlotFact:
    id: int
    agent_id: int
    starts_at: datetime
    ends_at: datetime
    booked_seconds: int = 0


@fact(frozen=True, slots=True)
class Placement:
    callback_id: int
    slot_id: int
    agent_id: int
    at: datetime
    rule: str | None = None
    """Of an appointment: how it is kept."""


@fact(frozen=True, slots=True)
class Left:
    """Not placed, and why.

    `nobody_qualifies`; `no_agents` (who does has no shifts), `no_legal_slot`, `day_full` (there is time, but everybody
    has as many calls as they may have a day), `no_capacity`, or `appointment_not_kept`.
    """

    callback_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What there is to place into: agents, their slots, and what is booked already."""

    agents: tuple[AgentFacts, ...]
    slots: tuple[SlotFact, ...]
    booked_today: Mapping[tuple[int, date], int] = field(default_factory=dict)
    """Callbacks per agent and local day that are placed or done already."""
    contacts: Mapping[int, tuple[datetime, ...]] = field(default_factory=dict)
    """Per customer: moments at which another callback is placed already."""
    appointed: Mapping[int, tuple[Interval, ...]] = field(default_factory=dict)
    """Per agent: when appointments that stand already keep them busy."""
    pace: Mapping[int, float] = field(default_factory=dict)
    """Per agent: how long their calls take, as a multiple of the ordinary; 1 for who is not named."""


_MINUTE = timedelta(minutes=1)

Kind = tuple[frozenset[str], frozenset[str]]
"""Languages and skills: agents of one kind can stand in for each other."""


class Assigner(Protocol):
    """Places every demand, or says why not. Deterministic: the same input gives the same plan."""

    def assign(
        self, demands: Iterable[Demand], roster: Roster, policy: Policy
    ) -> tuple[Sequence[Placement], Sequence[Left]]: ...


class PlainAssigner:
    """Earliest due first; the first legal slot with room; among its agents the least loaded on that day."""

    def assign(
        self, demands: Iterable[Demand], roster: Roster, policy: Policy
    ) -> tuple[Sequence[Placement], Sequence[Left]]:
        board = _Board(roster, policy)
        placed: list[Placement] = []
        left: list[Left] = []
        # Appointments first: they have one moment only. Then what is due soonest.
        for demand in sorted(demands, key=lambda d: (d.at is None, d.due, -d.priority, d.callback_id)):
            outcome = _by_the_first_way(board, demand) if demand.ways else board.place(demand)
            if isinstance(outcome, Placement):
                placed.append(outcome)
            else:
                left.append(outcome)
        return placed, left


def _by_the_first_way(board: "_Board", demand: Demand) -> Placement | Left:
    """To the minute by the first who can, or as soon as somebody can. Nobody is waited for here."""
    left = Left(demand.callback_id, NOT_KEPT)
    for way in demand.ways:
        if way.to_the_minute or way.rule == NOT_KEPT:
            at = way.since if way.to_the_minute else None
            outcome = board.place(replace(demand, at=at, only=way.only or demand.only, ways=()))
            if isinstance(outcome, Placement):
                return replace(outcome, rule=way.rule)
            left = outcome
    return left if left.reason == "nobody_qualifies" else Left(demand.callback_id, NOT_KEPT)


@dataclass(slots=True)
class _Room:
    """What is left of one slot."""

    slot: SlotFact
    day: date
    used: float

    @property
    def seconds(self) -> int:
        return int((self.slot.ends_at - self.slot.starts_at).total_seconds())


class _Board:
    """Slots by start and by kind of agent, with the least loaded agent of each kind on top."""

    def __init__(self, roster: Roster, policy: Policy) -> None:
        self._policy = policy
        self._pace = roster.pace
        self._overfill = 1 + policy.slot_overfill
        self._agents = {agent.id: agent for agent in roster.agents if agent.active}
        self._load: Counter[tuple[int, date]] = Counter(dict(roster.booked_today))
        self._contacts: dict[int, list[datetime]] = defaultdict(list)
        for customer_id, moments in roster.contacts.items():
            self._contacts[customer_id].extend(moments)
        self._kind_of = {a.id: (a.languages, a.skills) for a in self._agents.values()}
        self._of_kind: dict[Kind, set[int]] = defaultdict(set)
        for agent_id, kind in self._kind_of.items():
            self._of_kind[kind].add(agent_id)
        rooms: dict[datetime, dict[Kind, list[tuple[int, int, _Room]]]] = {}
        for slot in roster.slots:
            agent = self._agents.get(slot.agent_id)
            if agent is None:
                continue
            day = slot.starts_at.astimezone(agent.zone).date()
            room = _Room(slot, day, slot.booked_seconds)
            entry = (self._load[agent.id, day], agent.id, room)
            rooms.setdefault(slot.starts_at, {}).setdefault(self._kind_of[agent.id], []).append(entry)
        self._times = sorted(rooms)
        self._rooms = [rooms[at] for at in self._times]
        for kinds in self._rooms:
            for heap in kinds.values():
                heapq.heapify(heap)
        self._longest = max((s.ends_at - s.starts_at for s in roster.slots), default=timedelta(0))
        self._matching: dict[tuple[str, str | None], tuple[Kind, ...]] = {}
        self._skip: dict[tuple[str, str | None], list[int]] = {}

    def place(self, demand: Demand) -> Placement | Left:
        kinds = self._kinds_for(demand)
        if not self._agents:
            return Left(demand.callback_id, "no_agents")
        if not self._anybody_qualifies(demand, kinds):
            chosen = demand.only is not None and demand.at is not None
            return Left(demand.callback_id, NOT_KEPT if chosen else "nobody_qualifies")
        wanted = demand.at or demand.earliest
        index = bisect_right(self._times, wanted - self._longest)
        while (index := self._next_open(demand, index)) < len(self._times):
            if demand.at is not None and self._times[index] > demand.at:
                break
            placement = self._take(demand, index, kinds) if self._may_be_legal(demand, index) else None
            if placement is not None:
                self._contacts[demand.customer_id].append(placement.at)
                return placement
            index += 1
        return Left(demand.callback_id, self._why_left(demand))

    def _kinds_for(self, demand: Demand) -> tuple[Kind, ...]:
        key = (demand.language, demand.skill)
        kinds = self._matching.get(key)
        if kinds is None:
            kinds = tuple(
                kind
                for kind in sorted(self._of_kind, key=lambda k: (sorted(k[0]), sorted(k[1])))
                if demand.language in kind[0] and (demand.skill is None or demand.skill in kind[1])
            )
            self._matching[key] = kinds
            self._skip[key] = list(range(len(self._times) + 1))
        return kinds

    def _anybody_qualifies(self, demand: Demand, kinds: Sequence[Kind]) -> bool:
        if demand.only is not None:
            return any(
                agent_id in self._kind_of and self._kind_of[agent_id] in kinds and agent_id not in demand.excluded
                for agent_id in demand.only
            )
        return any(not demand.excluded or self._of_kind[kind] - demand.excluded for kind in kinds)

    def _next_open(self, demand: Demand, index: int) -> int:
        """The first time at or after `index` where an agent of the right kind has room; full times are skipped."""
        key = (demand.language, demand.skill)
        skip = self._skip[key]
        root = index
        while skip[root] != root:
            root = skip[root]
        while skip[index] != root:
            skip[index], index = root, skip[index]
        while root < len(self._times) and not any(kind in self._rooms[root] for kind in self._matching[key]):
            skip[root] = root + 1
            root = skip[root]
            while skip[root] != root:
                root = skip[root]
        return root

    def _may_be_legal(self, demand: Demand, index: int) -> bool:
        """A cheap look at both ends of the slot, before its agents are asked one by one."""
        if demand.at is not None:
            return True
        ends = (max(self._times[index], demand.earliest), self._times[index] + self._longest - timedelta(seconds=1))
        return any(demand.legal(at) and not self._meets_another(demand, at) for at in ends)

    def _take(self, demand: Demand, index: int, kinds: Sequence[Kind]) -> Placement | None:
        """Place the demand at this time with the least loaded agent who may, or say that nobody can."""
        time_rooms = self._rooms[index]
        best: tuple[int, int, datetime, _Room] | None = None
        for kind in kinds:
            heap = time_rooms.get(kind)
            if heap is None:
                continue
            found = self._least_loaded(demand, heap)
            if not heap:
                del time_rooms[kind]
            if found is not None and (best is None or found[:2] < best[:2]):
                best = found
        if best is None:
            return None
        _, agent_id, at, room = best
        room.used += self._seconds(demand, agent_id)
        self._load[agent_id, room.day] += 1
        return Placement(demand.callback_id, room.slot.id, agent_id, at)

    def _least_loaded(
        self, demand: Demand, heap: list[tuple[int, int, _Room]]
    ) -> tuple[int, int, datetime, _Room] | None:
        """The top agent of a heap who may and can; full slots are dropped, stale loads put right on the way."""
        aside: list[tuple[int, int, _Room]] = []
        found: tuple[int, int, datetime, _Room] | None = None
        while heap:
            load, agent_id, room = heap[0]
            actual = self._load[agent_id, room.day]
            capacity = self._agents[agent_id].daily_capacity
            if actual >= capacity or room.used + self._shortest > room.seconds:
                heapq.heappop(heap)
                continue
            if actual != load:
                heapq.heapreplace(heap, (actual, agent_id, room))
                continue
            at = self._moment_in(demand, room)
            if agent_id in demand.excluded or (demand.only is not None and agent_id not in demand.only) or at is None:
                aside.append(heapq.heappop(heap))
                continue
            found = (actual, agent_id, at, room)
            break
        for entry in aside:
            heapq.heappush(heap, entry)
        return found

    @property
    def _shortest(self) -> int:
        return int(self._policy.handling_time.total_seconds()) // 2

    def _seconds(self, demand: Demand, agent_id: int) -> float:
        return demand.seconds * self._pace.get(agent_id, 1.0)

    def _moment_in(self, demand: Demand, room: _Room) -> datetime | None:
        """When in this slot the call would start, or None where a hard rule or the slot's end forbids it."""
        if demand.at is not None:
            at = demand.at
            if not room.slot.starts_at <= at < room.slot.ends_at:
                return None
        else:
            at = max(room.slot.starts_at + timedelta(seconds=room.used), demand.earliest)
            used = room.used + self._seconds(demand, room.slot.agent_id)
            if used > room.seconds * self._overfill or at >= room.slot.ends_at:
                return None
        if not demand.legal(at) or self._meets_another(demand, at):
            return None
        return at

    def _meets_another(self, demand: Demand, at: datetime) -> bool:
        """Whether the customer has another contact placed in the same part of that day, or a full day already."""
        others = self._contacts.get(demand.customer_id)
        if not others or demand.at is not None:
            return False
        day = at.astimezone(demand.zone).date()
        same_day = [other for other in others if other.astimezone(demand.zone).date() == day]
        if len(same_day) >= self._policy.attempts_per_day:
            return True
        part = part_of_day(at, demand.zone)
        return any(part_of_day(other, demand.zone) is part for other in same_day)

    def _why_left(self, demand: Demand) -> str:
        if demand.at is not None:
            return NOT_KEPT
        start = bisect_right(self._times, demand.earliest - self._longest)
        if any(demand.legal(max(at, demand.earliest)) for at in self._times[start:]):
            return "no_capacity"
        return "no_legal_slot" if self._times else "no_capacity"
