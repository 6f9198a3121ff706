"""What learning is worth in towns whose truth is known: the product's own forecast against two fixed orders.

A town has mobiles and landlines, whose first dials are answered as published: landlines 6.6–8.8 %, mobiles 9.3–10.7 %
by part of the day; which part is the good one is drawn for each town. Its people differ by as much as a setting says:
in whether they answer at all, and in when. Nobody has published how much people differ, so there are three settings.

Everybody is called about several matters over time, up to three dials each, a retry in another part of the day than the
dial before (our retry rule). All orders call the same people on the same days with the same luck.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from math import exp, inf, log, sqrt
from statistics import NormalDist, fmean, stdev
from typing import Protocol

from bench_parts import Bench, Figure
from callback.domain.contact import (
    NO_HISTORY,
    PARTS,
    Cell,
    Forecast,
    History,
    PairCell,
    PairTally,
    Person,
    Tally,
    pairs_with,
)
from callback.domain.words import ContactKind

SUMMARY = "what learning when people answer is worth against uniform and best-fixed-slot order, in simulated towns"

PUBLISHED = {ContactKind.LANDLINE: (0.066, 0.077, 0.088), ContactKind.MOBILE: (0.093, 0.100, 0.107)}
"""Contact per first dial in the worst, the middle and the best part of the day."""
MOBILES = 0.6
SETTINGS = {"none": (0.0, 0.0), "moderate": (0.5, 0.5), "strong": (1.0, 1.0)}
"""Standard deviations on the logit scale: between persons, and between the parts of one person's day."""
MATTERS = 10
DIALS = 3
T_95 = {5: 2.571, 19: 2.093}
"""Student's t, 97.5 %, by degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Town:
    kinds: tuple[ContactKind, ...]
    slots: dict[ContactKind, tuple[float, ...]]
    """True rate of each part, over all people."""
    chances: tuple[tuple[float, ...], ...]
    """True chance by person and part."""
    luck: tuple[tuple[tuple[float, ...], ...], ...]
    """By matter, person and dial: reached when it is below the chance."""


@dataclass(slots=True)
class Result:
    first_dials: int = 0
    first_reached: int = 0
    dials: int = 0
    matters: int = 0
    reached: int = 0

    @property
    def of_first_dials(self) -> float:
        return 100 * self.first_reached / self.first_dials

    @property
    def of_matters(self) -> float:
        return 100 * self.reached / self.matters


Scores = Sequence[float]
"""By part; the highest is wanted most."""


class Order(Protocol):
    """Says how much each part is wanted for a dial, and hears what came of it."""

    def begin(self, matter: int, /) -> None: ...
    def scores(self, person: int, weekday: int, /) -> Scores: ...
    def hear(self, person: int, part: int, weekday: int, /, *, first: bool, reached: bool) -> None: ...


class Deaf:
    """Learns nothing."""

    def begin(self, _matter: int, /) -> None: ...
    def hear(self, _person: int, _part: int, _weekday: int, /, **_outcome: bool) -> None: ...


@dataclass
class Uniform(Deaf):
    town: Town
    chance: random.Random

    def scores(self, _person: int, _weekday: int, /) -> Scores:
        return [self.chance.random() for _ in PARTS]


@dataclass
class BestFixed(Deaf):
    """Knows the true rates of the slots from the start, which no centre does; knows nothing about persons."""

    town: Town
    chance: random.Random

    def scores(self, person: int, _weekday: int, /) -> Scores:
        return self.town.slots[self.town.kinds[person]]


@dataclass
class Learned:
    """The product's forecast, made anew each time from what was counted, as the planner does."""

    town: Town
    chance: random.Random
    counts: dict[Cell, Tally] = field(default_factory=dict)
    pairs: dict[PairCell, PairTally] = field(default_factory=dict)
    firsts: dict[int, History] = field(default_factory=dict)
    histories: dict[int, History] = field(default_factory=dict)
    forecast: Forecast = field(default_factory=lambda: Forecast({}))

    def begin(self, matter: int, /) -> None:
        self.forecast = Forecast(self.counts, self.pairs, seed=matter)

    def scores(self, person: int, weekday: int, /) -> Scores:
        who = Person(person, self.town.kinds[person], self.histories.get(person, NO_HISTORY))
        return [self.forecast.chance(who, part, weekday) for part in PARTS]

    def hear(self, person: int, part: int, weekday: int, /, *, first: bool, reached: bool) -> None:
        self.histories[person] = self.histories.get(person, NO_HISTORY).after(PARTS[part], reached=reached)
        if first:
            cell = Cell(self.town.kinds[person], PARTS[part], weekday)
            self.counts[cell] = self.counts.get(cell, Tally()) + Tally(1, int(reached))
            firsts = self.firsts.get(person, NO_HISTORY)
            for pair, tally in pairs_with(firsts, cell.kind, cell.part, reached=reached):
                self.pairs[pair] = self.pairs.get(pair, PairTally()) + tally
            self.firsts[person] = firsts.after(cell.part, reached=reached)


ORDERS = {"uniform": Uniform, "best fixed": BestFixed, "learned": Learned}
PROMISED = frozenset(
    {("none", "uniform", False)}
    | {(setting, "uniform", bound) for setting in ("moderate", "strong") for bound in (False, True)}
    | {("moderate", "best fixed", True), ("strong", "best fixed", False), ("strong", "best fixed", True)}
)
"""Where the interval has to exclude zero. Where people differ little, an order that knows the best slot from the start
cannot be beaten by one that has to find it out; where they do not differ and every part is used, nothing can be won."""


def run(bench: Bench) -> list[Figure]:
    towns, people = (6, 300) if bench.small else (20, 4_000)
    bench.note(
        f"{towns} towns of {people:,} people ({MOBILES:.0%} mobiles), {MATTERS} matters each, {DIALS} dials at most"
    )
    bench.note("reached at the first dial | within all dials of a matter, %; differences in points with 95 % intervals")
    figures: list[Figure] = []
    with ProcessPoolExecutor(2) as pool:
        for setting in SETTINGS:
            for bound in (False, True):
                found = list(pool.map(one_town, [(setting, bound, seed, people) for seed in range(towns)]))
                figures += _figures(bench, setting, found, bound=bound)
    return figures


def one_town(job: tuple[str, bool, int, int]) -> dict[str, Result]:
    """The results of every order in the same town."""
    setting, bound, seed, people = job
    town = build(seed, people, *SETTINGS[setting])
    return {name: live(town, make(town, random.Random(f"{seed}:{name}")), bound=bound) for name, make in ORDERS.items()}


def _figures(bench: Bench, setting: str, towns: list[dict[str, Result]], *, bound: bool) -> Iterator[Figure]:
    where = f"differences {setting}, {'each part holds a third' if bound else 'any part'}"
    for name in ORDERS:
        first, all_dials = (fmean(figure_of(town[name]) for town in towns) for figure_of in FIGURES.values())
        bench.note(f"{where}: {name} {first:.2f} | {all_dials:.2f}")
    for rival in ("uniform", "best fixed"):
        for figure, figure_of in FIGURES.items():
            differences = [figure_of(town["learned"]) - figure_of(town[rival]) for town in towns]
            middle = fmean(differences)
            half = T_95[len(differences) - 1] * stdev(differences) / sqrt(len(differences))
            bench.note(f"{where}: {figure} over {rival} {middle:+.2f} ({middle - half:+.2f} to {middle + half:+.2f})")
            promised = (setting, rival, bound) in PROMISED and not bench.small
            yield Figure(
                name=f"{setting}{', thirds' if bound else ''}: {figure} over {rival}, from",
                figure=middle - half,
                unit="points",
                at_least=0.0 if promised else None,
            )


def _first(result: Result) -> float:
    return result.of_first_dials


def _matters(result: Result) -> float:
    return result.of_matters


FIGURES = {"first dial": _first, "all dials": _matters}


def build(seed: int, people: int, between: float, within: float) -> Town:
    chance = random.Random(seed)
    slots = {kind: tuple(chance.sample(rates, len(rates))) for kind, rates in PUBLISHED.items()}
    kinds = tuple(ContactKind.MOBILE if chance.random() < MOBILES else ContactKind.LANDLINE for _ in range(people))
    spread = sqrt(between**2 + within**2)
    chances = []
    for kind in kinds:
        person = chance.gauss(0, between)
        logits = (_centre(rate, spread) + person + chance.gauss(0, within) for rate in slots[kind])
        chances.append(tuple(1 / (1 + exp(-logit)) for logit in logits))
    luck = tuple(tuple(tuple(chance.random() for _ in range(DIALS)) for _ in kinds) for _ in range(MATTERS))
    return Town(kinds, slots, tuple(chances), luck)


@cache
def _centre(rate: float, spread: float) -> float:
    """The logit around which persons scatter so that, over all of them, the published rate comes out."""
    points = [NormalDist().inv_cdf((n + 0.5) / 400) * spread for n in range(400)]
    low, high = log(rate / (1 - rate)) - 5, log(rate / (1 - rate)) + 5
    while high - low > 1e-9:
        middle = (low + high) / 2
        if fmean(1 / (1 + exp(-(middle + point))) for point in points) < rate:
            low = middle
        else:
            high = middle
    return low


def live(town: Town, order: Order, *, bound: bool) -> Result:
    """Everybody's matters, one after the other; `bound`: each part of the day holds a third of a day's dials."""
    result = Result()
    people = range(len(town.kinds))
    for matter in range(MATTERS):
        order.begin(matter)
        last = dict.fromkeys(people, -1)
        waiting = list(people)
        for dial in range(DIALS):
            weekday = (matter * 3 + dial) % 7
            placed = _place(waiting, last, lambda person, day=weekday: order.scores(person, day), bound=bound)
            missed = []
            for person, part in placed:
                reached = town.luck[matter][person][dial] < town.chances[person][part]
                order.hear(person, part, weekday, first=dial == 0, reached=reached)
                last[person] = part
                result.dials += 1
                result.first_dials += dial == 0
                result.first_reached += reached and dial == 0
                result.reached += reached
                if not reached:
                    missed.append(person)
            waiting = sorted(missed)
        result.matters += len(town.kinds)
    return result


def _place(
    waiting: Sequence[int], last: dict[int, int], scores_of: Callable[[int], Scores], *, bound: bool
) -> list[tuple[int, int]]:
    """A part for each: who loses most by not getting their best goes first."""
    wishes = []
    for person in waiting:
        scores = [-inf if part == last[person] else score for part, score in enumerate(scores_of(person))]
        ranked = sorted(range(len(scores)), key=lambda part, s=scores: -s[part])
        wishes.append((scores[ranked[0]] - scores[ranked[1]], person, ranked))
    wishes.sort(key=lambda wish: (-wish[0], wish[1]))
    room = [len(waiting) // len(PARTS) + 1 if bound else len(waiting)] * len(PARTS)
    placed = []
    for _, person, ranked in wishes:
        # The last resort of a full day is the part that was tried just now: nobody is left out.
        part = next(part for part in ranked if room[part])
        room[part] -= 1
        placed.append((person, part))
    return placed
