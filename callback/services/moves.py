"""What a supervisor moved at once, and undoing it: each callback goes back to the place it had, unless it has changed.

The hard rules and the facts of the day are asked again: what was worked on since, what its former agent may not do any
more, and what has lost its time is named and stays where it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Table, update
from sqlalchemy.orm import Session

from callback.db import bulk, slots
from callback.db import callbacks as callback_rows
from callback.db import reassignments as rows
from callback.db.claims import changed_one
from callback.db.jobs import enqueue
from callback.db.policies import load_policy
from callback.db.tables import Callback, Decision, Move
from callback.db.waiting import read_waiting
from callback.domain.rules import Refusal, against
from callback.domain.words import BlockedBy, CallbackState, MoveKind
from callback.errors import Conflict, NotFound
from callback.services import assignments, audit, demands, shifts, wording
from callback.texts import Language

MOVABLE = (CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.BLOCKED)
CALLBACKS: Table = Callback.__table__  # type: ignore[assignment]
DECISIONS: Table = Decision.__table__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Stays:
    """Not moved. `reason` is a code of `rule.…` (a hard rule) or `stays.…` (no room, under way, already ended)."""

    handle: str
    reason: str
    params: dict[str, Any]
    also: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Further rules that forbid it, in the same form."""

    @classmethod
    def by_rules(cls, handle: str, refused: Sequence[Refusal]) -> Self:
        """With every rule that forbids it."""
        (reason, params), *also = [(f"rule.{refusal.reason}", dict(refusal.params)) for refusal in refused]
        return cls(handle, reason, params, tuple(also))

    @property
    def reasons(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        return ((self.reason, self.params), *self.also)

    def tell(self, language: Language, names: Mapping[int, str]) -> str:
        """All reasons as sentences; `names` of the agents."""
        told = (wording.sentence(code, params, language, names=names) for code, params in self.reasons)
        return wording.joined(told, language)


def agents_named(stays: Iterable[Stays]) -> frozenset[int]:
    """The agents of whom the reasons speak."""
    return frozenset(params["agent_id"] for one in stays for _, params in one.reasons if "agent_id" in params)


class Before(NamedTuple):
    """Where a callback was, and its version after it had been moved."""

    callback_id: int
    version: int
    state: CallbackState
    blocked_by: BlockedBy | None
    agent_id: int | None
    planned_at: datetime | None
    in_slot: bool
    pinned: bool

    def to_json(self) -> list[Any]:
        at = None if self.planned_at is None else self.planned_at.isoformat()
        return [*self[:5], at, *self[6:]]

    @classmethod
    def from_json(cls, kept: Sequence[Any]) -> Self:
        callback_id, version, state, blocked_by, agent_id, at, in_slot, pinned = kept
        return cls(
            callback_id,
            version,
            CallbackState(state),
            None if blocked_by is None else BlockedBy(blocked_by),
            agent_id,
            None if at is None else datetime.fromisoformat(at),
            in_slot,
            pinned,
        )


@dataclass(frozen=True, slots=True)
class Undone:
    restored: int
    stays: tuple[Stays, ...]
    kind: MoveKind


def before_of(row: Row[Any]) -> Before:
    """Of a row of `db.reassignments.present`."""
    return Before(
        row.id,
        row.version,
        row.state,
        row.blocked_by,
        row.agent_id,
        row.planned_at,
        row.slot_id is not None,
        row.pinned,
    )


def with_version(part: Before, version: int) -> Before:
    return part._replace(version=version)


def keep(
    session: Session,
    *,
    kind: MoveKind,
    before: Iterable[Before],
    by: int | None,
    reason: str,
    now: datetime,
    absence: dict[str, Any] | None = None,
) -> int:
    """Remember what was moved; the number is what it is undone by."""
    move = Move(
        kind=kind,
        at=now,
        actor_id=by,
        reason=reason,
        before=[part.to_json() for part in before],
        absence=absence,
    )
    session.add(move)
    session.flush()
    return move.id


def undo(session: Session, move_id: int, *, by: int | None, now: datetime, zone: ZoneInfo) -> Undone:
    """Put back what has not changed since, once. Raises `NotFound`, or `Conflict` when it was undone before."""
    move = session.get(Move, move_id)
    if move is None:
        raise NotFound("move_not_found", move=move_id)
    take = update(Move).where(Move.id == move_id, Move.undone_at.is_(None))
    if not changed_one(session, take.values(undone_at=now, undone_by_id=by)):
        raise Conflict("move_undone", move=move_id)
    if move.absence is not None:
        shifts.put_days_back(session, move.absence["agent_id"], move.absence["days"], now=now, actor_id=by)
        assignments.prepare(session, now=now, moment=now, zone=zone)  # the slots of those days are there again
    parts = {part.callback_id: part for part in map(Before.from_json, move.before)}
    present = rows.present(session, sorted(parts), lock=True)
    stays = [Stays(row.handle, _changed(row), {}) for row in present if row.version != parts[row.id].version]
    same = [row for row in present if row.version == parts[row.id].version]
    refused = dict(_refused(session, [row for row in same if parts[row.id].agent_id is not None], parts, now=now))
    stays += refused.values()
    back = [row for row in same if row.id not in refused]
    _put_back(session, back, parts, by=by, now=now)
    audit.record(
        session, now=now, actor_id=by, action="callbacks.move_undone", subject_kind="move", subject_id=move_id,
        restored=len(back), stayed=len(stays),
    )  # fmt: skip
    return Undone(len(back), tuple(stays), move.kind)


def _changed(row: Row[Any]) -> str:
    return "stays.changed" if row.state in MOVABLE else f"stays.{row.state.value}"


def _refused(
    session: Session, same: Sequence[Row[Any]], parts: dict[int, Before], *, now: datetime
) -> Iterable[tuple[int, Stays]]:
    """What its former agent may not do any more: gone, away at that time, or barred by what happened since."""
    policy = load_policy(session)
    agents = slots.agents_at_work(session)
    waiting = read_waiting(session, [row.id for row in same])
    contacts = {row.id: contact for row, contact in demands.read_contacts(session, waiting, moment=now)}
    for row in same:
        part = parts[row.id]
        agent = agents.get(part.agent_id or 0)
        if agent is None:
            yield row.id, Stays(row.handle, "stays.agent_away", {})
            continue
        refused = tuple(against(contacts[row.id], agent, policy))
        if refused:
            yield row.id, Stays.by_rules(row.handle, refused)
        elif part.in_slot and _slot_of(session, part) is None:
            yield row.id, Stays(row.handle, "stays.agent_away", {})


def _slot_of(session: Session, part: Before) -> int | None:
    if not part.in_slot or part.agent_id is None or part.planned_at is None:
        return None
    return callback_rows.slot_at(session, part.agent_id, part.planned_at)


def _put_back(
    session: Session, back: Sequence[Row[Any]], parts: dict[int, Before], *, by: int | None, now: datetime
) -> None:
    changes: list[tuple[Any, ...]] = []
    decisions: list[tuple[Any, ...]] = []
    policy = load_policy(session)
    fits = int(policy.slot * (1 + policy.slot_overfill) / policy.handling_time)
    slot_ids = {row.id: _slot_of(session, parts[row.id]) for row in back}
    held = rows.held(session, {slot_id for slot_id in slot_ids.values() if slot_id is not None})
    for row in back:
        part = parts[row.id]
        slot_id = slot_ids[row.id]
        if slot_id is not None:
            held[slot_id] += 1
        # What was given to the place meanwhile stays too: this one then stands on top, as if placed by hand.
        pinned = part.pinned or (slot_id is not None and held[slot_id] > fits)
        place = (part.state, part.blocked_by, part.agent_id, slot_id, part.planned_at, pinned)
        changes.append((row.id, *place, now, row.version + 1))
        inputs = {"agent_id": part.agent_id, "at": part.planned_at.isoformat() if part.planned_at else None}
        decisions.append((row.case_id, row.id, "reassignment", "undone", part.state.value, inputs, now, by))
    columns = ("state", "blocked_by", "agent_id", "slot_id", "planned_at", "pinned", "updated_at", "version")
    bulk.update_rows(session, CALLBACKS, columns, changes)
    decision_columns = ("case_id", "callback_id", "about", "rule", "verdict", "inputs", "at", "actor_id")
    bulk.insert_rows(session, DECISIONS, decision_columns, decisions)
    enqueue(session, "plan", queueing_lock="plan")
