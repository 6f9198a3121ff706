"""In which ways an appointment may be kept, and in which order."""

from datetime import UTC, datetime, timedelta

from callback.domain.appointment import NOT_KEPT, Way, ways_to_keep
from callback.domain.facts import AgentFacts

AT = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
UNTIL = AT + 72 * HOUR
LI, WANG, ZHAO = 1, 2, 3
AGENTS = {
    agent_id: AgentFacts(agent_id, frozenset({"zh"}), team_id=team)
    for agent_id, team in ((LI, 7), (WANG, 7), (ZHAO, 8))
}
SOONEST = Way(NOT_KEPT, AT, UNTIL)


def ways(
    *, owner_id: int | None = LI, team_id: int | None = 7, wait: timedelta = 4 * HOUR, missed: bool = False
) -> tuple[Way, ...]:
    return ways_to_keep(
        AT, owner_id=owner_id, team_id=team_id, agents=AGENTS, wait=wait, until=UNTIL, missed=missed
    )  # fmt: skip


def test_the_owner_then_the_owner_later_then_the_team_then_anybody() -> None:
    assert ways() == (
        Way("owner", AT, AT, frozenset({LI})),
        Way("owner_later", AT, AT + 4 * HOUR, frozenset({LI})),
        Way("team_instead", AT, AT, frozenset({WANG})),
        Way("anybody_instead", AT, AT),
        SOONEST,
    )


def test_nobody_is_waited_for_where_the_policy_waits_for_nobody() -> None:
    assert [way.rule for way in ways(wait=timedelta(0))] == ["owner", "team_instead", "anybody_instead", NOT_KEPT]


def test_who_has_no_team_has_nobody_of_it() -> None:
    assert [way.rule for way in ways(team_id=None)] == ["owner", "owner_later", "anybody_instead", NOT_KEPT]
    assert [way.rule for way in ways(owner_id=ZHAO, team_id=8)] == ["owner", "owner_later", "anybody_instead", NOT_KEPT]


def test_with_anybody_it_is_anybody_at_the_minute_or_as_soon_as_somebody_can() -> None:
    assert ways(owner_id=None) == (Way("anybody", AT, AT), SOONEST)


def test_what_is_missed_is_called_as_soon_as_somebody_can_and_by_the_owner_if_it_is_all_the_same() -> None:
    assert ways(owner_id=None, missed=True) == (SOONEST,)
    assert ways(missed=True) == (Way(NOT_KEPT, AT, AT, frozenset({LI})), SOONEST)
    assert not SOONEST.to_the_minute
