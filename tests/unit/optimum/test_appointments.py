"""Appointments at the minute: no two at once with one person, and the ways in their order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callback.domain.appointment import NOT_KEPT, ways_to_keep
from callback.domain.assignment import Demand, PlainAssigner, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import Interval
from callback.domain.policy import Policy
from callback.services.optimum import OptimalAssigner

SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICY = Policy()
START = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SLOT = timedelta(minutes=30)
AT = START + 4 * HOUR + 10 * MINUTE
UNTIL = START + 12 * HOUR
LI, WANG, ZHAO = 1, 2, 3


def agent(agent_id: int, **changes: Any) -> AgentFacts:
    facts = {"team_id": 7 if agent_id in (LI, WANG) else 8, "daily_capacity": 40, "zone": SHANGHAI} | changes
    return AgentFacts(agent_id, facts.pop("languages", frozenset({"zh"})), **facts)


def day_of(agent_id: int, *, since: datetime = START, slots: int = 16, booked: int = 0) -> list[SlotFact]:
    return [
        SlotFact(agent_id * 100 + n, agent_id, since + n * SLOT, since + (n + 1) * SLOT, booked) for n in range(slots)
    ]


def roster(*agents: AgentFacts, slots: Sequence[SlotFact] | None = None, **changes: Any) -> Roster:
    held = [slot for one in agents for slot in day_of(one.id)] if slots is None else slots
    return Roster(agents=agents, slots=tuple(held), **changes)


def appointment(
    number: int, agents: Iterable[AgentFacts], *, at: datetime = AT, owner: int | None = LI, **changes: Any
) -> Demand:
    team = next((one.team_id for one in agents if one.id == owner), None)
    people = {one.id: one for one in agents}
    ways = ways_to_keep(at, owner_id=owner, team_id=team, agents=people, wait=4 * HOUR, until=UNTIL)
    asked = {"skill": None, "language": "zh", "priority": 50, "due": UNTIL} | changes
    return Demand(
        callback_id=number, customer_id=number, zone=SHANGHAI, earliest=at, at=at, ways=ways,
        legal=lambda _at: True, stretches=(Interval(START, UNTIL),), **asked,
    )  # fmt: skip


Told = dict[int, tuple[int, datetime, str | None]]


def solve(demands: Sequence[Demand], board: Roster) -> tuple[Told, dict[int, str]]:
    solution = OptimalAssigner().solve(demands, board, POLICY)
    length = {demand.callback_id: demand.seconds for demand in demands}
    spans = {
        p.callback_id: (p.agent_id, p.at, p.at + timedelta(seconds=length[p.callback_id])) for p in solution.placed
    }
    for one, (who, begun, over) in spans.items():
        for other, (also, begins, ends) in spans.items():
            assert one == other or who != also or over <= begins or ends <= begun, "two at once"
    placed = {p.callback_id: (p.agent_id, p.at, p.rule) for p in solution.placed}
    return placed, {item.callback_id: item.reason for item in solution.left}


def test_two_at_one_minute_with_one_owner_are_not_both_at_that_minute() -> None:
    people = [agent(LI), agent(ZHAO)]
    placed, left = solve([appointment(n, people) for n in (1, 2)], roster(*people))
    assert placed == {1: (LI, AT, "owner"), 2: (LI, AT + 6 * MINUTE, "owner_later")}
    assert left == {}


def test_what_stands_already_is_not_called_over() -> None:
    people = [agent(LI), agent(ZHAO)]
    standing = {LI: (Interval(AT - MINUTE, AT + 5 * MINUTE),)}
    placed, _ = solve([appointment(1, people)], roster(*people, appointed=standing))
    assert placed == {1: (LI, AT + 5 * MINUTE, "owner_later")}


def test_a_call_that_is_over_within_a_minute_is_not_waited_for_to_the_second() -> None:
    people = [agent(LI)]
    standing = {LI: (Interval(AT, AT + timedelta(seconds=250)),)}
    placed, _ = solve([appointment(1, people)], roster(*people, appointed=standing))
    assert placed[1][1] == AT + 5 * MINUTE


@pytest.mark.parametrize(
    ("li", "wang", "expected"),
    [
        ({"languages": frozenset({"en"})}, {}, (WANG, AT, "team_instead")),
        ({"daily_capacity": 0}, {}, (WANG, AT, "team_instead")),
        ({"daily_capacity": 0}, {"daily_capacity": 0}, (ZHAO, AT, "anybody_instead")),
        ({"skills": frozenset()}, {"skills": frozenset()}, (ZHAO, AT, "anybody_instead")),
    ],
)
def test_an_owner_who_is_there_and_cannot_is_stood_in_for(li: Any, wang: Any, expected: Any) -> None:
    skills = {"skills": frozenset({"law"})}
    people = [agent(LI, **(skills | li)), agent(WANG, **(skills | wang)), agent(ZHAO, **skills)]
    placed, _ = solve([appointment(1, people, skill="law")], roster(*people))
    assert placed == {1: expected}


def test_a_full_slot_is_no_room_for_an_appointment_either() -> None:
    people = [agent(LI), agent(WANG)]
    slots = [replace(s, booked_seconds=1800) if s.starts_at <= AT < s.ends_at else s for s in day_of(LI)] + day_of(WANG)
    placed, _ = solve([appointment(1, people)], roster(*people, slots=slots))
    assert placed == {1: (LI, AT + 20 * MINUTE, "owner_later")}


def test_who_is_away_for_longer_than_the_policy_waits() -> None:
    people = [agent(LI), agent(ZHAO)]
    slots = day_of(LI, since=AT + 5 * HOUR, slots=4) + day_of(ZHAO)
    assert solve([appointment(1, people)], roster(*people, slots=slots))[0] == {1: (ZHAO, AT, "anybody_instead")}


def test_what_nobody_can_keep_is_the_first_of_all_as_soon_as_somebody_is_there() -> None:
    people = [agent(ZHAO)]
    later = START + 5 * HOUR
    board = roster(*people, slots=day_of(ZHAO, since=later, slots=1))
    assert solve([appointment(1, people, owner=None)], board)[0] == {1: (ZHAO, later, NOT_KEPT)}
    others = [ordinary(n, due=START) for n in range(2, 12)]
    solution = OptimalAssigner().solve([appointment(1, people, owner=None), *others], board, POLICY)
    assert 1 in {p.callback_id for p in solution.placed}, "whatever else wants the room"


def test_an_appointment_with_anybody_moves_over_for_one_that_has_one_person_only() -> None:
    people = [agent(LI, languages=frozenset({"zh", "en"})), agent(ZHAO)]
    wanted = [appointment(1, people, owner=None), appointment(2, people, owner=None, language="en")]
    assert solve(wanted, roster(*people))[0] == {1: (ZHAO, AT, "anybody"), 2: (LI, AT, "anybody")}
    wanted = [appointment(1, people, owner=None), appointment(2, people)]
    assert solve(wanted, roster(*people))[0] == {1: (ZHAO, AT, "anybody"), 2: (LI, AT, "owner")}


def test_a_chain_of_three_moves_over_and_one_too_many_is_called_later() -> None:
    kinds = (frozenset({"zh", "en"}), frozenset({"zh", "fr"}), frozenset({"fr"}))
    people = [agent(n, languages=spoken) for n, spoken in enumerate(kinds, start=1)]
    wanted = [appointment(n, people, owner=None, language=spoken) for n, spoken in enumerate(("zh", "fr", "en"), 1)]
    placed, left = solve(wanted, roster(*people))
    assert {n: where[1] for n, where in placed.items()} == dict.fromkeys((1, 2, 3), AT)
    fourth = appointment(4, people, owner=None, language="fr")
    placed, left = solve([*wanted, fourth], roster(*people))
    assert sorted(where[1] for where in placed.values()) == [AT, AT, AT, AT + 6 * MINUTE]
    assert left == {}


def test_who_is_chosen_by_hand_keeps_it_to_the_minute_or_not_at_all() -> None:
    people = [agent(LI), agent(ZHAO)]
    by_hand = replace(appointment(1, people), ways=(), only=frozenset({ZHAO}))
    assert solve([by_hand], roster(*people))[0] == {1: (ZHAO, AT, None)}
    taken = {ZHAO: (Interval(AT, AT + MINUTE),)}
    assert solve([by_hand], roster(*people, appointed=taken)) == ({}, {1: NOT_KEPT})


def test_nobody_who_speaks_the_language_is_another_matter_than_nobody_free() -> None:
    people = [agent(LI), agent(ZHAO)]
    assert solve([appointment(1, people, language="fr")], roster(*people)) == ({}, {1: "nobody_qualifies"})
    assert solve([appointment(1, people)], roster(*people, slots=())) == ({}, {1: NOT_KEPT})


def test_an_illegal_minute_is_not_used_by_anybody() -> None:
    people = [agent(LI)]
    evening = appointment(1, people, at=AT)
    evening = replace(evening, stretches=(Interval(START, AT), Interval(AT + HOUR, UNTIL)))
    assert solve([evening], roster(*people))[0] == {1: (LI, AT + HOUR, "owner_later")}


def test_the_plain_assigner_goes_the_same_ways_but_waits_for_nobody() -> None:
    people = [agent(LI), agent(ZHAO)]
    slots = day_of(LI, since=AT + HOUR, slots=4) + day_of(ZHAO)
    placed, left = PlainAssigner().assign([appointment(1, people)], roster(*people, slots=slots), POLICY)
    assert [(p.agent_id, p.at, p.rule) for p in placed] == [(ZHAO, AT, "anybody_instead")]
    slots = day_of(ZHAO, since=AT + HOUR, slots=4)
    placed, left = PlainAssigner().assign([appointment(1, people)], roster(*people, slots=slots), POLICY)
    assert [(p.agent_id, p.at, p.rule) for p in placed] == [(ZHAO, AT + HOUR, NOT_KEPT)]
    placed, left = PlainAssigner().assign([appointment(1, people)], roster(*people, slots=day_of(LI, slots=2)), POLICY)
    assert [item.reason for item in left] == [NOT_KEPT]
    placed, left = PlainAssigner().assign([appointment(1, people, language="fr")], roster(*people), POLICY)
    assert [item.reason for item in left] == ["nobody_qualifies"]


def ordinary(number: int, **changes: Any) -> Demand:
    return replace(appointment(number, [], owner=None, **changes), at=None, ways=(), earliest=START)


def test_which_limit_it_is_that_leaves_a_callback_without_a_place() -> None:
    lazy, busy = agent(LI, daily_capacity=0), agent(ZHAO)
    assert solve([ordinary(1)], roster(lazy))[1] == {1: "day_full"}
    full = [replace(slot, booked_seconds=1800) for slot in day_of(ZHAO)]
    assert solve([ordinary(1)], roster(busy, slots=full))[1] == {1: "no_capacity"}
    assert solve([ordinary(1)], roster(lazy, busy, slots=[*day_of(LI), *full]))[1] == {1: "day_full"}
    booked = {(ZHAO, date(2026, 3, 11)): 40}
    assert solve([ordinary(1)], roster(busy, booked_today=booked))[1] == {1: "day_full"}


def test_who_could_and_has_no_shift_is_another_matter_than_that_nobody_could() -> None:
    li, zhao = agent(LI, languages=frozenset({"en"})), agent(ZHAO)
    board = roster(li, zhao, slots=day_of(LI))
    assert solve([ordinary(1), ordinary(2, language="fr")], board)[1] == {1: "no_agents", 2: "nobody_qualifies"}
    barred = replace(ordinary(1), excluded=frozenset({ZHAO}))
    assert solve([barred], board)[1] == {1: "nobody_qualifies"}
    assert solve([ordinary(1)], roster(slots=()))[1] == {1: "no_agents"}
