"""The hard rules: never traded away, checked at planning and again at the edge, in this one place.

Each rule is a function `(Contact, Policy) -> Refusal | None` in `HARD_RULES`, in the order in which they are asked.
"""
