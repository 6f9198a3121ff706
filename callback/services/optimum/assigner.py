"""The optimal assigner behind the interface of `domain.assignment.Assigner`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from callback.domain.assignment import Demand, Left, Placement, Roster
from callback.domain.policy import Policy
from callback.services.optimum.appointments import keep_appointments
from callback.services.optimum.board import Board, Books, make_board
from callback.services.optimum.limits import name_limits
from callback.services.optimum.people import choose_people
from callback.services.optimum.seats import seat
from callback.services.optimum.times import Best, choose_times
from callback.services.optimum.weights import Weights
from callback.services.optimum.wishes import sort_out

ROUNDS = 8
"""What did not fit is planned again in the room that is left, at most so often."""
BOTTLENECKS = 12


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A time at which one more call by such an agent would bring something: at the most this much."""

    starts_at: datetime
    languages: frozenset[str]
    skills: frozenset[str]
    promises: int
    """Due times more that would be kept."""
    value: float
    """Expected value more, in priority points, beside those."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the flow proves. The figures are those of the first round: nothing can be better than them."""

    missed: int = 0
    """Due times that cannot be kept by any plan with these people and hours (as whole slots see it)."""
    risky: int = 0
    """Due times that lie within the slot of the call, where no plan could put it into an earlier one."""
    late: int = 0
    lost: int = 0
    repaired: int = 0
    """Callbacks that the flow placed where something beyond a flow forbids it; they found another place, or none."""
    exact: bool = True
    """Whether the order of the tiers in the second stage holds for exchanges of any length."""
    chain: int = 0
    bottlenecks: tuple[Bottleneck, ...] = ()

    def joined(self, other: "Proof | None") -> "Proof":
        """Of two shards together."""
        if other is None:
            return self
        dearest = sorted((*self.bottlenecks, *other.bottlenecks), key=lambda b: (-b.promises, -b.value, b.starts_at))
        return Proof(
            self.missed + other.missed,
            self.risky + other.risky,
            self.late + other.late,
            self.lost + other.lost,
            self.repaired + other.repaired,
            self.exact and other.exact,
            min(self.chain, other.chain),
            tuple(dearest[:BOTTLENECKS]),
        )


@dataclass(slots=True)
class Solution:
    placed: list[Placement] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    proof: Proof = Proof()


class OptimalAssigner:
    """Due times kept, expected value, the visible plan, load, who knows the case: in this order, none for another."""

    def assign(
        self, demands: Iterable[Demand], roster: Roster, policy: Policy
    ) -> tuple[Sequence[Placement], Sequence[Left]]:
        solution = self.solve(demands, roster, policy)
        return solution.placed, solution.left

    def solve(self, demands: Iterable[Demand], roster: Roster, policy: Policy) -> Solution:
        """The best plan with its proof. Appointments come first: they have one moment only."""
        everything = sorted(demands, key=lambda d: d.callback_id)
        books = Books.of(roster)
        solution = Solution()
        appointments = [d for d in everything if d.at is not None]
        if appointments:
            solution.placed, solution.left = keep_appointments(appointments, roster, books, policy)
            solution.proof = Proof(missed=sum(d.at > d.due for d in appointments if d.at is not None))
        batch = [d for d in everything if d.at is None]
        if batch:
            _place(batch, roster, policy, books, solution)
            solution.left = name_limits(solution.left, batch, roster, books, policy)
        solution.placed.sort(key=lambda p: p.callback_id)
        solution.left.sort(key=lambda item: item.callback_id)
        return solution


def _place(batch: Sequence[Demand], roster: Roster, policy: Policy, books: Books, solution: Solution) -> None:
    pending = list(batch)
    left: list[Left] = []
    for nth in range(ROUNDS):
        seconds_each = sum(demand.seconds for demand in pending) / len(pending)
        board = make_board(roster, books, policy, seconds_each=seconds_each)
        wishes = sort_out(pending, board, books, policy)
        left = list(wishes.left)
        if not wishes.members:
            pending = []
            break
        best = choose_times(board, wishes)
        dealt = choose_people(board, wishes, best)
        placed, failed = seat(dealt, board, roster, books, policy)
        solution.placed += placed
        if nth == 0:
            solution.proof = _proof(solution.proof, best, board, weights=dealt.weights, repaired=len(failed))
        solution.left += left
        left = []
        pending = [*failed, *dealt.out] if failed and placed else failed
        if not failed:
            solution.left += [Left(demand.callback_id, "no_capacity") for demand in dealt.out]
            break
        if not pending:
            break
    solution.left += left
    solution.left += [Left(demand.callback_id, "no_capacity") for demand in pending]


def _proof(before: Proof, best: Best, board: Board, *, weights: Weights, repaired: int) -> Proof:
    return Proof(
        before.missed + best.missed,
        before.risky + best.risky,
        before.late + best.late,
        before.lost + best.lost,
        before.repaired + repaired,
        before.exact and weights.exact and best.weights.exact,
        weights.chain,
        _bottlenecks(best, board),
    )


def _bottlenecks(best: Best, board: Board) -> tuple[Bottleneck, ...]:
    """The dearest times, each kind of people once."""
    per_promise, per_risk, per_step, _ = best.weights.factors
    found: dict[tuple[datetime, frozenset[str], frozenset[str]], Bottleneck] = {}
    order = np.argsort(-best.slot_price, axis=None, kind="stable")
    for place in order[: 50 * BOTTLENECKS]:
        row, column = divmod(int(place), len(board.spans))
        price = int(best.slot_price[row, column])
        if price <= 0 or len(found) == BOTTLENECKS:
            break
        agent, start = board.agents[row], board.spans[column][0]
        key = (start, agent.languages, agent.skills)
        if key not in found:
            found[key] = Bottleneck(*key, price // per_promise, price % per_promise % per_risk % per_step / 10)
    return tuple(found.values())
