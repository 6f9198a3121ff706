"""Pins that contradict each other: what several of them together ask of one agent, one slot, one day, one customer."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from callback.domain.moment import part_of_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    handle: str
    agent_id: int
    customer_id: int
    zone: ZoneInfo
    """The customer's."""
    at: datetime
    seconds: float
    """Expected, at this agent's pace."""
    slot: tuple[datetime, datetime] | None
    day: date
    """The agent's own."""


@dataclass(frozen=True, slots=True)
class Clash:
    """`pins_collide`, `pins_overlap`, `pins_same_customer`: of this pin with `other`; else of the pins together."""

    code: str
    pin: Pin
    other: Pin | None = None
    minutes: int = 0
    count: int = 0


def clashes(pins: Sequence[Pin], *, overfill: float, capacity: dict[int, int]) -> Iterator[Clash]:
    """Every contradiction, in the order of the moments; `capacity`: callbacks a day by agent."""
    ordered = sorted(pins, key=lambda p: (p.at, p.handle))
    yield from _of_one_agent(ordered)
    yield from _of_one_slot(ordered, overfill)
    yield from _of_one_day(ordered, capacity)
    yield from _of_one_customer(ordered)


def _of_one_agent(ordered: Sequence[Pin]) -> Iterator[Clash]:
    busy: dict[int, Pin] = {}
    for pin in ordered:
        other = busy.get(pin.agent_id)
        if other is not None and pin.at == other.at:
            yield Clash("pins_collide", pin, other)
        elif other is not None and pin.at < _over(other):
            yield Clash("pins_overlap", pin, other)
        if other is None or _over(pin) > _over(other):
            busy[pin.agent_id] = pin


def _over(pin: Pin) -> datetime:
    return pin.at + timedelta(seconds=pin.seconds)


def _of_one_slot(ordered: Sequence[Pin], overfill: float) -> Iterator[Clash]:
    slots: defaultdict[tuple[int, datetime, datetime], list[Pin]] = defaultdict(list)
    for pin in ordered:
        if pin.slot is not None:
            slots[pin.agent_id, *pin.slot].append(pin)
    for (_, start, end), held in slots.items():
        seconds = sum(pin.seconds for pin in held)
        if seconds > (end - start).total_seconds() * (1 + overfill):
            yield Clash("pins_overfill_slot", held[0], minutes=round(seconds / 60), count=len(held))


def _of_one_day(ordered: Sequence[Pin], capacity: dict[int, int]) -> Iterator[Clash]:
    days: defaultdict[tuple[int, date], list[Pin]] = defaultdict(list)
    for pin in ordered:
        days[pin.agent_id, pin.day].append(pin)
    for (agent_id, _), held in days.items():
        if agent_id in capacity and len(held) > capacity[agent_id]:
            yield Clash("pins_overfill_day", held[0], count=len(held))


def _of_one_customer(ordered: Sequence[Pin]) -> Iterator[Clash]:
    known: dict[tuple[int, date, str], Pin] = {}
    for pin in ordered:
        key = (pin.customer_id, pin.at.astimezone(pin.zone).date(), part_of_day(pin.at, pin.zone).value)
        if key in known:
            yield Clash("pins_same_customer", pin, known[key])
        known.setdefault(key, pin)
