"""A supervisor moves callbacks to other agents: one, or everything of somebody who is absent.

The hard rules are kept: what may not be moved stays where it is, and is told with the rule that forbids it. What was
done is kept with the place that each callback had before, and can be undone (`services/moves.py`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from callback.db import reassignments as rows
from callback.db import slots
from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback
from callback.db.waiting import Waiting, read_waiting
from callback.domain.assignment import Assigner, Demand, Left, Placement, Roster
from callback.domain.facts import AgentFacts
from callback.domain.policy import Policy
from callback.domain.rules import Contact, against
from callback.domain.words import Channel, MoveKind
from callback.errors import Invalid, NotFound
from callback.services import assignments, audit, demands, moves
from callback.services.moves import MOVABLE, Stays
from callback.services.optimum import OptimalAssigner

MOST_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Moved:
    handle: str
    agent_id: int
    at: datetime
    from_agent_id: int | None = None
    """None for one that nobody had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Calls of one agent on one day of theirs, planned and done."""

    agent_id: int
    day: date
    before: int
    after: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Outcome:
    moved: tuple[Moved, ...]
    stays: tuple[Stays, ...]
    loads: tuple[Load, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    """Of everything that was asked about, as it was read: hand them in again, and what changed since is not moved."""
    move_id: int | None = None
    """To undo it by; None of a preview and where nothing moved."""


def of_agent(session: Session, agent_id: int) -> list[int]:
    """Ids of every live callback in this agent's list."""
    return list(
        session.scalars(
            select(Callback.id)
            .where(Callback.agent_id == agent_id, Callback.state.in_(MOVABLE))
            .order_by(Callback.planned_at, Callback.id)
        )
    )


def by_handles(session: Session, handles: Sequence[str]) -> list[int]:
    """Ids in the order of `handles`. Raises `NotFound` naming the first that does not exist."""
    found = dict(
        session.execute(select(Callback.handle, Callback.id).where(Callback.handle.in_(handles))).tuples().all()
    )
    for handle in handles:
        if handle not in found:
            raise NotFound("callback_not_found", callback=handle)
    return [found[handle] for handle in dict.fromkeys(handles)]


def reassign(
    session: Session,
    *,
    callback_ids: Sequence[int],
    to: frozenset[int] | None,
    by: int | None,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    leaving: int | None = None,
    dry_run: bool = False,
    versions: Mapping[str, int] | None = None,
    remember: bool = True,
    assigner: Assigner | None = None,
) -> Outcome:
    """Give these callbacks to agents in `to`, each at its next legal moment with room.

    With None to anybody but `leaving` and who has it. With `dry_run` nothing is written and the outcome is the preview.
    What goes to a chosen agent is pinned there. With `versions` (by handle) what somebody changed since stays, and is
    named. `remember`: so that it can be undone; without it the caller does. Raises `Invalid` for a missing reason, too
    many callbacks, or an agent who has no shifts.
    """
    _check(session, callback_ids, to, reason)
    assignments.prepare(session, now=now, moment=now, zone=zone)
    thought = _think(session, callback_ids, to, now=now, zone=zone, leaving=leaving, versions=versions, by=assigner)
    if dry_run:
        return thought.outcome(thought.kept)
    written = assignments.write(
        session, thought.kept, (), {row.id: (row.version, row.case_id) for row in thought.movable}, now=now,
        about="reassignment", actor_id=by, pinned=to is not None,
    )  # fmt: skip
    move_id = None
    if written and remember:
        before = [moves.before_of(thought.present[i]) for i in sorted(written)]
        after = [moves.with_version(part, part.version + 1) for part in before]
        move_id = moves.keep(session, kind=MoveKind.REASSIGN, before=after, by=by, reason=reason, now=now)
    outcome = thought.outcome([p for p in thought.kept if p.callback_id in written], move_id)
    handles = [row.handle for row in thought.present.values()]
    audit.record(
        session, now=now, actor_id=by, action="callbacks.reassigned", subject_kind="callback",
        subject_id=handles[0] if len(handles) == 1 else None, reason=reason, moved=len(outcome.moved),
        stayed=len(outcome.stays), leaving=leaving, to=sorted(to) if to is not None else None, move=move_id,
    )  # fmt: skip
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thought:
    """What would go where, before anything is written."""

    present: Mapping[int, Row[Any]]
    movable: Sequence[Waiting]
    kept: Sequence[Placement]
    stays: Sequence[Stays]
    roster: Roster

    def outcome(self, done: Sequence[Placement], move_id: int | None = None) -> Outcome:
        """With `done` of what was kept; what is missing was changed by somebody while we thought."""
        gone = {p.callback_id for p in self.kept} - {p.callback_id for p in done}
        late = [Stays(self.present[i].handle, "stays.changed", {}) for i in sorted(gone)]
        return Outcome(
            moved=tuple(_moved(p, self.present) for p in done),
            stays=(*self.stays, *late),
            loads=_loads(self.roster, self.movable, done),
            versions={row.handle: row.version for row in self.present.values()},
            move_id=move_id,
        )


def _think(
    session: Session,
    callback_ids: Sequence[int],
    to: frozenset[int] | None,
    *,
    now: datetime,
    zone: ZoneInfo,
    leaving: int | None,
    versions: Mapping[str, int] | None,
    by: Assigner | None,
) -> _Thought:
    policy = load_policy(session)
    facts = demands.read_facts(session, moment=now, policy=policy, zone=zone)
    allowed = frozenset(facts.agents) - {leaving} if to is None else to
    present = {row.id: row for row in rows.present(session, callback_ids)}
    stays = list(_not_movable(present.values(), versions))
    staying = {item.handle for item in stays}
    movable = [r for r in read_waiting(session, callback_ids) if present[r.id].handle not in staying]
    items = list(demands.build_items(session, movable, facts, only=allowed))
    if to is None:  # to somebody else, or it would be no reassignment
        items = [(row, contact, _without_holder(item, row.agent_id)) for row, contact, item in items]
    roster = demands.read_roster(session, movable, facts, moving=movable)
    wanted = [item for _, _, item in items if isinstance(item, Demand)]
    placed, left = (by or OptimalAssigner()).assign(wanted, roster, policy)
    kept = [p for p in placed if p.agent_id != present[p.callback_id].agent_id]
    asked = [facts.agents[agent_id] for agent_id in sorted(allowed) if agent_id in facts.agents]
    stays += _left_where_they_are(items, placed, left, kept, present=present, policy=policy, asked=asked)
    return _Thought(present=present, movable=movable, kept=kept, stays=stays, roster=roster)


def _check(session: Session, callback_ids: Sequence[int], to: frozenset[int] | None, reason: str) -> None:
    if not reason.strip():
        raise Invalid("reassign_reason_missing")
    if not callback_ids:
        raise Invalid("reassign_nothing")
    if len(callback_ids) > MOST_AT_ONCE:
        raise Invalid("reassign_too_many", most=MOST_AT_ONCE)
    if to is None:
        return
    known = dict(session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(to))).tuples().all())
    at_work = slots.agents_at_work(session, which=Agent.id.in_(to))
    for agent_id in sorted(to):
        if agent_id not in known:
            raise NotFound("agent_not_found", agent=agent_id)
        if agent_id not in at_work:
            raise Invalid("agent_has_no_shifts", agent=known[agent_id])


def _not_movable(present: Iterable[Row[Any]], versions: Mapping[str, int] | None) -> Iterable[Stays]:
    for row in present:
        if row.state not in MOVABLE:
            yield Stays(row.handle, f"stays.{row.state.value}", {})
        elif row.channel is not Channel.AGENT:
            yield Stays(row.handle, "stays.automatic", {})
        elif versions is not None and versions.get(row.handle) != row.version:
            yield Stays(row.handle, "stays.changed", {})


def _without_holder(item: Demand | Left | None, agent_id: int | None) -> Demand | Left | None:
    if not isinstance(item, Demand) or agent_id is None:
        return item
    return replace(item, excluded=item.excluded | {agent_id})


def _left_where_they_are(
    items: Sequence[demands.Item],
    placed: Sequence[Placement],
    left: Sequence[Left],
    kept: Sequence[Placement],
    *,
    present: Mapping[int, Row[Any]],
    policy: Policy,
    asked: Sequence[AgentFacts],
) -> Iterable[Stays]:
    reasons = {item.callback_id: item.reason for item in left}
    at_home = {p.callback_id for p in placed} - {p.callback_id for p in kept}
    for row, contact, item in items:
        handle = present[row.id].handle
        if not isinstance(item, Demand):
            yield Stays(handle, f"stays.{'later' if item is None else item.reason}", {})
        elif row.id in reasons:
            yield _why(handle, reasons[row.id], contact=contact, policy=policy, asked=asked)
        elif row.id in at_home:
            yield Stays(handle, "stays.same_agent", {})


def _why(handle: str, reason: str, *, contact: Contact, policy: Policy, asked: Sequence[AgentFacts]) -> Stays:
    """The rules that forbid it to each of those who were asked; where there is none, that nobody of them can."""
    if reason != "nobody_qualifies":
        return Stays(handle, f"stays.{reason}", {})
    refused = [rules for agent in asked if (rules := tuple(against(contact, agent, policy)))]
    shared = set.intersection(*({rule.reason for rule in rules} for rules in refused)) if refused else set()
    if not shared:
        return Stays(handle, "stays.nobody_qualifies", {})
    return Stays.by_rules(handle, [rule for rule in refused[0] if rule.reason in shared])


def _moved(placement: Placement, present: Mapping[int, Row[Any]]) -> Moved:
    row = present[placement.callback_id]
    return Moved(row.handle, placement.agent_id, placement.at, row.agent_id)


def _loads(roster: Roster, moving: Sequence[Waiting], kept: Sequence[Placement]) -> tuple[Load, ...]:
    """What it does to the days of those who give and take. The roster does not count the `moving` ones."""
    agents = {agent.id: agent for agent in roster.agents}
    goes = {p.callback_id: p for p in kept}
    before: Counter[tuple[int, date]] = Counter()
    after: Counter[tuple[int, date]] = Counter()
    for row in moving:
        if row.agent_id in agents and row.planned_at is not None:
            key = (row.agent_id, row.planned_at.astimezone(agents[row.agent_id].zone).date())
            before[key] += 1
            after[key] += row.id not in goes
    for p in kept:
        after[p.agent_id, p.at.astimezone(agents[p.agent_id].zone).date()] += 1
    return tuple(
        Load(
            agent_id=agent_id,
            day=day,
            before=roster.booked_today.get((agent_id, day), 0) + before[agent_id, day],
            after=roster.booked_today.get((agent_id, day), 0) + after[agent_id, day],
            capacity=agents[agent_id].daily_capacity,
        )
        for agent_id, day in sorted(before.keys() | after.keys(), key=lambda key: (key[1], key[0]))
        if before[agent_id, day] != after[agent_id, day]
    )
