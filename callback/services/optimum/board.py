"""The board: what can be placed where, in arrays. Rows are agents, columns the stretches of time that slots have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from callback.domain.assignment import Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import Interval
from callback.domain.policy import Policy
from callback.services.optimum.network import Ints

Bools = NDArray[np.bool_]
Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Books:
    """What is booked, kept up while rounds of one planning follow each other."""

    used_s: dict[int, float]
    """Per slot: seconds that are gone or booked."""
    day_load: Counter[tuple[int, date]]
    contacts: dict[int, list[datetime]]
    appointed: dict[int, list[Interval]] = field(default_factory=dict)
    """Per agent: when they are in an appointment, standing or new."""
    banned: dict[int, set[Span]] = field(default_factory=dict)
    """Per callback: where it was tried and did not fit."""

    @classmethod
    def of(cls, roster: Roster) -> "Books":
        return cls(
            {slot.id: float(slot.booked_seconds) for slot in roster.slots},
            Counter(dict(roster.booked_today)),
            {customer_id: list(moments) for customer_id, moments in roster.contacts.items()},
            {agent_id: list(spans) for agent_id, spans in roster.appointed.items()},
        )


@dataclass(slots=True)
class Board:
    agents: Sequence[AgentFacts]
    spans: Sequence[Span]
    slots: Mapping[tuple[int, int], SlotFact]
    """(row, column) → the slot there."""
    place_of: Mapping[int, tuple[int, int]]
    """Slot id → (row, column)."""
    room: Ints
    """[agents, spans]: how many calls still fit, in expectation."""
    day: Ints
    """[agents, spans]: the number of the agent's local day, -1 without a slot."""
    day_room: Ints
    """[agents, days]: how many callbacks the agent may still get on that day."""
    day_load: Ints
    """[agents, days]: how many they have."""
    row_of: Mapping[int, int]
    """Agent id → row."""
    idle: Sequence[AgentFacts]
    """Who has no slot on the board at all."""

    @property
    def starts(self) -> list[datetime]:
        return [start for start, _ in self.spans]

    @property
    def end(self) -> datetime:
        return max(end for _, end in self.spans)


def make_board(roster: Roster, books: Books, policy: Policy, *, seconds_each: float) -> Board:
    """The board with what is left of it, when a call takes `seconds_each` at ordinary pace."""
    with_slots = {slot.agent_id for slot in roster.slots}
    agents = sorted((a for a in roster.agents if a.active and a.id in with_slots), key=lambda a: a.id)
    idle = [a for a in roster.agents if a.active and a.id not in with_slots]
    row_of = {agent.id: row for row, agent in enumerate(agents)}
    spans = sorted({(slot.starts_at, slot.ends_at) for slot in roster.slots if slot.agent_id in row_of})
    column_of = {span: column for column, span in enumerate(spans)}
    zones = {agent.zone for agent in agents}
    dates = {(zone, t): start.astimezone(zone).date() for zone in zones for t, (start, _) in enumerate(spans)}
    days = {day: number for number, day in enumerate(sorted(set(dates.values())))}
    held = [slot for slot in roster.slots if slot.agent_id in row_of]
    rows = [row_of[slot.agent_id] for slot in held]
    columns = [column_of[slot.starts_at, slot.ends_at] for slot in held]
    slots = dict(zip(zip(rows, columns, strict=True), held, strict=True))
    place_of = {slot.id: place for place, slot in slots.items()}
    at = (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))
    room = np.zeros((len(agents), len(spans)), dtype=np.int64)
    day = np.full((len(agents), len(spans)), -1, dtype=np.int64)
    by_date = np.array([[days[dates[agent.zone, t]] for t in range(len(spans))] for agent in agents], dtype=np.int64)
    if held:
        day[at] = by_date[at]
        lengths = np.array([(end - start).total_seconds() for start, end in spans])[at[1]]
        used = np.array([books.used_s[slot.id] for slot in held])
        each = seconds_each * np.array([roster.pace.get(agent.id, 1.0) for agent in agents])[at[0]]
        fits = np.maximum(0, (lengths * (1 + policy.slot_overfill) - used) // each)
        # A call must also begin before the slot ends.
        room[at] = np.where(used < lengths, fits, 0)
    day_load = np.zeros((len(agents), len(days)), dtype=np.int64)
    for row, agent in enumerate(agents):
        for local_day, number in days.items():
            day_load[row, number] = books.day_load[agent.id, local_day]
    capacities = np.array([agent.daily_capacity for agent in agents], dtype=np.int64)
    day_room = np.maximum(capacities[:, None] - day_load, 0) if agents else day_load
    return Board(agents, spans, slots, place_of, room, day, day_room, day_load, row_of, idle)
