"""Callbacks as people see them: an agent's list of the day, and the claim of the next call."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlalchemy.orm import Session

from callback.db import attempts
from callback.db import callbacks as rows
from callback.db.policies import load_policy
from callback.db.tables import Callback
from callback.domain.address import mask
from callback.domain.facts import Calendar
from callback.domain.moment import HORIZON, calling_hours, start_of_day
from callback.domain.policy import Policy
from callback.domain.words import CallbackState, Purpose
from callback.errors import NotFound
from callback.services.calendars import load_calendars, years_around


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of an agent's list. It names the customer and the duty; nothing of what the case is about."""

    handle: str
    purpose: Purpose
    state: CallbackState
    priority: int
    customer_name: str | None
    salutation: str | None
    address: str | None
    """Masked."""
    language: str
    time_zone: str
    special: bool
    planned_at: datetime
    due_at: datetime
    promised_at: datetime | None
    appointment_at: datetime | None
    attempts_made: int
    why: str
    """Why it is here: `appointment`, `retry`, `supervisor`, or the purpose; the sentence is `list.why.<why>`."""
    overdue: bool
    waits_until: datetime | None
    """Not to be called before this moment; None: it may be called now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TodaysList:
    entries: tuple[Entry, ...]
    next_place: rows.Place | None
    """Where the next page begins; None on the last."""
    finished_today: int
    empty_because: str | None
    """When the list is empty: `all_done`, `not_placed_yet` or `nothing_owed`; the sentence is `list.empty.<…>`."""
    next_planned_at: datetime | None
    """The agent's first callback after today, when nothing is left for today."""


def todays_list(
    session: Session,
    *,
    agent_id: int,
    now: datetime,
    zone: ZoneInfo,
    limit: int = 50,
    after: rows.Place | None = None,
) -> TodaysList:
    """The agent's live callbacks planned up to the end of the day in `zone`, in calling order, left-overs first."""
    today = now.astimezone(zone).date()
    day_ends = start_of_day(today + timedelta(days=1), zone)
    found = rows.agent_list(session, agent_id=agent_id, until=day_ends, after=after, limit=limit + 1)
    page = found[:limit]
    hours = _Hours(session, {row.country for row in page}, now=now)
    entries = tuple(_entry(row, now=now, hours=hours) for row in page)
    finished = rows.finished_since(session, agent_id=agent_id, since=start_of_day(today, zone))
    return TodaysList(
        entries=entries,
        next_place=rows.Place(page[-1].planned_at, page[-1].priority, page[-1].id) if len(found) > limit else None,
        finished_today=finished,
        empty_because=None if entries or after else _why_empty(session, finished=finished),
        next_planned_at=None if entries else rows.next_planned_at(session, agent_id=agent_id, after=day_ends),
    )


def _why_empty(session: Session, *, finished: int) -> str:
    if finished:
        return "all_done"
    return "not_placed_yet" if rows.anything_waiting(session) else "nothing_owed"


class _Hours:
    """Calling hours of the customers on one page."""

    def __init__(self, session: Session, countries: Collection[str], *, now: datetime) -> None:
        self._policy: Policy = load_policy(session)
        self._calendars: dict[str, Calendar] = load_calendars(session, countries, years_around(now))

    def next_legal(self, at: datetime, *, zone: str, country: str) -> datetime | None:
        return calling_hours(ZoneInfo(zone), self._calendars[country], self._policy).next_legal(at)


def _entry(row: Row[Any], *, now: datetime, hours: _Hours) -> Entry:
    ready = max(now, row.next_try_at or row.earliest_at, row.appointment_at or now)
    legal = hours.next_legal(ready, zone=row.time_zone, country=row.country) or now + HORIZON
    return Entry(
        handle=row.handle,
        purpose=row.purpose,
        state=row.state,
        priority=row.priority,
        customer_name=row.name,
        salutation=row.salutation,
        address=mask(row.address) if row.address else None,
        language=row.language,
        time_zone=row.time_zone,
        special=row.special,
        planned_at=row.planned_at,
        due_at=row.due_at,
        promised_at=row.promised_at,
        appointment_at=row.appointment_at,
        attempts_made=row.attempts_made,
        why=_why(row),
        overdue=row.due_at < now,
        waits_until=legal if legal > now else None,
    )


def _why(row: Row[Any]) -> str:
    if row.appointment_at is not None:
        return "appointment"
    if row.next_try_at is not None:
        return "retry"
    return "supervisor" if row.pinned else str(row.purpose.value)


def find_callback(session: Session, handle: str) -> Callback:
    """Raises `NotFound` (`callback_not_found`)."""
    callback = rows.by_handle(session, handle)
    if callback is None:
        raise NotFound("callback_not_found", callback=handle)
    return callback


def claim(
    session: Session, *, callback_id: int, customer_id: int, agent_id: int, now: datetime, policy: Policy
) -> Callback | None:
    """Take an assigned callback of this agent into work. None: it was moved, taken or ended in the meantime.

    Locked are, in this order: an attempt that was left open and its case, the customer, the callback. Whoever locks
    several of them keeps the order, so that two transactions never wait for each other in a circle. Calls to one
    customer come after each other.
    """
    attempts.lock_open(session, callback_id)
    rows.lock_customer(session, customer_id)
    if not rows.claim(
        session, callback_id=callback_id, agent_id=agent_id, now=now, lease_until=now + policy.claim_lease
    ):
        return None
    return session.get_one(Callback, callback_id, populate_existing=True)


def claim_next(
    session: Session, *, agent_id: int, now: datetime, policy: Policy, passed_over: Collection[int] = ()
) -> Callback | None:
    """Claim the first callback on the agent's list that is ready now; None when there is none.

    "Ready" is planned for now or for the next slot, and not waiting for a later moment. The caller has locked the agent
    (`db.callbacks.lock_agent`), so that two clicks come after each other.
    """
    skipped = set(passed_over)
    while True:
        found = rows.next_candidates(
            session, agent_id=agent_id, now=now, planned_by=now + policy.slot, passed_over=skipped
        )
        if not found:
            return None
        for callback_id, customer_id in found:
            callback = claim(
                session, callback_id=callback_id, customer_id=customer_id, agent_id=agent_id, now=now, policy=policy
            )
            if callback is not None:
                return callback
            skipped.add(callback_id)
