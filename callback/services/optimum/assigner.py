"""The optimal assigner behind the interface of `domain.assignment.Assigner`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil

import numpy as np

from callback.domain.assignment import Demand, Left, Placement, PlainAssigner, Roster
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
CHECKED = 5_000
"""Up to so many callbacks, what had to be planned again is compared with the plain list: in far less than a second."""


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
    """What the flow proves. The figures are those of the first round.

    Where `bound` is true, no plan that leaves appointments and what is not asked about where they are is better.
    """

    missed: int = 0
    """Due times that are not kept with these people and hours, as whole slots see it."""
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
    bound: bool = True
    """Whether the figures bound any plan. Where calls differ in length, room was counted in calls of the mean length:
    a plan of more short calls may be better, and the figures are an estimate."""

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
            self.bound and other.bound,
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
        appointments = [d for d in everything if d.at is not None]
        others = [d for d in everything if d.at is None]
        books = Books.of(roster)
        solution = Solution()
        if appointments:
            solution.placed, solution.left = keep_appointments(appointments, roster, books, policy)
            solution.proof = Proof(missed=sum(d.at > d.due for d in appointments if d.at is not None))
        kept = list(solution.placed)
        if others:
            part = Solution(proof=solution.proof)
            _place(others, roster, policy, books, part)
            if part.proof.repaired and _keep_more_promises(part, others, _with(roster, kept, everything), policy):
                books = Books.of(_with(roster, [*kept, *part.placed], everything))
            part.left = name_limits(part.left, others, roster, books, policy)
            solution = Solution([*kept, *part.placed], [*solution.left, *part.left], part.proof)
        solution.placed.sort(key=lambda p: p.callback_id)
        solution.left.sort(key=lambda item: item.callback_id)
        return solution


def _place(batch: Sequence[Demand], roster: Roster, policy: Policy, books: Books, solution: Solution) -> None:
    pending = list(batch)
    for nth in range(ROUNDS):
        seconds_each = sum(demand.seconds for demand in pending) / len(pending)
        board = make_board(roster, books, policy, seconds_each=seconds_each)
        wishes = sort_out(pending, board, books, policy)
        solution.left += wishes.left
        if not wishes.members:
            return
        best = choose_times(board, wishes)
        dealt = choose_people(board, wishes, best)
        placed, failed = seat(dealt, board, roster, books, policy)
        solution.placed += placed
        if nth == 0:
            alike = len({demand.seconds for demand in batch}) == 1
            solution.proof = _proof(
                solution.proof, best, board, weights=dealt.weights, repaired=len(failed), bound=alike
            )
        # Whoever did not fit leaves the place free that the flow gave them: who was left out for it is asked again.
        pending = [*failed, *dealt.out] if failed else []
        if not pending:
            solution.left += [Left(demand.callback_id, "no_capacity") for demand in dealt.out]
            return
    solution.left += [Left(demand.callback_id, "no_capacity") for demand in pending]


def _keep_more_promises(ours: Solution, demands: Sequence[Demand], roster: Roster, policy: Policy) -> bool:
    """Whatever was planned again is no longer proved: where the plain list keeps more promises, it is the plan (True).

    Asked only where nothing stands in somebody's list yet: the plain list does not know what people see.
    """
    if len(demands) > CHECKED or any(demand.current is not None for demand in demands):
        return False
    due = {demand.callback_id: demand.due for demand in demands}

    def kept(placed: Iterable[Placement]) -> int:
        return sum(p.at <= due[p.callback_id] for p in placed)

    if kept(ours.placed) == len(demands):
        return False
    placed, left = PlainAssigner().assign(demands, roster, policy)
    if kept(placed) <= kept(ours.placed):
        return False
    ours.placed, ours.left = list(placed), list(left)
    return True


def _with(roster: Roster, placed: Sequence[Placement], demands: Sequence[Demand]) -> Roster:
    """The roster with these placements booked in it."""
    if not placed:
        return roster
    wishes = {demand.callback_id: demand for demand in demands}
    zones = {agent.id: agent.zone for agent in roster.agents}
    slots = {slot.id: slot for slot in roster.slots}
    seconds: Counter[int] = Counter()
    days = Counter(dict(roster.booked_today))
    contacts = dict(roster.contacts)
    for p in placed:
        wish = wishes[p.callback_id]
        seconds[p.slot_id] += ceil(wish.seconds * roster.pace.get(p.agent_id, 1.0))
        days[p.agent_id, slots[p.slot_id].starts_at.astimezone(zones[p.agent_id]).date()] += 1
        contacts[wish.customer_id] = (*contacts.get(wish.customer_id, ()), p.at)
    booked = tuple(replace(s, booked_seconds=s.booked_seconds + seconds[s.id]) for s in roster.slots)
    return replace(roster, slots=booked, booked_today=days, contacts=contacts)


def _proof(before: Proof, best: Best, board: Board, *, weights: Weights, repaired: int, bound: bool) -> Proof:
    return Proof(
        before.missed + best.missed,
        before.risky + best.risky,
        before.late + best.late,
        before.lost + best.lost,
        before.repaired + repaired,
        before.exact and weights.exact and best.weights.exact,
        weights.chain,
        _bottlenecks(best, board),
        before.bound and bound,
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
