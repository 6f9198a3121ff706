"""What follows an attempt: when to try again, on which address, and when to stop. A table, editable row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from callback.domain.facts import Calendar
from callback.domain.moment import next_legal, part_of_day
from callback.domain.policy import Policy
from callback.domain.words import ContactState, Disposition, PartOfDay


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryStep:
    """What the n-th attempt that ended in one way leads to."""

    delay: timedelta | None
    """Earliest wait before the next try; None: no further try."""
    other_part_of_day: bool = False
    """The next try is in another part of the customer's day than this one was."""
    next_contact_point: bool = False
    """On the next address; without one the supervisor decides."""
    counts: bool = True
    """Against the customer's budget."""


RetryTable = Mapping[Disposition, tuple[RetryStep, ...]]

_STOP = (RetryStep(delay=None),)
_LATER_IN_ANOTHER_PART = (RetryStep(delay=timedelta(hours=3), other_part_of_day=True),)

DEFAULT_TABLE: RetryTable = MappingProxyType(
    {
        Disposition.COMPLETED: _STOP,
        Disposition.PARTIAL: _STOP,
        # Only without an appointment: the customer's own time goes before any table.
        Disposition.NOT_CONVENIENT: _LATER_IN_ANOTHER_PART,
        Disposition.REFUSED: _STOP,
        Disposition.BREAK_OFF: _STOP,
        Disposition.NO_ANSWER: _LATER_IN_ANOTHER_PART,
        Disposition.BUSY: (RetryStep(delay=timedelta(minutes=15)), RetryStep(delay=timedelta(hours=1))),
        Disposition.ANSWERING_MACHINE: _LATER_IN_ANOTHER_PART,
        # No wait of its own: the next part of the day, whenever that starts.
        Disposition.SWITCHED_OFF: (RetryStep(delay=timedelta(0), other_part_of_day=True),),
        Disposition.THIRD_PARTY: _LATER_IN_ANOTHER_PART,
        Disposition.IDENTITY_NOT_CONFIRMED: _LATER_IN_ANOTHER_PART,
        # A person who cannot be served as planned: somebody has to think, not to dial again.
        Disposition.LANGUAGE_BARRIER: _STOP,
        Disposition.UNABLE: _STOP,
        Disposition.WRONG_NUMBER: (RetryStep(delay=timedelta(0), next_contact_point=True),),
        Disposition.DEAD_NUMBER: (RetryStep(delay=timedelta(0), next_contact_point=True),),
        # The customer never heard of it (else: `TAKEN`). It grows: what is broken for an hour is not mended in the next
        # ten minutes. It has no last step: an outage of days loses nothing, and a survey's own expiry ends it.
        Disposition.TECHNICAL_FAILURE: (
            RetryStep(delay=timedelta(minutes=10), counts=False),
            RetryStep(delay=timedelta(hours=1), counts=False),
            RetryStep(delay=timedelta(hours=3), counts=False),
        ),
        # One reminder of a survey that nobody answered; the second silence is an answer.
        Disposition.NO_RESPONSE: (RetryStep(delay=timedelta(0)), RetryStep(delay=None)),
    }
)
"""Each disposition's steps, the first for its first time in a callback; the last one holds from then on."""

TAKEN = RetryStep(delay=timedelta(hours=3), other_part_of_day=True)
"""In place of every uncounted step once the carrier had taken it. That it failed then is the carrier's word, and
"unknown error" is also said of what has arrived, or has rung. It is one of the customer's attempts, whatever a table
says."""

MARKS: Mapping[Disposition, ContactState] = MappingProxyType(
    {Disposition.WRONG_NUMBER: ContactState.WRONG, Disposition.DEAD_NUMBER: ContactState.DEAD}
)
SETTLED = frozenset(
    {
        Disposition.COMPLETED,
        Disposition.PARTIAL,
        Disposition.REFUSED,
        Disposition.BREAK_OFF,
        Disposition.NO_RESPONSE,
    }
)
"""Ends that leave nothing for a supervisor to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDecision:
    """What follows. `ends`: no further try. `exhausted`: it ended unsettled, so the supervisor sees it."""

    rule: str
    """The sentence is `retry.<rule>`: `settled`, `again`, `another_part`, `appointment`, `next_contact_point`,
    `no_contact_point`, `attempts_used`, `no_further_try`, `no_legal_moment`."""
    next_try_at: datetime | None = None
    """Legal by the windows; the other rules are asked again when it is planned and dialled."""
    counts: bool = True
    next_contact_point: bool = False
    mark_contact: ContactState | None = None
    ends: bool = False
    exhausted: bool = False


def after(
    disposition: Disposition,
    *,
    now: datetime,
    nth: int,
    attempts_made: int,
    zone: ZoneInfo,
    calendar: Calendar,
    policy: Policy,
    more_contact_points: bool = False,
    appointment_at: datetime | None = None,
    taken: bool = False,
    table: RetryTable = DEFAULT_TABLE,
) -> RetryDecision:
    """What follows an attempt that ended at `now` in `disposition`.

    `nth`: how many attempts of this callback have ended so, this one among them. `attempts_made`: counted attempts of
    this callback *before* this one. `more_contact_points`: another good address is left. `appointment_at`: the moment
    the customer asked for. `taken`: a carrier had accepted it.
    """
    steps = table.get(disposition) or DEFAULT_TABLE[disposition]
    step = steps[min(nth, len(steps)) - 1]
    if taken and not step.counts:
        step = TAKEN
    mark = MARKS.get(disposition)

    def over(rule: str, *, exhausted: bool = True) -> RetryDecision:
        return RetryDecision(rule=rule, counts=step.counts, mark_contact=mark, ends=True, exhausted=exhausted)

    if disposition in SETTLED and step.delay is None:
        return over("settled", exhausted=False)
    if attempts_made + step.counts >= policy.attempts_per_callback:
        return over("settled", exhausted=False) if disposition in SETTLED else over("attempts_used")
    avoid: frozenset[PartOfDay] = frozenset()
    if appointment_at is not None:
        wanted, rule = appointment_at, "appointment"
    elif step.delay is None:
        return over("no_further_try")
    elif step.next_contact_point and not more_contact_points:
        return over("no_contact_point")
    else:
        wanted = now + step.delay
        if step.other_part_of_day:
            avoid = frozenset({part_of_day(now, zone)})
        rule = "next_contact_point" if step.next_contact_point else "another_part" if avoid else "again"
    next_try_at = next_legal(wanted, zone, calendar, policy, avoid=avoid)
    if next_try_at is None:
        return over("no_legal_moment")
    return RetryDecision(
        rule=rule,
        next_try_at=next_try_at,
        counts=step.counts,
        next_contact_point=step.next_contact_point,
        mark_contact=mark,
    )
