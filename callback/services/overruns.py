"""Calls that run over: who has fallen behind, what of their list cannot be kept, and what that means for the plan.

The planning of every minute asks this. In the ordinary case the bookings, which it reads anyway, say that nobody is
behind; only the lists of those who are get walked through.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from callback.db import overruns as rows
from callback.db.slots import Booking
from callback.domain.assignment import SlotFact
from callback.domain.duration import Durations
from callback.domain.moment import Interval
from callback.domain.overrun import Listed, Walk, late_agents, walk_through
from callback.domain.policy import Policy
from callback.domain.shift import WorkingTime

LOOKED_BACK = timedelta(days=1)
"""What is older has been given back by the planning of the morning, or is pinned and waits for the supervisor."""
LOOKED_AHEAD = timedelta(hours=2)
"""What comes later is asked about in time: planning runs every minute, and a break may make up for what is lost."""


@dataclass(frozen=True, slots=True)
class Overruns:
    """What planning has to know about lists that cannot be kept. Empty on an ordinary minute."""

    walks: Mapping[int, Walk] = field(default_factory=dict)
    """By agent who is behind."""

    behind: Mapping[int, datetime] = field(default_factory=dict)
    """Callbacks that no longer fit, each with the moment at which its agent would get to it."""

    def occupy(self, slots: Sequence[SlotFact]) -> tuple[SlotFact, ...]:
        """The slots as they are left by agents who are behind: a call that runs over takes time of the next slot."""
        if not self.walks:
            return tuple(slots)
        return tuple(self._occupied(slot) if slot.agent_id in self.walks else slot for slot in slots)

    def _occupied(self, slot: SlotFact) -> SlotFact:
        walk = self.walks[slot.agent_id]
        if slot.starts_at > walk.last:
            return slot
        passed = max(timedelta(0), walk.now - slot.starts_at)
        taken = passed + walk.taken_in(slot.starts_at, slot.ends_at)
        return replace(slot, booked_seconds=max(slot.booked_seconds, round(taken.total_seconds())))


def find(
    session: Session,
    bookings: Sequence[Booking],
    durations: Durations,
    policy: Policy,
    *,
    hours: Mapping[int, WorkingTime],
    now: datetime,
) -> Overruns:
    """Who is behind at `now`, and what of their list no longer fits where it is."""
    backlog: defaultdict[int, float] = defaultdict(float)
    for booking in bookings:
        if booking.first_at <= now:
            backlog[booking.agent_id] += booking.number * _seconds(durations, booking)
    if not backlog:
        return Overruns()
    running = rows.running_slots(session, backlog, now=now)
    work = {agent_id: timedelta(seconds=seconds) for agent_id, seconds in backlog.items()}
    late = set(late_agents(work, running, now=now, overfill=policy.slot_overfill))
    lists = _lists(session, late, durations, policy, now=now) if late else {}
    walks = {
        agent_id: walk_through(listed, now=now, freeze=policy.freeze, work=_work(hours[agent_id], now))
        for agent_id, listed in lists.items()
        if agent_id in hours
    }
    return Overruns(walks, {i: at for walk in walks.values() for i, at in walk.behind.items()})


def _work(hours: WorkingTime, now: datetime) -> list[Interval]:
    """Today and tomorrow, on the agent's own calendar."""
    today = now.astimezone(hours.zone).date()
    return [stretch for ahead in range(2) for stretch in hours.stretches(today + timedelta(days=ahead))]


def _lists(
    session: Session, agents: set[int], durations: Durations, policy: Policy, *, now: datetime
) -> Mapping[int, list[Listed]]:
    lists: defaultdict[int, list[Listed]] = defaultdict(list)
    over = policy.slot * policy.slot_overfill
    for row in rows.lists(session, agents, since=now - LOOKED_BACK, until=now + LOOKED_AHEAD):
        lists[row.agent_id].append(
            Listed(
                callback_id=row.id,
                at=row.planned_at,
                until=row.slot_ends + over if row.slot_ends is not None else row.planned_at + policy.slot,
                takes=timedelta(seconds=_seconds(durations, row)),
                due=row.due_at,
                fixed=row.pinned or row.appointment_id is not None or row.slot_ends is None,
                begun=row.begun,
            )
        )
    return lists


def _seconds(durations: Durations, row: Any) -> float:
    return durations.of(row.purpose) * durations.pace.get(row.agent_id, 1.0)
