"""The question that a planning puts to the assigner, and the answer: what is to be placed, and where there is room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.db.shards import EVERYTHING, Shard
from callback.db.waiting import Waiting, read_movable, read_waiting
from callback.domain.assignment import Assigner, Demand, Left, Placement, Roster
from callback.domain.policy import Policy
from callback.services import overruns
from callback.services.demands import People, build_items, read_bookings, read_facts, read_people, read_roster
from callback.services.optimum import OptimalAssigner, Proof, Solution
from callback.services.overruns import Overruns

ROUNDS = 3
"""How often the rest is asked again when late agents' callbacks stay after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One planning, as the assigner gets it. With what is needed to write the answer."""

    demands: Sequence[Demand]
    roster: Roster
    policy: Policy
    rows: Sequence[Waiting]
    impossible: Sequence[Left]
    """Told before the assigner is asked."""
    shard: Shard
    late: Overruns
    """What calls that ran over mean for this planning."""

    @property
    def behind(self) -> Mapping[int, datetime]:
        """Callbacks whose agents are late, and when they would get to them: sooner elsewhere, or not moved."""
        return self.late.behind


def read_problem(
    session: Session,
    *,
    moment: datetime,
    zone: ZoneInfo,
    afresh: bool = False,
    shard: Shard = EVERYTHING,
    policy: Policy | None = None,
    moving: Sequence[Waiting] = (),
    people: People | None = None,
    late: Overruns | None = None,
) -> Problem:
    """What is to be placed now, and where there is room. `policy` other than the one in force: a what-if.

    `moving` callbacks are placed, and may be moved; with `afresh` all that may be, and `moving` besides. What no longer
    fits because calls ran over may be moved too (`late`, where that is known already, or is not to be asked).
    """
    policy = policy or load_policy(session)
    people = people or read_people(session, shard)
    facts = read_facts(session, moment=moment, policy=policy, zone=zone, people=people)
    bookings = read_bookings(session, facts)
    if late is None:
        late = overruns.find(session, bookings, facts.durations, policy, hours=people.hours, now=moment)
    waiting = read_waiting(session, shard=shard)
    if afresh:
        given = {row.id for row in moving}
        movable = read_movable(session, since=moment + policy.freeze, shard=shard)
        moving = [*moving, *(row for row in movable if row.id not in given)]
    # Of late agents nothing moves but what does not fit: the rest of their list is on the way already.
    moving = [row for row in moving if row.agent_id not in late.walks]
    moving += read_waiting(session, list(late.behind))
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
        late=late,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """Placements, everything that is left with its reason; what was asked in the end, and what the solver said."""

    placed: Sequence[Placement]
    left: Sequence[Left]
    asked: Sequence[Demand] = ()
    solution: Solution | None = None
    """None for another assigner, and when there was nothing to place."""

    @property
    def proof(self) -> Proof | None:
        return None if self.solution is None else self.solution.proof


def solve(problem: Problem, assigner: Assigner | None = None) -> Answer:
    """What becomes of each demand.

    Callbacks whose agent is behind are only moved to where they are called sooner. The others stay, and then nobody
    has to make room for them: so the rest is asked again without them.
    """
    demands = problem.demands
    answer = _ask(problem, demands, assigner)
    for round_left in reversed(range(ROUNDS)):
        late = {demand.callback_id for demand in demands} & problem.behind.keys()
        sooner = {
            p.callback_id for p in answer.placed if p.callback_id in late and p.at < problem.behind[p.callback_id]
        }
        if late == sooner:
            break
        asked = sooner if round_left else set[int]()
        demands = [d for d in demands if d.callback_id in asked or d.callback_id not in late]
        answer = _ask(problem, demands, assigner)
    left = [item for item in (*answer.left, *problem.impossible) if item.callback_id not in problem.behind]
    return replace(answer, left=left)


def _ask(problem: Problem, demands: Sequence[Demand], assigner: Assigner | None) -> Answer:
    assigner = assigner or OptimalAssigner()
    if not demands:
        return Answer([], [])
    if isinstance(assigner, OptimalAssigner):
        solution = assigner.solve(demands, problem.roster, problem.policy)
        return Answer(solution.placed, solution.left, demands, solution)
    return Answer(*assigner.assign(demands, problem.roster, problem.policy))
