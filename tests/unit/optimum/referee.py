"""The referee: what a plan is worth, worked out anew and in plain words, and the best plan by other means.

`best_by_highs` states the whole problem to an independent solver (HiGHS), one tier after the other, each under the
condition that the tiers above keep their best; `best_by_trying` tries everything.
"""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from callback.domain.assignment import Demand, Placement, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import part_of_day
from callback.domain.policy import Policy

Score = tuple[int, int, int, int]
"""Due times missed, due times at risk, slots late, value lost: less is better, each before the next."""
NOT_AT_ALL = 256


class Referee:
    def __init__(self, demands: Sequence[Demand], roster: Roster, policy: Policy) -> None:
        self.demands, self.roster, self.policy = demands, roster, policy
        self.agents = {agent.id: agent for agent in roster.agents if agent.active}
        self.slots = [slot for slot in roster.slots if slot.agent_id in self.agents]
        self.starts = sorted({slot.starts_at for slot in self.slots})
        self.end = max((slot.ends_at for slot in self.slots), default=None)

    def may(self, demand: Demand, agent: AgentFacts) -> bool:
        return (
            demand.language in agent.languages
            and (demand.skill is None or demand.skill in agent.skills)
            and (demand.only is None or agent.id in demand.only)
            and agent.id not in demand.excluded
        )

    def price(self, demand: Demand, start: datetime | None) -> Score:
        """Of a call in a slot that begins at `start`; of no call at all with None."""
        last = self.due_start(demand)
        if start is None:
            missed = int(self.end is not None and demand.due < self.end)
            return missed, 0, NOT_AT_ALL * missed, 1010
        if last is None or start > last:
            since = (self.starts[0] - self.policy.slot) if last is None else last
            late = min(255, max(2, math.ceil((start - since) / self.policy.slot) + 1))
            missed, risky = 1, 0
        else:
            missed, late = 0, 0
            risky = int(start == last and demand.due < last + self.policy.slot)
        odds = 1.0
        if demand.odds is not None:
            odds = demand.odds.get((start.astimezone(demand.zone).weekday(), part_of_day(start, demand.zone)), 0)
        return missed, risky, late, 1010 - round((demand.priority + 1) * odds * 10)

    def due_start(self, demand: Demand) -> datetime | None:
        """The start of the last slot that is in time."""
        if demand.due < demand.earliest and demand.at is None:
            return None
        return max((start for start in self.starts if start <= demand.due), default=None)

    def score(self, placed: Sequence[Placement]) -> Score:
        slot_of = {slot.id: slot for slot in self.slots}
        starts = {p.callback_id: slot_of[p.slot_id].starts_at for p in placed}
        prices = [self.price(demand, starts.get(demand.callback_id)) for demand in self.demands]
        return tuple(sum(price[tier] for price in prices) for tier in range(4)) if prices else (0, 0, 0, 0)  # type: ignore[return-value]

    def room(self, slot: SlotFact, seconds: int) -> int:
        length = (slot.ends_at - slot.starts_at).total_seconds()
        if slot.booked_seconds >= length:
            return 0
        return max(0, int((length * (1 + self.policy.slot_overfill) - slot.booked_seconds) // seconds))

    def day(self, slot: SlotFact) -> date:
        return slot.starts_at.astimezone(self.agents[slot.agent_id].zone).date()

    def choices(self, demand: Demand) -> list[SlotFact]:
        return [
            slot
            for slot in self.slots
            if self.may(demand, self.agents[slot.agent_id])
            and demand.first_legal(slot.starts_at, slot.ends_at) is not None
        ]


def soft_price(demand: Demand, slot: SlotFact | None, referee: Referee) -> tuple[int, int, int, int]:
    """The second stage's own: changed, days later, a stranger, slots later (load is counted over all)."""
    if slot is None:
        return int(demand.current is not None), 0, 0, 0
    zone = referee.agents[slot.agent_id].zone
    days = sorted({start.astimezone(zone).date() for start in referee.starts})
    return (
        int(demand.current is not None and demand.current != slot.id),
        days.index(slot.starts_at.astimezone(zone).date()),
        int(demand.knows is not None and demand.knows != slot.agent_id),
        referee.starts.index(slot.starts_at),
    )


def best_by_highs(referee: Referee, *, soft: bool = False) -> tuple[int, ...]:
    """The least of each tier, by integer programming; `soft`: then (changed, days, load, strangers, waits)."""
    choices = [[*referee.choices(demand), None] for demand in referee.demands]
    columns = [(i, slot) for i, of in enumerate(choices) for slot in of]
    rows: defaultdict[object, list[int]] = defaultdict(list)
    limits: dict[object, tuple[float, float]] = {}
    for column, (i, slot) in enumerate(columns):
        rows["demand", i].append(column)
        limits["demand", i] = (1, 1)
        if slot is not None:
            day = referee.day(slot)
            rows["slot", slot.id].append(column)
            limits["slot", slot.id] = (0, referee.room(slot, referee.demands[i].seconds))
            rows["day", slot.agent_id, day].append(column)
            booked = referee.roster.booked_today.get((slot.agent_id, day), 0)
            limits["day", slot.agent_id, day] = (0, max(0, referee.agents[slot.agent_id].daily_capacity - booked))
    width = len(columns)
    costs = [
        np.array(prices, dtype=float)
        for prices in zip(
            *(referee.price(referee.demands[i], slot.starts_at if slot else None) for i, slot in columns), strict=True
        )
    ]
    entries = [(r, c, 1.0) for r, of in enumerate(rows.values()) for c in of]
    bounds = [limits[key] for key in rows]
    if soft:
        changed, days, stranger, waits = (
            np.array(prices, dtype=float)
            for prices in zip(*(soft_price(referee.demands[i], slot, referee) for i, slot in columns), strict=True)
        )
        # The load of an agent's day: unit steps, each dearer than the one before.
        load: list[float] = []
        for r, key in enumerate(rows):
            if isinstance(key, tuple) and key[0] == "day":
                booked = referee.roster.booked_today.get((key[1], key[2]), 0)
                steps = int(min(limits[key][1], len(rows[key])))
                entries += [(r, width + len(load) + n, -1.0) for n in range(steps)]
                bounds[r] = (-np.inf, 0)
                load += [booked + n for n in range(steps)]
        pad = np.zeros(len(load))
        costs = [np.concatenate([c, pad]) for c in (*costs, changed, days)]
        costs += [
            np.concatenate([np.zeros(width), load]),
            np.concatenate([stranger, pad]),
            np.concatenate([waits, pad]),
        ]
        width += len(load)
    places = np.array([entry[:2] for entry in entries])
    matrix = coo_array(
        ([entry[2] for entry in entries], (places[:, 0], places[:, 1])), shape=(len(rows), width)
    ).tocsr()
    constraints = [LinearConstraint(matrix, [b[0] for b in bounds], [b[1] for b in bounds])]
    found: list[int] = []
    for cost in costs:
        result = milp(cost, constraints=constraints, bounds=Bounds(0, 1), integrality=np.ones(width))
        assert result.success, result.message
        found.append(round(result.fun))
        constraints.append(LinearConstraint(cost[None, :], -np.inf, found[-1] + 1e-6))
    return tuple(found)


def best_by_trying(referee: Referee) -> Score:
    """Every combination of slots, all rules kept, one customer's parts of the day and budget among them."""
    best: Score | None = None
    for combination in itertools.product(*([*referee.choices(d), None] for d in referee.demands)):
        if _possible(referee, combination):
            starts = [slot.starts_at if slot else None for slot in combination]
            prices = [referee.price(d, start) for d, start in zip(referee.demands, starts, strict=True)]
            total: Score = tuple(sum(p[tier] for p in prices) for tier in range(4))  # type: ignore[assignment]
            best = total if best is None else min(best, total)
    assert best is not None
    return best


def _possible(referee: Referee, combination: Sequence[SlotFact | None]) -> bool:
    used = Counter(slot.id for slot in combination if slot)
    days = Counter((slot.agent_id, referee.day(slot)) for slot in combination if slot)
    by_id: Mapping[int, SlotFact] = {slot.id: slot for slot in referee.slots}
    if any(count > referee.room(by_id[slot_id], referee.demands[0].seconds) for slot_id, count in used.items()):
        return False
    return all(
        count + referee.roster.booked_today.get(key, 0) <= referee.agents[key[0]].daily_capacity
        for key, count in days.items()
    )


def total_load(referee: Referee, placed: Sequence[Placement]) -> int:
    """Sum over agents and days of 0 + 1 + 2 + … for each callback beyond what was booked."""
    days: Counter[tuple[int, date]] = Counter()
    slot_of = {slot.id: slot for slot in referee.slots}
    for p in placed:
        days[p.agent_id, referee.day(slot_of[p.slot_id])] += 1
    total = 0
    for (agent_id, day), count in days.items():
        booked = referee.roster.booked_today.get((agent_id, day), 0)
        total += sum(booked + n for n in range(count))
    return total


def soft_score(referee: Referee, placed: Sequence[Placement]) -> tuple[int, int, int, int, int]:
    slot_of = {slot.id: slot for slot in referee.slots}
    at = {p.callback_id: slot_of[p.slot_id] for p in placed}
    prices = [soft_price(d, at.get(d.callback_id), referee) for d in referee.demands]
    changed, days, stranger, waits = (sum(p[i] for p in prices) for i in range(4))
    return changed, days, total_load(referee, placed), stranger, waits
