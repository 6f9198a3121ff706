"""The first stage: which times. Promises kept, and at no risk, lateness and expected value, as one cheapest flow.

    class of callbacks → who is asked, at a time → people alike in what they can do, at that time → their day → end

Agents who can do the same and have the same room at all times are one group: what fits the group can always be dealt
out to its members (a flow's capacities are totally unimodular, and such polyhedra decompose in whole numbers: Baum
and Trotter 1978). So the flow over groups is the optimum over people.

What comes out isn't one solution but all the best ones: by the prices of the flow every arc is one that the best
solutions never use, always fill, or are free to use. The second stage chooses among them.
"""

from dataclasses import dataclass

import numpy as np

from callback.services.optimum.board import Board, Bools
from callback.services.optimum.network import ENOUGH, Ints, Network
from callback.services.optimum.weights import Weights, weigh, with_smaller_costs
from callback.services.optimum.wishes import LATEST, MOST_VALUE, Wishes


@dataclass(frozen=True, slots=True)
class Best:
    """All the best solutions, as what each arc may carry; and what they reach."""

    times: Bools
    """[classes, spans]: where the class may go."""
    out: Bools
    """[classes]: whether some may be left out."""
    asked_may: Bools
    """[spans, asked, kinds of people]: the way from who is asked to who does it is free."""
    kind_of: Ints
    """[agents]: which kind each is; -1 for who is asked for nothing."""
    slot_state: Ints
    """[agents, spans]: -1 always empty, 0 free, 1 always full."""
    day_state: Ints
    """[agents, days]: the same for a day's limit."""
    slot_price: Ints
    """[agents, spans]: what one more call there would bring at the most, in the weighted cost."""
    weights: Weights
    missed: int
    risky: int
    late: int
    lost: int


def choose_times(board: Board, wishes: Wishes) -> Best:
    """The best that can be reached, whoever does it. Raises `ArithmeticError` if the solver fails its proof."""
    return with_smaller_costs(lambda limit: _choose_times(board, wishes, limit))


def _choose_times(board: Board, wishes: Wishes, limit: int) -> Best:
    kinds, kind_of = _kinds(wishes.eligible)
    groups, group_of = _groups(board, kind_of)
    sizes, count = wishes.sizes, len(wishes.members)
    spans, asked = len(board.spans), len(wishes.eligible)

    network = Network()
    class_nodes = network.add_nodes(count)
    asked_nodes = network.add_nodes(spans * asked).reshape(spans, asked)
    kind_nodes = network.add_nodes(spans * len(kinds)).reshape(spans, len(kinds))
    day_nodes = network.add_nodes(len(groups) * board.day_load.shape[1]).reshape(len(groups), -1)
    (end,) = network.add_nodes(1)
    longest = 2 * min(spans * asked + 1, count) + 2 * spans * len(kinds) + 4
    weights = weigh((1, 1, LATEST + 1, MOST_VALUE), chain=longest, nodes=network.nodes, limit=limit)
    missed, risky, late, lost = weights.factors

    rows, columns = np.nonzero(wishes.open)
    price = missed * wishes.missed + risky * wishes.risky + late * wishes.late + lost * wishes.lost
    to_times = network.add_arcs(
        class_nodes[rows], asked_nodes[columns, wishes.asked[rows]], sizes[rows] + 1, price[rows, columns]
    )
    out_price = missed * wishes.missed_left + late * (LATEST + 1) * wishes.missed_left + lost * MOST_VALUE
    to_end = network.add_arcs(class_nodes, np.full(count, end), sizes + 1, out_price)
    able = np.zeros((asked, len(kinds)), dtype=bool)
    for kind, example in enumerate(kinds):
        able[:, kind] = wishes.eligible[:, example]
    room_of_kind = np.zeros((len(kinds), spans), dtype=np.int64)
    for kind in range(len(kinds)):
        room_of_kind[kind] = board.room[kind_of == kind].sum(axis=0)
    used_asked = np.zeros((spans, asked), dtype=bool)
    used_asked[columns, wishes.asked[rows]] = True
    t, q, k = np.nonzero(used_asked[:, :, None] & able[None, :, :] & (room_of_kind.T > 0)[:, None, :])
    to_kinds = network.add_arcs(asked_nodes[t, q], kind_nodes[t, k], np.full(len(t), ENOUGH))
    group_rows = np.array([example for example, _ in groups], dtype=np.int64)
    members = np.array([number for _, number in groups], dtype=np.int64)
    room = board.room[group_rows] if len(groups) else np.zeros((0, spans), dtype=np.int64)
    g, at = np.nonzero(room)
    group_days = board.day[group_rows[g], at]
    to_days = network.add_arcs(
        kind_nodes[at, kind_of[group_rows[g]]], day_nodes[g, group_days], members[g] * room[g, at]
    )
    dg, dd = np.nonzero(board.day_room[group_rows] > 0) if len(groups) else (np.zeros(0, int), np.zeros(0, int))
    day_ends = network.add_arcs(
        day_nodes[dg, dd], np.full(len(dg), end), members[dg] * board.day_room[group_rows[dg], dd]
    )
    network.supply(class_nodes, sizes)
    network.supply(np.array([end]), np.array([-int(sizes.sum())]))
    solved = network.solve()
    reduced = solved.reduced_costs()

    times = np.zeros_like(wishes.open)
    times[rows, columns] = reduced[to_times] <= 0
    asked_may = np.zeros((spans, asked, len(kinds)), dtype=bool)
    asked_may[t, q, k] = reduced[to_kinds] <= 0
    slot_state = np.full((len(groups), spans), -1, dtype=np.int64)
    slot_state[g, at] = -np.sign(reduced[to_days])
    slot_price = np.zeros((len(groups), spans), dtype=np.int64)
    slot_price[g, at] = np.maximum(0, -reduced[to_days])
    day_state = np.full((len(groups), board.day_load.shape[1]), -1, dtype=np.int64)
    day_state[dg, dd] = -np.sign(reduced[day_ends])
    totals = _totals(wishes, (rows, columns), solved.flows[to_times], solved.flows[to_end])
    return Best(
        times,
        reduced[to_end] <= 0,
        asked_may,
        kind_of,
        slot_state[group_of],
        day_state[group_of],
        slot_price[group_of],
        weights,
        *totals,
    )


def _totals(wishes: Wishes, where: tuple[Ints, Ints], flows: Ints, out: Ints) -> tuple[int, int, int, int]:
    """Missed, risky, late and lost over everything."""
    left = wishes.missed_left * out
    return (
        int((flows * wishes.missed[where]).sum() + left.sum()),
        int((flows * wishes.risky[where]).sum()),
        int((flows * wishes.late[where]).sum() + left.sum() * (LATEST + 1)),
        int((flows * wishes.lost[where]).sum() + out.sum() * MOST_VALUE),
    )


def _kinds(eligible: Bools) -> tuple[list[int], Ints]:
    """An example row of each kind of agents who may do the same, and the kind of each agent."""
    number: dict[bytes, int] = {}
    examples: list[int] = []
    kind_of = np.full(eligible.shape[1], -1, dtype=np.int64)
    for agent in range(eligible.shape[1]):
        may = eligible[:, agent]
        if not may.any():
            continue
        key = may.tobytes()
        if key not in number:
            number[key] = len(examples)
            examples.append(agent)
        kind_of[agent] = number[key]
    return examples, kind_of


def _groups(board: Board, kind_of: Ints) -> tuple[list[tuple[int, int]], Ints]:
    """(example row, how many) of each group of agents alike in everything; the group of each agent (0 for none)."""
    number: dict[bytes, int] = {}
    found: list[list[int]] = []
    group_of = np.zeros(len(board.agents), dtype=np.int64)
    for row in range(len(board.agents)):
        if kind_of[row] < 0:
            continue
        key = np.concatenate([[kind_of[row]], board.room[row], board.day[row], board.day_room[row]]).tobytes()
        if key not in number:
            number[key] = len(found)
            found.append([row, 0])
        group_of[row] = number[key]
        found[number[key]][1] += 1
    return [(row, size) for row, size in found], group_of
