"""What lost against the place that a callback has: other times and other people, each with its price.

The price is the one the plan was made by, tier by tier; the first tier in which a place is worse is the one that is
told. What the customer asked for (preferred times) is named with its own price: it is worth something, and a promise
is worth more. A place that would be better for this callback alone is held by others who needed it more, or came up
later. What has no place is weighed against having none: there the price is what those who have the room would lose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.policies import load_policy
from callback.db.shards import EVERYTHING, Shard
from callback.db.tables import Agent, Callback, Case
from callback.db.waiting import read_waiting
from callback.domain.assignment import Demand, Roster, SlotFact
from callback.domain.moment import Interval, part_of_day
from callback.domain.policy import Policy
from callback.domain.rules.wish import wanted_parts
from callback.domain.wish import PreferredTime
from callback.domain.words import Channel
from callback.services import demands, wording
from callback.services.holders import Holder, price_of, read_holders
from callback.texts import Language, say

PEOPLE = 3
"""Agents who are named for one time; the rest are alike."""
OF_AN_APPOINTMENT = 4
"""Beside the customer's minute all times lose for the same reason."""


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
    placed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scales:
    """All that one comparison needs."""

    demand: Demand
    roster: Roster
    policy: Policy
    here: SlotFact | None
    """None for what has no place."""
    planned_at: datetime | None
    preferred: Sequence[PreferredTime]
    owner: str | None
    """With whom the appointment is, where it is with somebody."""
    holders: Mapping[int, Sequence[Holder]] = field(default_factory=dict)
    """By slot."""

    @property
    def near(self) -> datetime:
        """The moment around which other places are looked for."""
        return self.demand.at or self.planned_at or self.demand.earliest

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
    """Other slots than the one it has, or slots at all for one that has none, nearest in time first.

    Only those of people whom planning would have asked: with `plan_by_team`, of the case's team.
    """
    if not callback.state.is_live or callback.channel is not Channel.AGENT:
        return Weighed()
    policy = load_policy(session)
    team = select(Case.team_id).where(Case.id == callback.case_id)
    shard = Shard(by_team=True, team_id=session.scalar(team)) if policy.plan_by_team else EVERYTHING
    people = demands.read_people(session, shard)
    facts = demands.read_facts(session, moment=now, policy=policy, zone=zone, people=people)
    rows = read_waiting(session, [callback.id])
    ((row, contact, item),) = demands.build_items(session, rows, facts)
    if not isinstance(item, Demand):
        return Weighed()
    roster = demands.read_roster(session, rows, facts, moving=rows)
    owner_id = row.appointment_agent_id
    scales = _Scales(
        demand=item,
        roster=roster,
        policy=policy,
        here=next((slot for slot in roster.slots if slot.id == callback.slot_id), None),
        planned_at=callback.planned_at,
        preferred=() if contact.by_appointment else contact.customer.preferred,
        owner=None if owner_id is None else session.get_one(Agent, owner_id).name,
    )
    near = _nearest(scales, most if item.at is None else min(most, OF_AN_APPOINTMENT))
    full = [slot.id for slot in near if _taken(scales, slot)[0] == "full"]
    scales = replace(scales, holders=read_holders(session, full, facts, except_for=callback.id))
    found: list[Alternative] = []
    for slot in near:
        name = session.get_one(Agent, slot.agent_id).name
        why, params = _price(scales, slot)
        wanted = bool(scales.preferred) and scales.is_wanted(slot)
        found.append(Alternative(slot.starts_at, slot.agent_id, name, why, params | {"name": name}, wanted))
    return Weighed(_wish(scales), found, placed=callback.planned_at is not None)


def _wish(scales: _Scales) -> Wish | None:
    if not scales.preferred or scales.here is None:
        return None
    times = "; ".join(str(wish) for wish in scales.preferred)
    return Wish(times, scales.is_wanted(scales.here), scales.wish_price(scales.here))


def _nearest(scales: _Scales, most: int) -> list[SlotFact]:
    """The slots that would do, nearest first and a few of each time; the nearest at the customer's time among them."""
    agents = {agent.id: agent for agent in scales.roster.agents}
    demand = scales.demand
    per_time: dict[datetime, int] = {}
    found: list[SlotFact] = []
    for slot in sorted(scales.roster.slots, key=lambda s: (_distance(s, scales.near), s.booked_seconds, s.agent_id)):
        if slot == scales.here or not demand.suits(agents[slot.agent_id]):
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


def _distance(slot: SlotFact, at: datetime) -> timedelta:
    """Nothing for the slot in which the moment lies."""
    return timedelta(0) if slot.starts_at <= at < slot.ends_at else abs(slot.starts_at - at)


Price = tuple[str, dict[str, Any]]


def _price(scales: _Scales, slot: SlotFact) -> Price:
    """The first thing that speaks against the slot."""
    if scales.demand.at is not None:
        return _price_of_a_minute(scales, slot, scales.demand.at)
    if scales.here is None:
        return _price_of_room(scales, slot) or ("free", {})
    return _price_by_tiers(scales, slot, scales.here)


def _price_of_a_minute(scales: _Scales, slot: SlotFact, at: datetime) -> Price:
    """An appointment is compared by the customer's minute and by the person, and by nothing else."""
    asked = {"at": wording.utc(at)}
    if not slot.starts_at <= at < slot.ends_at:
        return "appointment", asked
    ways = scales.demand.ways
    owners = ways[0].only if ways else None
    if owners and scales.here is not None and scales.here.agent_id in owners:
        return "owner", {"owner": scales.owner}
    span = Interval(at, at + timedelta(seconds=scales.demand.seconds * scales.roster.pace.get(slot.agent_id, 1.0)))
    if any(s.start < span.end and span.start < s.end for s in scales.roster.appointed.get(slot.agent_id, ())):
        return "busy", {}
    return _price_of_room(scales, slot) or (("free" if scales.here is None else "change"), {})


def _price_by_tiers(scales: _Scales, slot: SlotFact, here: SlotFact) -> Price:  # noqa: PLR0911  one return a tier
    """In the order of the tiers by which the plan was made."""
    demand = scales.demand
    late, late_here = (_late(demand, one, scales.policy.slot) for one in (slot, here))
    if late > late_here:
        return ("missed", {}) if late_here == 0 else ("late", {"slots": late})
    if _is_risky(demand, slot) and not _is_risky(demand, here) and not late_here:
        return "risk", {}
    value, value_here = scales.value(slot), scales.value(here)
    if round(value, 1) < round(value_here, 1):
        points = {"points": f"{value_here - value:.1f}"}
        wish = scales.wish_price(slot) - scales.wish_price(here)
        if round(wish, 1) > 0:
            times = "; ".join(str(one) for one in scales.preferred)
            return "wish", points | {"wish": f"{wish:.1f}", "times": times}
        return "value", points
    room = _price_of_room(scales, slot)
    if room is not None:
        return room
    if round(value, 1) > round(value_here, 1):
        return "value_more", {"points": f"{value - value_here:.1f}"}
    if demand.knows is not None and here.agent_id == demand.knows != slot.agent_id:
        return "stranger", {}
    return ("change", {}) if demand.current is not None else ("room", {})


def _price_of_room(scales: _Scales, slot: SlotFact) -> Price | None:
    """What stands against it where there is no room; None where there is."""
    taken, params = _taken(scales, slot)
    if taken == "full" and scales.holders.get(slot.id):
        return price_of(scales.holders[slot.id], scales.demand, slot)
    return None if taken is None else (taken, params)


def _taken(scales: _Scales, slot: SlotFact) -> tuple[str | None, dict[str, Any]]:
    """Whether the agent's day, or the slot, has no room."""
    roster = scales.roster
    agent = next(agent for agent in roster.agents if agent.id == slot.agent_id)
    booked = roster.booked_today.get((slot.agent_id, slot.starts_at.astimezone(agent.zone).date()), 0)
    if booked >= agent.daily_capacity:
        return "day", {"limit": agent.daily_capacity}
    length = (slot.ends_at - slot.starts_at).total_seconds()
    needed = scales.demand.seconds * roster.pace.get(slot.agent_id, 1.0)
    full = slot.booked_seconds + needed > length * (1 + scales.policy.slot_overfill)
    return ("full" if full else None), {}


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
        lines.append(say("explain.lost_title" if weighed.placed else "explain.lost_title_waiting", language))
    for other in weighed.others:
        why = say(f"price.{other.why}", language, **wording.spoken(other.params, language, zone=zone))
        at = wording.moment(other.at.astimezone(zone), language)
        code = "explain.lost_wanted" if other.wanted else "explain.lost"
        lines.append("  - " + say(code, language, at=at, name=other.name, why=why))
    return lines
