"""A customer calls us: the person is confirmed, then whoever took the call goes on where the house stopped.

Identity first: `take` is the only way to a case from here, and it is on record. What follows keeps every hard rule: a
colleague's callback is taken over only when this agent may make that call now.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.orm import Session

from callback.db import callbacks as callback_rows
from callback.db import cases as case_rows
from callback.db import decisions
from callback.db import incoming as rows
from callback.db.claims import changed_one
from callback.db.policies import load_policy
from callback.db.tables import Callback, Case, Customer, IncomingCall
from callback.domain.handle import new_handle
from callback.domain.words import CallbackState, Channel, Disposition, Purpose
from callback.errors import Conflict, Forbidden, NotFound
from callback.services import appointments, attempts, audit, notes
from callback.services.attempts import CallSheet
from callback.services.attempts.consequences import new_needs
from callback.services.attempts.start import EARLY
from callback.services.callbacks import find_callback
from callback.services.customers import find_customer
from callback.services.dissatisfactions import wake_planner
from callback.services.hard_rules import broken, contact_of, next_moment, standing_refusals
from callback.settings import Settings

CONFIRMED_FOR = notes.CONFIRMED_FOR
"""So long the page of the call shows the cases; then the person has to be confirmed again."""
MOVABLE = (CallbackState.WAITING, CallbackState.ASSIGNED)
SHOWN_EARLIER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One thing that is open for the customer; nothing of what it is about."""

    callback: str
    """Handle."""
    case_id: int
    purpose: Purpose
    channel: Channel
    state: CallbackState
    agent_id: int | None
    agent_name: str | None
    agent_number: str | None
    planned_at: datetime | None
    due_at: datetime
    promised_at: datetime | None
    appointment_at: datetime | None
    attempts_made: int
    attempt: str | None
    """Handle of the call under way about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One earlier contact about a case, either way. `disposition` is None for a call that came in."""

    at: datetime
    channel: Channel
    disposition: Disposition | None
    agent_name: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """One case of the customer, after the person was confirmed."""

    case: Case
    open: tuple[Open, ...]
    earlier: tuple[Said, ...]
    """The latest first."""


# ── Before the person is confirmed ──────────────────────────────────────────────────────────────────────────────────


def look_up(session: Session, *, customer_id: int, by: int, now: datetime) -> tuple[Customer, tuple[Open, ...]]:
    """One customer, and what is open for them; that somebody looked is on record.

    Raises `NotFound` (`customer_not_found`).
    """
    customer = find_customer(session, customer_id)
    _audit(session, "customer.looked_up", customer.id, by=by, now=now)
    return customer, open_for(session, customer.id)


def open_for(session: Session, customer_id: int) -> tuple[Open, ...]:
    return tuple(_open(row) for row in rows.live_callbacks(session, customer_id))


def last_contact(session: Session, customer_id: int) -> datetime | None:
    """When the house last tried to reach the customer."""
    return rows.last_attempt_at(session, customer_id)


def take(session: Session, *, customer_id: int, by: int, now: datetime) -> IncomingCall:
    """The agent has confirmed that it is this customer who calls: from here on cases may be spoken of.

    A second click within `CONFIRMED_FOR` finds the same call. Raises `NotFound` (`customer_not_found`).
    """
    customer = find_customer(session, customer_id)
    callback_rows.lock_agent(session, by)
    known = rows.latest(session, customer_id=customer.id, agent_id=by, since=now - CONFIRMED_FOR)
    if known is not None:
        return known
    call = IncomingCall(
        handle=new_handle(), customer_id=customer.id, agent_id=by, started_at=now, identity_at=now, note=""
    )
    session.add(call)
    session.flush()
    _audit(session, "customer.confirmed", customer.id, by=by, now=now, incoming=call.handle)
    return call


def refuse(session: Session, *, customer_id: int, by: int, now: datetime) -> None:
    """It was somebody else: nothing was shown, and that somebody asked is on record."""
    _audit(session, "customer.not_confirmed", find_customer(session, customer_id).id, by=by, now=now)


# ── Afterwards ──────────────────────────────────────────────────────────────────────────────────────────────────────


def own_call(session: Session, handle: str, *, by: int, now: datetime) -> IncomingCall:
    """The call, to whoever took it and while it may be going on.

    Raises `NotFound` (`incoming_not_found`) and `Forbidden` (`confirm_again`, with `customer`).
    """
    call = rows.by_handle(session, handle)
    if call is None or call.agent_id != by:
        raise NotFound("incoming_not_found")
    if now - call.identity_at > CONFIRMED_FOR:
        raise Forbidden("confirm_again", customer=call.customer_id)
    return call


def cases_of(session: Session, call: IncomingCall) -> tuple[OpenCase, ...]:
    """The customer's cases with what is open and what was said before; those with something open come first."""
    cases = rows.cases_of(session, call.customer_id)
    ids = [case.id for case in cases]
    open_by_case: defaultdict[int, list[Open]] = defaultdict(list)
    for one in open_for(session, call.customer_id):
        open_by_case[one.case_id].append(one)
    missing = [case_id for case_id in open_by_case if case_id not in ids]
    cases = [*cases, *(session.get_one(Case, case_id) for case_id in missing)]
    said = _said(session, [case.id for case in cases])
    found = [OpenCase(case=case, open=tuple(open_by_case[case.id]), earlier=said(case.id)) for case in cases]
    return tuple(sorted(found, key=lambda one: not one.open))


def record(session: Session, *, call: IncomingCall, case_id: int, text: str, now: datetime) -> IncomingCall:
    """Write down what the customer said about one of their cases; whoever has to call about it reads it as a message.

    Raises `NotFound` (`case_not_found`) and `Invalid` (`note_empty`, `note_too_long`, `text_not_storable`).
    """
    words = notes.clean(text)
    case = _case_of_customer(session, call, case_id)
    if call.note:  # about something else, or once more: kept beside the first
        call = IncomingCall(
            handle=new_handle(),
            customer_id=call.customer_id,
            agent_id=call.agent_id,
            started_at=call.started_at,
            identity_at=call.identity_at,
        )
        session.add(call)
    call.case_id, call.note, call.noted_at = case.id, words, now
    session.flush()
    _audit(session, "customer.note", call.customer_id, by=call.agent_id, now=now, incoming=call.handle, case_id=case.id)
    for one in open_for(session, call.customer_id):
        if one.case_id == case.id and one.channel is Channel.AGENT and one.agent_id != call.agent_id:
            notes.leave(session, callback=one.callback, text=words, by=call.agent_id, now=now)
    return call


def new_need(session: Session, *, call: IncomingCall, case_id: int, text: str, now: datetime) -> int:
    """The customer has another matter: a child case of the one it grew out of, as after a call that we made; its id.

    What the centre's rules make of it (whose it is, when the customer is called about it) is the planner's work. The
    same matter a second time in one call, from a double click, is the same case. Raises `NotFound` (`case_not_found`)
    and `Invalid` (`need_empty`, `need_too_long`, `text_not_storable`).
    """
    need = notes.clean(text, what="need")
    parent = _case_of_customer(session, call, case_id)
    callback_rows.lock_agent(session, call.agent_id)
    for child in case_rows.children(session, parent.id):
        if child.description == need and child.created_at >= call.identity_at:
            return child.id
    (child_id,) = new_needs(session, parent, needs=[need], by=call.agent_id, now=now)
    _audit(
        session, "customer.new_need", call.customer_id, by=call.agent_id, now=now, incoming=call.handle,
        case_id=child_id, parent_id=parent.id,
    )  # fmt: skip
    return child_id


def go_on(session: Session, *, call: IncomingCall, callback: str, now: datetime, settings: Settings) -> CallSheet:
    """Start this callback's conversation with the customer who is on the line, taking it over where that is allowed.

    Raises what `take_over` and `attempts.start` raise, and then nothing has changed.
    """
    _of_customer(session, call, callback)
    take_over(session, handle=callback, agent_id=call.agent_id, now=now)
    return attempts.start(session, handle=callback, agent_id=call.agent_id, now=now, settings=settings)


def take_over(session: Session, *, handle: str, agent_id: int, now: datetime) -> Callback:
    """Put a callback that waits or is a colleague's on this agent's list, for now; one's own stays as it is.

    Every hard rule is asked as if this agent dialled now. Raises `Conflict` (`callback_not_for_agents`,
    `callback_over`, `callback_taken`, `takeover_needs_supervisor`) and `RuleBroken` (`rule_forbids_call`).
    """
    callback = find_callback(session, handle)
    if callback.agent_id == agent_id and callback.state in (CallbackState.ASSIGNED, CallbackState.IN_PROGRESS):
        return callback
    _check_movable(callback)
    if callback.pinned:
        raise Conflict("takeover_needs_supervisor")
    callback_rows.lock_customer(session, callback.customer_id)
    appointment = callback_rows.open_appointment(session, callback.id)
    contact = contact_of(
        session,
        callback,
        at=now,
        agent_id=agent_id,
        by_appointment=appointment is not None and now >= appointment.at - EARLY,
    )
    policy = load_policy(session)
    refused = standing_refusals(contact, policy)
    if refused:
        raise broken(refused, next_moment=next_moment(contact, policy))
    before = callback.agent_id
    _move(
        session,
        callback,
        {
            "state": CallbackState.ASSIGNED,
            "agent_id": agent_id,
            "planned_at": now,
            "slot_id": callback_rows.slot_at(session, agent_id, now),
        },
        now=now,
    )
    _decide(session, callback, about="reassignment", rule="customer_called", verdict="assigned", by=agent_id, now=now,
            inputs={"agent_id": agent_id, "from": before})  # fmt: skip
    _audit(
        session, "callback.taken_over", callback.customer_id, by=agent_id, now=now, callback=callback.handle,
        before=before,
    )  # fmt: skip
    return callback


def wish(
    session: Session, *, call: IncomingCall, callback: str, at: datetime, with_me: bool, now: datetime
) -> Callback:
    """The customer asks to be called at this time: the open appointment of a callback that waits for its call.

    Raises `Conflict` (`callback_not_for_agents`, `callback_over`, `callback_taken`, `takeover_needs_supervisor`),
    `Invalid` (`appointment_in_the_past`, `appointment_too_far`) and `RuleBroken` (`appointment_not_legal`).
    """
    found = _of_customer(session, call, callback)
    _check_movable(found)
    callback_rows.lock_customer(session, found.customer_id)
    appointments.check(session, callback=found, at=at, now=now, policy=load_policy(session))
    appointments.make(
        session, callback=found, at=at, agent_id=call.agent_id if with_me else None, made_in=None, now=now
    )
    _move(
        session,
        found,
        {
            "state": CallbackState.WAITING,
            "agent_id": None,
            "slot_id": None,
            "planned_at": None,
            "pinned": False,
            "next_try_at": at,
        },
        now=now,
    )
    wake_planner(session, found.case_id, now=now)
    _decide(session, found, about="retry", rule="appointment", verdict="waiting", by=call.agent_id, now=now,
            inputs={"incoming": call.handle, "next_try_at": at.isoformat()})  # fmt: skip
    _audit(
        session, "callback.appointment", found.customer_id, by=call.agent_id, now=now, callback=found.handle,
        at=at.isoformat(),
    )  # fmt: skip
    return found


def _case_of_customer(session: Session, call: IncomingCall, case_id: int) -> Case:
    """A case of the customer who is on the line, and of nobody else."""
    case = session.get(Case, case_id)
    if case is None or case.customer_id != call.customer_id:
        raise NotFound("case_not_found", case=case_id)
    return case


def _of_customer(session: Session, call: IncomingCall, handle: str) -> Callback:
    """A callback of the customer who is on the line, and of nobody else."""
    callback = find_callback(session, handle)
    if callback.customer_id != call.customer_id:
        raise NotFound("callback_not_found", callback=handle)
    return callback


def _check_movable(callback: Callback) -> None:
    if callback.channel is not Channel.AGENT:
        raise Conflict("callback_not_for_agents", channel=callback.channel.value)
    if not callback.state.is_live:
        raise Conflict("callback_over", state=callback.state.value)
    if callback.state is CallbackState.BLOCKED:
        raise Conflict("takeover_needs_supervisor")
    if callback.state is CallbackState.IN_PROGRESS:
        raise Conflict("callback_taken")


def _move(session: Session, callback: Callback, values: dict[str, Any], *, now: datetime) -> None:
    moved = changed_one(
        session,
        update(Callback)
        .where(Callback.id == callback.id, Callback.version == callback.version, Callback.state.in_(MOVABLE))
        .values(**values, updated_at=now, version=callback.version + 1),
    )
    if not moved:
        raise Conflict("callback_taken")
    session.refresh(callback)


def _decide(
    session: Session, callback: Callback, *, about: str, rule: str, verdict: str, by: int, now: datetime,
    inputs: dict[str, Any],
) -> None:  # fmt: skip
    decisions.record(
        session,
        now=now,
        case_id=callback.case_id,
        callback_id=callback.id,
        about=about,
        rule=rule,
        verdict=verdict,
        inputs=inputs,
        actor_id=by,
    )


def _audit(session: Session, action: str, customer_id: int, *, by: int, now: datetime, **details: object) -> None:
    audit.record(
        session, now=now, actor_id=by, action=action, subject_kind="customer", subject_id=customer_id, **details
    )


def _open(row: Row[Any]) -> Open:
    names = ("purpose", "channel", "state", "agent_id", "agent_name", "agent_number", "planned_at", "due_at")
    more = ("case_id", "promised_at", "appointment_at", "attempts_made", "attempt")
    return Open(callback=row.handle, **{name: getattr(row, name) for name in (*names, *more)})


class _Said:
    """Earlier contacts by case."""

    def __init__(self, found: Iterable[tuple[int, Said]]) -> None:
        self._by_case: defaultdict[int, list[Said]] = defaultdict(list)
        for case_id, said in found:
            self._by_case[case_id].append(said)

    def __call__(self, case_id: int) -> tuple[Said, ...]:
        return tuple(sorted(self._by_case[case_id], key=lambda said: said.at, reverse=True)[:SHOWN_EARLIER])


def _said(session: Session, case_ids: Sequence[int]) -> _Said:
    out = [
        (row.case_id, Said(at=row.started_at, channel=row.channel, disposition=row.disposition,
                           agent_name=row.agent_name, text=row.notes))
        for row in rows.attempts_about(session, case_ids)
    ]  # fmt: skip
    came_in = [
        (row.case_id, Said(at=row.noted_at, channel=Channel.AGENT, disposition=None,
                           agent_name=row.agent_name, text=row.note))
        for row in rows.notes_about(session, case_ids)
    ]  # fmt: skip
    return _Said([*out, *came_in])
