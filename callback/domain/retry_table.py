"""The retry table as a document that people edit: how it is stored, and what in it cannot be meant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from callback.domain.facts import Calendar
from callback.domain.policy import Policy
from callback.domain.retry import DEFAULT_TABLE, MARKS, SETTLED, RetryStep, RetryTable, after
from callback.domain.words import Disposition

MOST_STEPS = 6
LONGEST_DELAY = timedelta(days=14)
SHORTEST_UNCOUNTED = timedelta(minutes=5)
"""What is not counted may go on for ever: never faster than this."""
ENDS = SETTLED - {Disposition.NO_RESPONSE}
"""The customer has answered, or has said no: nothing is tried again, whatever a table says."""
UNCOUNTED = frozenset({Disposition.TECHNICAL_FAILURE})
"""The customer never heard of it. Everything else is one of their attempts (hard rule: one budget per customer)."""


@dataclass(frozen=True, slots=True)
class RetryFault:
    """What is wrong with the step at `index` of a disposition. The sentence is `setup_retry.fault.<code>`."""

    disposition: Disposition
    index: int
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


def table_of(document: Mapping[str, Any]) -> RetryTable:
    """The default table with the stored steps in place of the default ones. Raises `ValueError`, `KeyError` or
    `TypeError` for what is no such document."""
    stored = {Disposition(name): tuple(_step(raw) for raw in steps) for name, steps in document.items()}
    return MappingProxyType({**DEFAULT_TABLE, **stored})


def document_of(table: RetryTable) -> dict[str, Any]:
    """What differs from the default table, as it is stored."""
    return {
        disposition.value: [_raw(step) for step in steps]
        for disposition, steps in table.items()
        if steps != DEFAULT_TABLE[disposition]
    }


def _step(raw: Mapping[str, Any]) -> RetryStep:
    minutes = raw["delay_minutes"]
    return RetryStep(
        delay=None if minutes is None else timedelta(minutes=minutes),
        other_part_of_day=bool(raw.get("other_part_of_day", False)),
        next_contact_point=bool(raw.get("next_contact_point", False)),
        counts=bool(raw.get("counts", True)),
    )


def _raw(step: RetryStep) -> dict[str, Any]:
    return {
        "delay_minutes": None if step.delay is None else round(step.delay.total_seconds() / 60),
        "other_part_of_day": step.other_part_of_day,
        "next_contact_point": step.next_contact_point,
        "counts": step.counts,
    }


def faults(table: RetryTable) -> tuple[RetryFault, ...]:
    """What cannot be meant, in the order of the table."""
    return tuple(fault for disposition in DEFAULT_TABLE for fault in _faults(disposition, table[disposition]))


def _faults(disposition: Disposition, steps: tuple[RetryStep, ...]) -> Iterator[RetryFault]:
    if not steps:
        yield RetryFault(disposition, 0, "no_step")
    if len(steps) > MOST_STEPS:
        yield RetryFault(disposition, MOST_STEPS, "too_many_steps", {"most": MOST_STEPS})
    for index, step in enumerate(steps):
        code = _fault(disposition, step, last=index == len(steps) - 1)
        if code is not None:
            yield RetryFault(disposition, index, code, _PARAMS.get(code, {}))


_PARAMS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"delay_not_possible": {"days": LONGEST_DELAY.days}, "too_fast_uncounted": {"minutes": 5}}
)


def _fault(disposition: Disposition, step: RetryStep, *, last: bool) -> str | None:
    if step.delay is None:
        return None if last else "after_the_end"
    wrong = {
        "settled_is_settled": disposition in ENDS,
        "delay_not_possible": not timedelta(0) <= step.delay <= LONGEST_DELAY,
        "dead_number_again": disposition in MARKS and not step.next_contact_point,
        "must_count": not step.counts and disposition not in UNCOUNTED,
        "too_fast_uncounted": not step.counts and step.delay < SHORTEST_UNCOUNTED,
    }
    return next((code for code, is_so in wrong.items() if is_so), None)


def beyond_budget(table: RetryTable, policy: Policy) -> Mapping[Disposition, int]:
    """Dispositions whose table has more counted tries than a callback may have, and how many it may have.

    No fault: the budget ends it. But whoever wrote the line thought of a try that never comes.
    """
    allowed = policy.attempts_per_callback - 1  # the attempt that ended so is one of them
    return {
        disposition: allowed
        for disposition, steps in table.items()
        if sum(step.counts and step.delay is not None for step in steps) > allowed
    }


@dataclass(frozen=True, slots=True)
class Foretold:
    """What the table leads to when every try ends the same: the moments of the tries, and how it ends."""

    tries: tuple[datetime, ...]
    rule: str
    """The sentence is `retry.<rule>`; empty: it goes on as long as it takes."""


FORETOLD = 6


def foretell(
    disposition: Disposition,
    table: RetryTable,
    *,
    at: datetime,
    zone: ZoneInfo,
    calendar: Calendar,
    policy: Policy,
    more_contact_points: int = 1,
) -> Foretold:
    """Try after try from one that ended at `at`, by the rules that the house itself follows."""
    tries: list[datetime] = []
    counted = 0
    ended = at
    for nth in range(1, FORETOLD + 2):
        decision = after(
            disposition,
            now=ended,
            nth=nth,
            attempts_made=counted,
            zone=zone,
            calendar=calendar,
            policy=policy,
            more_contact_points=nth <= more_contact_points,
            table=table,
        )
        if decision.next_try_at is None:
            return Foretold(tuple(tries), decision.rule)
        counted += decision.counts
        tries.append(decision.next_try_at)
        ended = decision.next_try_at
    return Foretold(tuple(tries[:FORETOLD]), "")
