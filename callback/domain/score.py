"""Scores from answers. Without data there is no score: None, never 0.

CSAT: share of the two highest of five levels ("top two boxes"). NPS: share of promoters (9, 10) less the share of
detractors (0 to 6). CES: mean on its scale of 1 to 7.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal


def csat(values: Sequence[int]) -> float | None:
    """Percent of the values (1 to 5) that are 4 or 5; two decimals."""
    if not values:
        return None
    return _rounded(Decimal(100 * sum(value >= 4 for value in values)) / len(values))


def nps(values: Sequence[int]) -> float | None:
    """-100 to 100 from recommendations of 0 to 10; two decimals."""
    if not values:
        return None
    promoters = sum(value >= 9 for value in values)
    detractors = sum(value <= 6 for value in values)
    return _rounded(Decimal(100 * (promoters - detractors)) / len(values))


def ces(values: Sequence[int]) -> float | None:
    """Mean of the efforts (1: very hard, to 7: very easy); two decimals."""
    if not values:
        return None
    return _rounded(Decimal(sum(values)) / len(values))


def _rounded(figure: Decimal) -> float:
    """Half up, as people round; the float's own rounding would make 4.665 into 4.66."""
    return float(figure.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
