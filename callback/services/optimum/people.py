"""The second stage: which people, among all the best times. What agents see stays, load is shared, who knows the case.

In this order: no change to the visible plan; not a day later than needed; equal load on a day; the agent who knows
the case; not a slot later than needed. Every arc that the best times never use is absent, and what they always fill
is filled here too, so whatever is chosen keeps as many promises and has the same expected value.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from callback.domain.assignment import Demand
from callback.services.optimum.board import Board
from callback.services.optimum.network import ENOUGH, Ints, Network
from callback.services.optimum.times import Best
from callback.services.optimum.weights import Weights, weigh, with_smaller_costs
from callback.services.optimum.wishes import Wishes

Place = tuple[int, int]
FINE_STEPS = 60_000
"""Up to so many arcs for the load of all agents on all days, each call is a step of its own; beyond, some together."""


@dataclass(slots=True)
class Dealt:
    """Who goes where: some to a certain agent's slot, the rest to people of a kind at a time."""

    placed: dict[Place, list[Demand]]
    """(agent row, column) → demands that are meant for this very slot."""
    pooled: dict[tuple[int, int], list[Demand]]
    """(kind, column) → demands for any agent of the kind."""
    taken: dict[tuple[int, int], list[tuple[int, int]]]
    """(kind, column) → (agent row, how many of the pooled)."""
    out: list[Demand]
    weights: Weights


@dataclass(slots=True)
class _Part:
    """Members of one class that agents see in the same slot and whom the same agent knows."""

    number: int
    members: list[Demand]
    current: Place | None
    knows: int | None


def choose_people(board: Board, wishes: Wishes, best: Best) -> Dealt:
    """Deal the classes out to people. Raises `ArithmeticError` if the solver fails."""
    return with_smaller_costs(lambda limit: _Dealing(board, wishes, best, limit).deal())


class _Dealing:
    def __init__(self, board: Board, wishes: Wishes, best: Best, limit: int) -> None:
        self._limit = limit
        self._board, self._wishes, self._best = board, wishes, best
        self._parts = list(self._split())
        self._network = Network()
        self._kinds = best.asked_may.shape[2]
        self._special = self._special_places()

    def _split(self) -> list[_Part]:
        parts: list[_Part] = []
        for number, members in enumerate(self._wishes.members):
            found: dict[tuple[Place | None, int | None], list[Demand]] = defaultdict(list)
            for demand in members:
                found[self._current(demand, number), self._knows(demand, number)].append(demand)
            parts += [_Part(number, group, current, knows) for (current, knows), group in found.items()]
        return parts

    def _current(self, demand: Demand, number: int) -> Place | None:
        place = self._board.place_of.get(demand.current) if demand.current is not None else None
        return place if place is not None and self._is_best(demand, number, place) else None

    def _knows(self, demand: Demand, number: int) -> int | None:
        row = self._board.row_of.get(demand.knows) if demand.knows is not None else None
        if row is None or demand.knows in demand.excluded or not self._wishes.eligible[self._wishes.asked[number], row]:
            return None
        return row

    def _is_best(self, demand: Demand, number: int, place: Place) -> bool:
        """Whether the place is among the best for this demand."""
        row, column = place
        kind = self._best.kind_of[row]
        return bool(
            kind >= 0
            and self._best.times[number, column]
            and self._best.asked_may[column, self._wishes.asked[number], kind]
            and self._best.slot_state[row, column] >= 0
            and self._wishes.eligible[self._wishes.asked[number], row]
            and self._board.agents[row].id not in demand.excluded
        )

    def _special_places(self) -> dict[Place, int]:
        """Slots that somebody has a special wish for: they need a node of their own."""
        places: dict[Place, int] = {}
        for part in self._parts:
            for place in self._own_places(part):
                places.setdefault(place, len(places))
        return places

    def _own_places(self, part: _Part) -> list[Place]:
        places = [part.current] if part.current is not None else []
        if part.knows is not None:
            for column in np.flatnonzero(self._best.times[part.number] & (self._best.slot_state[part.knows] >= 0)):
                place = (part.knows, int(column))
                if place != part.current and self._is_best(part.members[0], part.number, place):
                    places.append(place)
        return places

    def deal(self) -> Dealt:
        board, best, network = self._board, self._best, self._network
        spans, days = len(board.spans), board.day_load.shape[1]
        part_nodes = network.add_nodes(len(self._parts))
        asked_nodes = network.add_nodes(spans * len(self._wishes.eligible)).reshape(spans, -1)
        kind_nodes = network.add_nodes(spans * self._kinds).reshape(spans, self._kinds)
        day_nodes = network.add_nodes(len(board.agents) * days).reshape(len(board.agents), days)
        place_nodes = network.add_nodes(len(self._special))
        (end,) = network.add_nodes(1)
        step = self._step()
        heaviest = int(board.day_load.max(initial=0) + board.day_room.max(initial=0)) // step + 1
        longest = 2 * (
            spans * (len(self._wishes.eligible) + self._kinds) + len(self._special) + len(board.agents) * days
        )
        weights = weigh(
            (1, max(1, days), heaviest, 1, max(1, spans)), chain=longest, nodes=network.nodes, limit=self._limit
        )
        wait = self._waiting(weights)

        pooled = self._add_pool_arcs(part_nodes, asked_nodes, weights, wait)
        own = self._add_own_arcs(part_nodes, place_nodes, weights, wait)
        outs = np.array([bool(best.out[part.number]) for part in self._parts], dtype=bool)
        out_rows = np.flatnonzero(outs)
        network.add_arcs(
            part_nodes[out_rows],
            np.full(len(out_rows), end),
            self._sizes[out_rows] + 1,
            self._changes[out_rows] * weights.factors[0],
        )
        t, q, k = np.nonzero(best.asked_may)
        to_kinds = network.add_arcs(asked_nodes[t, q], kind_nodes[t, k], np.full(len(t), ENOUGH))
        slots = self._add_slots(kind_nodes, place_nodes, day_nodes)
        self._add_days(day_nodes, end, step, weights)
        network.supply(part_nodes, self._sizes)
        network.supply(np.array([end]), np.array([-int(self._sizes.sum())]))
        flows = network.solve().flows
        asked, placed, left = self._read(flows, pooled, own)
        return Dealt(placed, *self._pool(flows, asked, (t, q, k, to_kinds), slots), left, weights)

    @property
    def _sizes(self) -> Ints:
        return np.array([len(part.members) for part in self._parts], dtype=np.int64)

    @property
    def _changes(self) -> Ints:
        """1 for parts that agents see somewhere."""
        return np.array([part.current is not None for part in self._parts], dtype=np.int64)

    def _step(self) -> int:
        """How many calls one step of an agent's load stands for."""
        return max(1, -(-int(self._board.day_room.sum()) // FINE_STEPS))

    def _waiting(self, weights: Weights) -> Ints:
        """The price of each column: days first, then slots within everything."""
        first = self._board.day.max(axis=0, initial=0)
        return np.asarray(weights.factors[1] * first + weights.factors[4] * np.arange(len(first)), dtype=np.int64)

    def _add_pool_arcs(
        self, part_nodes: Ints, asked_nodes: Ints, weights: Weights, wait: Ints
    ) -> tuple[Ints, Ints, slice]:
        numbers = np.array([part.number for part in self._parts], dtype=np.int64)
        unknown = np.array([part.knows is not None for part in self._parts], dtype=np.int64)
        rows, columns = np.nonzero(self._best.times[numbers])
        each = self._changes * weights.factors[0] + unknown * weights.factors[3]
        arcs = self._network.add_arcs(
            part_nodes[rows],
            asked_nodes[columns, self._wishes.asked[numbers[rows]]],
            self._sizes[rows] + 1,
            each[rows] + wait[columns],
        )
        return rows, columns, arcs

    def _add_own_arcs(
        self, part_nodes: Ints, place_nodes: Ints, weights: Weights, wait: Ints
    ) -> tuple[list[tuple[int, Place]], slice]:
        found: list[tuple[int, Place]] = []
        costs: list[int] = []
        for number, part in enumerate(self._parts):
            for place in self._own_places(part):
                found.append((number, place))
                changed = part.current is not None and place != part.current
                stranger = part.knows is not None and place[0] != part.knows
                costs.append(changed * weights.factors[0] + stranger * weights.factors[3] + int(wait[place[1]]))
        tails = part_nodes[[number for number, _ in found]]
        heads = place_nodes[[self._special[place] for _, place in found]]
        return found, self._network.add_arcs(tails, heads, np.full(len(found), ENOUGH), np.array(costs))

    def _add_slots(self, kind_nodes: Ints, place_nodes: Ints, day_nodes: Ints) -> tuple[Ints, Ints, slice]:
        """From people of a kind to each one's slot and day; a slot that is always full is filled beforehand."""
        board, best, network = self._board, self._best, self._network
        rows, columns = np.nonzero((board.room > 0) & (best.slot_state >= 0) & (best.kind_of >= 0)[:, None])
        heads = day_nodes[rows, board.day[rows, columns]]
        tails = kind_nodes[columns, best.kind_of[rows]]
        room, full = board.room[rows, columns], best.slot_state[rows, columns] > 0
        through = np.array(
            [self._special.get(place, -1) for place in zip(rows.tolist(), columns.tolist(), strict=True)]
        )
        special = through >= 0
        # Through a place of its own: kind → place → day.
        into = np.where(special, place_nodes[np.maximum(through, 0)] if len(place_nodes) else heads, heads)
        leaving = into[special & ~full]
        network.add_arcs(leaving, heads[special & ~full], room[special & ~full])
        must = np.where(full & ~special, tails, into)[full]
        network.supply(must, -room[full])
        network.supply(heads[full], room[full])
        open_ = special | ~full
        arcs = network.add_arcs(tails[open_], into[open_], room[open_])
        self._forced = [
            (int(r), int(c), int(n))
            for r, c, n in zip(rows[full & ~special], columns[full & ~special], room[full & ~special], strict=True)
        ]
        return rows[open_], columns[open_], arcs

    def _add_days(self, day_nodes: Ints, end: int, step: int, weights: Weights) -> None:
        """Each further callback of one day costs more than the one before: so load is shared."""
        board, best, network = self._board, self._best, self._network
        rows, days = np.nonzero((board.day_room > 0) & (best.day_state >= 0) & (best.kind_of >= 0)[:, None])
        room, full = board.day_room[rows, days], best.day_state[rows, days] > 0
        network.supply(day_nodes[rows[full], days[full]], -room[full])
        network.supply(np.full(int(full.sum()), end), room[full])
        rows, days, room = rows[~full], days[~full], room[~full]
        # More than all slots of the day hold is never needed.
        held = np.zeros_like(board.day_load)
        r, c = np.nonzero(board.room > 0)
        np.add.at(held, (r, board.day[r, c]), board.room[r, c])
        room = np.minimum(room, held[rows, days])
        steps = -(-room // step)
        each = np.repeat(np.arange(len(rows)), steps)
        nth = np.arange(len(each)) - np.repeat(np.cumsum(steps) - steps, steps)
        capacity = np.minimum(step, room[each] - nth * step)
        load = board.day_load[rows[each], days[each]] // step + nth
        network.add_arcs(
            day_nodes[rows[each], days[each]], np.full(len(each), end), capacity, load * weights.factors[2]
        )

    def _read(
        self, flows: Ints, pooled: tuple[Ints, Ints, slice], own: tuple[list[tuple[int, Place]], slice]
    ) -> tuple[dict[tuple[int, int], list[Demand]], dict[Place, list[Demand]], list[Demand]]:
        """By (column, who is asked), by place of one's own, and who is left. In a class the earlier due go earlier."""
        waiting = [iter(part.members) for part in self._parts]
        placed: dict[Place, list[Demand]] = defaultdict(list)
        asked: dict[tuple[int, int], list[Demand]] = defaultdict(list)
        steps: list[tuple[int, int, int, Place | None]] = []
        found, arcs = own
        for (number, place), flow in zip(found, flows[arcs].tolist(), strict=True):
            if flow:
                steps.append((number, place[1], flow, place))
        rows, columns, arcs = pooled
        some = np.flatnonzero(flows[arcs])
        for number, column, flow in zip(
            rows[some].tolist(), columns[some].tolist(), flows[arcs][some].tolist(), strict=True
        ):
            steps.append((number, column, flow, None))
        steps.sort(key=lambda s: (s[0], s[1], s[3] or (-1, -1)))
        for number, column, flow, own_place in steps:
            members = [next(waiting[number]) for _ in range(flow)]
            if own_place is not None:
                placed[own_place] += members
            else:
                asked[column, int(self._wishes.asked[self._parts[number].number])] += members
        return asked, dict(placed), [demand for rest in waiting for demand in rest]

    def _pool(
        self,
        flows: Ints,
        asked: dict[tuple[int, int], list[Demand]],
        kinds: tuple[Ints, Ints, Ints, slice],
        slots: tuple[Ints, Ints, slice],
    ) -> tuple[dict[tuple[int, int], list[Demand]], dict[tuple[int, int], list[tuple[int, int]]]]:
        waiting = {key: iter(members) for key, members in asked.items()}
        pooled: dict[tuple[int, int], list[Demand]] = defaultdict(list)
        t, q, k, arcs = kinds
        for column, who, kind, flow in zip(t.tolist(), q.tolist(), k.tolist(), flows[arcs].tolist(), strict=True):
            if flow:
                pooled[kind, column] += [next(waiting[column, who]) for _ in range(flow)]
        taken: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        rows, columns, arcs = slots
        for row, column, flow in [
            *zip(rows.tolist(), columns.tolist(), flows[arcs].tolist(), strict=True),
            *self._forced,
        ]:
            if flow:
                taken[int(self._best.kind_of[row]), column].append((row, flow))
        return dict(pooled), dict(taken)
