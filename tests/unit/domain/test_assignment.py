"""The plain assigner: small cases by hand, then generated ones that try to break its promises."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from callback.domain.appointment import NOT_KEPT
from callback.domain.assignment import Demand, Left, Placement, PlainAssigner, Roster, SlotFact
from callback.domain.facts import AgentFacts, ShiftFact
from callback.domain.moment import part_of_day
from callback.domain.policy import Policy
from callback.domain.shift import WorkingTime

START = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICY = Policy()
SLOT, MINUTE = timedelta(minutes=30), timedelta(minutes=1)


def agent(number: int, **more: object) -> AgentFacts:
    return AgentFacts(number, frozenset({"zh"}), zone=SHANGHAI, **more)  # type: ignore[arg-type]


def slots(agent_id: int, count: int, *, start: datetime = START, first_id: int = 0) -> tuple[SlotFact, ...]:
    return tuple(
        SlotFact(first_id or agent_id * 100 + n, agent_id, start + n * SLOT, start + (n + 1) * SLOT)
        for n in range(count)
    )


def demand(number: int, **more: object) -> Demand:
    fields: dict[str, object] = {
        "callback_id": number,
        "customer_id": number,
        "zone": SHANGHAI,
        "language": "zh",
        "earliest": START,
        "due": START + timedelta(hours=number),
        "priority": 50,
        "legal": lambda _at: True,
        **more,
    }
    return Demand(**fields)  # type: ignore[arg-type]


def assign(demands: list[Demand], roster: Roster) -> tuple[list[Placement], dict[int, str]]:
    placed, left = PlainAssigner().assign(demands, roster, POLICY)
    return list(placed), {item.callback_id: item.reason for item in left}


def test_the_earliest_due_goes_first_and_load_is_shared() -> None:
    roster = Roster(agents=(agent(1), agent(2)), slots=slots(1, 2) + slots(2, 2))
    placed, left = assign([demand(3), demand(1), demand(2)], roster)
    assert left == {}
    assert [(p.callback_id, p.agent_id, p.at) for p in placed] == [
        (1, 1, START),
        (2, 2, START),
        (3, 1, START + 6 * MINUTE),
    ]


def test_a_slot_holds_five_and_then_the_next_begins() -> None:
    placed, left = assign([demand(n) for n in range(1, 13)], Roster(agents=(agent(1),), slots=slots(1, 2)))
    assert Counter(p.slot_id for p in placed) == {100: 5, 101: 5}
    assert left == {11: "no_capacity", 12: "no_capacity"}


def test_daily_capacity_counts_what_is_booked() -> None:
    roster = Roster(agents=(agent(1, daily_capacity=3),), slots=slots(1, 2), booked_today={(1, date(2026, 3, 11)): 2})
    placed, left = assign([demand(1), demand(2)], roster)
    assert [p.callback_id for p in placed] == [1]
    assert left == {2: "no_capacity"}


def test_language_skill_exclusion_and_inactivity_decide_who_qualifies() -> None:
    speaker = replace(agent(2), languages=frozenset({"en"}), skills=frozenset({"billing"}))
    roster = Roster(
        agents=(agent(1), speaker, replace(agent(3), active=False)), slots=slots(1, 1) + slots(2, 1) + slots(3, 1)
    )
    placed, left = assign(
        [
            demand(1, language="en", skill="billing"),
            demand(2, language="en", skill="legal"),
            demand(3, excluded=frozenset({1})),
            demand(4, only=frozenset({3})),
            demand(5, only=frozenset({1})),
        ],
        roster,
    )
    assert {(p.callback_id, p.agent_id) for p in placed} == {(1, 2), (5, 1)}
    assert left == {2: "nobody_qualifies", 3: "nobody_qualifies", 4: "nobody_qualifies"}


def test_an_excluded_agent_on_top_hides_nobody() -> None:
    roster = Roster(agents=(agent(1), agent(2)), slots=slots(1, 1) + slots(2, 1))
    placed, _ = assign([demand(1, excluded=frozenset({1})), demand(2)], roster)
    assert {(p.callback_id, p.agent_id) for p in placed} == {(1, 2), (2, 1)}


def test_an_appointment_is_kept_to_the_minute_or_not() -> None:
    at = START + 10 * MINUTE
    roster = Roster(agents=(agent(1), agent(2)), slots=slots(1, 2))
    placed, left = assign(
        [
            demand(1, at=at, only=frozenset({1})),
            demand(2, at=START - SLOT, only=frozenset({1})),
            demand(3, at=at, only=frozenset({9})),
            demand(4, at=START + 5 * SLOT),
        ],
        roster,
    )
    assert [(p.callback_id, p.at) for p in placed] == [(1, at)]
    assert left == {2: NOT_KEPT, 3: NOT_KEPT, 4: NOT_KEPT}


def test_no_shift_meets_a_legal_moment() -> None:
    roster = Roster(agents=(agent(1),), slots=slots(1, 2))
    assert assign([demand(1, legal=lambda _at: False)], roster)[1] == {1: "no_legal_slot"}
    assert assign([demand(1)], Roster(agents=(agent(1),), slots=()))[1] == {1: "no_capacity"}
    assert assign([demand(1)], Roster(agents=(), slots=()))[1] == {1: "no_agents"}


def test_a_customer_is_not_placed_twice_in_one_part_of_the_day_nor_a_third_time() -> None:
    evening = slots(1, 2, start=START + timedelta(hours=9), first_id=0)
    afternoon = tuple(replace(s, id=s.id + 50) for s in slots(1, 2, start=START + timedelta(hours=5)))
    roster = Roster(
        agents=(agent(1),), slots=slots(1, 2) + afternoon + tuple(replace(s, id=s.id + 70) for s in evening)
    )
    placed, left = assign([demand(n, customer_id=1) for n in (1, 2, 3)], roster)
    assert [part_of_day(p.at, SHANGHAI).value for p in placed] == ["morning", "afternoon"]
    assert left == {3: "no_capacity"}
    known = replace(roster, contacts={1: (START,)})
    placed, _ = assign([demand(1)], known)
    assert part_of_day(placed[0].at, SHANGHAI).value == "afternoon"


def test_what_has_passed_of_a_slot_is_not_used() -> None:
    running = replace(slots(1, 1)[0], booked_seconds=28 * 60)
    placed, left = assign([demand(1)], Roster(agents=(agent(1),), slots=(running,)))
    assert (placed, left) == ([], {1: "no_capacity"})


def test_a_slot_of_a_shift_that_ends_early_is_one_when_it_is_long_enough() -> None:
    hours = WorkingTime(SHANGHAI, (ShiftFact(2, time(9), time(10, 20)),), {date(2026, 3, 18): ()})
    assert [i.start for i in hours.slots(date(2026, 3, 11), SLOT)] == [START, START + SLOT, START + 2 * SLOT]
    assert list(hours.slots(date(2026, 3, 12), SLOT)) == []
    assert list(hours.slots(date(2026, 3, 18), SLOT)) == []


def test_of_two_kinds_of_agents_one_may_have_no_slot_at_a_time() -> None:
    polyglot = replace(agent(2), languages=frozenset({"zh", "en"}))
    roster = Roster(agents=(agent(1), polyglot), slots=slots(1, 1) + slots(2, 1, start=START + SLOT, first_id=9))
    placed, left = assign([demand(n) for n in range(1, 11)], roster)
    assert Counter(p.agent_id for p in placed) == {1: 5, 2: 5}
    assert left == {}


def test_an_appointment_after_the_end_of_a_short_slot_is_not_kept_in_it() -> None:
    short = SlotFact(7, 1, START, START + 15 * MINUTE)
    placed, left = assign(
        [demand(1, at=START + 20 * MINUTE)], Roster(agents=(agent(1), agent(2)), slots=(short, *slots(2, 1)))
    )
    assert [(p.callback_id, p.agent_id) for p in placed] == [(1, 2)]
    assert left == {}


def test_a_moment_inside_a_slot_is_asked_for_itself() -> None:
    def only_the_first_minutes(at: datetime) -> bool:
        return at < START + 10 * MINUTE

    roster = Roster(agents=(agent(1),), slots=slots(1, 1))
    placed, left = assign([demand(n, legal=only_the_first_minutes) for n in (1, 2, 3)], roster)
    assert [p.at for p in placed] == [START, START + 6 * MINUTE]
    assert left == {3: "no_capacity"}


def test_chances_and_first_legal_moments_of_a_demand() -> None:
    from callback.domain.moment import Interval

    morning = part_of_day(START, SHANGHAI)
    weekday = START.astimezone(SHANGHAI).weekday()
    assert demand(1).chance(START) == 1.0
    assert demand(1, odds={(weekday, morning): 0.25}).chance(START) == 0.25
    assert demand(1, odds={}).chance(START) == 0.0
    hours = (Interval(START - SLOT, START), Interval(START + SLOT, START + 2 * SLOT))
    known = demand(1, stretches=hours)
    assert known.first_legal(START, START + 2 * SLOT) == START + SLOT
    assert known.first_legal(START, START + SLOT) is None
    assert known.first_legal(START + 2 * SLOT, START + 3 * SLOT) is None
    asked = demand(1, legal=lambda at: at >= START + 3 * MINUTE)
    assert asked.first_legal(START, START + SLOT) == START + 3 * MINUTE
    assert asked.first_legal(START, START + MINUTE) is None


def test_a_call_longer_than_what_is_left_of_the_slot_is_not_squeezed_in() -> None:
    placed, left = assign(
        [demand(1, seconds=1_500), demand(2, seconds=1_500)], Roster(agents=(agent(1),), slots=slots(1, 1))
    )
    assert [p.callback_id for p in placed] == [1]
    assert left == {2: "no_capacity"}


rosters = st.integers(1, 4).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.tuples(st.integers(1, n), st.integers(0, 24)), unique=True, max_size=20),
        st.lists(st.integers(1, 8), min_size=n, max_size=n),
    )
)
demands = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 700), st.frozensets(st.integers(1, 4), max_size=3), st.integers(0, 23)),
    max_size=40,
)


@given(rosters, demands)
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_no_promise_of_the_assigner_is_broken(
    roster_parts: tuple[int, list[tuple[int, int]], list[int]],
    wishes: list[tuple[int, int, frozenset[int], int]],
) -> None:
    count, places, capacities = roster_parts
    agents = tuple(agent(n, daily_capacity=capacities[n - 1]) for n in range(1, count + 1))
    board = tuple(
        SlotFact(i + 1, who, START + nth * SLOT, START + (nth + 1) * SLOT) for i, (who, nth) in enumerate(places)
    )
    wanted = [
        demand(
            i + 1,
            customer_id=customer,
            earliest=START + minutes * MINUTE,
            excluded=excluded,
            legal=lambda at, bad=bad: (at - START) // timedelta(hours=1) != bad,
        )
        for i, (customer, minutes, excluded, bad) in enumerate(wishes)
    ]
    placed, left = PlainAssigner().assign(wanted, Roster(agents=agents, slots=board), POLICY)
    again, _ = PlainAssigner().assign(wanted, Roster(agents=agents, slots=board), POLICY)
    assert list(again) == list(placed), "the same input gives the same plan"
    by_id = {d.callback_id: d for d in wanted}
    assert sorted([p.callback_id for p in placed] + [x.callback_id for x in left]) == sorted(by_id)
    per_slot: Counter[int] = Counter()
    per_day: Counter[tuple[int, date]] = Counter()
    visits: list[tuple[int, date, str]] = []
    slot_of = {s.id: s for s in board}
    for p in placed:
        wish, slot = by_id[p.callback_id], slot_of[p.slot_id]
        assert slot.agent_id == p.agent_id not in wish.excluded
        assert slot.starts_at <= p.at < slot.ends_at
        assert p.at >= wish.earliest
        assert wish.legal(p.at)
        per_slot[p.slot_id] += wish.seconds
        day = p.at.astimezone(SHANGHAI).date()
        per_day[p.agent_id, day] += 1
        visits.append((wish.customer_id, day, part_of_day(p.at, SHANGHAI).value))
    assert all(used <= SLOT.total_seconds() * (1 + POLICY.slot_overfill) for used in per_slot.values())
    assert all(n <= capacities[who - 1] for (who, _), n in per_day.items())
    assert len(visits) == len(set(visits)), "twice in one part of a day"
    assert max(Counter((c, d) for c, d, _ in visits).values(), default=0) <= POLICY.attempts_per_day
    assert all(isinstance(x, Left) for x in left)
