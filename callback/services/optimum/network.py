"""A flow network in arrays, its cheapest flow (ortools), and the prices that prove the flow to be the cheapest."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from callback.services.optimum.weights import COST_LIMIT, CostsTooLarge

Ints = NDArray[np.int64]
ENOUGH = 1 << 40
"""A capacity that nothing ever reaches."""


@dataclass(slots=True)
class Network:
    """Nodes are numbered as they are asked for; arcs are added in blocks and known by their position."""

    nodes: int = 0
    arcs: int = 0
    _tails: list[Ints] = field(default_factory=list)
    _heads: list[Ints] = field(default_factory=list)
    _capacities: list[Ints] = field(default_factory=list)
    _costs: list[Ints] = field(default_factory=list)
    _supplies: list[tuple[Ints, Ints]] = field(default_factory=list)

    def add_nodes(self, count: int) -> Ints:
        """The numbers of `count` new nodes."""
        self.nodes += count
        return np.arange(self.nodes - count, self.nodes, dtype=np.int64)

    def add_arcs(self, tails: Ints, heads: Ints, capacities: Ints, costs: Ints | None = None) -> slice:
        """The positions of the new arcs; without `costs` they cost nothing."""
        for held, new in (
            (self._tails, tails),
            (self._heads, heads),
            (self._capacities, np.minimum(capacities, ENOUGH)),
            (self._costs, np.zeros(len(tails), dtype=np.int64) if costs is None else costs),
        ):
            held.append(np.asarray(new, dtype=np.int64))
        first = self.arcs
        self.arcs += len(tails)
        return slice(first, self.arcs)

    def supply(self, nodes: Ints, amounts: Ints) -> None:
        """What flows in at these nodes (out where negative); adds up over several calls."""
        self._supplies.append((np.asarray(nodes, dtype=np.int64), np.asarray(amounts, dtype=np.int64)))

    def solve(self) -> "Solved":
        """The cheapest flow. Raises `ArithmeticError` when there is none, `CostsTooLarge` when it leaves 64 bits."""
        from ortools.graph.python import min_cost_flow  # noqa: PLC0415  a fifth of a second that other commands save

        tails, heads = _joined(self._tails), _joined(self._heads)
        capacities, costs = _joined(self._capacities), _joined(self._costs)
        supplies = np.zeros(self.nodes, dtype=np.int64)
        for nodes, amounts in self._supplies:
            np.add.at(supplies, nodes, amounts)
        most = int(np.abs(costs).max(initial=0))
        if most * (self.nodes + 1) > COST_LIMIT:
            raise CostsTooLarge(f"costs of {most} over {self.nodes} nodes are beyond 64 bits")
        # No arc can carry more than everything there is; one more, so that such an arc never counts as full.
        total = int(supplies[supplies > 0].sum())
        solver = min_cost_flow.SimpleMinCostFlow()
        solver.add_arcs_with_capacity_and_unit_cost(tails, heads, np.minimum(capacities, total + 1), costs)
        solver.set_nodes_supplies(np.arange(self.nodes), supplies)
        status = solver.solve()
        if status == solver.BAD_COST_RANGE:
            raise CostsTooLarge(f"costs of {most} over {self.nodes} nodes")
        if status != solver.OPTIMAL:
            raise ArithmeticError(f"no flow: {status}")
        flows = np.asarray(solver.flows(np.arange(self.arcs)), dtype=np.int64)
        return Solved(self.nodes, tails, heads, np.minimum(capacities, total + 1), costs, flows)


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Solved:
    nodes: int
    tails: Ints
    heads: Ints
    capacities: Ints
    costs: Ints
    flows: Ints

    @property
    def cost(self) -> int:
        return int((self.flows * self.costs).sum())

    def reduced_costs(self) -> Ints:
        """What each arc costs beside the prices of its ends.

        Of every cheapest flow it holds: nothing flows where this is above zero, and an arc is full where it is below.
        They are the proof of the optimum (complementary slackness), and worked out by shortest paths (Bellman and
        Ford) through the arcs that could still carry more, and backwards through those that carry something. Raises
        `ArithmeticError` when the flow was not the cheapest: then a circle is found that would make it cheaper.
        """
        forth, back = self.flows < self.capacities, self.flows > 0
        tails = np.concatenate([self.tails[forth], self.heads[back]])
        heads = np.concatenate([self.heads[forth], self.tails[back]])
        costs = np.concatenate([self.costs[forth], -self.costs[back]])
        order = np.argsort(heads, kind="stable")
        tails, heads, costs = tails[order], heads[order], costs[order]
        reached, firsts = np.unique(heads, return_index=True)
        price = np.zeros(self.nodes, dtype=np.int64)
        for _ in range(self.nodes + 1):
            best = np.minimum(price[reached], np.minimum.reduceat(price[tails] + costs, firsts)) if len(heads) else None
            if best is None or np.array_equal(best, price[reached]):
                return self.costs + price[self.tails] - price[self.heads]
            price[reached] = best
        raise ArithmeticError("the flow is not the cheapest one")
