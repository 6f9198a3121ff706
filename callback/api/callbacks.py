"""Callbacks: an agent's list of the day, and every callback for supervisors."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep, encode_cursor
from callback.api.schemas import BIGGEST_ID, Handle, Moment, Out
from callback.db import callbacks as rows
from callback.db.engine import reading
from callback.db.tables import Callback
from callback.domain.account import Scope
from callback.domain.words import BlockedBy, CallbackState, Channel, Purpose
from callback.entrance import HouseDep, LanguageDep, Now, Principal, caller, own_or_supervisor
from callback.services import attempts, callbacks
from callback.texts import Language, say

router = APIRouter(tags=["callbacks"])
Reader = Annotated[Principal, Depends(caller(Scope.CALLBACKS_READ))]
Worker = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WORK))]


class EntryOut(Out):
    """One line of the list of the day. Nothing of the case is in it: the person is not confirmed yet."""

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
    overdue: bool
    waits_until: datetime | None
    """Not to be called before; null: now."""
    why: str
    why_text: str


class TodayOut(Out):
    """The agent's list, in calling order."""

    items: list[EntryOut]
    next_cursor: str | None
    finished_today: int
    empty_because: str | None
    empty_text: str | None
    next_planned_at: datetime | None


class CallbackOut(Out):
    """One callback."""

    handle: str
    case_id: int
    customer_id: int
    purpose: Purpose
    channel: Channel
    state: CallbackState
    blocked_by: BlockedBy | None
    priority: int
    earliest_at: datetime
    due_at: datetime
    next_try_at: datetime | None
    planned_at: datetime | None
    attempts_made: int
    agent_id: int | None
    pinned: bool
    result: str | None
    finished_at: datetime | None
    created_at: datetime
    version: int


class Started(Out):
    """The call that has been started; null when nothing on the list may be called now."""

    attempt: str | None
    callback: str | None
    next_planned_at: datetime | None = None


@router.get("/me/callbacks", operation_id="listMyCallbacks")
def list_my_callbacks(house: HouseDep, now: Now, me: Reader, page: PageDep, language: LanguageDep) -> TodayOut:
    """My list of the day in calling order, left-overs first; what waits until when, and why an empty list is empty."""
    after = page.after("my_callbacks", datetime, int, int)
    with reading(house.sessions) as session:
        today = callbacks.todays_list(
            session,
            agent_id=me.agent_id,
            now=now,
            zone=house.zone,
            limit=page.limit,
            after=rows.Place(*after) if after is not None else None,
        )
    place = today.next_place
    return TodayOut(
        items=[_entry(entry, language) for entry in today.entries],
        next_cursor=encode_cursor("my_callbacks", place.planned_at, place.priority, place.id) if place else None,
        finished_today=today.finished_today,
        empty_because=today.empty_because,
        empty_text=say(f"list.empty.{today.empty_because}", language) if today.empty_because else None,
        next_planned_at=today.next_planned_at,
    )


def _entry(entry: callbacks.Entry, language: Language) -> EntryOut:
    shown = {name: getattr(entry, name) for name in EntryOut.model_fields if name != "why_text"}
    return EntryOut(**shown, why_text=say(f"list.why.{entry.why}", language))


@router.post("/me/callbacks/next", operation_id="startNextCallback")
def start_next_callback(house: HouseDep, now: Now, me: Worker, once: OnceDep) -> Started:
    """Start the first call on my list that may be made now, or come back to the one under way.

    What a hard rule forbids now is put off to its next legal moment.
    """
    with house.sessions.begin() as session:
        return once.run(session, me, lambda: _next(session, house, me, now), now=now)


def _next(session: Session, house: HouseDep, me: Principal, now: datetime) -> Started:
    call = attempts.start_next(session, agent_id=me.agent_id, now=now, settings=house.settings)
    if call is not None:
        return Started(attempt=call.attempt, callback=call.callback)
    later = rows.next_planned_at(session, agent_id=me.agent_id, after=now)
    return Started(attempt=None, callback=None, next_planned_at=later)


@router.post("/callbacks/{handle}/start", operation_id="startCallback")
def start_callback(handle: Handle, house: HouseDep, now: Now, me: Worker) -> Started:
    """Start this call. The same agent again gets the same attempt; somebody else's is a conflict."""
    with house.sessions.begin() as session:
        call = attempts.start(session, handle=handle, agent_id=me.agent_id, now=now, settings=house.settings)
    return Started(attempt=call.attempt, callback=call.callback)


@router.get("/callbacks", operation_id="listCallbacks")
def list_callbacks(
    house: HouseDep,
    me: Reader,
    page: PageDep,
    state: Annotated[list[CallbackState] | None, Query(max_length=7)] = None,
    purpose: Annotated[list[Purpose] | None, Query(max_length=6)] = None,
    agent_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
    case_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
    customer_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
    due_before: Moment | None = None,
) -> Page[CallbackOut]:
    """Callbacks by due time; agents see their own alone."""
    query = rows.listed(
        states=state or (),
        purposes=purpose or (),
        agent_id=agent_id if me.supervises else me.agent_id,
        case_id=case_id,
        customer_id=customer_id,
        due_before=due_before,
    )
    with reading(house.sessions) as session:
        return page.select(
            session, query, CallbackOut.model_validate, kind="callbacks", order=(Callback.due_at, Callback.id)
        )


@router.get("/callbacks/{handle}", operation_id="readCallback")
def read_callback(handle: Handle, house: HouseDep, me: Reader) -> CallbackOut:
    """One callback."""
    with reading(house.sessions) as session:
        callback = callbacks.find_callback(session, handle)
        own_or_supervisor(me, callback.agent_id, "callback_not_found")
        return CallbackOut.model_validate(callback)
