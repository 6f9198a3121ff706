"""One callback placed by hand: to this agent, at this time. The hard rules decide; what they forbid is named.

A full slot forbids nothing: a supervisor knows why one more call has to be made there. It is shown, and such a callback
is pinned, so that the planner takes nothing away to make room for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from callback.db import decisions, slots
from callback.db import reassignments as rows
from callback.db.claims import changed_one
from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback, Slot
from callback.db.waiting import read_waiting
from callback.domain.facts import AgentFacts
from callback.domain.policy import Policy
from callback.domain.rules import Contact, Refusal, against, next_legal_moment, refusals
from callback.domain.words import LIVE_STATES, CallbackState, Channel, MoveKind
from callback.errors import Conflict, RuleBroken
from callback.services import audit, callbacks, demands, moves
from callback.services.hard_rules import HORIZON
from callback.services.moves import MOVABLE
from callback.services.wording import sentence
from callback.texts import LANGUAGES

_LAST_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class No:
    """One reason why it may not stand there. The sentence is `code` (`rule.…` or `place.…`) with `params`."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


Noes = tuple[No, ...]
"""Every reason; empty where there is none."""


def _noes(refused: Iterable[Refusal]) -> Noes:
    return tuple(No(f"rule.{refusal.reason}", refusal.params) for refusal in refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A callback with everything that decides where it may stand."""

    callback: Callback
    contact: Contact
    policy: Policy
    appointment_at: datetime | None
    overridden: frozenset[int]
    """Agents for whom a supervisor has overruled the rule about persons."""
    now: datetime

    @property
    def earliest(self) -> datetime:
        return self.contact.at

    @property
    def zone(self) -> ZoneInfo:
        """The customer's: what forbids a moment is told on their clock."""
        return self.contact.customer.zone

    def movable(self) -> No | None:
        if self.callback.state not in MOVABLE:
            return No(f"stays.{self.callback.state.value}")
        return None if self.callback.channel is Channel.AGENT else No("stays.automatic")

    def who(self, agent: AgentFacts) -> Noes:
        """Why this agent may not, whenever it is."""
        overruled = "negative_affinity" if agent.id in self.overridden else None
        return _noes(refusal for refusal in against(self.contact, agent, self.policy) if refusal.rule != overruled)

    def when(self, start: datetime, end: datetime, *, wanted: datetime | None = None) -> datetime | Noes:
        """The moment in `[start, end)`, not before `wanted` if that can be, or why there is none, whoever calls."""
        if end <= self.now:
            return (No("place.past"),)
        if self.appointment_at is not None and not start <= self.appointment_at < end:
            return (No("place.appointment", {"at": self.appointment_at.astimezone(self.zone)}),)
        if self.appointment_at is not None:
            return self._legal(self.appointment_at, end)
        first = max(start, self.earliest)
        if first >= end:
            refused = refusals(replace(self.contact, at=max(start, self.now)), self.policy)
            return _noes(refused) or (No("place.too_early", {"at": self.earliest.astimezone(self.zone)}),)
        late = self._legal(max(first, min(wanted or first, end - _LAST_MINUTE)), end)
        return late if isinstance(late, datetime) else self._legal(first, end)

    def _legal(self, at: datetime, end: datetime) -> datetime | Noes:
        contact = replace(self.contact, at=at)
        refused = refusals(contact, self.policy)
        if not refused:
            return at
        found = next_legal_moment(contact, self.policy, until=end)
        return _noes(refused) if found is None else found


def wish(session: Session, handle: str, *, now: datetime) -> Wish:
    """Raises `NotFound`."""
    callback = callbacks.find_callback(session, handle)
    waiting = read_waiting(session, [callback.id])
    ((row, contact),) = demands.read_contacts(session, waiting, moment=now)
    return Wish(
        callback=callback,
        contact=contact,
        policy=load_policy(session),
        appointment_at=row.appointment_at,
        overridden=_overridden(session, callback.id),
        now=now,
    )


def _overridden(session: Session, callback_id: int) -> frozenset[int]:
    made = decisions.of_callback(session, callback_id)
    return frozenset(
        int(d.inputs["agent_id"])
        for d in made
        if d.about == "override" and d.rule == "negative_affinity" and "agent_id" in d.inputs
    )


def agents_asked(session: Session, agent_ids: Iterable[int]) -> dict[int, AgentFacts]:
    return slots.agents_at_work(session, which=Agent.id.in_(list(agent_ids)))


@dataclass(frozen=True, slots=True)
class Placed:
    at: datetime
    move_id: int


def place(
    session: Session,
    handle: str,
    *,
    agent_id: int,
    starts_at: datetime,
    version: int,
    by: int | None,
    now: datetime,
    reason: str = "",
) -> Placed:
    """Put it into this agent's slot that begins at `starts_at`, and pin it there.

    Raises `RuleBroken("place_forbidden")` with the rules, `Conflict` when somebody changed it, `NotFound`.
    """
    asked = wish(session, handle, now=now)
    callback = asked.callback
    if callback.version != version:
        raise Conflict("changed_meanwhile", present=callback.version)
    agents = agents_asked(session, [agent_id])
    name = session.scalar(select(Agent.name).where(Agent.id == agent_id)) or "–"
    slot = session.scalars(select(Slot).where(Slot.agent_id == agent_id, Slot.starts_at == starts_at)).one_or_none()
    stuck = asked.movable()
    if stuck is not None:
        raise forbidden((stuck,), asked, name=name)
    if agent_id not in agents or slot is None:
        raise forbidden((No("place.no_shift", {"name": name}),), asked, name=name)
    wanted = slot.starts_at + _booked(session, slot.id, but=callback.id) * asked.policy.handling_time
    at = asked.when(slot.starts_at, slot.ends_at, wanted=wanted)
    noes = asked.who(agents[agent_id]) + (() if isinstance(at, datetime) else at)
    if noes or not isinstance(at, datetime):
        raise forbidden(noes, asked, name=name)
    (before,) = rows.present(session, [callback.id])
    _write(session, before, agent_id=agent_id, slot_id=slot.id, at=at, by=by, now=now)
    part = moves.with_version(moves.before_of(before), version + 1)
    move_id = moves.keep(session, kind=MoveKind.PLACE, before=[part], by=by, reason=reason, now=now)
    audit.record(
        session, now=now, actor_id=by, action="callback.placed", subject_kind="callback", subject_id=handle,
        agent_id=agent_id, at=at.isoformat(), from_agent=before.agent_id, move=move_id, reason=reason,
    )  # fmt: skip
    return Placed(at, move_id)


def pin(session: Session, handle: str, *, pinned: bool, version: int, by: int | None, now: datetime) -> int:
    """Leave it where it stands whatever the planner thinks, or let the planner have it back; the number of the move.

    Raises `Conflict`, also for one that stands nowhere, and `NotFound`.
    """
    callback = callbacks.find_callback(session, handle)
    (before,) = rows.present(session, [callback.id])
    changed = update(Callback).where(
        Callback.id == callback.id,
        Callback.version == version,
        Callback.state == CallbackState.ASSIGNED,
        Callback.pinned.is_(not pinned),
    )
    if not changed_one(session, changed.values(pinned=pinned, updated_at=now, version=version + 1)):
        raise Conflict("changed_meanwhile", present=callback.version)
    part = moves.with_version(moves.before_of(before), version + 1)
    move_id = moves.keep(session, kind=MoveKind.PIN, before=[part], by=by, reason="", now=now)
    action = "callback.pinned" if pinned else "callback.unpinned"
    audit.record(session, now=now, actor_id=by, action=action, subject_kind="callback", subject_id=handle, move=move_id)
    return move_id


def forbidden(noes: Noes, asked: Wish, *, name: str) -> RuleBroken:
    """The error of a move that may not be, in both languages, with the next moment at which anybody may call."""
    rules = [no.code.split(".", 1)[1] for no in noes]
    following = next_legal_moment(asked.contact, asked.policy, until=asked.now + HORIZON)
    return RuleBroken(
        "place_forbidden",
        rule=rules[0],
        reason=rules[0],
        details={
            "next_legal_moment": None if following is None else following.isoformat(),
            "refusals": [
                {
                    "rule": rule,
                    "reason": rule,
                    "sentences": {
                        language: sentence(no.code, {**no.params, "agent_id": name}, language) for language in LANGUAGES
                    },
                }
                for rule, no in zip(rules, noes, strict=True)
            ],
        },
    )


def _booked(session: Session, slot_id: int, *, but: int) -> int:
    held = (Callback.slot_id == slot_id, Callback.state.in_(LIVE_STATES), Callback.id != but)
    return session.scalar(select(func.count()).select_from(Callback).where(*held)) or 0


def _write(
    session: Session, before: Row[Any], *, agent_id: int, slot_id: int, at: datetime, by: int | None, now: datetime
) -> None:
    changed = update(Callback).where(
        Callback.id == before.id, Callback.version == before.version, Callback.state.in_(MOVABLE)
    )
    place = {"agent_id": agent_id, "slot_id": slot_id, "planned_at": at, "pinned": True}
    values = {"state": CallbackState.ASSIGNED, "blocked_by": None, "updated_at": now, "version": before.version + 1}
    if not changed_one(session, changed.values(**place, **values)):
        raise Conflict("changed_meanwhile", present=before.version)
    decisions.record(
        session, now=now, case_id=before.case_id, callback_id=before.id, about="reassignment", rule="by_hand",
        verdict="assigned", actor_id=by, inputs={"agent_id": agent_id, "at": at.isoformat()},
    )  # fmt: skip


def legal_times(asked: Wish, found: Sequence[Row[Any]]) -> list[tuple[Row[Any], datetime | Noes]]:
    """Of each slot (of `db.day_plans.slots_between`): the moment in it, or why not."""
    return [(slot, asked.when(slot.starts_at, slot.ends_at)) for slot in found]
