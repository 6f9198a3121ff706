"""When: decent hours, the budget of attempts, slots and shifts. Looked at over the last week and what is planned."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from callback.db import slots as slot_rows
from callback.db.durations import measured
from callback.db.policies import load_policy
from callback.db.setups import documents
from callback.db.tables import Attempt, Callback, Customer, Slot
from callback.domain.duration import learn_durations
from callback.domain.policy import LEGAL_CEILING, LEGAL_FLOOR, Policy
from callback.domain.words import LIVE_STATES, CallbackState, Channel, Purpose, SetupKind
from callback.services.doctor.invariant import Finding, Invariant

LOOKED_BACK = timedelta(days=7)


def _recent(
    session: Session, now: datetime
) -> Iterable[Row[tuple[int, int, str | None, datetime, bool, bool, str, str]]]:
    """Attempts of the last week (and a day, for those of the customer's own day), oldest first."""
    return session.execute(
        select(
            Attempt.id,
            Attempt.customer_id,
            Attempt.address,
            Attempt.started_at,
            Attempt.counts,
            Attempt.by_appointment,
            Attempt.channel,
            Customer.time_zone,
        )
        .join(Customer, Customer.id == Attempt.customer_id)
        .where(Attempt.started_at > now - LOOKED_BACK, Attempt.channel != Channel.WEB)
        .order_by(Attempt.started_at, Attempt.id)
        .execution_options(yield_per=5_000)
    )


def _decent_hours(session: Session, now: datetime) -> Iterable[Finding]:
    """The hard limits in the customer's own zone. The policy's narrower windows may have been changed since."""
    for row in _recent(session, now):
        local = row.started_at.astimezone(ZoneInfo(row.time_zone))
        if row.channel != Channel.EMAIL and not LEGAL_FLOOR <= local.time() < LEGAL_CEILING:
            yield Finding(f"attempt {row.id}", f"{local:%Y-%m-%d %H:%M} {row.time_zone}")


def _planned_hours(session: Session, now: datetime) -> Iterable[Finding]:
    planned = (
        select(Callback.id, Callback.planned_at, Customer.time_zone)
        .join(Customer, Customer.id == Callback.customer_id)
        .where(Callback.state == CallbackState.ASSIGNED, Callback.planned_at > now)
        .execution_options(yield_per=5_000)
    )
    for row in session.execute(planned):
        assert row.planned_at is not None  # noqa: S101
        local = row.planned_at.astimezone(ZoneInfo(row.time_zone))
        if not LEGAL_FLOOR <= local.time() < LEGAL_CEILING:
            yield Finding(f"callback {row.id}", f"{local:%Y-%m-%d %H:%M} {row.time_zone}")


def _daily_budget(session: Session, now: datetime) -> Iterable[Finding]:
    """Neither one customer nor one address is tried too often on a day of theirs; an appointment is their own wish."""
    allowed = max(policy.attempts_per_day for policy in _policies(session))
    made: Counter[tuple[str, object]] = Counter()
    for row in _recent(session, now):
        if not row.counts:
            continue
        day = row.started_at.astimezone(ZoneInfo(row.time_zone)).date()
        whom = {f"customer {row.customer_id}", f"address {row.address or row.customer_id}"}
        if not row.by_appointment and any(made[who, day] >= allowed for who in whom):
            yield Finding(f"attempt {row.id}", f"customer {row.customer_id}, {day}")
        made.update((who, day) for who in whom)


def _budget_per_callback(session: Session, _now: datetime) -> Iterable[Finding]:
    allowed = max(policy.attempts_per_callback for policy in _policies(session))
    counted: Counter[int] = Counter()
    statement = select(Attempt.callback_id).where(Attempt.counts, Attempt.channel != Channel.WEB)
    for (callback_id,) in session.execute(statement.execution_options(yield_per=20_000)):
        counted[callback_id] += 1
    return [Finding(f"callback {which}", str(made)) for which, made in counted.items() if made > allowed]


def _policies(session: Session) -> list[Policy]:
    """Every policy that ever counted: what was allowed then is not a fault now."""
    return [Policy(), *(Policy().changed(one) for one in documents(session, SetupKind.POLICY))]


def _another_part_of_day(session: Session, now: datetime) -> Iterable[Finding]:
    """A second call in the part of the day of the contact after which the customer was unhappy."""
    first = select(Attempt.callback_id, Attempt.part_of_day, Attempt.disposition).subquery()
    statement = (
        select(Attempt.id, Attempt.part_of_day, Callback.parent_id)
        .join(Callback, Callback.id == Attempt.callback_id)
        .join(first, first.c.callback_id == Callback.parent_id)
        .where(
            Callback.purpose == Purpose.SECOND_CALL,
            Attempt.started_at > now - LOOKED_BACK,
            ~Attempt.by_appointment,
            first.c.part_of_day == Attempt.part_of_day,
            first.c.disposition.in_(("completed", "partial", "break_off")),
        )
    )
    return [Finding(f"attempt {row.id}", f"{row.part_of_day}") for row in session.execute(statement)]


def _slots_not_overfull(session: Session, now: datetime) -> Iterable[Finding]:
    """No more in a slot than fits; what a supervisor pinned and what the customer asked for may be on top.

    Expected durations move between planning and now, so each call counts with the shorter of the policy's and the
    measured time, and the last one may run over the end.
    """
    policy = load_policy(session)
    ordinary = policy.handling_time.total_seconds()
    expected = learn_durations(measured(session, now=now), ordinary_s=ordinary)
    statement = (
        select(Slot.id, Slot.starts_at, Slot.ends_at, Slot.agent_id, Callback.purpose)
        .join(Callback, Callback.slot_id == Slot.id)
        .where(Callback.state.in_(LIVE_STATES), ~Callback.pinned, Slot.starts_at > now)
    )
    held: Counter[int] = Counter()
    seconds: defaultdict[int, float] = defaultdict(float)
    room: dict[int, float] = {}
    for row in session.execute(statement.execution_options(yield_per=5_000)):
        each = min(ordinary, expected.of(row.purpose) * expected.pace.get(row.agent_id, 1.0))
        held[row.id] += 1
        seconds[row.id] += each
        room[row.id] = (row.ends_at - row.starts_at).total_seconds() * (1 + policy.slot_overfill) + each
    return [Finding(f"slot {slot}", f"{n}") for slot, n in held.items() if seconds[slot] >= room[slot]]


def _slots_within_shifts(session: Session, now: datetime) -> Iterable[Finding]:
    policy = load_policy(session)
    agents = slot_rows.agents_at_work(session)
    hours = slot_rows.working_times(session, agents)
    used = select(Slot).where(
        Slot.starts_at > now, Slot.id.in_(select(Callback.slot_id).where(Callback.state == "assigned"))
    )
    legal: dict[tuple[int, object], set[datetime]] = defaultdict(set)
    for slot in session.scalars(used):
        agent = agents.get(slot.agent_id)
        if agent is None:
            yield Finding(f"slot {slot.id}", f"agent {slot.agent_id}")
            continue
        day = slot.starts_at.astimezone(agent.zone).date()
        if (slot.agent_id, day) not in legal:
            legal[slot.agent_id, day] = {one.start for one in hours[slot.agent_id].slots(day, policy.slot)}
        if slot.starts_at not in legal[slot.agent_id, day]:
            yield Finding(f"slot {slot.id}", f"agent {slot.agent_id}, {slot.starts_at:%Y-%m-%d %H:%M} UTC")


TIMES: tuple[Invariant, ...] = (
    Invariant("decent_hours", _decent_hours),
    Invariant("planned_at_decent_hours", _planned_hours),
    Invariant("daily_budget", _daily_budget),
    Invariant("budget_per_callback", _budget_per_callback),
    Invariant("second_call_at_another_time", _another_part_of_day),
    Invariant("slots_not_overfull", _slots_not_overfull),
    Invariant("slots_within_shifts", _slots_within_shifts),
)
