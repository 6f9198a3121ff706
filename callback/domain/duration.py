"""How long a call takes, from what was measured: by purpose, and by agent as a pace.

Few calls say little: each mean is drawn towards what is known without them (shrinkage; Efron and Morris 1977), as if
that had been seen in so many calls. Real calls spread widely, half of them under four minutes and a tenth over
thirteen, so a slot is planned by the mean, which adds up, and not by the median, which does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callback.domain.words import Purpose

PRIOR_CALLS = 50
"""What the policy's figure weighs, in calls."""
ROUNDED_S = 10
SLOWEST, FASTEST = 2.0, 0.5
SHORTEST_S = 60

Measured = Mapping[tuple[int, Purpose], tuple[int, float]]
"""(agent, purpose) → how many calls were measured, and their seconds together."""


@dataclass(frozen=True, slots=True)
class Durations:
    ordinary_s: float
    """Of a purpose that was never measured."""
    by_purpose: Mapping[Purpose, int] = field(default_factory=dict)
    """Seconds, rounded to ten."""
    pace: Mapping[int, float] = field(default_factory=dict)
    """Per agent: 1.2 is a fifth longer than ordinary."""

    def of(self, purpose: Purpose) -> int:
        return self.by_purpose.get(purpose, _rounded(self.ordinary_s))


def learn_durations(measured: Measured, *, ordinary_s: float) -> Durations:
    """Expected seconds for each purpose that was measured, and each agent's pace against the purposes they had."""
    counts: dict[Purpose, list[float]] = {}
    for (_, purpose), (calls, seconds) in measured.items():
        sums = counts.setdefault(purpose, [0, 0.0])
        sums[0] += calls
        sums[1] += seconds
    means = {
        purpose: (PRIOR_CALLS * ordinary_s + seconds) / (PRIOR_CALLS + calls)
        for purpose, (calls, seconds) in counts.items()
    }
    taken: dict[int, list[float]] = {}
    for (agent_id, purpose), (calls, seconds) in measured.items():
        sums = taken.setdefault(agent_id, [PRIOR_CALLS * ordinary_s, PRIOR_CALLS * ordinary_s])
        sums[0] += seconds
        sums[1] += calls * means[purpose]
    pace = {
        agent_id: min(SLOWEST, max(FASTEST, round(took / expected, 2))) for agent_id, (took, expected) in taken.items()
    }
    return Durations(ordinary_s, {purpose: _rounded(mean) for purpose, mean in means.items()}, pace)


def _rounded(seconds: float) -> int:
    return max(SHORTEST_S, round(seconds / ROUNDED_S) * ROUNDED_S)
