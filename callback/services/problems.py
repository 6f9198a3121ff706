"""The question that a planning puts to the assigner, and the answer: what is to be placed, and where there is room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.domain.assignment import Assigner, Demand, Left, Placement, Roster
from callback.domain.policy import Policy
from callback.services import overruns
from callback.services.demands import (
    EVERYTHING,
    People,
    Shard,
    build_items,
    read_bookings,
    read_facts,
    read_movable,
    read_people,
    read_roster,
    read_waiting,
)
from callback.services.optimum import OptimalAssigner, Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One planning, as the assigner gets it. With what is needed to write the answer."""

    demands: Sequence[Demand]
    roster: Roster
    policy: Policy
    rows: Sequence[Row[Any]]
    impossible: Sequence[Left]
    """Told before the assigner is asked."""
    shard: Shard
    behind: Mapping[int, datetime] = field(default_factory=dict)
    """Callbacks whose agents have fallen behind, and when they would get to them: sooner elsewhere, or not moved."""


def read_problem(
    session: Session,
    *,
    moment: datetime,
    zone: ZoneInfo,
    afresh: bool = False,
    shard: Shard = EVERYTHING,
    policy: Policy | None = None,
    moving: Sequence[Row[Any]] = (),
    people: People | None = None,
    later: bool = False,
) -> Problem:
    """What is to be placed now, and where there is room. `policy` other than the one in force: a what-if.

    `moving` callbacks are placed, and may be moved; with `afresh` all that may be. What no longer fits because calls
    ran over may be moved too, unless `later`: the question is about a day to come.
    """
    policy = policy or load_policy(session)
    people = people or read_people(session, shard)
    facts = read_facts(session, moment=moment, policy=policy, zone=zone, people=people)
    bookings = read_bookings(session, facts)
    late = overruns.Overruns()
    if not later:
        late = overruns.find(session, bookings, facts.durations, policy, hours=people.hours, now=moment)
    waiting = read_waiting(session, shard=shard)
    if afresh:
        moving = read_movable(session, since=moment + policy.freeze, shard=shard)
    known = {row.id for row in moving}
    moving = [*moving, *(row for row in read_waiting(session, list(late.behind)) if row.id not in known)]
    rows = [*waiting, *moving]
    items = [item for _, _, item in build_items(session, rows, facts)]
    if not afresh:
        # Through the day nobody is moved for a better chance, but only to make room.
        steady = {row.id for row in moving}
        items = [replace(i, odds=None) if isinstance(i, Demand) and i.callback_id in steady else i for i in items]
    roster = read_roster(session, rows, facts, moving=moving, bookings=bookings)
    return Problem(
        demands=[item for item in items if isinstance(item, Demand)],
        roster=replace(roster, slots=late.occupy(roster.slots)),
        policy=policy,
        rows=rows,
        impossible=[item for item in items if isinstance(item, Left)],
        shard=shard,
        behind=late.behind,
    )


def solve(
    problem: Problem, assigner: Assigner | None = None
) -> tuple[Sequence[Placement], Sequence[Left], Proof | None]:
    """Placements, everything that is left with its reason, and the proof when the assigner gives one."""
    assigner = assigner or OptimalAssigner()
    if not problem.demands:
        return [], problem.impossible, None
    proof: Proof | None = None
    placed: Sequence[Placement]
    if isinstance(assigner, OptimalAssigner):
        solution = assigner.solve(problem.demands, problem.roster, problem.policy)
        placed, left, proof = solution.placed, [*solution.left, *problem.impossible], solution.proof
    else:
        placed, unplaced = assigner.assign(problem.demands, problem.roster, problem.policy)
        left = [*unplaced, *problem.impossible]
    return _sooner(problem, placed), [item for item in left if item.callback_id not in problem.behind], proof


def _sooner(problem: Problem, placed: Sequence[Placement]) -> Sequence[Placement]:
    """Without the moves of callbacks whose agent is behind that would not be called sooner for it: they stay."""
    if not problem.behind:
        return placed
    return [p for p in placed if p.callback_id not in problem.behind or p.at < problem.behind[p.callback_id]]
