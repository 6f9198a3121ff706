"""Callbacks as a supervisor looks for them to give them to somebody else, and as they are when that is done."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal, or_, select, text, tuple_
from sqlalchemy.orm import Session, aliased

from callback.db import search
from callback.db.among import among, plain
from callback.db.callbacks import LIVE
from callback.db.tables import Agent, Appointment, Callback, Case, Customer, Dissatisfaction
from callback.db.tables.callbacks import OWED_BY_A_PERSON
from callback.domain.words import AppointmentState, CallbackState, DissatisfactionState, Purpose, Severity

PRESENT_COLUMNS = (
    Callback.id,
    Callback.handle,
    Callback.case_id,
    Callback.channel,
    Callback.state,
    Callback.blocked_by,
    Callback.agent_id,
    Callback.slot_id,
    Callback.planned_at,
    Callback.pinned,
    Callback.version,
)
SHOWN = (
    CallbackState.WAITING,
    CallbackState.ASSIGNED,
    CallbackState.IN_PROGRESS,
    CallbackState.BLOCKED,
)
_OWED = text(OWED_BY_A_PERSON.replace("state", "callbacks.state").replace("channel", "callbacks.channel"))
"""Word for word the condition of `ix_callbacks_owed`."""
_Owner = aliased(Agent)
_Flag = aliased(Dissatisfaction)
_Wish = aliased(Appointment)


class Place(NamedTuple):
    """Where a page ended."""

    due_at: datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which callbacks are looked for; what is empty filters nothing."""

    agent_id: int | None = None
    nobody: bool = False
    """Only those that nobody has."""
    placeless: CallbackState | None = None
    """Only what waits, or only what is blocked: read by the index of that state."""
    team_id: int | None = None
    """Of the agent who has it; of what nobody has, the case's."""
    purpose: Purpose | None = None
    due_before: datetime | None = None
    severity: Severity | None = None
    """Of the live dissatisfaction on its case."""
    priority: int | None = None
    """This or more urgent."""
    state: CallbackState | None = None
    language: str | None = None
    text: str = ""
    """A case's number, the end of a telephone number, the beginning of a name: as `db/search.py` finds people."""


def present(session: Session, callback_ids: Sequence[int], *, lock: bool = False) -> Sequence[Row[Any]]:
    """These callbacks as they are, in the order of `callback_ids`; with `lock` nobody changes them meanwhile."""
    statement = select(*PRESENT_COLUMNS).where(among(session, Callback.id, callback_ids)).order_by(Callback.id)
    found = {row.id: row for row in plain(session, statement.with_for_update(key_share=True) if lock else statement)}
    return [found[callback_id] for callback_id in callback_ids if callback_id in found]


def found(session: Session, wanted: Filter, *, after: Place | None, limit: int) -> Sequence[Row[Any]]:
    """Live callbacks for agents that match, the earliest due first, with what a line of the list says."""
    query = select(
        *PRESENT_COLUMNS,
        Callback.purpose,
        Callback.priority,
        Callback.due_at,
        Callback.attempts_made,
        Customer.name,
        Customer.language,
        Customer.special,
        _Owner.name.label("agent"),
        _Flag.severity,
        _Wish.at.label("appointment_at"),
    )
    query = _matching(session, query, wanted)
    if after is not None:
        here = tuple_(literal(after.due_at, Callback.due_at.type), literal(after.id))
        query = query.where(tuple_(Callback.due_at, Callback.id) > here)
    return session.execute(query.order_by(Callback.due_at, Callback.id).limit(limit)).all()


def lines(session: Session, callback_ids: Collection[int]) -> Sequence[Row[Any]]:
    """What a preview says about each of these: handle, purpose, due, whose."""
    columns = (Callback.handle, Callback.purpose, Callback.due_at, Customer.name, Callback.case_id)
    query = select(*columns).join(Customer, Customer.id == Callback.customer_id)
    return session.execute(query.where(among(session, Callback.id, callback_ids))).all()


def handles(session: Session, wanted: Filter, *, limit: int) -> Sequence[str]:
    """Of the first that match."""
    query = _matching(session, select(Callback.handle), wanted)
    return session.scalars(query.order_by(Callback.due_at, Callback.id).limit(limit)).all()


def _matching(session: Session, query: Select[Any], wanted: Filter) -> Select[Any]:
    of_case = and_(
        _Flag.case_id == Callback.case_id,
        _Flag.state.in_((DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)),
    )
    kept = and_(_Wish.callback_id == Callback.id, _Wish.state == AppointmentState.OPEN)
    return (
        query.select_from(Callback)
        .join(Customer, Customer.id == Callback.customer_id)
        .join(Case, Case.id == Callback.case_id)
        .outerjoin(_Owner, _Owner.id == Callback.agent_id)
        .outerjoin(_Flag, of_case)
        .outerjoin(_Wish, kept)
        .where(_OWED, *_conditions(session, wanted))
    )


def _conditions(session: Session, wanted: Filter) -> list[Any]:
    conditions: list[Any] = []
    for column, value in (
        (Callback.agent_id, wanted.agent_id),
        (Callback.purpose, wanted.purpose),
        (Callback.state, wanted.state),
        (_Flag.severity, wanted.severity),
        (Customer.language, wanted.language),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.placeless is not None:
        conditions.append(text(f"callbacks.state = '{wanted.placeless.value}'"))
    if wanted.nobody:
        conditions.append(Callback.agent_id.is_(None))
    if wanted.team_id is not None:
        unowned = and_(Callback.agent_id.is_(None), Callback.case_team_id == wanted.team_id)
        conditions.append(or_(_Owner.team_id == wanted.team_id, unowned))
    if wanted.due_before is not None:
        conditions.append(Callback.due_at < wanted.due_before)
    if wanted.priority is not None:
        conditions.append(Callback.priority >= wanted.priority)
    if wanted.text:
        conditions.append(_named(session, wanted.text))
    return conditions


def _named(session: Session, word: str) -> ColumnElement[bool]:
    """Of the people that the search finds by it; by the number of the case too."""
    people = set(search.by_case(session, word)) | set(search.by_name(session, word))
    if word.isdecimal() and 4 <= len(word) <= 15:
        people |= set(search.by_number(session, word))
    named = Callback.customer_id.in_(sorted(people))
    if word.isdecimal() and not word.startswith("0") and len(word) < 19:
        return or_(named, Callback.case_id == int(word))
    return named


def held(session: Session, slot_ids: Collection[int]) -> Counter[int]:
    """How many live calls stand in each of these slots."""
    counts = select(Callback.slot_id, func.count()).where(LIVE, among(session, Callback.slot_id, slot_ids))
    rows = session.execute(counts.group_by(Callback.slot_id))
    return Counter({slot_id: number for slot_id, number in rows if slot_id is not None})


def planned_between(
    session: Session, agent_ids: Collection[int], *, since: datetime, until: datetime
) -> dict[int, int]:
    """How many live calls each of them has planned from `since` to `until`."""
    statement = (
        select(Callback.agent_id, func.count())
        .where(
            LIVE,
            among(session, Callback.agent_id, agent_ids),
            Callback.planned_at >= since,
            Callback.planned_at < until,
        )
        .group_by(Callback.agent_id)
    )
    return {agent_id: number for agent_id, number in session.execute(statement) if agent_id is not None}
