"""Who keeps an appointment when its owner is not there."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from callback.domain.appointment import Keeper, keeper
from callback.domain.facts import AgentFacts, ShiftFact
from callback.domain.shift import WorkingTime

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
"""Wednesday, ten in the morning in Shanghai."""
HOUR = timedelta(hours=1)
LI, WANG, ZHAO = 1, 2, 3
AGENTS = {
    agent_id: AgentFacts(agent_id, frozenset({"zh"}), team_id=team, zone=SHANGHAI)
    for agent_id, team in ((LI, 7), (WANG, 7), (ZHAO, 8))
}


def hours(starts: int, ends: int, **exceptions: tuple[tuple[time, time], ...]) -> WorkingTime:
    pattern = tuple(ShiftFact(day, time(starts), time(ends)) for day in range(7))
    return WorkingTime(SHANGHAI, pattern, {date(2026, 3, 11): hours for hours in exceptions.values()})


def kept(*, team_id: int | None = 7, **others: WorkingTime) -> Keeper:
    who = {"li": LI, "wang": WANG, "zhao": ZHAO}
    working = {who[name]: times for name, times in others.items()}
    return keeper(AT, owner_id=LI, team_id=team_id, hours=working, agents=AGENTS, tolerance=4 * HOUR)


def test_the_owner_who_is_there_keeps_it() -> None:
    assert kept(li=hours(9, 12), wang=hours(9, 18)) == Keeper(AT, frozenset({LI}), "owner")


def test_an_owner_who_is_back_within_the_tolerance_keeps_it_then() -> None:
    assert kept(li=hours(13, 18), wang=hours(9, 18)) == Keeper(AT + 3 * HOUR, frozenset({LI}), "owner_later")
    assert kept(li=hours(14, 18), wang=hours(9, 18)).rule == "owner_later", "the tolerance is included"
    assert kept(li=hours(15, 18), wang=hours(9, 18)).rule == "team_instead"


@pytest.mark.parametrize("away", [hours(9, 18, absent=()), hours(6, 9), None])
def test_a_colleague_of_the_team_stands_in(away: WorkingTime | None) -> None:
    wang, zhao = hours(9, 18), hours(9, 18)
    found = kept(wang=wang, zhao=zhao) if away is None else kept(li=away, wang=wang, zhao=zhao)
    assert found == Keeper(AT, frozenset({WANG}), "team_instead")


def test_where_nobody_of_the_team_works_anybody_does_it() -> None:
    assert kept(wang=hours(13, 18), zhao=hours(9, 18)) == Keeper(AT, None, "anybody_instead")
    assert kept(team_id=None, wang=hours(9, 18)) == Keeper(AT, None, "anybody_instead")


def test_a_tolerance_goes_over_midnight() -> None:
    late = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
    found = keeper(late, owner_id=LI, team_id=7, hours={LI: hours(1, 9)}, agents=AGENTS, tolerance=4 * HOUR)
    assert found == Keeper(late + 2 * HOUR, frozenset({LI}), "owner_later")
