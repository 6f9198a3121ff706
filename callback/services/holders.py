"""Who has the room that a callback would have wanted, and what it would cost them to give it up."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.among import among
from callback.db.tables import Callback
from callback.db.waiting import Waiting, read_waiting
from callback.domain.assignment import Demand, SlotFact
from callback.domain.words import CallbackState
from callback.services import demands
from callback.services.wording import utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A callback that has its place in a slot."""

    handle: str
    fixed: bool
    """Pinned, an appointment, or under way: it is not moved for anybody."""
    row: Waiting
    demand: Demand | None
    """None for one that could not be placed anew; its place is all that is known of it."""

    def in_time(self) -> bool:
        return self.row.planned_at is not None and self.row.planned_at <= self.row.due_at

    def value(self, slot: SlotFact) -> float:
        chance = 1.0 if self.demand is None else self.demand.chance(slot.starts_at)
        return (self.row.priority + 1) * chance


def read_holders(
    session: Session, slot_ids: Collection[int], facts: demands.Facts, *, except_for: int
) -> Mapping[int, Sequence[Holder]]:
    """By slot: everything that has its place there."""
    query = select(Callback.id, Callback.handle, Callback.slot_id, Callback.pinned, Callback.state).where(
        among(session, Callback.slot_id, slot_ids),
        Callback.state.in_((CallbackState.ASSIGNED, CallbackState.IN_PROGRESS)),
        Callback.id != except_for,
    )
    there = {row.id: row for row in session.execute(query)} if slot_ids else {}
    found: defaultdict[int, list[Holder]] = defaultdict(list)
    waiting = read_waiting(session, sorted(there))
    for row, _, item in demands.build_items(session, waiting, facts):
        one = there[row.id]
        fixed = one.pinned or row.appointment_at is not None or one.state is CallbackState.IN_PROGRESS
        known = item if isinstance(item, Demand) else None
        found[one.slot_id].append(Holder(handle=one.handle, fixed=fixed, row=row, demand=known))
    return found


def price_of(holders: Sequence[Holder], demand: Demand, slot: SlotFact) -> tuple[str, dict[str, Any]]:
    """What the one who could give up the slot most easily would lose by it, against what `demand` would gain."""
    movable = [holder for holder in holders if not holder.fixed]
    if not movable:
        return "held_fixed", {"calls": len(holders)}
    weakest = min(movable, key=lambda h: (h.in_time(), h.value(slot), -h.row.due_at.timestamp()))
    params = {"holder": weakest.handle, "calls": len(holders), "due": utc(weakest.row.due_at)}
    if weakest.in_time() and slot.starts_at > demand.due:
        return "held_due", params
    if weakest.in_time() and weakest.row.due_at <= demand.due:
        return "held_sooner", params
    more = weakest.value(slot) - (demand.priority + 1) * demand.chance(slot.starts_at)
    return ("held_value", params | {"points": f"{more:.1f}"}) if round(more, 1) > 0 else ("held_stands", params)
