"""The model of contact, held against figures that can be worked out by hand and against worlds whose truth is known."""

import random
from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.contact import (
    ANSWERED,
    NO_HISTORY,
    PARTS,
    Arm,
    Cell,
    Figures,
    Forecast,
    History,
    PairCell,
    PairTally,
    Person,
    Tally,
    arm_of,
    pairs_with,
    person_of,
)
from callback.domain.facts import AttemptFact, CustomerFacts
from callback.domain.words import Channel, ContactKind, Disposition, PartOfDay, Purpose

MORNING, AFTERNOON, EVENING = PARTS
MOBILE, LANDLINE = ContactKind.MOBILE, ContactKind.LANDLINE
CELLS = [Cell(kind, part, day) for kind, part, day in product((MOBILE, LANDLINE), PARTS, range(7))]


def test_every_disposition_says_whether_the_customer_answered() -> None:
    assert set(ANSWERED) == set(Disposition)


def test_without_data_it_says_what_was_published() -> None:
    forecast = Forecast({})
    assert forecast.rate(MOBILE) == pytest.approx(0.1)
    assert forecast.rate(LANDLINE) == pytest.approx(0.077)
    assert {round(rate, 9) for cell, rate in forecast.cells() if cell.kind is MOBILE} == {0.1}


def test_much_data_speaks_for_itself_and_little_is_pulled_to_the_rest() -> None:
    counts = {cell: Tally(5_000, 500) for cell in CELLS if cell.kind is MOBILE}
    counts[Cell(MOBILE, EVENING, 2)] = Tally(5_000, 900)
    counts[Cell(MOBILE, EVENING, 3)] = Tally(5, 3)
    forecast = Forecast(counts)
    assert forecast.probability(MOBILE, EVENING, 2) == pytest.approx(0.18, abs=0.01)
    assert 0.1 < forecast.probability(MOBILE, EVENING, 3) < 0.15, "three of five is luck, not a slot of 60 %"
    assert forecast.probability(MOBILE, MORNING, 0) == pytest.approx(0.1, abs=0.005)


def test_slots_that_are_alike_are_taken_for_alike() -> None:
    """Two hundred dials a slot at one true rate scatter by ±2 %; what is left after shrinkage is a quarter of that."""
    chance = random.Random(1)  # noqa: S311  reproducible, not secret
    counts = {cell: Tally(200, sum(chance.random() < 0.1 for _ in range(200))) for cell in CELLS}
    raw = [tally.reached / tally.tried for tally in counts.values()]
    shrunk = [rate for cell, rate in Forecast(counts).cells() if cell.kind in (MOBILE, LANDLINE)]
    assert max(shrunk) - min(shrunk) < (max(raw) - min(raw)) / 3


def test_a_persons_own_history_moves_their_chance() -> None:
    forecast = Forecast({})
    never = NO_HISTORY
    for _ in range(4):
        never = never.after(MORNING, reached=False)
    often = NO_HISTORY.after(EVENING, reached=True).after(EVENING, reached=True)
    base = forecast.probability(MOBILE, MORNING, 1)
    assert forecast.probability(MOBILE, MORNING, 1, never) < forecast.probability(MOBILE, EVENING, 1, never) < base
    assert forecast.probability(MOBILE, EVENING, 1, often) > forecast.probability(MOBILE, MORNING, 1, often) > base


def test_the_persons_figure_is_the_one_worked_out_by_hand() -> None:
    """One level alone: p·(1−p) of persons is a Beta–Binomial of strength 1/likeness − 1, whose mean we know."""
    history = History(((2, 1), (0, 0), (4, 0)))
    alike = Forecast({}, figures=Figures(between_persons=0.1, within_person=0))
    assert alike.probability(MOBILE, AFTERNOON, 0, history) == pytest.approx((0.1 * 9 + 1) / (9 + 6))
    apart = Forecast({}, figures=Figures(between_persons=0, within_person=0.1))
    assert apart.probability(MOBILE, MORNING, 0, history) == pytest.approx((0.1 * 9 + 1) / (9 + 2))
    assert apart.probability(MOBILE, EVENING, 0, history) == pytest.approx((0.1 * 9) / (9 + 4))
    assert apart.probability(MOBILE, AFTERNOON, 0, history) == pytest.approx(0.1)


def test_pairs_are_every_pair_once() -> None:
    """Against counting them one by one."""
    chance = random.Random(4)  # noqa: S311  reproducible, not secret
    dials = [(chance.choice(PARTS), chance.random() < 0.4) for _ in range(12)]
    history, found = NO_HISTORY, defaultdict[PairCell, PairTally](PairTally)
    for part, reached in dials:
        for pair, tally in pairs_with(history, MOBILE, part, reached=reached):
            found[pair] += tally
        history = history.after(part, reached=reached)
    expected = defaultdict[PairCell, PairTally](PairTally)
    for later in range(12):
        for earlier in range(later):
            both = dials[later][1] and dials[earlier][1]
            one = PairTally(1, int(both), dials[later][1] + dials[earlier][1])
            expected[PairCell(MOBILE, dials[later][0], dials[earlier][0])] += one
    assert found == expected


@pytest.mark.parametrize(("between", "within"), [(0.0, 0.0), (0.05, 0.0), (0.0, 0.1), (0.05, 0.1)])
def test_how_much_persons_differ_is_found_out(between: float, within: float) -> None:
    """Four thousand persons drawn from Betas with these likenesses, dialled twice in each part of the day."""
    chance = random.Random(8)  # noqa: S311  reproducible, not secret
    pairs = defaultdict[PairCell, PairTally](PairTally)
    for _ in range(4_000):
        person = _beta_of(chance, 0.3, between)
        parts = [_beta_of(chance, person, within / (1 - between)) for _ in PARTS]
        history = NO_HISTORY
        for part, rate in zip(PARTS * 2, parts * 2, strict=True):
            reached = chance.random() < rate
            for pair, tally in pairs_with(history, MOBILE, part, reached=reached):
                pairs[pair] += tally
            history = history.after(part, reached=reached)
    found = Forecast({}, pairs)
    assert found.between_persons == pytest.approx(between, abs=0.015)
    assert found.within_person == pytest.approx(within, abs=0.025)


def _beta_of(chance: random.Random, mean: float, likeness: float) -> float:
    if likeness == 0:
        return mean
    strength = 1 / likeness - 1
    return chance.betavariate(mean * strength, (1 - mean) * strength)


def test_where_learning_is_off_no_time_is_better_than_another() -> None:
    counts = {Cell(MOBILE, EVENING, 2): Tally(5_000, 2_000)}
    person = Person(7, MOBILE, NO_HISTORY.after(EVENING, reached=True), learning=False)
    forecast = Forecast(counts, seed=3)
    assert {forecast.chance(person, part, day) for part in PARTS for day in range(7)} == {forecast.rate(MOBILE)}


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    counts = {cell: Tally(50, 5) for cell in CELLS}

    def draws(seed: int) -> list[float]:
        forecast = Forecast(counts, seed=seed)
        return [forecast.chance(Person(n, MOBILE), part, 0) for n in range(16) for part in PARTS]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)
    assert len(set(draws(1))) == 16 * 3, "each stratum has draws of its own"


def test_customers_of_one_stratum_are_alike_for_the_planner() -> None:
    forecast = Forecast({}, seed=1)
    assert forecast.chance(Person(5, MOBILE), EVENING, 0) == forecast.chance(Person(21, MOBILE), EVENING, 0)


def test_draws_scatter_around_the_mean_and_less_the_more_is_known() -> None:
    def spread(tried: int) -> float:
        counts = {cell: Tally(tried, tried // 10) for cell in CELLS}
        figures = Figures(strata=400)
        forecast = Forecast(counts, figures=figures, seed=5)
        drawn = [forecast.chance(Person(n, MOBILE), EVENING, 2) for n in range(400)]
        assert sum(drawn) / len(drawn) == pytest.approx(forecast.probability(MOBILE, EVENING, 2), rel=0.1)
        return max(drawn) - min(drawn)

    widths = [spread(tried) for tried in (10, 1_000, 100_000)]
    assert all(more > less for more, less in pairwise(widths))


def test_one_dial_more_moves_a_draw_no_further_than_the_mean() -> None:
    """A plan is made again all day: chance must not shake it."""
    counts = {cell: Tally(400, 40) for cell in CELLS}
    for n in range(20):
        before = Forecast(counts, seed=9).chance(Person(n, MOBILE), EVENING, 2)
        counts[Cell(MOBILE, EVENING, 2)] += Tally(1, n % 2)
        assert Forecast(counts, seed=9).chance(Person(n, MOBILE), EVENING, 2) == pytest.approx(before, abs=0.005)


@given(
    st.lists(st.tuples(st.sampled_from(CELLS), st.integers(0, 50), st.integers(0, 50)), max_size=30),
    st.lists(st.tuples(st.sampled_from(PARTS), st.booleans()), max_size=12),
    st.sampled_from(PARTS),
)
def test_a_chance_is_always_a_chance(
    counted: list[tuple[Cell, int, int]], dials: list[tuple[PartOfDay, bool]], part: PartOfDay
) -> None:
    counts = {cell: Tally(reached + missed, reached) for cell, reached, missed in counted}
    history = NO_HISTORY
    for dialled, reached in dials:
        history = history.after(dialled, reached=reached)
    forecast = Forecast(counts, seed=11)
    assert 0 < forecast.probability(MOBILE, part, 3, history) < 1
    assert 0 <= forecast.chance(Person(1, LANDLINE, history), part, 3) <= 1


@given(st.sampled_from(PARTS), st.lists(st.tuples(st.sampled_from(PARTS), st.booleans()), max_size=8))
def test_an_answer_never_lowers_a_chance_and_a_silence_never_raises_one(
    part: PartOfDay, dials: list[tuple[PartOfDay, bool]]
) -> None:
    forecast, history = Forecast({}), NO_HISTORY
    for dialled, reached in dials:
        history = history.after(dialled, reached=reached)
    before = forecast.probability(MOBILE, part, 0, history)
    for dialled in PARTS:
        assert forecast.probability(MOBILE, part, 0, history.after(dialled, reached=True)) >= before
        assert forecast.probability(MOBILE, part, 0, history.after(dialled, reached=False)) <= before


def test_the_holdout_is_permanent_of_the_right_size_and_only_ever_grows() -> None:
    tenth = {n for n in range(20_000) if arm_of(n, 0.1) is Arm.HOLDOUT}
    fifth = {n for n in range(20_000) if arm_of(n, 0.2) is Arm.HOLDOUT}
    assert len(tenth) == pytest.approx(2_000, rel=0.1)
    assert tenth < fifth
    assert {n for n in range(100) if arm_of(n, 0.1) is Arm.HOLDOUT} == tenth & set(range(100))
    assert not [n for n in range(1_000) if arm_of(n, 0.0) is Arm.HOLDOUT]
    assert all(arm_of(n, 1.0) is Arm.HOLDOUT for n in range(1_000))


def attempt(part: PartOfDay, disposition: Disposition | None, **facts: object) -> AttemptFact:
    told = {"channel": Channel.AGENT, "purpose": Purpose.SURVEY, "at": datetime(2026, 3, 1, tzinfo=UTC)} | facts
    return AttemptFact(part_of_day=part, disposition=disposition, **told)  # type: ignore[arg-type]


def customer(*attempts: AttemptFact, **facts: object) -> CustomerFacts:
    told = {"phones": ("+861390001",), "phone_kinds": (MOBILE,)} | facts
    return CustomerFacts(7, ZoneInfo("Asia/Shanghai"), "CN", attempts=attempts, **told)  # type: ignore[arg-type]


def test_the_history_is_of_dials_that_tell_something() -> None:
    person = person_of(
        customer(
            attempt(MORNING, Disposition.NO_ANSWER),
            attempt(MORNING, Disposition.THIRD_PARTY),
            attempt(EVENING, Disposition.COMPLETED),
            attempt(EVENING, Disposition.TECHNICAL_FAILURE),
            attempt(EVENING, Disposition.COMPLETED, by_appointment=True),
            attempt(EVENING, Disposition.NO_RESPONSE, channel=Channel.SMS),
            attempt(AFTERNOON, None),
        ),
        holdout_share=0,
    )
    assert person == Person(7, MOBILE, History(((2, 0), (0, 0), (1, 1))))


@pytest.mark.parametrize(
    "who",
    [
        customer(attempt(EVENING, Disposition.COMPLETED), attempt(MORNING, Disposition.REFUSED)),
        customer(attempt(EVENING, Disposition.COMPLETED), unhappy_before=True),
    ],
)
def test_learning_is_off_after_a_refusal_or_dissatisfaction(who: CustomerFacts) -> None:
    assert person_of(who, holdout_share=0) == Person(7, MOBILE, learning=False)


def test_learning_is_off_in_the_holdout() -> None:
    assert person_of(customer(attempt(EVENING, Disposition.COMPLETED)), holdout_share=1) == Person(
        7, MOBILE, learning=False
    )


def test_nobody_is_a_person_without_a_number() -> None:
    assert person_of(customer(phones=(), phone_kinds=()), holdout_share=0) is None
