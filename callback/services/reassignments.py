"""A supervisor moves callbacks to other agents: one, or everything of somebody who is absent.

The hard rules are kept: what may not be moved stays where it is, and is told with the rule that forbids it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db import slots
from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback
from callback.domain.assignment import Assigner, Demand, Placement
from callback.domain.facts import AgentFacts
from callback.domain.policy import Policy
from callback.domain.rules import Contact, Refusal, may
from callback.domain.words import CallbackState
from callback.errors import Invalid, NotFound
from callback.services import assignments, audit, demands
from callback.services.optimum import OptimalAssigner

MOVABLE = (CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.BLOCKED)
MOST_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Moved:
    handle: str
    agent_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Stays:
    """Not moved. `reason` is a code of `rule.…` (a hard rule) or `stays.…` (no room, under way, already ended)."""

    handle: str
    reason: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    moved: tuple[Moved, ...]
    stays: tuple[Stays, ...]


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
    assigner: Assigner | None = None,
) -> Outcome:
    """Give these callbacks to agents in `to` (None: to anybody but `leaving`), each at its next legal moment with room.

    With `dry_run` nothing is written and the outcome is the preview. What goes to a chosen agent is pinned there.
    Raises `Invalid` for a missing reason, too many callbacks, or an agent who has no shifts.
    """
    _check(session, callback_ids, to, reason)
    assignments.prepare(session, now=now, moment=now, zone=zone)
    policy = load_policy(session)
    agents = slots.agents_at_work(session)
    allowed = frozenset(agents) - {leaving} if to is None else to
    facts = demands.read_facts(session, moment=now, policy=policy, zone=zone)
    rows = demands.read_waiting(session, callback_ids)
    states = _states(session, callback_ids)
    movable = [row for row in rows if states[row.id][1] in MOVABLE]
    items = list(demands.build_items(session, movable, facts, only=allowed))
    wanted = [item for _, _, item in items if isinstance(item, Demand)]
    roster = demands.read_roster(session, movable, facts)
    placed, left = (assigner or OptimalAssigner()).assign(wanted, roster, policy)
    kept = [p for p in placed if p.agent_id != states[p.callback_id][2]]
    stays = [Stays(states[row.id][0], f"stays.{states[row.id][1].value}", {}) for row in rows if row not in movable]
    reasons = {item.callback_id: item.reason for item in left}
    asked = [agents[agent_id] for agent_id in sorted(allowed) if agent_id in agents]
    for row, contact, item in items:
        if not isinstance(item, Demand):
            reason_code = "no_legal_moment" if item is None else item.reason
            stays.append(Stays(states[row.id][0], f"stays.{reason_code}", {}))
        elif row.id in reasons:
            stays.append(_why(states[row.id][0], reasons[row.id], contact=contact, policy=policy, asked=asked))
    if not dry_run:
        versions = {row.id: (row.version, row.case_id) for row in movable}
        assignments.write(
            session, kept, (), versions, now=now, about="reassignment", actor_id=by, pinned=to is not None
        )
        audit.record(
            session,
            now=now,
            actor_id=by,
            action="callbacks.reassigned",
            subject_kind="callback",
            subject_id=states[callback_ids[0]][0] if len(callback_ids) == 1 else None,
            reason=reason,
            moved=len(kept),
            stayed=len(stays),
            leaving=leaving,
            to=sorted(to) if to is not None else None,
        )
    return Outcome(tuple(_moved(p, states) for p in kept), tuple(stays))


def _check(session: Session, callback_ids: Sequence[int], to: frozenset[int] | None, reason: str) -> None:
    if not reason.strip():
        raise Invalid("reassign_reason_missing")
    if not callback_ids:
        raise Invalid("reassign_nothing")
    if len(callback_ids) > MOST_AT_ONCE:
        raise Invalid("reassign_too_many", most=MOST_AT_ONCE)
    if to is None:
        return
    known = dict(session.execute(select(Agent.id, Agent.active).where(Agent.id.in_(to))).tuples().all())
    at_work = slots.agents_at_work(session)
    for agent_id in sorted(to):
        if agent_id not in known:
            raise NotFound("agent_not_found", agent=agent_id)
        if agent_id not in at_work:
            raise Invalid("agent_has_no_shifts", agent=agent_id)


def _states(session: Session, callback_ids: Sequence[int]) -> dict[int, tuple[str, CallbackState, int | None]]:
    found: dict[int, tuple[str, CallbackState, int | None]] = {}
    for start in range(0, len(callback_ids), demands.READ_CHUNK):
        chunk = callback_ids[start : start + demands.READ_CHUNK]
        columns = (Callback.id, Callback.handle, Callback.state, Callback.agent_id)
        for row in session.execute(select(*columns).where(Callback.id.in_(chunk))):
            found[row.id] = (row.handle, row.state, row.agent_id)
    return found


def _why(handle: str, reason: str, *, contact: Contact, policy: Policy, asked: Sequence[AgentFacts]) -> Stays:
    """The rule that forbids it when it is the same for all who were asked, else that nobody of them can."""
    if reason != "nobody_qualifies":
        return Stays(handle, f"stays.{reason}", {})
    refusals: list[Refusal] = [r for agent in asked if (r := may(contact, agent, policy)) is not None]
    if len(refusals) == 1 or len({r.reason for r in refusals}) == 1:
        return Stays(handle, f"rule.{refusals[0].reason}", dict(refusals[0].params))
    return Stays(handle, "stays.nobody_qualifies", {})


def _moved(placement: Placement, states: dict[int, tuple[str, CallbackState, int | None]]) -> Moved:
    return Moved(states[placement.callback_id][0], placement.agent_id, placement.at)
