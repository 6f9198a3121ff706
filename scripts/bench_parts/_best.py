"""The plan against an independent solver and against greedy, on demands in memory."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import fmean, pstdev
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csc_array

from bench_parts._town import NOW
from callback.domain.assignment import Demand, Left, Placement, PlainAssigner, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import Interval
from callback.domain.policy import Policy
from callback.domain.words import PartOfDay
from callback.services.optimum import OptimalAssigner

ZONE = ZoneInfo("Asia/Shanghai")
SLOT, DAY = timedelta(minutes=30), timedelta(days=1)
COLUMNS = (*range(6), *range(10, 20))
POLICY = Policy()
CALLS_IN_A_SLOT = 5
SECONDS = 360
_PRICE = 0.5
"""All costs are whole numbers, and so are the prices of a transport problem: what is below this is rounding."""


def town(callbacks: int, agents: int, *, seed: int = 1, uneven: bool = False) -> tuple[list[Demand], Roster]:
    """Two days of sixteen half hours; `uneven`: two agents of three at work in the mornings alone."""
    chance = random.Random(seed)
    people = tuple(
        AgentFacts(n, frozenset({"zh"} if n % 3 else {"zh", "en"}), daily_capacity=80, zone=ZONE)
        for n in range(1, agents + 1)
    )
    slots = tuple(
        SlotFact(a.id * 1_000 + d * 100 + c, a.id, NOW + d * DAY + c * SLOT, NOW + d * DAY + (c + 1) * SLOT)
        for a in people
        for d in range(2)
        for c in COLUMNS
        if not uneven or c < 6 or a.id % 3 == 0
    )
    legal = tuple(
        Interval(NOW + d * DAY + a * SLOT, NOW + d * DAY + b * SLOT) for d in range(2) for a, b in ((0, 6), (10, 22))
    )
    tables = [
        {(day, part): chance.choice([0.05, 0.08, 0.1, 0.15, 0.3]) for day in range(7) for part in PartOfDay}
        for _ in range(16)
    ]
    demands = [
        Demand(
            callback_id=n,
            customer_id=n,
            zone=ZONE,
            language="en" if n % 5 == 0 else "zh",
            earliest=NOW,
            due=NOW + timedelta(minutes=chance.randrange(-300, 3_000)),
            priority=chance.choice([30, 70, 80, 90]),
            legal=lambda at: any(at in stretch for stretch in legal),
            stretches=legal,
            odds=chance.choice(tables),
        )
        for n in range(1, callbacks + 1)
    ]
    return demands, Roster(agents=people, slots=slots)


def best_by_highs(demands: list[Demand], roster: Roster) -> tuple[int, ...]:
    """(missed, risky, late, lost) at their best by linear programming, a tier after the other: a bound from outside.

    A linear programme may place parts of callbacks, so no plan can be better than this.
    """
    starts = sorted({slot.starts_at for slot in roster.slots})
    ends = max(slot.ends_at for slot in roster.slots)
    languages = {a.id: a.languages for a in roster.agents}
    kinds = sorted({tuple(sorted(found)) for found in languages.values()})
    room: Counter[tuple[int, int]] = Counter()
    for slot in roster.slots:
        room[starts.index(slot.starts_at), kinds.index(tuple(sorted(languages[slot.agent_id])))] += CALLS_IN_A_SLOT
    places = sorted(room)
    costs: list[tuple[int, int, int, int]] = []
    rows: list[int] = []
    columns: list[int] = []
    for i, demand in enumerate(demands):
        due = sum(start <= demand.due for start in starts) - 1
        base = starts[due] if due >= 0 else starts[0] - SLOT
        for p, (t, k) in enumerate(places):
            if demand.language not in kinds[k]:
                continue
            risky, late = int(t == due and demand.due < starts[t] + SLOT), 0
            if t > due:
                late = min(255, max(2, -(-(starts[t] - base) // SLOT) + 1))
            value = round((demand.priority + 1) * demand.chance(starts[t]) * 10)
            rows += [i, len(demands) + p]
            columns += [len(costs)] * 2
            costs.append((int(t > due), risky, late, 1010 - value))
        missed = int(demand.due < ends)
        rows.append(i)
        columns.append(len(costs))
        costs.append((missed, 0, 256 * missed, 1010))
    matrix = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(demands) + len(places), len(costs))).tocsc()
    limits = np.array([1] * len(demands) + [room[place] for place in places], dtype=float)
    return tuple(_tier_by_tier(matrix, limits, np.array(costs, dtype=float), exact=len(demands)))


def _tier_by_tier(matrix: csc_array, limits: NDArray[Any], costs: NDArray[Any], *, exact: int) -> Iterator[int]:
    """The best of each tier among the plans that are best in all tiers before it.

    The first `exact` rows have to be met, the others may not be overrun. The plans that are best in a tier are those
    which use no column with a reduced cost and fill every row that has a price (complementary slackness): that is what
    the next tier is left with, so no row has to be added that would tie all callbacks together.
    """
    tight = np.arange(len(limits)) < exact
    for tier in range(costs.shape[1]):
        result = linprog(
            costs[:, tier],
            A_eq=matrix[tight],
            b_eq=limits[tight],
            A_ub=matrix[~tight],
            b_ub=limits[~tight],
            bounds=(0, None),
            method="highs-ipm",  # with crossover: its steps hardly grow with the size, those of the simplex do
        )
        assert result.status == 0, result.message
        yield round(result.fun)
        kept = result.lower.marginals < _PRICE
        tight[np.flatnonzero(~tight)[result.ineqlin.marginals < -_PRICE]] = True
        matrix, costs = matrix[:, kept], costs[kept]


@dataclass(frozen=True, slots=True)
class Row:
    """What one assigner reaches with one capacity."""

    capacity: str
    assigner: str
    broken: int
    """Promises that could be kept at the start and are not: called too late, or left out and due within the plan."""
    placed: int
    contacts: float
    changes: int
    """Callbacks that lose their slot when all is planned anew after a twentieth of the agents left, beside theirs."""
    spread: float
    """Standard deviation, over the agents of a day, of the share of their time that is taken; mean of the days."""


def compare(callbacks: int, agents: int) -> list[Row]:
    """Greedy, greedy that drops what is lost, and best over tight, ample and uneven capacity."""
    cases = (
        ("tight", agents * 3 // 5, False),
        ("ample", agents * 2, False),
        ("uneven", agents, True),
    )
    rows: list[Row] = []
    for name, people, uneven in cases:
        demands, roster = town(callbacks, people, uneven=uneven)
        assigners = (("greedy", PlainAssigner()), ("dropping", DroppingGreedy()), ("best", OptimalAssigner()))
        for label, assigner in assigners:
            placed, _ = assigner.assign(demands, roster, POLICY)
            again, _ = assigner.assign(*_with_fewer(demands, roster, placed), POLICY)
            rows.append(
                Row(
                    name,
                    label,
                    broken=_broken(demands, roster, placed),
                    placed=len(placed),
                    contacts=sum(demands[p.callback_id - 1].chance(p.at) for p in placed),
                    changes=_changes(roster, placed, again),
                    spread=_spread(roster, placed),
                )
            )
    return rows


def table(rows: list[Row]) -> list[str]:
    head = f"{'capacity':8} {'assigner':8} {'broken':>8} {'placed':>8} {'contacts':>9} {'changes':>8} {'load sd':>8}"
    return [
        head,
        *(
            f"{r.capacity:8} {r.assigner:8} {r.broken:>8,} {r.placed:>8,} {r.contacts:>9,.0f} {r.changes:>8,} "
            f"{r.spread:>8.1%}"
            for r in rows
        ),
    ]


def _broken(demands: list[Demand], roster: Roster, placed: Sequence[Placement]) -> int:
    """Whoever is left out and due after the last slot can still be called in time, by the plan of another day."""
    at = {p.callback_id: p.at for p in placed}
    end = max(slot.ends_at for slot in roster.slots)
    return sum(at.get(d.callback_id, end) > d.due >= d.earliest for d in demands)


class DroppingGreedy:
    """The stronger of first-come lists: by due time, but only what can still be kept; the rest into what is left."""

    def assign(
        self, demands: Iterable[Demand], roster: Roster, policy: Policy
    ) -> tuple[Sequence[Placement], Sequence[Left]]:
        everything = list(demands)
        kept, _ = PlainAssigner().assign([_until_due(d) for d in everything], roster, policy)
        done = {p.callback_id for p in kept}
        rest = [d for d in everything if d.callback_id not in done]
        placed, left = PlainAssigner().assign(rest, _after(roster, kept), policy)
        return [*kept, *placed], left


def _until_due(demand: Demand) -> Demand:
    stretches = tuple(
        Interval(stretch.start, min(stretch.end, demand.due + timedelta(seconds=1)))
        for stretch in demand.stretches or ()
        if stretch.start <= demand.due
    )
    return replace(demand, stretches=stretches, legal=lambda at: any(at in stretch for stretch in stretches))


def _after(roster: Roster, placed: Sequence[Placement]) -> Roster:
    """What is left of the roster."""
    taken = Counter(p.slot_id for p in placed)
    load = Counter((p.agent_id, p.at.astimezone(ZONE).date()) for p in placed)
    slots = tuple(replace(s, booked_seconds=s.booked_seconds + SECONDS * taken[s.id]) for s in roster.slots)
    return replace(roster, slots=slots, booked_today=load)


def _with_fewer(demands: list[Demand], roster: Roster, placed: Sequence[Placement]) -> tuple[list[Demand], Roster]:
    """The same question to who has shown this plan, when a twentieth of the agents are gone."""
    shown = {p.callback_id: p.slot_id for p in placed}
    wishes = [replace(d, current=shown.get(d.callback_id)) for d in demands]
    return wishes, replace(roster, agents=tuple(a for a in roster.agents if a.id % 20))


def _changes(roster: Roster, placed: Sequence[Placement], again: Sequence[Placement]) -> int:
    gone = {slot.id for slot in roster.slots if slot.agent_id % 20 == 0}
    after = {p.callback_id: p.slot_id for p in again}
    return sum(p.slot_id not in gone and after.get(p.callback_id) != p.slot_id for p in placed)


def _spread(roster: Roster, placed: Sequence[Placement]) -> float:
    """Of the share of each agent's time, on each day: agents who work half a day are owed half as much."""
    load = Counter((p.agent_id, p.at.date()) for p in placed)
    hours = Counter((slot.agent_id, slot.starts_at.date()) for slot in roster.slots)
    days = sorted({day for _, day in hours})
    return fmean(
        pstdev([load[key] / (CALLS_IN_A_SLOT * slots) for key, slots in hours.items() if key[1] == day]) for day in days
    )
