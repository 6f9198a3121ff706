"""What the supervisor has to put right before the plan can be better: each fault told apart, by name and reason.

Planning itself goes on without what is named here. Each check is a function in `CHECKS`; a code is `finding.<code>`.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, and_, func, select, text
from sqlalchemy.orm import Session, aliased

from callback.db import senders, slots
from callback.db.among import plain
from callback.db.policies import load_policy
from callback.db.tables import Agent, Appointment, Callback, Case, Decision, ShiftException, Slot
from callback.db.tables.callbacks import IMPOSSIBLE, OWED_BY_A_PERSON, PINNED
from callback.db.waiting import read_waiting
from callback.domain.facts import AgentFacts
from callback.domain.pins import Pin, clashes
from callback.domain.policy import Policy
from callback.domain.roster import Stretch, problem_of
from callback.domain.rules import Contact, Refusal, against, refusals
from callback.domain.words import AppointmentState, BlockedBy, CallbackState, Channel
from callback.services import demands, failures, overruns, wording
from callback.services.assignments import FOR_ROOM
from callback.texts import Language, say

_PREFIXED = re.compile(r"\b(state|channel|due_at|earliest_at|pinned)\b")
_OWED, _IMPOSSIBLE, _PINNED = (
    text(_PREFIXED.sub(r"callbacks.\1", condition)) for condition in (OWED_BY_A_PERSON, IMPOSSIBLE, PINNED)
)
"""Word for word the conditions of the partial indexes."""
_OPEN = and_(Appointment.callback_id == Callback.id, Appointment.state == AppointmentState.OPEN)
MOST = 200
"""Of one kind that are named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` says what is wrong, `who` with whom or what: an agent's name, a callback's handle, a skill."""

    code: str
    who: str
    params: Mapping[str, Any] = field(default_factory=dict)
    agent_id: int | None = None
    """Whose record has to be mended, where it is a person's."""
    refused: tuple[Refusal, ...] = ()
    """The rules that forbid it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    session: Session
    now: datetime
    policy: Policy
    names: Mapping[int, str]
    agents: Mapping[int, AgentFacts]
    """Who is at work at all."""
    limit: int | None


Hours = tuple[int | date, time, time]
"""A weekday or a day, and from when to when."""
Check = Callable[[_Look], Iterator[Fault]]


LOOKED_AT = 500
"""Rows that a bounded look reads for one check, the most urgent first."""


def find_faults(session: Session, *, now: datetime, bounded: bool = False) -> list[Fault]:
    """Everything found, kind by kind in the order of the checks: at most `MOST` and then one `more` with the rest.

    With `bounded` no check reads more than `LOOKED_AT` rows, so that a page can ask: the rest is not counted to the
    end, and who is behind is not asked (planning asks it every minute).
    """
    names = dict(session.execute(select(Agent.id, Agent.name)).tuples().all())
    limit = LOOKED_AT if bounded else None
    agents = slots.agents_at_work(session)
    look = _Look(session=session, now=now, policy=load_policy(session), names=names, agents=agents, limit=limit)
    found: list[Fault] = []
    for check in CHECKS:
        if bounded and check is agents_behind:
            continue  # needs the facts of the whole plan
        counts: Counter[str] = Counter()
        kinds: defaultdict[str, list[Fault]] = defaultdict(list)
        for fault in check(look):
            counts[fault.code] += 1
            if counts[fault.code] <= MOST:
                kinds[fault.code].append(fault)
        for code, faults in kinds.items():
            more = counts[code] - len(faults)
            found += [*faults, Fault("more", code, {"count": more})] if more else faults
    return found


def tell(fault: Fault, language: Language, *, zone: ZoneInfo) -> str:
    return say(f"finding.{fault.code}", language, **words(fault, language, zone=zone))


def words(fault: Fault, language: Language, *, zone: ZoneInfo) -> dict[str, Any]:
    """The parameters of its sentence as people read them: a rule by what it says, a day by its name."""
    said = wording.spoken(fault.params, language, zone=zone)
    if "failure" in said:
        code = str(said["failure"])
        said |= {"why": failures.why(code, language), "todo": failures.what_to_do(code, language)}
        said["channel"] = say(f"channel.{said['channel']}", language)
    day = fault.params.get("day")
    if isinstance(day, int):
        said["day"] = wording.weekday(day - 1, language)
    if fault.refused:
        agent = {"agent_id": said.get("agent", "–")}
        told = (
            say(f"rule.{one.reason}", language, **wording.spoken(one.params, language, zone=zone) | agent)
            for one in fault.refused
        )
        said["reason"] = wording.listed(dict.fromkeys(rule.rstrip(".。") for rule in told), language)
    return {"who": fault.who, **said}


def impossible_shifts(look: _Look) -> Iterator[Fault]:
    """Shifts that overlap, that are too short for a slot, or in which nobody may be called."""
    for agent_id, week in sorted(slots.weeks(look.session, Agent.active.is_(True)).items()):
        yield from _shift_faults(look, agent_id, [(shift.weekday, shift.starts, shift.ends) for shift in week])
    days: defaultdict[tuple[int, date], list[tuple[time | None, time | None]]] = defaultdict(list)
    changes = select(ShiftException.agent_id, ShiftException.day, ShiftException.starts, ShiftException.ends)
    upcoming = changes.join(Agent).where(Agent.active, ShiftException.day >= look.now.date() - timedelta(days=1))
    for change in look.session.execute(upcoming.order_by(ShiftException.id)):
        days[change.agent_id, change.day].append((change.starts, change.ends))
    for (agent_id, day), hours in days.items():
        if (None, None) in hours and len(hours) > 1:
            yield Fault("absent_and_at_work", look.names[agent_id], {"day": day.isoformat()}, agent_id)
        worked = [(day, starts, ends) for starts, ends in hours if starts is not None and ends is not None]
        yield from _shift_faults(look, agent_id, worked)


def _shift_faults(look: _Look, agent_id: int, stretches: Sequence[Hours]) -> Iterator[Fault]:
    for code, index in _wrong_with(tuple(stretches), look.policy.slot, look.policy.calling_windows):
        yield Fault(code, look.names[agent_id], _hours(Stretch(*stretches[index])), agent_id)


@lru_cache(maxsize=1024)
def _wrong_with(
    hours: tuple[Hours, ...], slot: timedelta, windows: tuple[tuple[time, time], ...]
) -> tuple[tuple[str, int], ...]:
    """Codes of what is wrong, with the place of the stretch. A thousand people work a handful of different weeks."""
    stretches = [Stretch(*one) for one in hours]
    problem = problem_of(stretches)
    found = [] if problem is None else [(problem.code, problem.index)]
    for index, stretch in enumerate(stretches):
        length = datetime.combine(date.min, stretch.ends) - datetime.combine(date.min, stretch.starts)
        if length < slot / 2:
            found.append(("shift_too_short", index))
        elif not any(stretch.starts < end and start < stretch.ends for start, end in windows):
            found.append(("shift_outside_windows", index))
    return tuple(found)


def _hours(stretch: Stretch) -> dict[str, Any]:
    day = stretch.day.isoformat() if isinstance(stretch.day, date) else stretch.day + 1
    return {"day": day, "hours": f"{stretch.starts:%H:%M}–{stretch.ends:%H:%M}"}


def agents_who_can_do_nothing(look: _Look) -> Iterator[Fault]:
    """No language, no capacity, or no skill where cases ask for one."""
    wanted = _wanted_skills(look)
    for agent in look.agents.values():
        name = look.names[agent.id]
        if not agent.languages:
            yield Fault("agent_without_language", name, agent_id=agent.id)
        if agent.daily_capacity == 0:
            yield Fault("agent_without_capacity", name, agent_id=agent.id)
        if wanted and not agent.skills:
            yield Fault("agent_without_skills", name, {"skills": ", ".join(sorted(wanted))}, agent.id)
    had = {skill for agent in look.agents.values() for skill in agent.skills}
    for skill in sorted(set(wanted) - had):
        yield Fault("skill_nobody_has", skill, {"count": wanted[skill]})
    if not look.agents:
        yield Fault("nobody_at_work", "–")


def _each(look: _Look, statement: Select[Any]) -> Iterator[Row[Any]]:
    """Row by row; a page's few at once, since a cursor in the server is three statements more."""
    if look.limit is not None:
        return iter(plain(look.session, statement))
    return iter(look.session.execute(statement.execution_options(yield_per=1_000)))


def _wanted_skills(look: _Look) -> dict[str, int]:
    owed = select(Callback.case_id).where(_OWED).order_by(Callback.due_at, Callback.id).limit(look.limit).subquery()
    asked = select(Case.required_skill).join(owed, owed.c.case_id == Case.id).where(Case.required_skill.is_not(None))
    return Counter(skill for skill in look.session.scalars(asked) if skill is not None)


def contradictory_pins(look: _Look) -> Iterator[Fault]:
    """What a supervisor pinned where it cannot be: absent or barred people, illegal moments, too much at once."""
    pinned = and_(_PINNED, Callback.channel == Channel.AGENT)
    columns = (
        Callback.id, Callback.handle, Callback.agent_id, Callback.planned_at, Callback.purpose, Callback.customer_id,
        Slot.starts_at, Slot.ends_at,
    )  # fmt: skip
    statement = select(*columns).outerjoin(Slot, Slot.id == Callback.slot_id).where(pinned)
    statement = statement.order_by(Callback.id).limit(look.limit)
    rows = {row.id: row for row in look.session.execute(statement)}
    for row in rows.values():
        if row.agent_id not in look.agents or row.starts_at is None:
            yield Fault("pin_without_shift", row.handle, {"agent": look.names.get(row.agent_id, "–")})
    if not rows:  # nothing is pinned in most houses, and the facts about nobody are eight statements
        return
    waiting = read_waiting(look.session, list(rows))
    contacts = list(demands.read_contacts(look.session, waiting, moment=look.now))
    yield from _clashing_pins(look, rows, {callback.id: contact.customer.zone for callback, contact in contacts})
    for callback, contact in contacts:
        yield from _forbidden_pin(look, rows[callback.id], contact)


def _clashing_pins(look: _Look, rows: Mapping[int, Any], zones: Mapping[int, ZoneInfo]) -> Iterator[Fault]:
    """What several pins ask together of one agent, or of one customer."""
    durations = demands.read_durations(look.session, moment=look.now, policy=look.policy)
    pins = [
        Pin(
            handle=row.handle,
            agent_id=row.agent_id,
            customer_id=row.customer_id,
            zone=zones[row.id],
            at=row.planned_at,
            seconds=durations.of(row.purpose) * durations.pace.get(row.agent_id, 1.0),
            slot=None if row.starts_at is None else (row.starts_at, row.ends_at),
            day=row.planned_at.astimezone(look.agents[row.agent_id].zone).date(),
        )
        for row in rows.values()
        if row.agent_id in look.agents
    ]
    capacity = {agent.id: agent.daily_capacity for agent in look.agents.values()}
    for clash in clashes(pins, overfill=look.policy.slot_overfill, capacity=capacity):
        name, pin = look.names[clash.pin.agent_id], clash.pin
        if clash.other is not None:
            params: dict[str, Any] = {"agent": name, "other": clash.other.handle}
            yield Fault(clash.code, pin.handle, params)
        elif clash.code == "pins_overfill_slot":
            starts_at = pin.at if pin.slot is None else pin.slot[0]
            params = {"at": wording.utc(starts_at), "count": clash.count, "minutes": clash.minutes}
            yield Fault(clash.code, name, params, pin.agent_id)
        else:
            params = {"day": pin.day.isoformat(), "count": clash.count, "capacity": capacity[pin.agent_id]}
            yield Fault(clash.code, name, params, pin.agent_id)


def _forbidden_pin(look: _Look, row: Any, contact: Contact) -> Iterator[Fault]:
    """Every rule that speaks against it, not the first alone: who mends one of them wants to know the others."""
    agent = look.agents.get(row.agent_id)
    refused = tuple(against(contact, agent, look.policy)) if agent is not None else ()
    if refused:
        yield Fault("pin_forbidden", row.handle, {"agent": look.names[row.agent_id], **_named(refused)}, None, refused)
    if row.planned_at >= look.now:
        refused = refusals(replace(contact, at=row.planned_at), look.policy)
        if refused:
            yield Fault("pin_illegal_moment", row.handle, _named(refused), None, refused)


def _named(refused: Sequence[Refusal]) -> dict[str, Any]:
    return {"reason": ", ".join(dict.fromkeys(refusal.reason for refusal in refused))}


def agents_behind(look: _Look) -> Iterator[Fault]:
    """Agents whose calls ran over so far that their list no longer fits: planning moves what comes sooner elsewhere."""
    people = demands.read_people(look.session)
    bookings = slots.read_bookings(look.session, since=look.now - demands.YESTERDAY)
    durations = demands.read_durations(look.session, moment=look.now, policy=look.policy)
    found = overruns.find(look.session, bookings, durations, look.policy, hours=people.hours, now=look.now)
    for agent_id, walk in sorted(found.walks.items()):
        if walk.behind:
            minutes = math.ceil(walk.lag.total_seconds() / 60)
            yield Fault("agent_behind", look.names[agent_id], {"minutes": minutes, "count": len(walk.behind)})


def deadlines(look: _Look) -> Iterator[Fault]:
    """Due before now, or before the earliest moment: it cannot be kept any more."""
    idle = and_(_OWED, Callback.state != CallbackState.IN_PROGRESS)
    columns = select(Callback.handle, Callback.due_at).order_by(Callback.due_at, Callback.id).limit(look.limit)
    passed = columns.where(idle, Callback.due_at < look.now)
    impossible = columns.where(_IMPOSSIBLE, Callback.due_at >= look.now, Callback.state != CallbackState.IN_PROGRESS)
    for code, statement in (("due_passed", passed), ("due_before_earliest", impossible)):
        for row in _each(look, statement):
            yield Fault(code, row.handle, {"due": wording.utc(row.due_at)})


def blocked(look: _Look) -> Iterator[Fault]:
    """Nobody may make the call, or no legal moment is left."""
    columns = (Callback.handle, Callback.blocked_by)
    statement = select(*columns).where(text("callbacks.state = 'blocked'"))
    statement = statement.order_by(Callback.due_at, Callback.id).limit(look.limit)
    for row in _each(look, statement):
        if row.blocked_by in (BlockedBy.NO_LEGAL_MOMENT, BlockedBy.NOBODY_QUALIFIES, BlockedBy.NEEDS_DATA):
            yield Fault(row.blocked_by.value, row.handle)


def left_out(look: _Look) -> Iterator[Fault]:
    """What the last planning had no room for, by name and by the limit that stands against it."""
    last = aliased(Decision)
    newest = select(func.max(last.id)).where(last.callback_id == Callback.id, last.about == "assignment")
    waits = select(Callback.id).where(text("callbacks.state = 'waiting'"), Callback.channel == Channel.AGENT)
    first = waits.order_by(Callback.due_at, Callback.id).limit(look.limit)
    statement = (
        select(Callback.handle, Callback.due_at, Decision.rule, Appointment.at)
        .select_from(Callback)
        .join(Decision, Decision.id == newest.scalar_subquery())
        .outerjoin(Appointment, _OPEN)
        .where(
            Callback.id.in_(first),
            Decision.rule.in_(FOR_ROOM),
            Decision.verdict == CallbackState.WAITING.value,
        )
        .order_by(Callback.due_at, Callback.id)
    )
    for row in _each(look, statement):
        asked = {} if row.at is None else {"at": wording.utc(row.at)}
        yield Fault(f"left_{row.rule}", row.handle, {"due": wording.utc(row.due_at), **asked})


def late_appointments(look: _Look) -> Iterator[Fault]:
    """Appointments that stand, and not at the minute that was agreed."""
    statement = (
        select(Callback.handle, Callback.agent_id, Callback.planned_at, Appointment.at)
        .select_from(Callback)
        .join(Appointment, _OPEN)
        .where(Callback.state == CallbackState.ASSIGNED, Callback.planned_at != Appointment.at)
        .order_by(Appointment.at, Callback.id)
        .limit(look.limit)
    )
    for row in _each(look, statement):
        when = {"at": wording.utc(row.at), "calls_at": wording.utc(row.planned_at)}
        yield Fault("appointment_late", row.handle, {"agent": look.names.get(row.agent_id, "–"), **when})


def senders_held(look: _Look) -> Iterator[Fault]:
    """Nothing leaves from them: the carrier refuses how they are set up."""
    for row in senders.held(look.session):
        since = None if row.held_since is None else row.held_since.isoformat()
        yield Fault("sender_held", row.sender, {"channel": row.channel.value, "failure": row.held_by, "at": since})


CHECKS: tuple[Check, ...] = (
    senders_held,
    impossible_shifts,
    agents_who_can_do_nothing,
    contradictory_pins,
    agents_behind,
    deadlines,
    blocked,
    left_out,
    late_appointments,
)
