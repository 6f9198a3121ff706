"""What lost against the place that a callback has: other times and other people, each with its price.

The price is the one the plan was made by, tier by tier; the first tier in which a place is worse is the one that is
told. A place that would be better for this callback alone is held by others who needed it more, or came up later.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback
from callback.domain.assignment import Demand, Roster, SlotFact
from callback.services import demands
from callback.texts import Language, say

PEOPLE = 3
"""Agents who are named for one time; the rest are alike."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """`why` is the code of a sentence `price.<why>`."""

    at: datetime
    agent_id: int
    name: str
    why: str
    params: dict[str, Any] = field(default_factory=dict)


def alternatives(
    session: Session, callback: Callback, *, now: datetime, zone: ZoneInfo, most: int = 12
) -> list[Alternative]:
    """Other slots for a callback that has one: nearest in time first. Empty for one without a slot."""
    if callback.slot_id is None or callback.planned_at is None:
        return []
    policy = load_policy(session)
    facts = demands.read_facts(session, moment=now, policy=policy, zone=zone)
    rows = demands.read_waiting(session, [callback.id])
    ((_, _, item),) = demands.build_items(session, rows, facts)
    if not isinstance(item, Demand):
        return []
    roster = demands.read_roster(session, rows, facts, moving=rows)
    names = {agent.id: agent for agent in roster.agents}
    here = next((slot for slot in roster.slots if slot.id == callback.slot_id), None)
    found: list[Alternative] = []
    per_time: dict[datetime, int] = {}
    planned_at = callback.planned_at
    for slot in sorted(roster.slots, key=lambda s: (abs(s.starts_at - planned_at), s.booked_seconds, s.agent_id)):
        agent = names[slot.agent_id]
        fits = item.language in agent.languages and (item.skill is None or item.skill in agent.skills)
        if slot.id == callback.slot_id or not fits or slot.agent_id in item.excluded:
            continue
        if item.first_legal(slot.starts_at, slot.ends_at) is None or per_time.get(slot.starts_at, 0) == PEOPLE:
            continue
        per_time[slot.starts_at] = per_time.get(slot.starts_at, 0) + 1
        why, params = _price(item, slot, here, roster, policy.slot.total_seconds(), overfill=policy.slot_overfill)
        name = session.get_one(Agent, slot.agent_id).name
        found.append(Alternative(slot.starts_at, slot.agent_id, name, why, params | {"name": name}))
        if len(found) == most:
            break
    return found


def _price(  # noqa: PLR0911  one return for each tier, in their order
    demand: Demand, slot: SlotFact, here: SlotFact | None, roster: Roster, slot_s: float, *, overfill: float
) -> tuple[str, dict[str, Any]]:
    """The first thing that speaks against the slot, in the order of the tiers."""
    late = _late(demand, slot, slot_s)
    late_here = _late(demand, here, slot_s) if here is not None else 0
    if late > late_here:
        return ("missed", {}) if late_here == 0 else ("late", {"slots": late})
    value = (demand.priority + 1) * demand.chance(slot.starts_at)
    value_here = (demand.priority + 1) * demand.chance(here.starts_at) if here is not None else 0.0
    if round(value, 1) < round(value_here, 1):
        return "value", {"points": f"{value_here - value:.1f}"}
    length = (slot.ends_at - slot.starts_at).total_seconds()
    needed = demand.seconds * roster.pace.get(slot.agent_id, 1.0)
    if slot.booked_seconds + needed > length * (1 + overfill):
        return "full", {}
    day = {agent.id: agent for agent in roster.agents}[slot.agent_id]
    booked = roster.booked_today.get((slot.agent_id, slot.starts_at.astimezone(day.zone).date()), 0)
    if booked >= day.daily_capacity:
        return "day", {}
    if round(value, 1) > round(value_here, 1):
        return "value_more", {"points": f"{value - value_here:.1f}"}
    if demand.knows is not None and here is not None and here.agent_id == demand.knows != slot.agent_id:
        return "stranger", {}
    return ("change", {}) if demand.current is not None else ("room", {})


def _late(demand: Demand, slot: SlotFact, slot_s: float) -> int:
    if slot.starts_at <= demand.due:
        return 0
    return max(1, round((slot.starts_at - demand.due).total_seconds() / slot_s))


def tell(found: list[Alternative], language: Language, zone: ZoneInfo) -> list[str]:
    """As sentences, times on the clock of `zone`."""
    lines = [say("explain.lost_title", language)] if found else []
    for other in found:
        why = say(f"price.{other.why}", language, **other.params)
        at = f"{other.at.astimezone(zone):%Y-%m-%d %H:%M}"
        lines.append("  - " + say("explain.lost", language, at=at, name=other.name, why=why))
    return lines
