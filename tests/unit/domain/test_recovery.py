"""Causes of three kinds, and the three changes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callback.domain.recovery import CAUSE_OF, SUB_CAUSES, Contacted, Finding, ThreeChanges, three_changes
from callback.domain.words import Cause, Channel, PartOfDay, SubCause

FIRST = Contacted(
    agent_id=1,
    team_id=1,
    channel=Channel.AGENT,
    address="+8613800138000",
    part_of_day=PartOfDay.MORNING,
    at=datetime(2026, 3, 11, 2, 0, tzinfo=UTC),
)


def test_each_finer_cause_belongs_to_one_kind() -> None:
    assert set(SUB_CAUSES) == set(Cause)
    assert set(CAUSE_OF) == set(SubCause)
    assert sum(map(len, SUB_CAUSES.values())) == len(SubCause)


@pytest.mark.parametrize(
    ("finding", "contradicts"),
    [
        (Finding(), False),
        (Finding(cause=Cause.PRODUCT), False),
        (Finding(sub_cause=SubCause.DEFECT), False),
        (Finding(cause=Cause.PRODUCT, sub_cause=SubCause.DEFECT), False),
        (Finding(cause=Cause.SERVICE, sub_cause=SubCause.DEFECT), True),
    ],
)
def test_a_finding_that_contradicts_itself(finding: Finding, contradicts: bool) -> None:
    assert finding.contradicts_itself is contradicts


@pytest.mark.parametrize(
    ("later", "changes"),
    [
        (FIRST, (False, False, False)),
        (replace(FIRST, agent_id=2), (True, False, False)),
        (replace(FIRST, agent_id=None), (None, False, False)),
        (replace(FIRST, team_id=2), (False, True, False)),
        (replace(FIRST, channel=Channel.VOICE), (False, True, False)),
        (replace(FIRST, address="+8613900139000"), (False, True, False)),
        (replace(FIRST, part_of_day=PartOfDay.EVENING), (False, False, True)),
    ],
)
def test_what_has_changed(later: Contacted, changes: tuple[bool | None, bool, bool]) -> None:
    person, place, time = changes
    assert three_changes(FIRST, later) == ThreeChanges(person=person, place=place, time=time)


def test_all_three_changed_and_none_known() -> None:
    later = replace(FIRST, agent_id=2, team_id=2, part_of_day=PartOfDay.EVENING)
    assert three_changes(FIRST, later).all
    assert not three_changes(FIRST, FIRST).all
    for pair in ((None, later), (FIRST, None)):
        assert three_changes(*pair) == ThreeChanges(person=None, place=None, time=None)
