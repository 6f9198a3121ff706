"""Pins that contradict each other, told apart."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from callback.domain.pins import Pin, clashes

ELEVEN = datetime(2026, 3, 11, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SLOT = (ELEVEN, ELEVEN + 30 * MINUTE)


def pin(number: int, minute: int, *, agent: int = 1, customer: int | None = None, seconds: float = 360) -> Pin:
    at = ELEVEN + minute * MINUTE
    return Pin(
        handle=f"p{number}",
        agent_id=agent,
        customer_id=customer or number,
        zone=ZoneInfo("Asia/Shanghai"),
        at=at,
        seconds=seconds,
        slot=SLOT if SLOT[0] <= at < SLOT[1] else None,
        day=at.date(),
    )


def found(*pins: Pin, capacity: int = 60) -> list[tuple[str, str, str | None]]:
    of = clashes(pins, overfill=0.1, capacity={1: capacity})
    return [(c.code, c.pin.handle, None if c.other is None else c.other.handle) for c in of]


def test_pins_one_after_the_other_are_fine() -> None:
    assert found(*(pin(n, 6 * n) for n in range(5)), pin(9, 3, agent=2)) == []


def test_the_same_minute_and_a_call_that_is_expected_to_last_are_told_apart() -> None:
    assert found(pin(1, 0), pin(2, 0)) == [("pins_collide", "p2", "p1")]
    assert found(pin(1, 0), pin(2, 5)) == [("pins_overlap", "p2", "p1")]
    assert found(pin(1, 0, seconds=1200), pin(2, 19, seconds=60), pin(3, 19), pin(4, 25)) == [
        ("pins_overlap", "p2", "p1"),
        ("pins_overlap", "p3", "p1"),
    ]


def test_too_much_for_a_slot_and_for_a_day() -> None:
    assert found(pin(1, 0, seconds=1200), pin(2, 20, seconds=900)) == [("pins_overfill_slot", "p1", None)]
    assert found(pin(1, 0), pin(2, 40), capacity=1) == [("pins_overfill_day", "p1", None)]
    assert found(pin(1, 0, agent=2), pin(2, 40, agent=2), capacity=1) == []


def test_one_customer_twice_in_a_part_of_a_day_whoever_calls() -> None:
    assert found(pin(1, 0, customer=7), pin(2, 30, agent=2, customer=7)) == [("pins_same_customer", "p2", "p1")]
    assert found(pin(1, 0, customer=7), pin(2, 240, customer=7)) == []
