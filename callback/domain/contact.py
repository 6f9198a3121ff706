"""When do people answer? What is counted about a dial, and the chance of contact that is learned from the counts.

A hierarchy of Beta–Binomials: the kind of number, the part of the day, the weekday, the person. Each level starts from
the one above as if that had been seen in `strength` dials of its own (shrinkage), so little data moves little. The
strengths of the slots are those under which the counts are most likely (empirical Bayes; the Beta–Binomial's marginal
likelihood as in Gelman et al., *Bayesian Data Analysis*, 3rd ed., ch. 5). How much persons differ, in whether they
answer and in when, is seen in pairs of first dials to one person; what that makes of a person's own history is Jewell's
hierarchical credibility (Bühlmann & Gisler, *A Course in Credibility Theory*, ch. 6), the best linear estimate, which
for a Beta–Binomial is its posterior mean.

For exploration the slots' rates are drawn from their posteriors instead of taken at their means (Thompson, W. R. 1933,
Biometrika 25), once for each of some strata of customers: customers alike stay alike for the planner. The same seed
draws the same rates, and one dial more moves a draw as little as it moves the mean: a plan that is made again through
the day is not shaken by chance.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from math import exp, lgamma, log, sqrt
from statistics import NormalDist

from callback.domain.fact import fact
from callback.domain.facts import AttemptFact, CustomerFacts
from callback.domain.words import Channel, ContactKind, Disposition, PartOfDay

PARTS: tuple[PartOfDay, ...] = tuple(PartOfDay)
DIALLED = frozenset({Channel.AGENT, Channel.VOICE})
"""Channels on which somebody has to answer at that very moment."""

ANSWERED: Mapping[Disposition, bool | None] = {
    Disposition.COMPLETED: True,
    Disposition.PARTIAL: True,
    Disposition.NOT_CONVENIENT: True,
    Disposition.REFUSED: True,
    Disposition.BREAK_OFF: True,
    Disposition.LANGUAGE_BARRIER: True,
    Disposition.UNABLE: True,
    Disposition.NO_ANSWER: False,
    Disposition.BUSY: False,
    Disposition.ANSWERING_MACHINE: False,
    Disposition.SWITCHED_OFF: False,
    # Somebody, but not the customer: at this hour the customer was not there.
    Disposition.THIRD_PARTY: False,
    Disposition.IDENTITY_NOT_CONFIRMED: False,
    # About the number, our line or a message, not about the hour.
    Disposition.WRONG_NUMBER: None,
    Disposition.DEAD_NUMBER: None,
    Disposition.TECHNICAL_FAILURE: None,
    Disposition.NO_RESPONSE: None,
}
"""Whether the customer came to the telephone; None says nothing about when people answer."""


class Arm(StrEnum):
    """How a customer's calls are timed: with what was learned, or without it, to measure the difference."""

    LEARNED = "learned"
    HOLDOUT = "holdout"


def arm_of(customer_id: int, share: float) -> Arm:
    """Always the same for one customer; a larger `share` (0 to 1) only ever adds to the holdout."""
    return Arm.HOLDOUT if _quantile("holdout", str(customer_id)) < share else Arm.LEARNED


def _quantile(salt: str, name: str) -> float:
    """Evenly spread over the open interval from 0 to 1, always the same for the same words."""
    digest = hashlib.blake2b(f"{salt}:{name}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Where first dials are counted together. Weekdays: Monday is 0, on the customer's own calendar."""

    kind: ContactKind
    part: PartOfDay
    weekday: int


@dataclass(frozen=True, slots=True)
class Tally:
    tried: int = 0
    reached: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.tried + other.tried, self.reached + other.reached)


@dataclass(frozen=True, slots=True, order=True)
class PairCell:
    """Where pairs of first dials to one person are counted together: this one's part of the day, the other's."""

    kind: ContactKind
    part: PartOfDay
    other: PartOfDay


@dataclass(frozen=True, slots=True)
class PairTally:
    """Pairs; those in which both reached the customer; how many of all their dials did."""

    pairs: int = 0
    both: int = 0
    answered: int = 0

    def __add__(self, other: "PairTally") -> "PairTally":
        return PairTally(self.pairs + other.pairs, self.both + other.both, self.answered + other.answered)

    @property
    def rate(self) -> float:
        return self.answered / (2 * self.pairs) if self.pairs else 0.0

    @property
    def variance(self) -> float:
        """Of one dial, times the pairs."""
        return self.pairs * self.rate * (1 - self.rate)

    @property
    def covariance(self) -> float:
        """Of the two, times the pairs."""
        return self.both - self.pairs * self.rate**2


def pairs_with(
    history: "History", kind: ContactKind, part: PartOfDay, *, reached: bool
) -> Iterator[tuple[PairCell, PairTally]]:
    """The pairs that one more first dial makes with the person's earlier ones."""
    for other, (tried, answered) in zip(PARTS, history.parts, strict=True):
        if tried:
            yield PairCell(kind, part, other), PairTally(tried, answered * reached, answered + tried * reached)


@dataclass(frozen=True, slots=True)
class History:
    """One person's dials by part of the day, in the order of `PARTS`: (tried, reached) each."""

    parts: tuple[tuple[int, int], ...] = ((0, 0),) * len(PARTS)

    def after(self, part: PartOfDay, *, reached: bool) -> "History":
        """This history with one more dial."""
        place = PARTS.index(part)
        tried, answered = self.parts[place]
        one_more = (tried + 1, answered + reached)
        return History((*self.parts[:place], one_more, *self.parts[place + 1 :]))


NO_HISTORY = History()


@fact(frozen=True, slots=True)
class Person:
    """What the forecast is asked about."""

    customer_id: int
    kind: ContactKind
    """Of the number that will be dialled."""
    history: History = NO_HISTORY
    learning: bool = True
    """False for the holdout, and for whoever refused or was left unhappy: no time is better than another then."""


def person_of(customer: CustomerFacts, *, holdout_share: float) -> Person | None:
    """The customer as the forecast sees them; None without a good number. Dials by appointment tell nothing: the
    customer was waiting for them."""
    if not customer.phone_kinds:
        return None
    refused = any(attempt.disposition is Disposition.REFUSED for attempt in customer.attempts)
    arm = arm_of(customer.id, holdout_share)
    learning = arm is Arm.LEARNED and not refused and not customer.unhappy_before
    history = history_of(customer.attempts) if learning else NO_HISTORY
    return Person(customer.id, customer.phone_kinds[0], history, learning=learning)


def history_of(attempts: Iterable[AttemptFact]) -> History:
    """Who answered when. A number that is shared is one telephone: what others did there tells about it too."""
    history = NO_HISTORY
    for attempt in attempts:
        if attempt.channel in DIALLED and attempt.disposition is not None and not attempt.by_appointment:
            reached = ANSWERED[attempt.disposition]
            if reached is not None:
                history = history.after(attempt.part_of_day, reached=reached)
    return history


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is believed before anything was counted. Strengths are in dials."""

    prior: Mapping[ContactKind, float] = field(
        default_factory=lambda: {
            # Middles of the published contact rates of a first dial: landlines 6.6–8.8 %, mobiles 9.3–10.7 %.
            ContactKind.LANDLINE: 0.077,
            ContactKind.MOBILE: 0.100,
            ContactKind.PHONE: 0.0885,
        }
    )
    prior_strength: float = 50
    """Weak: a centre whose customers expect the call reaches far more than a cold survey does."""
    slot_strengths: tuple[float, ...] = tuple(10 ** (power / 4) for power in range(4, 21))
    """10 to 100,000: candidates for how alike the parts of the day, and the weekdays within them, are."""
    likely_slot_strength: float = 300
    """With few data, about this."""
    between_persons: float = 0.02
    """Of the variance of one dial (p·(1−p)): what persons differ by. At first; then as the pairs say."""
    within_person: float = 0.02
    """Likewise what the parts of one person's day differ by."""
    believed_pairs: float = 1_000
    """So many pairs of dials these two are worth."""
    strata: int = 16
    """So many draws of the slots' rates stand side by side."""


class Forecast:
    """The chance that a dial reaches the customer. Immutable once made; the same counts and seed say the same."""

    def __init__(
        self,
        counts: Mapping[Cell, Tally],
        pairs: Mapping[PairCell, PairTally] | None = None,
        figures: Figures | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self.figures = figures or Figures()
        self._seed = seed
        self._kinds: dict[ContactKind, float] = {}
        self._parts: dict[tuple[ContactKind, PartOfDay], float] = {}
        self._posteriors: dict[Cell, tuple[float, float]] = {}
        self._drawn: dict[tuple[int, Cell], float] = {}
        self._deviations: dict[tuple[ContactKind, PartOfDay, tuple[tuple[int, int], ...]], float] = {}
        self._learn(counts)
        self.between_persons, self.within_person = self._spread(pairs or {})

    def _learn(self, counts: Mapping[Cell, Tally]) -> None:
        parts: dict[tuple[ContactKind, PartOfDay], Tally] = {}
        for cell, tally in counts.items():
            parts[cell.kind, cell.part] = parts.get((cell.kind, cell.part), Tally()) + tally
        for kind, prior in self.figures.prior.items():
            tally = sum((parts.get((kind, part), Tally()) for part in PARTS), Tally())
            self._kinds[kind] = _shrunk(prior, self.figures.prior_strength, tally)
        part_strength = self._strength([(self._kinds[kind], tally) for (kind, _), tally in parts.items()])
        self._parts = rates = {
            (kind, part): _shrunk(rate, part_strength, parts.get((kind, part), Tally()))
            for kind, rate in self._kinds.items()
            for part in PARTS
        }
        day_strength = self._strength([(rates[cell.kind, cell.part], tally) for cell, tally in counts.items()])
        for (kind, part), rate in rates.items():
            # What is not known about the part is not known about its days either: their draws are as wide.
            known = min(day_strength, part_strength + parts.get((kind, part), Tally()).tried)
            for weekday in range(7):
                cell = Cell(kind, part, weekday)
                tally = counts.get(cell, Tally())
                mean = _shrunk(rate, day_strength, tally)
                self._posteriors[cell] = (mean, known + tally.tried)

    def _strength(self, groups: Iterable[tuple[float, Tally]]) -> float:
        """The candidate under which what was counted is most likely; the likely one where nothing was counted."""
        seen = [(rate, tally) for rate, tally in groups if tally.tried]
        likely = log(self.figures.likely_slot_strength)

        def score(strength: float) -> float:
            belief = -((log(strength) - likely) ** 2) / (2 * 1.5**2)
            return belief + sum(_log_likelihood(rate, strength, tally) for rate, tally in seen)

        return max(self.figures.slot_strengths, key=score)

    def _spread(self, pairs: Mapping[PairCell, PairTally]) -> tuple[float, float]:
        """How alike two dials to one person are beyond chance: at different parts of the day, and how much more so in
        the same part."""
        believed = self.figures.between_persons
        apart = self._likeness((t for c, t in pairs.items() if c.part is not c.other), believed)
        alike = self._likeness(
            (t for c, t in pairs.items() if c.part is c.other), believed + self.figures.within_person
        )
        between = min(max(apart, 0.0), 0.9)
        return between, min(max(alike - between, 0.0), 0.95 - between)

    def _likeness(self, tallies: Iterable[PairTally], believed: float) -> float:
        usual = 0.09 * self.figures.believed_pairs
        variance, covariance = usual, believed * usual
        for tally in tallies:
            variance += tally.variance
            covariance += tally.covariance
        return covariance / variance

    def rate(self, kind: ContactKind) -> float:
        """Of a first dial to a number of this kind, whatever the time."""
        return self._kinds[kind]

    def probability(self, kind: ContactKind, part: PartOfDay, weekday: int, history: History = NO_HISTORY) -> float:
        """The expected chance of contact, with the person's own history."""
        return self._personal(self._posteriors[Cell(kind, part, weekday)][0], kind, part, history)

    def chance(self, person: Person, part: PartOfDay, weekday: int) -> float:
        """What the planner goes by: `probability` with this stratum's draw of the slot, or the kind's rate where
        learning is off, which makes no difference between times."""
        if not person.learning:
            return self._kinds[person.kind]
        stratum = person.customer_id % self.figures.strata
        slot = self._draw(stratum, Cell(person.kind, part, weekday))
        return self._personal(slot, person.kind, part, person.history)

    def _personal(self, slot: float, kind: ContactKind, part: PartOfDay, history: History) -> float:
        """The slot's rate, and what the person's dials say beyond it: first about the person at all, then about this
        part of their day."""
        ours = self._deviations.get((kind, part, history.parts))
        if ours is None:
            ours = self._deviations[kind, part, history.parts] = self._deviation(kind, part, history)
        return min(max(slot + ours, 0.001), 0.999)

    def _deviation(self, kind: ContactKind, part: PartOfDay, history: History) -> float:
        between, within = self.between_persons, self.within_person
        weights, surplus, here = 0.0, 0.0, (0.0, 0.0)
        for other, (tried, reached) in zip(PARTS, history.parts, strict=True):
            if tried:
                weight = tried / (tried * within + 1 - between - within)
                more = reached / tried - self._parts[kind, other]
                weights, surplus = weights + weight, surplus + weight * more
                if other is part:
                    here = (weight, more)
        person = between * surplus / (1 + between * weights)
        return person + within * here[0] * (here[1] - person)

    def _draw(self, stratum: int, cell: Cell) -> float:
        drawn = self._drawn.get((stratum, cell))
        if drawn is None:
            quantile = _quantile(f"{self._seed}:{stratum}", f"{cell.kind}:{cell.part}:{cell.weekday}")
            drawn = self._drawn[stratum, cell] = _beta(*self._posteriors[cell], quantile)
        return drawn

    def cells(self) -> Iterable[tuple[Cell, float]]:
        """Every slot with its expected rate, in order."""
        for kind, part, weekday in product(self._kinds, PARTS, range(7)):
            cell = Cell(kind, part, weekday)
            yield cell, self._posteriors[cell][0]


def _shrunk(above: float, strength: float, tally: Tally) -> float:
    """The posterior mean of a Beta(above·strength, (1−above)·strength) after the tally."""
    return (above * strength + tally.reached) / (strength + tally.tried)


def _log_likelihood(rate: float, strength: float, tally: Tally) -> float:
    """Of the tally under a Beta–Binomial, without the binomial coefficient, which is the same for every strength."""
    a, b = rate * strength, (1 - rate) * strength
    return (
        lgamma(a + tally.reached)
        - lgamma(a)
        + lgamma(b + tally.tried - tally.reached)
        - lgamma(b)
        + lgamma(strength)
        - lgamma(strength + tally.tried)
    )


def _beta(mean: float, strength: float, quantile: float) -> float:
    """About this quantile of a Beta: on the logit scale it is nearly normal, with these moments."""
    a, b = mean * strength, (1 - mean) * strength
    centre, spread = _digamma(a) - _digamma(b), sqrt(_trigamma(a) + _trigamma(b))
    return 1 / (1 + exp(-(centre + spread * _NORMAL.inv_cdf(quantile))))


_NORMAL = NormalDist()


def _digamma(x: float) -> float:
    """Shifted to where the asymptotic series is good to nine digits (Abramowitz & Stegun 6.3.5, 6.3.18)."""
    shifted = 0.0
    while x < 8:
        shifted, x = shifted - 1 / x, x + 1
    return shifted + log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6)


def _trigamma(x: float) -> float:
    """As `_digamma` (6.4.6, 6.4.12)."""
    shifted = 0.0
    while x < 8:
        shifted, x = shifted + 1 / x**2, x + 1
    return shifted + 1 / x + 1 / (2 * x**2) + 1 / (6 * x**3) - 1 / (30 * x**5) + 1 / (42 * x**7)
