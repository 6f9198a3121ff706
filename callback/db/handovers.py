"""Handovers: what is open for an agent, the draft, what waits for a signature, what was signed."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select, text, update
from sqlalchemy.orm import Session, joinedload

from callback.db.callbacks import LISTED, LIVE
from callback.db.claims import changed_one
from callback.db.keyset import after_key
from callback.db.tables import (
    Agent,
    Appointment,
    Attempt,
    Callback,
    CallbackNote,
    Case,
    Customer,
    Dissatisfaction,
    Handover,
    HandoverPoint,
)
from callback.domain.handover import Found
from callback.domain.words import (
    AppointmentState,
    AttemptState,
    CaseStatus,
    DissatisfactionState,
    HandoverState,
    OpenPoint,
    Purpose,
)

MOST = 100
"""Points of one kind, colleagues to choose from, handovers of a list."""
_UNSIGNED = text("handovers.state = 'given'")
_PEOPLE = (joinedload(Handover.given_by), joinedload(Handover.given_to), joinedload(Handover.signed_by))


# ── What is open ────────────────────────────────────────────────────────────────────────────────────────────────────


def open_points(session: Session, *, agent_id: int, since: datetime, until: datetime) -> Iterator[Found]:
    """Everything of this agent that somebody has to know of: `since` the day began, `until` the end of tomorrow."""
    for kind, query in _queries(agent_id, since, until):
        for case_id, callback_id, due_at in session.execute(query.limit(MOST)):
            yield Found(kind, case_id, callback_id, due_at)


def _queries(agent_id: int, since: datetime, until: datetime) -> Iterator[tuple[OpenPoint, Select[Any]]]:
    of_callback = select(Callback.case_id, Callback.id, Callback.due_at)
    mine = and_(LIVE, LISTED, Callback.agent_id == agent_id)
    yield (
        OpenPoint.UNFINISHED_CALL,
        of_callback.join(Attempt, Attempt.callback_id == Callback.id)
        .where(LIVE, Attempt.state != AttemptState.ENDED, Attempt.agent_id == agent_id)
        .order_by(Attempt.started_at),
    )
    yield (
        OpenPoint.APPOINTMENT,
        select(Callback.case_id, Callback.id, Appointment.at)
        .join(Appointment, Appointment.callback_id == Callback.id)
        .where(LIVE, Appointment.state == AppointmentState.OPEN, Appointment.at < until)
        .where(or_(Callback.agent_id == agent_id, Appointment.agent_id == agent_id))
        .order_by(Appointment.at),
    )
    yield (
        OpenPoint.PROMISE,
        select(Callback.case_id, Callback.id, Case.promised_at)
        .join(Case, Case.id == Callback.case_id)
        .where(mine, Case.promised_at < until)
        .order_by(Case.promised_at),
    )
    yield OpenPoint.UNHAPPY, of_callback.where(mine, Callback.purpose == Purpose.SECOND_CALL).order_by(Callback.due_at)
    alive = (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)
    yield (
        OpenPoint.UNHAPPY,
        select(Dissatisfaction.case_id, Dissatisfaction.callback_id, Callback.due_at)
        .join(Callback, Callback.id == Dissatisfaction.callback_id)
        .join(Attempt, Attempt.callback_id == Callback.id)
        .where(Attempt.agent_id == agent_id, Attempt.started_at >= since)
        .where(Dissatisfaction.state.in_(alive), Dissatisfaction.raised_at >= since)
        .distinct(),
    )
    unread = exists().where(CallbackNote.callback_id == Callback.id, text("callback_notes.read_at IS NULL"))
    yield OpenPoint.MESSAGE, of_callback.where(mine, unread).order_by(Callback.due_at)
    yield (
        OpenPoint.CHILD_CASE,
        select(Case.id, text("NULL"), Case.promised_at)
        .where(Case.owner_id == agent_id, Case.parent_id.is_not(None), Case.status != CaseStatus.CLOSED)
        .order_by(Case.promised_at, Case.id),
    )


def about(session: Session, case_ids: Collection[int]) -> dict[int, Row[Any]]:
    """Whom each of these cases is about, and what it is called."""
    query = (
        select(Case.id, Case.external_id, Case.subject, Case.status, Customer.name, Customer.id.label("customer_id"))
        .join(Customer, Customer.id == Case.customer_id)
        .where(Case.id.in_(case_ids))
    )
    return {row.id: row for row in session.execute(query)}


def callbacks_of(session: Session, ids: Collection[int]) -> dict[int, Row[Any]]:
    query = select(Callback.id, Callback.handle, Callback.purpose, Callback.state, Callback.agent_id)
    return {row.id: row for row in session.execute(query.where(Callback.id.in_(ids)))}


def colleagues(session: Session, *, agent_id: int, team_id: int | None) -> Sequence[Agent]:
    """Whom something can be handed to: active people of the own team, or of the house where there is no team."""
    query = select(Agent).where(Agent.active, Agent.id != agent_id)
    if team_id is not None:
        query = query.where(or_(Agent.team_id == team_id, Agent.team_id.is_(None)))
    return session.scalars(query.order_by(Agent.team_id.is_(None), Agent.name, Agent.id).limit(MOST)).all()


# ── Handovers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def by_handle(session: Session, handle: str) -> Handover | None:
    return session.scalars(
        select(Handover).where(Handover.handle == handle).options(*_PEOPLE).execution_options(populate_existing=True)
    ).one_or_none()


def draft_of(session: Session, agent_id: int) -> Handover | None:
    return session.scalars(
        select(Handover)
        .where(Handover.from_id == agent_id, text("handovers.state = 'draft'"))
        .options(joinedload(Handover.points))
        .execution_options(populate_existing=True)
    ).unique().one_or_none()  # fmt: skip


def move(session: Session, handover: Handover, values: dict[str, Any], *, state: HandoverState, version: int) -> bool:
    """Write `values` to a handover that still has this state and version."""
    return changed_one(
        session,
        update(Handover)
        .where(Handover.id == handover.id, Handover.state == state, Handover.version == version)
        .values(**values, version=version + 1),
    )


def to_sign(session: Session, *, agent_id: int, team_id: int | None) -> Sequence[Handover]:
    """What this agent may sign, the oldest first."""
    query = select(Handover).where(_UNSIGNED, Handover.from_id != agent_id, _for(agent_id, team_id))
    return session.scalars(query.options(*_PEOPLE).order_by(Handover.given_at, Handover.id).limit(MOST)).all()


def unsigned(query: Select[Any], *, team_id: int | None) -> Select[Any]:
    """`query` over handovers, narrowed to those nobody has signed: of this team, or of one of it to a colleague."""
    query = query.where(_UNSIGNED)
    if team_id is None:
        return query
    # Not by the index on teams, which leads through everything that was ever handed over.
    giver_team = select(Agent.team_id).where(Agent.id == Handover.from_id).correlate(Handover).scalar_subquery()
    return query.where(func.coalesce(Handover.team_id, giver_team) == team_id)


def page_of_unsigned(
    session: Session, *, team_id: int | None = None, after: tuple[datetime, int] | None = None, limit: int
) -> Sequence[Handover]:
    """What nobody has signed, the oldest first, from behind (given at, id) on."""
    query = after_key(unsigned(select(Handover), team_id=team_id), (Handover.given_at, Handover.id), after)
    return session.scalars(query.options(*_PEOPLE).limit(limit)).all()


def past(session: Session, *, agent_id: int | None, team_id: int | None, limit: int) -> Sequence[Handover]:
    """What was handed over, the latest first: by or to this agent or their team; None: by and to anybody."""
    query = select(Handover).where(Handover.given_at.is_not(None))
    if agent_id is not None:
        query = query.where(
            or_(Handover.from_id == agent_id, Handover.signed_by_id == agent_id, _for(agent_id, team_id))
        )
    return session.scalars(query.options(*_PEOPLE).order_by(Handover.given_at.desc()).limit(limit)).all()


def points_of(session: Session, handover_id: int) -> Sequence[HandoverPoint]:
    return session.scalars(
        select(HandoverPoint).where(HandoverPoint.handover_id == handover_id).order_by(HandoverPoint.position)
    ).all()


def _for(agent_id: int, team_id: int | None) -> ColumnElement[bool]:
    if team_id is None:
        return Handover.to_id == agent_id
    return or_(Handover.to_id == agent_id, and_(Handover.to_id.is_(None), Handover.team_id == team_id))
