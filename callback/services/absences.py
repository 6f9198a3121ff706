"""An agent is away: what stands in their list on those days goes to others, and comes back when it is undone."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db import reassignments as rows
from callback.db.tables import Agent, Callback
from callback.domain.moment import start_of_day
from callback.domain.roster import LONGEST_ABSENCE_DAYS
from callback.domain.words import CallbackState, MoveKind
from callback.errors import Invalid
from callback.services import agents, moves, reassignments, shifts
from callback.services.reassignments import Moved, Outcome


def preview(session: Session, agent_id: int, *, first: date, last: date, now: datetime, zone: ZoneInfo) -> Outcome:
    """What would go to whom if the agent were away; nothing is changed."""
    _check(first, last)
    ids = _planned(session, agents.get(session, agent_id), first, last)
    if not ids:
        return Outcome((), ())
    return reassignments.reassign(
        session, callback_ids=ids, to=None, by=None, reason="preview", now=now, zone=zone, leaving=agent_id,
        dry_run=True,
    )  # fmt: skip


def enter(
    session: Session,
    agent_id: int,
    *,
    first: date,
    last: date,
    reason: str,
    by: int | None,
    now: datetime,
    zone: ZoneInfo,
) -> Outcome:
    """The agent is away from `first` to `last`, both included, on their own calendar; others take their calls.

    What finds no place now waits for the next planning. Raises `Invalid` for days that make no sense.
    """
    _check(first, last)
    agent = agents.get(session, agent_id)
    ids = _planned(session, agent, first, last)
    before = [moves.before_of(row) for row in rows.present(session, ids, lock=True)]
    days = shifts.hours_kept(session, agent_id, first=first, last=last)
    shifts.set_absent(
        session, agent_id, first=first, last=last, reason=reason[:200] or None, version=agent.version, now=now,
        actor_id=by,
    )  # fmt: skip
    outcome = Outcome((), ())
    if ids:
        outcome = reassignments.reassign(
            session, callback_ids=ids, to=None, by=by, reason=reason or "absent", now=now, zone=zone,
            leaving=agent_id, remember=False,
        )  # fmt: skip
    versions = {row.id: row.version for row in rows.present(session, ids)}
    changed = [moves.with_version(part, versions[part.callback_id]) for part in before]
    move_id = moves.keep(
        session,
        kind=MoveKind.ABSENCE,
        before=[part for part, old in zip(changed, before, strict=True) if part.version != old.version],
        by=by,
        reason=reason,
        now=now,
        absence={"agent_id": agent_id, "first": first.isoformat(), "last": last.isoformat(), "days": days},
    )
    gone = tuple(Moved(m.handle, m.agent_id, m.at, agent_id) for m in outcome.moved)
    return replace(outcome, moved=gone, move_id=move_id)


def _check(first: date, last: date) -> None:
    if last < first:
        raise Invalid("absence_ends_before_start")
    if (last - first).days >= LONGEST_ABSENCE_DAYS:
        raise Invalid("absence_too_long", days=LONGEST_ABSENCE_DAYS)


def _planned(session: Session, agent: Agent, first: date, last: date) -> list[int]:
    """In the agent's list on those days of theirs, left-overs of earlier days not among them."""
    zone = ZoneInfo(agent.time_zone)
    statement = (
        select(Callback.id)
        .where(
            Callback.agent_id == agent.id,
            Callback.state == CallbackState.ASSIGNED,
            Callback.planned_at >= start_of_day(first, zone),
            Callback.planned_at < start_of_day(last + timedelta(days=1), zone),
        )
        .order_by(Callback.planned_at, Callback.id)
    )
    return list(session.scalars(statement))
