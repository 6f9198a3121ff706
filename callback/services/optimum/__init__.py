"""The optimal assigner: two cheapest flows, the first over times and the second over people.

What is proved and what is not: docs/adr (the plan is a cheapest flow).
"""

from callback.services.optimum.assigner import Bottleneck, OptimalAssigner, Proof, Solution

__all__ = ["Bottleneck", "OptimalAssigner", "Proof", "Solution"]
