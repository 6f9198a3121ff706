"""What lost against the place that a callback has: other times and other people, each with its price.

The price is the one the plan was made by, tier by tier; the first tier in which a place is worse is the one that is
told. What the customer asked for (preferred times) is named with its own price: it is worth something, and a promise
is worth more. A place that would be better for this callback alone is held by others who needed it more, or came up
later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.db.tables import Agent, Callback
from callback.db.waiting import read_waiting
from callback.domain.assignment import Demand, Roster, SlotFact
from callback.domain.moment import part_of_day
from callback.domain.policy import Policy
from callback.domain.rules.wish import wanted_parts
from callback.domain.wish import PreferredTime
from callback.services import demands, wording
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
    wanted: bool = False
    """The customer asked for this time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer asked for, and what the place that the callback has means for it."""

    times: str
    kept: bool
    points: float
    """What the place is worth less for not being at their time, in points (priority × chance of contact)."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A callback's place against all others."""

    wish: Wish | None = None
    """None for a customer who asked for nothing, or has an appointment."""
    others: Sequence[Alternative] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scales:
    """All that one comparison needs."""

    demand: Demand
    roster: Roster
    policy: Policy
    here: SlotFact | None
    preferred: Sequence[PreferredTime]

    def value(self, slot: SlotFact) -> float:
        return (self.demand.priority + 1) * self.demand.chance(slot.starts_at)

    def is_wanted(self, slot: SlotFact) -> bool:
        """In a part of the day that the customer named; within it only the hours that they named are legal."""
        at, zone = slot.starts_at, self.demand.zone
        return (at.astimezone(zone).weekday(), part_of_day(at, zone)) in wanted_parts(self.preferred)

    def wish_price(self, slot: SlotFact) -> float:
        """What the slot is worth less for not being at the customer's time."""
        if not self.preferred or self.is_wanted(slot):
            return 0.0
        return self.value(slot) / demands.UNWANTED - self.value(slot)


def weigh(session: Session, callback: Callback, *, now: datetime, zone: ZoneInfo, most: int = 12) -> Weighed:
    """Other slots for a callback that has one, nearest in time first. Empty for one without a slot."""
    if callback.slot_id is None or callback.planned_at is None:
        return Weighed()
    policy = load_policy(session)
    facts = demands.read_facts(session, moment=now, policy=policy, zone=zone)
    rows = read_waiting(session, [callback.id])
    ((_, contact, item),) = demands.build_items(session, rows, facts)
    if not isinstance(item, Demand):
        return Weighed()
    roster = demands.read_roster(session, rows, facts, moving=rows)
    scales = _Scales(
        demand=item,
        roster=roster,
        policy=policy,
        here=next((slot for slot in roster.slots if slot.id == callback.slot_id), None),
        preferred=() if contact.by_appointment else contact.customer.preferred,
    )
    found: list[Alternative] = []
    for slot in _nearest(scales, callback.planned_at, most):
        name = session.get_one(Agent, slot.agent_id).name
        why, params = _price(scales, slot)
        wanted = bool(scales.preferred) and scales.is_wanted(slot)
        found.append(Alternative(slot.starts_at, slot.agent_id, name, why, params | {"name": name}, wanted))
    return Weighed(_wish(scales), found)


def _wish(scales: _Scales) -> Wish | None:
    if not scales.preferred or scales.here is None:
        return None
    times = "; ".join(str(wish) for wish in scales.preferred)
    return Wish(times, scales.is_wanted(scales.here), scales.wish_price(scales.here))


def _nearest(scales: _Scales, planned_at: datetime, most: int) -> list[SlotFact]:
    """The slots that would do, nearest first and a few of each time; the nearest at the customer's time among them."""
    agents = {agent.id: agent for agent in scales.roster.agents}
    demand = scales.demand
    per_time: dict[datetime, int] = {}
    found: list[SlotFact] = []
    for slot in sorted(
        scales.roster.slots, key=lambda s: (abs(s.starts_at - planned_at), s.booked_seconds, s.agent_id)
    ):
        agent = agents[slot.agent_id]
        fits = demand.language in agent.languages and (demand.skill is None or demand.skill in agent.skills)
        if slot == scales.here or not fits or slot.agent_id in demand.excluded:
            continue
        if demand.first_legal(slot.starts_at, slot.ends_at) is None or per_time.get(slot.starts_at, 0) == PEOPLE:
            continue
        if len(found) < most:
            per_time[slot.starts_at] = per_time.get(slot.starts_at, 0) + 1
            found.append(slot)
        elif not scales.preferred or any(scales.is_wanted(other) for other in found):
            break
        elif scales.is_wanted(slot):
            return [*found, slot]
    return found


def _price(scales: _Scales, slot: SlotFact) -> tuple[str, dict[str, Any]]:  # noqa: PLR0911  one return for each tier
    """The first thing that speaks against the slot, in the order of the tiers."""
    demand, here = scales.demand, scales.here
    late = _late(demand, slot, scales.policy.slot)
    late_here = _late(demand, here, scales.policy.slot) if here is not None else 0
    if late > late_here:
        return ("missed", {}) if late_here == 0 else ("late", {"slots": late})
    if _is_risky(demand, slot) and not (here is not None and _is_risky(demand, here)) and not late_here:
        return "risk", {}
    value, value_here = scales.value(slot), scales.value(here) if here is not None else 0.0
    if round(value, 1) < round(value_here, 1):
        points = {"points": f"{value_here - value:.1f}"}
        wish = scales.wish_price(slot) - (scales.wish_price(here) if here is not None else 0.0)
        if round(wish, 1) > 0:
            times = "; ".join(str(one) for one in scales.preferred)
            return "wish", points | {"wish": f"{wish:.1f}", "times": times}
        return "value", points
    taken = _taken(scales, slot)
    if taken is not None:
        return taken, {}
    if round(value, 1) > round(value_here, 1):
        return "value_more", {"points": f"{value - value_here:.1f}"}
    if demand.knows is not None and here is not None and here.agent_id == demand.knows != slot.agent_id:
        return "stranger", {}
    return ("change", {}) if demand.current is not None else ("room", {})


def _taken(scales: _Scales, slot: SlotFact) -> str | None:
    """Whether the slot, or the agent's day, has no room."""
    roster = scales.roster
    length = (slot.ends_at - slot.starts_at).total_seconds()
    needed = scales.demand.seconds * roster.pace.get(slot.agent_id, 1.0)
    if slot.booked_seconds + needed > length * (1 + scales.policy.slot_overfill):
        return "full"
    agent = next(agent for agent in roster.agents if agent.id == slot.agent_id)
    booked = roster.booked_today.get((slot.agent_id, slot.starts_at.astimezone(agent.zone).date()), 0)
    return "day" if booked >= agent.daily_capacity else None


def _is_risky(demand: Demand, slot: SlotFact) -> bool:
    """The due time lies within: who is called last there may come too late."""
    return slot.starts_at <= demand.due < slot.ends_at


def _late(demand: Demand, slot: SlotFact, length: timedelta) -> int:
    if slot.starts_at <= demand.due:
        return 0
    return max(1, round((slot.starts_at - demand.due) / length))


def tell(weighed: Weighed, language: Language, zone: ZoneInfo) -> list[str]:
    """As sentences, times on the clock of `zone`."""
    lines: list[str] = []
    if weighed.wish is not None:
        code = "explain.wish_kept" if weighed.wish.kept else "explain.wish_not_kept"
        lines.append(
            wording.sentence(code, {"times": weighed.wish.times, "points": f"{weighed.wish.points:.1f}"}, language)
        )
    if weighed.others:
        lines.append(say("explain.lost_title", language))
    for other in weighed.others:
        why = wording.sentence(f"price.{other.why}", other.params, language)
        at = wording.moment(other.at.astimezone(zone), language)
        code = "explain.lost_wanted" if other.wanted else "explain.lost"
        lines.append("  - " + say(code, language, at=at, name=other.name, why=why))
    return lines
