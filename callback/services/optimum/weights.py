"""How several tiers of an objective become one number, the upper always above the lower.

A flow that isn't the best one can be made better along a circle of arcs. If a tier's weight is more than all that a
whole circle can change in the tiers below, then no gain below ever pays for a loss above: the order of the tiers
holds exactly. A circle passes each node once, so how long it can be is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

COST_LIMIT = (1 << 63) // 8
"""The solver multiplies costs by the number of nodes, in 64 bits."""
SMALLEST_LIMIT = COST_LIMIT // 16**6

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Weights:
    factors: tuple[int, ...]
    """One for each tier, the uppermost first; the last is 1."""
    chain: int
    """The order of the tiers holds for every exchange of up to so many places."""
    exact: bool
    """Whether `chain` is as long as an exchange can be at all."""


class CostsTooLarge(ArithmeticError):
    """The solver's prices left 64 bits on the way, although the costs themselves are within."""


def with_smaller_costs(solve: Callable[[int], T]) -> T:
    """`solve(limit)` with the limit that is told; with a sixteenth of it as often as the solver's prices overflow.

    How far prices wander isn't known beforehand. Smaller limits make shorter chains, which the proof says.
    """
    limit = COST_LIMIT
    while True:
        try:
            return solve(limit)
        except CostsTooLarge:
            limit //= 16
            if limit < SMALLEST_LIMIT:
                raise


def weigh(largest: Sequence[int], *, chain: int, nodes: int, limit: int = COST_LIMIT) -> Weights:
    """Weights for tiers that cost at most `largest` each on one arc (the uppermost first), for circles of `chain` arcs.

    Where the numbers would leave 64 bits the circle is cut to the longest that fits, and `exact` is false.
    """
    fits = max(2, chain)
    while _heaviest(largest, fits) * (nodes + 1) > limit and fits > 2:
        fits = max(2, fits * 9 // 10)
    factors = [1]
    spread = largest[-1]
    for most in reversed(largest[:-1]):
        factors.append(spread * fits + 1)
        spread += most * factors[-1]
    return Weights(tuple(reversed(factors)), fits, fits >= chain)


def _heaviest(largest: Sequence[int], chain: int) -> int:
    spread = largest[-1]
    for most in reversed(largest[:-1]):
        spread += most * (spread * chain + 1)
    return spread
