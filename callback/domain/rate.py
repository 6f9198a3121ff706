"""Rates over many: AAPOR's outcome rates and the interval in which a measured share may truly lie.

Formulas: AAPOR *Standard Definitions* (9th edition, 2016), "Calculating outcome rates"; Wilson, E. B. (1927), "Probable
inference, the law of succession, and statistical inference", JASA 22.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import sqrt
from statistics import NormalDist

from callback.domain.disposition import Outcome, outcome
from callback.domain.words import Disposition


def count_outcomes(dispositions: Iterable[Disposition]) -> Counter[Outcome]:
    """How many final dispositions fall into each category."""
    return Counter(outcome(disposition) for disposition in dispositions)


def share(count: Fraction | int, of: Fraction | int) -> Fraction | None:
    """`count / of`, exactly; None, not 0, when there is nothing to divide by."""
    return Fraction(count) / Fraction(of) if of else None


def aapor_rates(counts: Mapping[Outcome, int], *, e: Fraction | float | None = None) -> dict[str, Fraction | None]:
    """The sixteen outcome rates, exact: RR1–6 (response), COOP1–4 (cooperation), REF1–3 (refusal), CON1–3 (contact).

    `e` is the estimated share of the unknown that is eligible. Left out, it is that of the known: K / (K + NE). A rate
    whose denominator is zero, or that needs an `e` that cannot be estimated, is None. Raises `ValueError` when a count
    is negative or `e` lies outside 0 to 1.
    """
    if any(count < 0 for count in counts.values()):
        raise ValueError("counts are not negative")
    i, p, r, nc, o, uh, uo, ne = (counts.get(category, 0) for category in Outcome)
    known, unknown, contacted = i + p + r + nc + o, uh + uo, i + p + r + o
    everyone = known + unknown
    estimate = _share_eligible(e, known, ne)
    # Nobody known on either side: `e` cannot be estimated, so there is nothing to divide by.
    likely = Fraction(0) if estimate is None else known + estimate * unknown
    return {
        "RR1": share(i, everyone),
        "RR2": share(i + p, everyone),
        "RR3": share(i, likely),
        "RR4": share(i + p, likely),
        "RR5": share(i, known),
        "RR6": share(i + p, known),
        "COOP1": share(i, contacted),
        "COOP2": share(i + p, contacted),
        "COOP3": share(i, i + p + r),
        "COOP4": share(i + p, i + p + r),
        "REF1": share(r, everyone),
        "REF2": share(r, likely),
        "REF3": share(r, known),
        "CON1": share(contacted, everyone),
        "CON2": share(contacted, likely),
        "CON3": share(contacted, known),
    }


def _share_eligible(e: Fraction | float | None, known: int, not_eligible: int) -> Fraction | None:
    if e is None:
        return share(known, known + not_eligible)
    if not 0 <= e <= 1:
        raise ValueError("e is a share, from 0 to 1")
    return Fraction(str(e)) if isinstance(e, float) else Fraction(e)


def wilson(count: int, n: int, *, confidence: float = 0.95) -> tuple[float, float] | None:
    """The Wilson score interval of `count` out of `n`, as shares from 0 to 1; None when `n` is 0.

    Raises `ValueError` unless `0 <= count <= n` and `0 < confidence < 1`.
    """
    if not 0 <= count <= n or not 0 < confidence < 1:
        raise ValueError(f"no interval of {count} out of {n} at {confidence}")
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (count + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(count * (n - count) / n + z * z / 4)
    # Rounding must not push an end of the scale off the scale.
    return (0.0 if count == 0 else centre - half, 1.0 if count == n else centre + half)
