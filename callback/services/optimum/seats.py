"""From a flow to calls at the minute: who of a kind takes whom, and in which order within a slot.

What a flow cannot state is checked here: one customer not twice in one part of the day, nor more often than the day's
budget; a slot not too full when calls of different length meet; people with a past in the case. What does not fit comes
back and is planned again in the room that is left.
"""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from callback.domain.assignment import Demand, Placement, Roster
from callback.domain.moment import part_of_day
from callback.domain.policy import Policy
from callback.services.optimum.board import Board, Books
from callback.services.optimum.people import Dealt, Place


def seat(
    dealt: Dealt, board: Board, roster: Roster, books: Books, policy: Policy
) -> tuple[list[Placement], list[Demand]]:
    """Placements, booked in `books`; and the demands that did not fit where they were meant to go."""
    seats: dict[Place, list[Demand]] = defaultdict(list)
    failed: list[Demand] = []
    for place, demands in dealt.placed.items():
        seats[place] += demands
    for key, demands in dealt.pooled.items():
        nobody = _deal_out(demands, dealt.taken[key], key[1], board, seats)
        _ban(nobody, key[1], board, books)
        failed += nobody
    usher = _Usher(board, roster, books, policy)
    # Earlier slots first, so that of one customer's callbacks the earlier one keeps its part of the day.
    for place in sorted(seats, key=lambda p: (p[1], p[0])):
        unfit = usher.fill(place, seats[place])
        _ban(unfit, place[1], board, books)
        failed += unfit
    return usher.placements, failed


def _ban(demands: Sequence[Demand], column: int, board: Board, books: Books) -> None:
    for demand in demands:
        books.banned.setdefault(demand.callback_id, set()).add(board.spans[column])


def _deal_out(
    demands: Sequence[Demand],
    taken: Sequence[tuple[int, int]],
    column: int,
    board: Board,
    seats: dict[Place, list[Demand]],
) -> list[Demand]:
    """Give each agent of a kind as many of the demands as the flow says; returns who finds nobody without a past.

    What is due within the slot is spread over all of them, so that as many as can be are called in time. Long and short
    calls are mixed, so that no slot gets the long ones alone.
    """
    left = dict(taken)
    seconds = dict.fromkeys(left, 0)
    nobody: list[Demand] = []
    rest: list[Demand] = []
    for demand in demands:
        if not demand.excluded:
            rest.append(demand)
            continue
        may = [row for row, count in left.items() if count and board.agents[row].id not in demand.excluded]
        if not may:
            nobody.append(demand)
            continue
        row = max(may, key=lambda r: (left[r], -r))
        left[row] -= 1
        seconds[row] += demand.seconds
        seats[row, column].append(demand)
    start, end = board.spans[column]
    urgent = sorted((d for d in rest if start <= d.due < end), key=lambda d: (d.due, -d.priority, d.callback_id))
    rest = [d for d in rest if not start <= d.due < end]
    _spread(urgent, left, seconds, column, seats)
    if len({demand.seconds for demand in rest}) > 1:
        _spread(sorted(rest, key=lambda d: (-d.seconds, d.due, d.callback_id)), left, seconds, column, seats)
    else:
        waiting = iter(rest)
        for row, count in left.items():
            seats[row, column] += itertools.islice(waiting, count)
    return nobody


def _spread(
    demands: Sequence[Demand],
    left: dict[int, int],
    seconds: dict[int, int],
    column: int,
    seats: dict[Place, list[Demand]],
) -> None:
    """One after the other, always to the agent with the least to do so far."""
    heap = [(seconds[row], row) for row, count in left.items() if count]
    heapq.heapify(heap)
    for demand in demands:
        used, row = heapq.heappop(heap)
        seats[row, column].append(demand)
        left[row] -= 1
        seconds[row] = used + demand.seconds
        if left[row]:
            heapq.heappush(heap, (seconds[row], row))


class _Usher:
    """Puts the calls of a slot in order, and keeps the books."""

    def __init__(self, board: Board, roster: Roster, books: Books, policy: Policy) -> None:
        self.placements: list[Placement] = []
        self._board, self._books, self._policy = board, books, policy
        self._pace = roster.pace

    def fill(self, place: Place, demands: Sequence[Demand]) -> list[Demand]:
        """Who did not fit. Those whose time ends first go first, then due times that can be kept, then the soonest due.

        What is overdue is late already; a due time that is kept before it costs it some minutes more.
        """
        start, end = self._board.spans[place[1]]
        ordered = sorted(
            demands,
            key=lambda d: (
                _until(d, start, end),
                not start <= d.due < end,
                min(d.due, end),
                -d.priority,
                d.due,
                d.callback_id,
            ),
        )
        return [demand for demand in ordered if not self._sit(demand, place)]

    def _sit(self, demand: Demand, place: Place) -> bool:
        slot = self._board.slots[place]
        agent = self._board.agents[place[0]]
        seconds = demand.seconds * self._pace.get(slot.agent_id, 1.0)
        used = self._books.used_s[slot.id]
        at = self._moment(demand, place, used, seconds)
        if at is None or self._meets_another(demand, at):
            return False
        day = slot.starts_at.astimezone(agent.zone).date()
        if self._books.day_load[agent.id, day] >= agent.daily_capacity:
            return False
        self._books.used_s[slot.id] = used + seconds
        self._books.day_load[agent.id, day] += 1
        self._books.contacts.setdefault(demand.customer_id, []).append(at)
        self.placements.append(Placement(demand.callback_id, slot.id, agent.id, at))
        return True

    def _moment(self, demand: Demand, place: Place, used: float, seconds: float) -> datetime | None:
        slot = self._board.slots[place]
        length = (slot.ends_at - slot.starts_at).total_seconds()
        if used + seconds > length * (1 + self._policy.slot_overfill):
            return None
        return demand.first_legal(slot.starts_at + timedelta(seconds=used), slot.ends_at)

    def _meets_another(self, demand: Demand, at: datetime) -> bool:
        others = self._books.contacts.get(demand.customer_id)
        if not others:
            return False
        day = at.astimezone(demand.zone).date()
        same_day = [other for other in others if other.astimezone(demand.zone).date() == day]
        part = part_of_day(at, demand.zone)
        return len(same_day) >= self._policy.attempts_per_day or any(
            part_of_day(other, demand.zone) is part for other in same_day
        )


def _until(demand: Demand, start: datetime, end: datetime) -> datetime:
    """When the legal time of the demand within the slot is over."""
    if demand.stretches is None:
        return end
    for stretch in demand.stretches:
        if stretch.end > start:
            return min(end, stretch.end)
    return end
