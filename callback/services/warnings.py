"""Early warning: promises that will break with the people there are, while something can still be done about it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.orm import Session

from callback.db import warnings as rows
from callback.db.customers import customer_facts
from callback.db.policies import load_policy
from callback.db.waiting import read_waiting
from callback.domain.assignment import Demand, Left
from callback.domain.facts import CaseFacts
from callback.domain.legality import legal_stretches
from callback.domain.moment import start_of_day
from callback.domain.rules import Contact
from callback.domain.shortage import Miss, Need, Room, misses
from callback.domain.words import Channel, Purpose
from callback.services.calendars import load_calendars, years_around
from callback.services.demands import Facts, build_items, read_facts

PROMISED = frozenset({Purpose.ANSWER, Purpose.HOLDING, Purpose.FOLLOW_UP, Purpose.SECOND_CALL})
"""Calls that are owed by a time that somebody was told, or that the house promises by rule. The others compete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakingPromise:
    """One promise that will break. `reason` is `no_capacity`, `no_legal_time`, `no_legal_moment` or
    `nobody_qualifies`; its sentence is `warning.<reason>`."""

    case_id: int
    callback: str | None
    """Handle; None where there is no call yet."""
    purpose: Purpose
    due_at: datetime
    reason: str
    language: str
    skill: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """What is missing until the end of one of the centre's days, by language and skill."""

    day: date
    language: str
    skill: str | None
    calls: int
    agent_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningReport:
    until: datetime
    calls: int
    """Looked at: what agents owe until then."""
    agent_hours: float
    """What the agents have until then."""
    warnings: tuple[BreakingPromise, ...]
    shortages: tuple[Shortage, ...]


def look_ahead(session: Session, *, now: datetime, zone: ZoneInfo) -> WarningReport:
    """Which promises over the planning horizon will not be kept with the shifts that are entered. Changes nothing."""
    policy = load_policy(session)
    facts = read_facts(session, moment=now, policy=policy, zone=zone)
    until = now + timedelta(days=policy.planning_horizon_days)
    ids = rows.live_calls(session, until=until)
    calls = rows.calls(session, ids)
    needs, impossible = _needs(session, ids, calls, facts)
    promised = {-row.id: row for row in rows.promises_without_a_call(session, now=now, until=until)}
    needs += _expected(session, list(promised.values()), facts)
    rooms = list(_rooms(facts, until=until))
    found = [*misses(needs, rooms), *impossible]
    warned = [_warning(miss, calls, promised) for miss in sorted(found, key=lambda m: (m.need.due, m.need.key))]
    warnings = tuple(warning for warning in warned if warning.purpose in PROMISED)
    return WarningReport(
        until=until,
        calls=len(needs) + len(impossible),
        agent_hours=round(sum(room.seconds for room in rooms) / 3600, 1),
        warnings=warnings,
        shortages=tuple(_shortages(found, zone)),
    )


def _needs(
    session: Session, ids: Sequence[int], calls: dict[int, Row[Any]], facts: Facts
) -> tuple[list[Need], list[Miss]]:
    """The calls as needs. What is overdue already is no warning, and does not compete: its time has passed."""
    needs: list[Need] = []
    impossible: list[Miss] = []
    for row, contact, item in build_items(session, read_waiting(session, ids), facts):
        due = calls[row.id].due_at
        if isinstance(item, Demand) and due > facts.moment:
            stretches = item.stretches or ()
            needs.append(
                Need(
                    key=row.id,
                    due=due,
                    earliest=item.at or item.earliest,
                    language=item.language,
                    skill=item.skill,
                    seconds=item.seconds,
                    stretches=stretches,
                )
            )
        elif isinstance(item, Left) and item.reason == "no_legal_moment":
            language, skill = contact.customer.language, contact.case.required_skill
            never = Need(key=row.id, due=due, earliest=due, language=language, skill=skill, seconds=0, stretches=())
            impossible.append(Miss(never, item.reason))
    return needs, impossible


def _expected(session: Session, promised: list[Row[Any]], facts: Facts) -> list[Need]:
    """The holding calls that these promises will ask for on their day."""
    customers = customer_facts(session, {row.customer_id for row in promised}, now=facts.moment)
    calendars = load_calendars(session, {c.country for c in customers.values()}, years_around(facts.moment))
    found = []
    for row in promised:
        customer = customers[row.customer_id]
        day = start_of_day(row.promised_at.astimezone(customer.zone).date(), customer.zone)
        contact = Contact(
            at=max(day, facts.moment),
            channel=Channel.AGENT,
            purpose=Purpose.HOLDING,
            customer=customer,
            case=CaseFacts(row.id, row.status, row.opened_at, required_skill=row.required_skill),
            calendar=calendars[customer.country],
        )
        found.append(
            Need(
                key=-row.id,
                due=row.promised_at,
                earliest=contact.at,
                language=customer.language,
                skill=row.required_skill,
                seconds=facts.durations.of(Purpose.HOLDING),
                stretches=legal_stretches(contact, facts.policy, until=facts.until),
            )
        )
    return found


def _rooms(facts: Facts, *, until: datetime) -> Iterator[Room]:
    """The shifts from now on, cut into slots; no more in a day than an agent may be given."""
    each = facts.policy.handling_time.total_seconds()
    for agent in facts.agents.values():
        pace = facts.durations.pace.get(agent.id, 1.0)
        today = facts.moment.astimezone(agent.zone).date()
        for ahead in range(facts.policy.planning_horizon_days + 1):
            left = agent.daily_capacity * each
            for slot in facts.people.hours[agent.id].slots(today + timedelta(days=ahead), facts.policy.slot):
                start, end = max(slot.start, facts.moment), min(slot.end, until)
                seconds = min((end - start).total_seconds() / pace, left)
                if seconds > 0:
                    left -= seconds
                    yield Room(slot.start, slot.end, (agent.languages, agent.skills), seconds)


def _warning(miss: Miss, calls: dict[int, Row[Any]], promised: dict[int, Row[Any]]) -> BreakingPromise:
    need = miss.need
    call = calls.get(need.key)
    return BreakingPromise(
        case_id=promised[need.key].id if call is None else call.case_id,
        callback=None if call is None else call.handle,
        purpose=Purpose.HOLDING if call is None else call.purpose,
        due_at=need.due,
        reason=miss.reason,
        language=need.language,
        skill=need.skill,
    )


def _shortages(found: list[Miss], zone: ZoneInfo) -> Iterator[Shortage]:
    """Only where more people would help."""
    calls: Counter[tuple[date, str, str | None]] = Counter()
    seconds: defaultdict[tuple[date, str, str | None], int] = defaultdict(int)
    for miss in found:
        if miss.reason in ("no_capacity", "nobody_qualifies"):
            key = (miss.need.due.astimezone(zone).date(), miss.need.language, miss.need.skill)
            calls[key] += 1
            seconds[key] += miss.need.seconds
    for key in sorted(calls, key=lambda k: (k[0], k[1], k[2] or "")):
        day, language, skill = key
        hours = ceil(seconds[key] / 360) / 10
        yield Shortage(day=day, language=language, skill=skill, calls=calls[key], agent_hours=hours)
