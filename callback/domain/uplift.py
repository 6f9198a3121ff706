"""What learning is worth, measured against the holdout, and from when on that may be called evidence.

Newcombe, R. G. (1998), "Interval estimation for the difference between independent proportions: comparison of eleven
methods", Statistics in Medicine 17, method 10. The interval that holds however often one looks is the normal mixture of
Robbins, H. (1970), "Statistical methods related to the law of the iterated logarithm", Ann. Math. Statist. 41; for
estimates as here, Waudby-Smith et al. (2024), "Time-uniform central limit theory and asymptotic confidence sequences".
"""

from dataclasses import dataclass
from enum import StrEnum
from math import log, sqrt

from callback.domain.rate import wilson

EXPECTED_EFFECT = 0.02
"""Two contacts more in a hundred dials: where the interval that holds at every look is narrowest."""
ENOUGH = 100
"""First dials in each arm before anything is said: below, the approximations are none."""


class Evidence(StrEnum):
    NONE_YET = "none_yet"
    HELPS = "helps"
    HARMS = "harms"


@dataclass(frozen=True, slots=True)
class Dials:
    """One arm: first dials and how many reached the customer, and what tells whether persons repeat themselves."""

    tried: int = 0
    reached: int = 0
    persons: int = 0
    tried_squared: int = 0
    """Sum over persons of (their dials)²; likewise the next two."""
    tried_reached: int = 0
    reached_squared: int = 0

    @property
    def rate(self) -> float | None:
        return self.reached / self.tried if self.tried else None

    @property
    def design_effect(self) -> float:
        """By how much the variance exceeds that of as many strangers, at least 1 (ratio estimator over persons)."""
        rate = self.rate
        if rate is None or rate in (0.0, 1.0) or self.persons < 2:
            return 1.0
        spread = self.reached_squared - 2 * rate * self.tried_reached + rate * rate * self.tried_squared
        clustered = self.persons / (self.persons - 1) * spread
        return max(1.0, clustered / (self.tried * rate * (1 - rate)))

    def as_strangers(self) -> tuple[int, int]:
        """(reached, tried) of so many independent dials as tell as much as these."""
        tried = round(self.tried / self.design_effect)
        return (min(tried, round(tried * (self.rate or 0.0))), tried)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """Differences are shares: 0.02 is two more of a hundred dials."""

    learned: Dials
    holdout: Dials
    evidence: Evidence
    difference: float | None = None
    interval: tuple[float, float] | None = None
    """95 %, for one look at it (Newcombe, with persons who repeat themselves allowed for)."""
    lasting: tuple[float, float] | None = None
    """95 %, however often one looks; the verdict is its."""


def uplift(learned: Dials, holdout: Dials) -> Uplift:
    """The difference that learning makes to the share of first dials that reach the customer."""
    if learned.rate is None or holdout.rate is None:
        return Uplift(learned=learned, holdout=holdout, evidence=Evidence.NONE_YET)
    difference = learned.rate - holdout.rate
    lasting = _lasting(difference, learned, holdout)
    return Uplift(
        learned=learned,
        holdout=holdout,
        evidence=_verdict(lasting, min(learned.tried, holdout.tried)),
        difference=difference,
        interval=newcombe(learned.as_strangers(), holdout.as_strangers()),
        lasting=lasting,
    )


def _verdict(lasting: tuple[float, float], fewest: int) -> Evidence:
    if fewest < ENOUGH or lasting[0] <= 0 <= lasting[1]:
        return Evidence.NONE_YET
    return Evidence.HELPS if lasting[0] > 0 else Evidence.HARMS


def newcombe(one: tuple[int, int], other: tuple[int, int], *, confidence: float = 0.95) -> tuple[float, float] | None:
    """The interval of `one` minus `other`, each (count, n); None when there is nothing to divide by."""
    first, second = wilson(*one, confidence=confidence), wilson(*other, confidence=confidence)
    if first is None or second is None:
        return None
    p, q = one[0] / one[1], other[0] / other[1]
    difference = p - q
    return (
        difference - sqrt((p - first[0]) ** 2 + (second[1] - q) ** 2),
        difference + sqrt((first[1] - p) ** 2 + (q - second[0]) ** 2),
    )


def _lasting(difference: float, learned: Dials, holdout: Dials, *, alpha: float = 0.05) -> tuple[float, float]:
    information = 1 / (_variance(learned) + _variance(holdout))
    mixed = information * EXPECTED_EFFECT**2
    half = sqrt((mixed + 1) / (mixed * information) * log((mixed + 1) / alpha**2))
    return (max(-1.0, difference - half), min(1.0, difference + half))


def _variance(arm: Dials) -> float:
    """Of the arm's rate. One contact and one failure more than were seen: a rate of 0 is not known for certain."""
    rate = (arm.reached + 1) / (arm.tried + 2)
    return arm.design_effect * rate * (1 - rate) / arm.tried
