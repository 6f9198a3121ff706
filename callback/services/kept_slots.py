"""Slots follow the agents' hours; what stood in a slot that has gone keeps its moment where the hours allow it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from callback.db import slots
from callback.db.shards import Shard
from callback.db.slots import Stands
from callback.domain.moment import Interval
from callback.domain.policy import Policy
from callback.domain.recut import Cut, Stranded, seat_again
from callback.domain.words import CallbackState
from callback.services.demands import People, read_durations


def keep(
    session: Session, people: People, policy: Policy, *, now: datetime, moment: datetime, first: datetime, shard: Shard
) -> int:
    """Bring the slots from `first` on up to date; returns how many callbacks have lost their place.

    A call that is outside its agent's hours now waits for a new place, also an appointment. One that a supervisor
    pinned stays with its agent beside all slots: only a supervisor moves it (`findings` names it).
    """
    stands = _stands(people, policy)
    stranded = slots.keep_slots(
        session, wanted(people, policy, moment, first), since=first, stands=stands, which=shard.agents()
    )
    if not stranded:
        return 0
    seated = _seat(session, stranded, policy, now=now, first=first)
    slots.put_into(session, seated)
    lost = [row.id for row in stranded if row.id not in seated and not row.pinned]
    return slots.release(session, lost, now=now)


def wanted(
    people: People, policy: Policy, moment: datetime, first: datetime
) -> Iterator[tuple[int, datetime, datetime]]:
    """The slots that there should be over the horizon; agents with the same hours are cut up once."""
    cut: dict[int, list[tuple[datetime, datetime]]] = {}
    for agent_id, agent in people.agents.items():
        hours = people.hours[agent_id]
        if id(hours) not in cut:
            today = moment.astimezone(agent.zone).date()
            cut[id(hours)] = [
                (slot.start, slot.end)
                for ahead in range(policy.planning_horizon_days)
                for slot in hours.slots(today + timedelta(days=ahead), policy.slot)
                if slot.start >= first
            ]
        for start, end in cut[id(hours)]:
            yield agent_id, start, end


def _stands(people: People, policy: Policy) -> Stands:
    """Whether the agent's hours have this slot, on whatever day."""
    known: dict[tuple[int, date], frozenset[Interval]] = {}

    def stands(agent_id: int, starts_at: datetime, ends_at: datetime) -> bool:
        agent = people.agents.get(agent_id)
        if agent is None:
            return False
        hours, day = people.hours[agent_id], starts_at.astimezone(agent.zone).date()
        if (id(hours), day) not in known:
            known[id(hours), day] = frozenset(hours.slots(day, policy.slot))
        return Interval(starts_at, ends_at) in known[id(hours), day]

    return stands


def _seat(
    session: Session, stranded: Sequence[slots.Stranded], policy: Policy, *, now: datetime, first: datetime
) -> dict[int, int]:
    durations = read_durations(session, moment=now, policy=policy)
    agents = {row.agent_id for row in stranded}
    booked: Counter[int] = Counter()
    for booking in slots.read_bookings(session, since=first, only=agents):
        booked[booking.slot_id] += booking.number * durations.of(booking.purpose)
    pace = durations.pace
    cuts = [
        Cut(
            slot_id=row.id,
            agent_id=row.agent_id,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            booked=booked[row.id] * pace.get(row.agent_id, 1.0),
        )
        for row in slots.slots_of(session, agents, since=first)
    ]
    promised = slots.with_appointments(session, [row.id for row in stranded])
    waiting = [
        Stranded(
            callback_id=row.id,
            agent_id=row.agent_id,
            at=row.planned_at,
            seconds=durations.of(row.purpose) * pace.get(row.agent_id, 1.0),
            fixed=row.pinned or row.state is CallbackState.IN_PROGRESS or row.id in promised,
        )
        for row in stranded
    ]
    return seat_again(waiting, cuts, overfill=policy.slot_overfill)
