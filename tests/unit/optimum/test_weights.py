"""Weights: the upper tier always wins, as far as is promised; and what happens where 64 bits end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.services.optimum.weights import COST_LIMIT, CostsTooLarge, weigh, with_smaller_costs


@given(st.lists(st.integers(1, 1_000), min_size=2, max_size=5), st.integers(2, 100_000), st.integers(2, 200_000))
def test_no_chain_of_gains_below_pays_for_a_loss_above(largest: list[int], chain: int, nodes: int) -> None:
    weights = weigh(largest, chain=chain, nodes=nodes)
    assert weights.exact == (weights.chain >= chain)
    for tier, factor in enumerate(weights.factors):
        below = sum(f * most for f, most in zip(weights.factors[tier + 1 :], largest[tier + 1 :], strict=True))
        assert factor > weights.chain * below or tier == len(largest) - 1
    heaviest = sum(f * most for f, most in zip(weights.factors, largest, strict=True))
    assert heaviest * (nodes + 1) <= COST_LIMIT or weights.chain == 2


def test_overflowing_prices_are_tried_again_with_smaller_costs() -> None:
    limits: list[int] = []

    def solve(limit: int) -> str:
        limits.append(limit)
        if len(limits) < 3:
            raise CostsTooLarge
        return "solved"

    assert with_smaller_costs(solve) == "solved"
    assert limits == [COST_LIMIT, COST_LIMIT // 16, COST_LIMIT // 256]


def test_but_not_for_ever() -> None:
    def solve(limit: int) -> str:
        raise CostsTooLarge(limit)

    with pytest.raises(CostsTooLarge):
        with_smaller_costs(solve)
