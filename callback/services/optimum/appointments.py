"""Appointments: each has one minute, so they come before everything else and are placed one by one.

The ways in which an appointment may be kept are asked in their order (`domain/appointment.py`). Where a minute is taken
by another appointment that somebody else could keep as well, that one moves over: of those that go one way at one
minute no choice keeps more.
"""

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from callback.domain.appointment import NOT_KEPT, Way
from callback.domain.assignment import Demand, Left, Placement, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import Interval
from callback.domain.policy import Policy
from callback.services.optimum.board import Books

MOST_MOVED_OVER = 50
"""So many agents are asked to pass on an appointment before the next way is gone."""

MINUTES_KEPT = 64
"""Of so many minutes it is remembered who is at work."""

_MINUTE = timedelta(minutes=1)


def keep_appointments(
    demands: Iterable[Demand], roster: Roster, books: Books, policy: Policy
) -> tuple[list[Placement], list[Left]]:
    """Placements, booked in `books`; and what could not be placed at all."""
    ordered = sorted(demands, key=lambda d: (d.at, -d.priority, d.due, d.callback_id))
    keeping = _Keeping(roster, books, policy)
    # First the way that everybody would go: nobody who has to be called later takes the minute of another.
    later = [demand for demand in ordered if not keeping.go(demand, ways_of(demand)[0])]
    left = [d for d in later if not any(keeping.go(d, way) for way in ways_of(d)[1:])]
    return keeping.placements(), [Left(d.callback_id, keeping.why(d)) for d in left]


def ways_of(demand: Demand) -> tuple[Way, ...]:
    """Without ways of its own (somebody chose the agents by hand) it is kept to the minute or not at all."""
    if demand.ways or demand.at is None:
        return demand.ways
    return (Way("owner", demand.at, demand.at, demand.only),)


@dataclass(frozen=True, slots=True)
class _Duty:
    """Somebody at work."""

    agent: AgentFacts
    slot: SlotFact
    day: date
    """Theirs."""


@dataclass(frozen=True, slots=True)
class _Seat:
    demand: Demand
    way: Way
    duty: _Duty
    span: Interval
    seconds: float


class _Keeping:
    """Who is in which appointment when."""

    def __init__(self, roster: Roster, books: Books, policy: Policy) -> None:
        self._agents = {agent.id: agent for agent in roster.agents if agent.active}
        self._slots: defaultdict[int, list[SlotFact]] = defaultdict(list)
        for slot in sorted(roster.slots, key=lambda s: (s.starts_at, s.agent_id)):
            if slot.agent_id in self._agents:
                self._slots[slot.agent_id].append(slot)
        self._starts = {agent_id: [slot.starts_at for slot in held] for agent_id, held in self._slots.items()}
        self._pace, self._books, self._policy = roster.pace, books, policy
        self._seats: dict[int, _Seat] = {}
        """By callback."""
        self._duties: dict[datetime, list[_Duty]] = {}

    def placements(self) -> list[Placement]:
        return [
            Placement(
                i, seat.duty.slot.id, seat.duty.agent.id, seat.span.start, seat.way.rule if seat.demand.ways else None
            )
            for i, seat in self._seats.items()
        ]

    def why(self, demand: Demand) -> str:
        return NOT_KEPT if any(map(demand.suits, self._agents.values())) else "nobody_qualifies"

    def go(self, demand: Demand, way: Way) -> bool:
        """Seat the appointment in this way, if somebody can."""
        if way.to_the_minute:
            return self._to_the_minute(demand, way, set())
        seat = self._soonest(demand, way)
        if seat is not None:
            self._sit(seat)
        return seat is not None

    def _who(self, demand: Demand, way: Way) -> Iterator[AgentFacts]:
        for agent_id in self._agents if way.only is None else sorted(way.only & self._agents.keys()):
            if demand.suits(self._agents[agent_id]):
                yield self._agents[agent_id]

    def _to_the_minute(self, demand: Demand, way: Way, asked: set[int]) -> bool:
        if demand.first_legal(way.since, way.since + _MINUTE) != way.since:
            return False
        found = [duty for duty in self._on_duty(way) if demand.suits(duty.agent)]
        found.sort(key=lambda duty: self._rank(demand, duty))
        for duty in found:
            seat = self._seat(demand, way, duty, way.since)
            if self._is_free(seat):
                self._sit(seat)
                return True
        for duty in found:
            if duty.agent.id in asked:
                continue
            if len(asked) >= MOST_MOVED_OVER:
                return False
            if self._moves_over(self._seat(demand, way, duty, way.since), asked):
                return True
        return False

    def _on_duty(self, way: Way) -> list[_Duty]:
        """Everybody who is at work at the minute, of those whom the way allows."""
        if way.only is not None:
            return list(self._at_work(sorted(way.only & self._agents.keys()), way.since))
        # Many appointments are at the same full hour, and a thousand people are at work then.
        if way.since not in self._duties:
            if len(self._duties) >= MINUTES_KEPT:
                self._duties.clear()
            self._duties[way.since] = list(self._at_work(self._agents, way.since))
        return self._duties[way.since]

    def _at_work(self, agent_ids: Iterable[int], at: datetime) -> Iterator[_Duty]:
        for agent_id in agent_ids:
            number = bisect_right(self._starts.get(agent_id, ()), at) - 1
            if number >= 0 and at < self._slots[agent_id][number].ends_at:
                yield _duty(self._agents[agent_id], self._slots[agent_id][number])

    def _moves_over(self, seat: _Seat, asked: set[int]) -> bool:
        """Whether the one appointment that is in the way finds somebody else on its own way; then this one sits."""
        asked.add(seat.duty.agent.id)
        others = [o for o in self._seats.values() if o.duty.agent.id == seat.duty.agent.id and _meet(o.span, seat.span)]
        if len(others) != 1 or not others[0].way.to_the_minute:
            return False
        (other,) = others
        self._get_up(other)
        if self._is_free(seat):
            self._sit(seat)
            if self._to_the_minute(other.demand, other.way, asked):
                return True
            self._get_up(seat)
        self._sit(other)
        return False

    def _soonest(self, demand: Demand, way: Way) -> _Seat | None:
        """The first moment that somebody has; among equals the least loaded."""
        best: _Seat | None = None
        people = {agent.id: agent for agent in self._who(demand, way)}
        held = (self._slots[agent_id] for agent_id in people if agent_id in self._slots)
        for slot in heapq.merge(*held, key=lambda s: (s.starts_at, s.agent_id)):
            if slot.starts_at > way.until or (best is not None and slot.starts_at > best.span.start):
                break
            if slot.ends_at <= way.since:
                continue
            seat = self._first_in(demand, way, _duty(people[slot.agent_id], slot))
            if seat is not None and (best is None or self._order(seat) < self._order(best)):
                best = seat
        return best

    def _first_in(self, demand: Demand, way: Way, duty: _Duty) -> _Seat | None:
        slot, agent = duty.slot, duty.agent
        at = demand.first_legal(max(way.since, slot.starts_at), slot.ends_at)
        while at is not None and at <= way.until:
            seat = self._seat(demand, way, duty, at)
            over = max((s.end for s in self._books.appointed.get(agent.id, ()) if _meet(s, seat.span)), default=None)
            if over is None:
                return seat if self._is_free(seat) else None
            at = demand.first_legal(_whole_minute(over), slot.ends_at)
        return None

    def _rank(self, demand: Demand, duty: _Duty) -> tuple[bool, bool, int, int]:
        """Who sits there now stays; then whom the customer asked for, then the least loaded."""
        ways, agent_id = demand.ways, duty.agent.id
        asked_for = bool(ways) and ways[0].only is not None and agent_id in ways[0].only
        return duty.slot.id != demand.current, not asked_for, self._books.day_load[agent_id, duty.day], agent_id

    def _order(self, seat: _Seat) -> tuple[datetime, tuple[bool, bool, int, int]]:
        return seat.span.start, self._rank(seat.demand, seat.duty)

    def _seat(self, demand: Demand, way: Way, duty: _Duty, at: datetime) -> _Seat:
        seconds = demand.seconds * self._pace.get(duty.agent.id, 1.0)
        return _Seat(demand, way, duty, Interval(at, at + timedelta(seconds=seconds)), seconds)

    def _is_free(self, seat: _Seat) -> bool:
        """No other appointment then, and room in the slot and on the day."""
        if any(_meet(span, seat.span) for span in self._books.appointed.get(seat.duty.agent.id, ())):
            return False
        length = (seat.duty.slot.ends_at - seat.duty.slot.starts_at).total_seconds()
        used = self._books.used_s[seat.duty.slot.id]
        if used + seat.seconds > length * (1 + self._policy.slot_overfill):
            return False
        return self._books.day_load[seat.duty.agent.id, seat.duty.day] < seat.duty.agent.daily_capacity

    def _sit(self, seat: _Seat) -> None:
        books = self._books
        books.used_s[seat.duty.slot.id] += seat.seconds
        books.day_load[seat.duty.agent.id, seat.duty.day] += 1
        books.appointed.setdefault(seat.duty.agent.id, []).append(seat.span)
        books.contacts.setdefault(seat.demand.customer_id, []).append(seat.span.start)
        self._seats[seat.demand.callback_id] = seat

    def _get_up(self, seat: _Seat) -> None:
        books = self._books
        books.used_s[seat.duty.slot.id] -= seat.seconds
        books.day_load[seat.duty.agent.id, seat.duty.day] -= 1
        books.appointed[seat.duty.agent.id].remove(seat.span)
        books.contacts[seat.demand.customer_id].remove(seat.span.start)
        del self._seats[seat.demand.callback_id]


def _duty(agent: AgentFacts, slot: SlotFact) -> _Duty:
    return _Duty(agent, slot, slot.starts_at.astimezone(agent.zone).date())


def _meet(one: Interval, other: Interval) -> bool:
    return one.start < other.end and other.start < one.end


def _whole_minute(at: datetime) -> datetime:
    """The first full minute from then on: nobody is promised 14:06:37."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + _MINUTE
