"""Assignment: waiting callbacks get an agent and a slot. Hard rules decide what is possible, the assigner chooses.

Read, think, write are three steps: nothing is locked while the assigner thinks. What somebody changed in between is
left alone (the write is conditional) and comes again next time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Table, or_, select, update
from sqlalchemy.orm import Session, aliased

from callback.db import bulk, plans, slots
from callback.db import decisions as decision_rows
from callback.db.engine import SessionFactory, reading
from callback.db.planner_lock import only_planner
from callback.db.policies import load_policy
from callback.db.shards import EVERYTHING, Shard
from callback.db.tables import Agent, Callback, Decision
from callback.db.waiting import read_movable
from callback.domain.appointment import NOT_KEPT
from callback.domain.assignment import Assigner, Left, Placement
from callback.domain.moment import start_of_day
from callback.domain.words import BlockedBy, CallbackState
from callback.services import gains, kept_plans, kept_slots
from callback.services.collector import paused_collector
from callback.services.demands import People, read_people
from callback.services.optimum import Proof
from callback.services.overruns import Overruns
from callback.services.problems import Problem, read_problem, solve

CALLBACKS: Table = Callback.__table__  # type: ignore[assignment]
DECISIONS: Table = Decision.__table__  # type: ignore[assignment]
CHANGED_COLUMNS = ("state", "blocked_by", "agent_id", "slot_id", "planned_at", "pinned", "updated_at", "version")
DECISION_COLUMNS = ("case_id", "callback_id", "about", "rule", "verdict", "inputs", "at", "actor_id")
MOST_MOVED = 2_000
"""Of the callbacks that have time, so many are asked to make room for one that has none."""
MOMENT = "%Y-%m-%d %H:%M:%S.%f"
"""In UTC, as `bulk` wants moments that are ready."""
Versions = Mapping[int, tuple[int, int]]
"""Callback → its version when it was read, and its case."""
_A_MOMENT = timedelta(microseconds=1)
BLOCKS = {
    "nobody_qualifies": BlockedBy.NOBODY_QUALIFIES,
    "no_legal_moment": BlockedBy.NO_LEGAL_MOMENT,
}
"""What is left for these reasons waits for a supervisor; what is left for want of room waits for the next planning."""
FOR_ROOM = frozenset({"no_capacity", "day_full", "no_legal_slot", "no_agents", NOT_KEPT})


@dataclass(slots=True)
class AssignmentReport:
    assigned: int = 0
    released: int = 0
    """Callbacks that lost their place: the day has passed, the agent is absent or has left."""
    moved: int = 0
    """Callbacks that were in a list and are now in another place."""
    overran: int = 0
    """Among those: because calls before them ran over."""
    left: Counter[str] = field(default_factory=Counter)
    """Not placed, by reason."""
    proof: Proof | None = None
    """What the solver proves about this plan; None for another assigner, and when there was nothing to place."""

    def add(self, other: "AssignmentReport") -> None:
        """The report of another shard. Of the proofs the figures are added up, and the dearest times put together."""
        self.assigned += other.assigned
        self.released += other.released
        self.moved += other.moved
        self.overran += other.overran
        self.left += other.left
        self.proof = other.proof if self.proof is None else self.proof.joined(other.proof)


def assign(
    sessions: SessionFactory,
    *,
    now: datetime,
    zone: ZoneInfo,
    moment: datetime | None = None,
    assigner: Assigner | None = None,
    afresh: bool = False,
    shard: Shard = EVERYTHING,
    keep: bool = False,
) -> AssignmentReport:
    """Place every waiting callback that an agent has to make, over the policy's horizon.

    `zone` is the centre's: it decides when a day has passed. `moment` as in `services.plans.plan`. Running it again
    moves nothing that has its place; `afresh` gives new places to all that is neither pinned, nor an appointment, nor
    about to begin, and moves only what that makes better. `keep`: question and answer, for a dispute.
    """
    moment = moment or now
    # On a day to come nobody is late yet.
    late = Overruns() if moment > now else None
    report = AssignmentReport()
    with only_planner(sessions, shard.name if shard.by_team else None), paused_collector():
        with sessions.begin() as session:
            people = read_people(session, shard)
            report.released = prepare(session, now=now, moment=moment, zone=zone, shard=shard, people=people)
        with reading(sessions) as session:
            problem = read_problem(
                session, moment=moment, zone=zone, afresh=afresh, shard=shard, people=people, late=late
            )
            answer = solve(problem, assigner)
            missed = _would_be_late(problem, answer.placed)
            if missed and not afresh and assigner is None:
                wider = _with_who_can_wait(session, problem, people, until=max(missed), moment=moment, zone=zone)
                if wider is not None:
                    problem, answer = wider, solve(wider)
        report.proof = answer.proof
        with sessions.begin() as session:
            _write_plan(session, problem, answer.placed, answer.left, now=now, report=report)
            if moment == now and assigner is None:
                gains.remember(session, shard, report.proof, now=now)
                if keep:
                    kept_plans.keep(session, problem, answer, now=now)
    return report


def _would_be_late(problem: Problem, placed: Sequence[Placement]) -> list[datetime]:
    """Due times that could be kept, and would not be; and the minutes of appointments, with the slot they lie in."""
    at = {**problem.behind, **{p.callback_id: p.at for p in placed}}
    late = [
        d.due
        for d in problem.demands
        if d.earliest <= d.due and d.at is None and at.get(d.callback_id, d.due + _A_MOMENT) > d.due
    ]
    slot = problem.policy.slot
    return late + [d.at + slot for d in problem.demands if d.at is not None and at.get(d.callback_id) != d.at]


def _with_who_can_wait(
    session: Session, problem: Problem, people: People, *, until: datetime, moment: datetime, zone: ZoneInfo
) -> Problem | None:
    """The same question, when callbacks that have time may make room for those that have none.

    Only so many of them as are solved in a blink: the rest of the plan stays what it is. None where nobody can wait.
    """
    since = moment + problem.policy.freeze
    moving = read_movable(session, since=since, shard=problem.shard, until=until, most=MOST_MOVED)
    if not moving:
        return None
    return read_problem(
        session, moment=moment, zone=zone, shard=problem.shard, policy=problem.policy, people=people, moving=moving,
        late=problem.late,
    )  # fmt: skip


def _write_plan(
    session: Session,
    problem: Problem,
    placed: Sequence[Placement],
    left: Sequence[Left],
    *,
    now: datetime,
    report: AssignmentReport,
) -> None:
    """Write what is new: who stays where they are is not touched."""
    before = {row.id: row for row in problem.rows}
    if problem.shard.by_team:
        placed = _not_elsewhere(session, problem, placed)
    # Whoever moves callbacks by hand brings slots up to date as well, and may have taken one away since we looked.
    there = slots.hold(session, {p.slot_id for p in placed})
    placed = [p for p in placed if p.slot_id in there]
    news = [p for p in placed if p.slot_id != before[p.callback_id].slot_id]
    lost = [
        item
        for item in left
        if before[item.callback_id].blocked_by is not BLOCKS.get(item.reason)
        or before[item.callback_id].slot_id is not None
    ]
    versions = {row.id: (row.version, row.case_id) for row in problem.rows}
    rules = {p.callback_id: p.rule for p in placed if p.rule is not None}
    rules |= dict.fromkeys(problem.behind, "ran_over")
    report.assigned = len(write(session, news, lost, versions, now=now, rules=rules))
    report.moved = sum(before[p.callback_id].slot_id is not None for p in news)
    report.overran = sum(p.callback_id in problem.behind for p in news)
    report.left = Counter(item.reason for item in left)
    _tell_left(session, left, versions, told={item.callback_id for item in lost}, now=now)


def _tell_left(session: Session, left: Sequence[Left], versions: Versions, *, told: set[int], now: datetime) -> None:
    """A decision for each callback that now waits for want of room: `explain` and the findings tell it by name."""
    waiting = {item.callback_id: item.reason for item in left if item.reason in FOR_ROOM}
    before = decision_rows.last_rules(session, waiting, about="assignment")
    news: list[tuple[Any, ...]] = [
        (versions[i][1], i, "assignment", reason, CallbackState.WAITING.value, {}, now, None)
        for i, reason in waiting.items()
        if i not in told and before.get(i) != reason
    ]
    bulk.insert_rows(session, DECISIONS, DECISION_COLUMNS, news)


def _not_elsewhere(session: Session, problem: Problem, placed: Sequence[Placement]) -> list[Placement]:
    """Without customers with several callbacks whom another shard has placed, or is placing, since we looked.

    They are locked for this transaction, or left to the next planning where somebody else holds them.
    """
    customer_of = {row.id: row.customer_id for row in problem.rows}
    shared = slots.customers_with_several(session, {customer_of[p.callback_id] for p in placed})
    locked = plans.lock_customers(session, shared)
    moved = {row.id for row in problem.rows}
    now_placed = slots.placed_contacts(session, locked, except_for=moved)
    changed = {c for c in locked if sorted(now_placed.get(c, ())) != sorted(problem.roster.contacts.get(c, ()))}
    unsure = (shared - locked) | changed
    return [p for p in placed if customer_of[p.callback_id] not in unsure]


def prepare(
    session: Session,
    *,
    now: datetime,
    moment: datetime,
    zone: ZoneInfo,
    shard: Shard = EVERYTHING,
    people: People | None = None,
) -> int:
    """Bring slots up to date and release what has lost its place; returns how many were released."""
    policy = load_policy(session)
    people = people or read_people(session, shard)
    first = start_of_day(moment.astimezone(zone).date(), zone)
    released = kept_slots.keep(session, people, policy, now=now, moment=moment, first=first, shard=shard)
    return released + _release_stale(session, now=now, first=start_of_day(now.astimezone(zone).date(), zone))


def _release_stale(session: Session, *, now: datetime, first: datetime) -> int:
    """Yesterday's leftovers, and what waits for somebody who has left, need a new place. Pinned ones stay."""
    agent = aliased(Agent)
    gone = select(agent.id).where(~agent.active)
    stale = or_(
        (Callback.planned_at < first) & ~Callback.pinned,
        Callback.agent_id.in_(gone),
    )
    result = session.execute(
        update(Callback)
        .where(Callback.state == CallbackState.ASSIGNED, stale)
        .values(**slots.NOWHERE, updated_at=now, version=Callback.version + 1)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def write(
    session: Session,
    placed: Sequence[Placement],
    left: Sequence[Left],
    versions: Versions,
    *,
    now: datetime,
    about: str = "assignment",
    actor_id: int | None = None,
    pinned: bool = False,
    rules: Mapping[int, str] = MappingProxyType({}),
) -> frozenset[int]:
    """Write what still holds: what changed since it was read keeps what it has. Returns those that were placed.

    `left` is what has to change its state for not having been placed: blocked now, or not blocked any more.
    """
    answers: dict[int, Placement | Left] = {p.callback_id: p for p in placed}
    answers |= {item.callback_id: item for item in left}
    ordered = [answers[callback_id] for callback_id in sorted(answers)]
    changes = list(_changes(ordered, versions, now=now, pinned=pinned))
    # The database is busy with the changes for as long as it takes to write down why.
    with ThreadPoolExecutor(max_workers=1) as thread:
        changed = thread.submit(bulk.update_unchanged, session, CALLBACKS, CHANGED_COLUMNS, changes)
        reasons = list(_reasons(ordered, versions, now=now, about=about, actor_id=actor_id, rules=rules))
        unchanged = changed.result()
    if len(unchanged) < len(ordered):
        reasons = [row for row in reasons if row[1] in unchanged]
    bulk.insert_rows(session, DECISIONS, DECISION_COLUMNS, reasons, ready=True)
    return frozenset(answer.callback_id for answer in placed if answer.callback_id in unchanged)


def _changes(
    answers: Iterable[Placement | Left], versions: Versions, *, now: datetime, pinned: bool
) -> Iterator[tuple[Any, ...]]:
    written = f"{now.astimezone(UTC):{MOMENT}}"
    moments = _Moments()
    for answer in answers:
        version = versions[answer.callback_id][0] + 1
        if isinstance(answer, Placement):
            where = (answer.agent_id, answer.slot_id, moments[answer.at])
            yield (answer.callback_id, "assigned", None, *where, pinned, written, version)
        else:
            why = BLOCKS.get(answer.reason)
            state = "blocked" if why else "waiting"
            yield (answer.callback_id, state, why and why.value, None, None, None, False, written, version)


def _reasons(
    answers: Iterable[Placement | Left],
    versions: Versions,
    *,
    now: datetime,
    about: str,
    actor_id: int | None,
    rules: Mapping[int, str],
) -> Iterator[tuple[Any, ...]]:
    decided = f"{now.astimezone(UTC):{MOMENT}}"
    written: dict[datetime, str] = {}
    for answer in answers:
        callback_id, case_id = answer.callback_id, versions[answer.callback_id][1]
        if isinstance(answer, Placement):
            at = written.get(answer.at) or written.setdefault(answer.at, answer.at.isoformat())
            inputs = f'{{"agent_id": {answer.agent_id}, "at": "{at}"}}'
            rule, verdict = rules.get(callback_id, "best_plan"), "assigned"
        else:
            inputs, rule, verdict = "{}", answer.reason, "blocked" if answer.reason in BLOCKS else "waiting"
        yield (case_id, callback_id, about, rule, verdict, inputs, decided, actor_id)


class _Moments(dict[datetime, str]):
    """Moments as both databases take them; thousands of calls begin at the same one."""

    def __missing__(self, at: datetime) -> str:
        return self.setdefault(at, f"{at.astimezone(UTC):{MOMENT}}")
