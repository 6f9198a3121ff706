"""The plan is the best one: against an independent solver, against trying everything, and the plain assigner."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callback.domain.assignment import Demand, Placement, PlainAssigner, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import Interval, part_of_day
from callback.domain.policy import Policy
from callback.domain.words import PartOfDay
from callback.services.optimum import OptimalAssigner, Solution, assigner
from tests.unit.optimum.referee import Referee, Score, best_by_highs, best_by_trying, soft_score

START = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)  # nine in the morning in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICY = Policy()
SLOT, MINUTE, DAY = timedelta(minutes=30), timedelta(minutes=1), timedelta(days=1)
ODDS = (
    None,
    {(day, part): p for day in range(7) for part, p in zip(PartOfDay, (0.2, 0.4, 0.9), strict=True)},
    {(day, part): p for day in range(7) for part, p in zip(PartOfDay, (0.7, 0.1, 0.3), strict=True)},
)


def within(stretches: Sequence[Interval], at: datetime) -> bool:
    return any(at in stretch for stretch in stretches)


def town(
    seed: int,
    *,
    demands: int,
    agents: int,
    columns: int,
    days: int = 1,
    customers: int | None = None,
    history: bool = False,
    mixed: bool = False,
) -> tuple[list[Demand], Roster]:
    """A random centre that is short of people at some times and not at others; `mixed`: short calls, slow agents."""
    chance = random.Random(seed)  # noqa: S311
    people = tuple(
        AgentFacts(
            n,
            frozenset(chance.choice([{"zh"}, {"zh"}, {"en"}, {"zh", "en"}])),
            frozenset(chance.sample(["billing", "legal"], chance.randrange(3))),
            daily_capacity=chance.choice([3, 8, 20, 60]),
            zone=SHANGHAI,
        )
        for n in range(1, agents + 1)
    )
    slots = tuple(
        SlotFact(
            agent.id * 1000 + day * 100 + column,
            agent.id,
            START + day * DAY + column * SLOT,
            START + day * DAY + (column + 1) * SLOT,
            chance.choice([0, 0, 0, 900]),
        )
        for agent in people
        for day in range(days)
        for column in range(columns)
        if chance.random() < 0.8
    )
    booked = {(agent.id, date(2026, 3, 11)): chance.randrange(4) for agent in people if chance.random() < 0.3}
    wishes = []
    for n in range(1, demands + 1):
        opens = START + chance.randrange(columns) * SLOT * chance.choice([0, 0, 1])
        stretches = tuple(
            Interval(opens + day * DAY, opens + day * DAY + chance.randrange(1, columns + 1) * SLOT)
            for day in range(days)
        )
        wishes.append(
            Demand(
                callback_id=n,
                customer_id=chance.randrange(customers) if customers else n,
                zone=SHANGHAI,
                language=chance.choice(["zh", "zh", "en"]),
                skill=chance.choice([None, None, None, "billing"]),
                earliest=START,
                due=START + chance.randrange(-4, columns + 6) * SLOT + chance.choice([0, 7]) * MINUTE,
                priority=chance.choice([10, 50, 50, 90]),
                legal=partial(within, stretches),
                stretches=stretches,
                odds=chance.choice(ODDS),
                excluded=frozenset(chance.sample(range(1, agents + 1), 1)) if chance.random() < 0.2 else frozenset(),
                current=chance.choice(slots).id if history and slots and chance.random() < 0.6 else None,
                knows=chance.randrange(1, agents + 1) if history and chance.random() < 0.3 else None,
            )
        )
    roster = Roster(agents=people, slots=slots, booked_today=booked)
    if mixed:
        wishes = [replace(wish, seconds=chance.choice([120, 240, 360, 780, 900])) for wish in wishes]
        roster = replace(roster, pace={agent.id: chance.choice([0.6, 1.0, 1.0, 1.7]) for agent in people})
    return wishes, roster


def check(demands: Sequence[Demand], roster: Roster, solution: Solution) -> None:
    """Everything that must hold for any plan at all."""
    wishes = {d.callback_id: d for d in demands}
    slots = {s.id: s for s in roster.slots}
    people = {a.id: a for a in roster.agents}
    answered = [p.callback_id for p in solution.placed] + [item.callback_id for item in solution.left]
    assert sorted(answered) == sorted(wishes)
    used = {s.id: float(s.booked_seconds) for s in roster.slots}
    days = Counter(dict(roster.booked_today))
    visits: list[tuple[int, date, str]] = []
    for p in solution.placed:
        wish, slot, agent = wishes[p.callback_id], slots[p.slot_id], people[p.agent_id]
        assert slot.agent_id == p.agent_id
        assert slot.starts_at <= p.at < slot.ends_at
        assert p.at >= wish.earliest
        assert wish.legal(p.at)
        assert wish.language in agent.languages
        assert wish.skill is None or wish.skill in agent.skills
        assert p.agent_id not in wish.excluded
        assert wish.only is None or p.agent_id in wish.only
        assert wish.at is None or wish.at == p.at
        used[p.slot_id] += wish.seconds * roster.pace.get(p.agent_id, 1.0)
        day = p.at.astimezone(SHANGHAI).date()
        days[p.agent_id, slot.starts_at.astimezone(agent.zone).date()] += 1
        visits.append((wish.customer_id, day, part_of_day(p.at, SHANGHAI).value))
    for slot in roster.slots:
        length = (slot.ends_at - slot.starts_at).total_seconds()
        assert used[slot.id] <= max(slot.booked_seconds, length * (1 + POLICY.slot_overfill) + 1e-6)
    assert all(
        n <= max(people[who].daily_capacity, roster.booked_today.get((who, day), 0)) for (who, day), n in days.items()
    )
    assert len(visits) == len(set(visits)), "twice in one part of a day"
    assert max(Counter((c, d) for c, d, _ in visits).values(), default=0) <= POLICY.attempts_per_day


@pytest.mark.parametrize("seed", range(25))
def test_it_equals_an_independent_solver_in_every_tier(seed: int) -> None:
    demands, roster = town(seed, demands=60, agents=4, columns=6, history=seed % 2 == 1)
    solution = OptimalAssigner().solve(demands, roster, POLICY)
    check(demands, roster, solution)
    referee = Referee(demands, roster, POLICY)
    assert solution.proof.repaired == 0
    assert solution.proof.exact
    assert (*referee.score(solution.placed), *soft_score(referee, solution.placed)) == best_by_highs(referee, soft=True)


def best_possible(referee: Referee, demands: Sequence[Demand], roster: Roster) -> Score:
    """What no plan can beat when a customer with several callbacks is as free as several customers."""
    alone = [replace(d, customer_id=1_000 + d.callback_id) for d in demands]
    return referee.score(OptimalAssigner().solve(alone, roster, POLICY).placed)


@given(st.integers(0, 100_000))
@settings(max_examples=60, deadline=None)
def test_it_equals_trying_everything_on_tiny_cases(seed: int) -> None:
    demands, roster = town(seed, demands=4, agents=2, columns=2)
    solution = OptimalAssigner().solve(demands, roster, POLICY)
    check(demands, roster, solution)
    referee = Referee(demands, roster, POLICY)
    assert referee.score(solution.placed) == best_by_trying(referee)


@given(st.integers(0, 100_000), st.integers(1, 4), st.integers(3, 12))
@settings(max_examples=80, deadline=None)
def test_whatever_is_asked_no_rule_is_broken_and_nobody_is_lost(seed: int, agents: int, customers: int) -> None:
    demands, roster = town(seed, demands=30, agents=agents, columns=8, days=2, customers=customers, history=True)
    solution = OptimalAssigner().solve(demands, roster, POLICY)
    check(demands, roster, solution)
    again = OptimalAssigner().solve(list(reversed(demands)), roster, POLICY)
    assert again == solution, "the same input gives the same plan"
    referee = Referee(demands, roster, POLICY)
    bound = best_possible(referee, demands, roster)
    assert referee.score(solution.placed) >= bound
    if solution.proof.repaired == 0:
        assert referee.score(solution.placed) == bound


@given(st.integers(0, 100_000), st.integers(1, 4), st.integers(20, 70), st.booleans())
@settings(max_examples=80, deadline=None)
def test_of_calls_that_differ_in_length_none_is_lost_and_no_slot_is_overfull(
    seed: int, agents: int, wanted: int, crowded: bool
) -> None:
    customers = wanted // 3 if crowded else None
    demands, roster = town(
        seed, demands=wanted, agents=agents, columns=6, customers=customers, history=seed % 2 == 1, mixed=True
    )
    solution = OptimalAssigner().solve(demands, roster, POLICY)
    check(demands, roster, solution)
    assert not solution.proof.bound
    plain = PlainAssigner().assign(demands, roster, POLICY)
    check(demands, roster, Solution(list(plain[0]), list(plain[1])))
    if solution.proof.repaired and seed % 2 == 0:
        assert in_time(demands, solution.placed) >= in_time(demands, plain[0])


def test_where_the_plain_list_keeps_more_promises_it_is_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    demands, roster = town(136, demands=40, agents=2, columns=6, mixed=True)
    solution = OptimalAssigner().solve(demands, roster, POLICY)
    assert solution.proof.repaired
    monkeypatch.setattr(assigner, "_keep_more_promises", lambda *_: False)
    flow_alone = OptimalAssigner().solve(demands, roster, POLICY)
    assert in_time(demands, solution.placed) > in_time(demands, flow_alone.placed)


def in_time(demands: Sequence[Demand], placed: Sequence[Placement]) -> int:
    due = {d.callback_id: d.due for d in demands}
    return sum(p.at <= due[p.callback_id] for p in placed)


def test_who_was_left_out_for_a_call_that_does_not_fit_gets_its_place() -> None:
    # Room for one call of the mean length: the flow gives it to the urgent long one, which does not fit.
    demands, roster = due_in(200, 200), morning(1, 1)
    demands = [replace(demands[0], seconds=900, priority=90), replace(demands[1], seconds=60, priority=10)]
    roster = replace(roster, slots=tuple(replace(s, booked_seconds=1_480) for s in roster.slots))
    solution = OptimalAssigner().solve(demands, roster, POLICY)
    check(demands, roster, solution)
    assert [p.callback_id for p in solution.placed] == [2]
    assert (solution.proof.repaired, solution.proof.bound) == (1, False)


def test_appointments_stand_where_the_plain_list_takes_over() -> None:
    for seed in range(40):
        demands, roster = town(seed, demands=40, agents=3, columns=6, mixed=True)
        slot = roster.slots[0]
        keeper = roster.agents[slot.agent_id - 1]
        first = replace(
            demands[0], at=slot.starts_at, due=slot.ends_at, only=frozenset({keeper.id}), excluded=frozenset(),
            language=min(keeper.languages), skill=None, legal=lambda _: True,
            stretches=(Interval(START, START + DAY),),
        )  # fmt: skip
        solution = OptimalAssigner().solve([first, *demands[1:]], roster, POLICY)
        check([first, *demands[1:]], roster, solution)


@pytest.mark.parametrize("seed", range(20))
def test_greedy_is_never_better_and_often_worse(seed: int) -> None:
    demands, roster = town(seed, demands=80, agents=4, columns=6)
    referee = Referee(demands, roster, POLICY)
    ours = referee.score(OptimalAssigner().solve(demands, roster, POLICY).placed)
    greedy = referee.score(PlainAssigner().assign(demands, roster, POLICY)[0])
    assert ours <= greedy
    if seed == 0:
        assert ours < greedy


def morning(agents: int, columns: int) -> Roster:
    """Agents alike, at work from nine, nothing booked."""
    people = tuple(AgentFacts(n, frozenset({"zh"}), daily_capacity=60, zone=SHANGHAI) for n in range(1, agents + 1))
    slots = tuple(
        SlotFact(a.id * 100 + c, a.id, START + c * SLOT, START + (c + 1) * SLOT) for a in people for c in range(columns)
    )
    return Roster(agents=people, slots=slots)


def due_in(*minutes: int) -> list[Demand]:
    whole = (Interval(START, START + DAY),)
    return [
        Demand(
            callback_id=n,
            customer_id=n,
            zone=SHANGHAI,
            language="zh",
            earliest=START,
            due=START + minute * MINUTE,
            priority=50,
            legal=partial(within, whole),
            stretches=whole,
        )
        for n, minute in enumerate(minutes, 1)
    ]


def kept(demands: Sequence[Demand], roster: Roster) -> list[int]:
    """Callbacks that begin in time, to the minute."""
    placed = OptimalAssigner().solve(demands, roster, POLICY).placed
    due = {d.callback_id: d.due for d in demands}
    return [p.callback_id for p in placed if p.at <= due[p.callback_id]]


def test_a_due_time_that_can_be_kept_goes_before_what_is_overdue_already() -> None:
    assert kept(due_in(-60, -60, -60, 1, 7), morning(1, 1)) == [4, 5]


def test_what_is_due_within_the_slot_is_spread_over_the_agents() -> None:
    # Two agents begin two calls at nine and two at six past; one after the other would keep two of the four.
    assert kept(due_in(-60, -60, 3, 4, 7, 8, 200, 200, 200, 200), morning(2, 1))[:4] == [3, 4, 5, 6]


def test_no_risk_is_taken_with_a_due_time_to_be_sooner_with_what_is_overdue() -> None:
    # Five places until half past nine: whoever is due at 9:32 gets one of them, and an overdue one waits for the next.
    demands = due_in(-60, -60, -60, -60, -60, -60, 32)
    placed = {p.callback_id: p.at for p in OptimalAssigner().solve(demands, morning(1, 2), POLICY).placed}
    assert placed[7] < START + SLOT
    assert max(at for i, at in placed.items() if i != 7) >= START + SLOT
