"""Recurring visits: plans, whose turn it is, and what a turn has to know; everything set-wise."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, exists, func, select, update
from sqlalchemy.orm import Session

from callback.db import bulk
from callback.db.among import among, plain, plain_scalars
from callback.db.tables import Callback, Case, Customer, Dissatisfaction, VisitPlan, VisitTurn
from callback.domain.words import LIVE_STATES, DissatisfactionState, Purpose

TURNS: Table = VisitTurn.__table__  # type: ignore[assignment]
LIVE_FLAGS = (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)


def plans(session: Session, *, active_only: bool = False) -> Sequence[VisitPlan]:
    query = select(VisitPlan).order_by(VisitPlan.id)
    return session.scalars(query.where(VisitPlan.active) if active_only else query).all()


def by_id(session: Session, plan_id: int) -> VisitPlan | None:
    return session.get(VisitPlan, plan_id)


def by_name(session: Session, name: str) -> VisitPlan | None:
    return session.scalars(select(VisitPlan).where(VisitPlan.name == name)).one_or_none()


def in_segment(plan: VisitPlan) -> list[ColumnElement[bool]]:
    """SQL conditions on `customers`."""
    if plan.customer_id is not None:
        return [Customer.id == plan.customer_id]
    segment = plan.segment
    found: list[ColumnElement[bool]] = []
    for key, column in (
        ("countries", Customer.country),
        ("languages", Customer.language),
        ("regions", Customer.region),
    ):
        if segment.get(key):
            found.append(column.in_(segment[key]))
    if segment.get("special") is not None:
        found.append(Customer.special.is_(bool(segment["special"])))
    return found


def without_turn(session: Session, plan: VisitPlan, *, limit: int) -> Sequence[Row[Any]]:
    """Customers of the plan's segment who have come with a case and have no turn yet: (id, zone, last reported)."""
    reported = func.max(Case.opened_at).label("reported")
    query = (
        select(Customer.id, Customer.time_zone, reported)
        .join(Case, Case.customer_id == Customer.id)
        .where(
            *in_segment(plan),
            ~exists().where(VisitTurn.plan_id == plan.id, VisitTurn.customer_id == Customer.id),
        )
        .group_by(Customer.id, Customer.time_zone)
        .order_by(Customer.id)
        .limit(limit)
    )
    return plain(session, query).all()


def begin_turns(session: Session, plan_id: int, turns: Sequence[tuple[int, date, int, datetime]]) -> None:
    """(customer, anchor, turn, when it is looked at); those that another has begun meanwhile stay."""
    bulk.insert_missing(
        session,
        TURNS,
        [
            {"plan_id": plan_id, "customer_id": customer_id, "anchor": anchor, "turn": turn, "next_at": next_at}
            for customer_id, anchor, turn, next_at in turns
        ],
    )


def due_turns(session: Session, *, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Turns of active plans that have come, locked for this transaction; what others hold is passed over."""
    query = (
        select(
            VisitTurn.id,
            VisitTurn.plan_id,
            VisitTurn.customer_id,
            VisitTurn.anchor,
            VisitTurn.turn,
            VisitTurn.callback_id,
        )
        .join(VisitPlan, VisitPlan.id == VisitTurn.plan_id)
        .where(VisitTurn.next_at <= now, VisitPlan.active)
        .order_by(VisitTurn.next_at, VisitTurn.id)
        .limit(limit)
    )
    return plain(session, query.with_for_update(skip_locked=True, of=VisitTurn)).all()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of a chunk of customers."""

    cases: dict[int, int]
    """Customer → their latest case."""
    under_way: set[int]
    unhappy: set[int]


def circumstances(session: Session, customer_ids: Collection[int]) -> Circumstances:
    latest = (
        select(Case.customer_id, func.max(Case.id))
        .where(among(session, Case.customer_id, customer_ids))
        .group_by(Case.customer_id)
    )
    visited = select(Callback.customer_id).where(
        among(session, Callback.customer_id, customer_ids),
        Callback.purpose == Purpose.VISIT,
        Callback.state.in_(LIVE_STATES),
    )
    unhappy = select(Dissatisfaction.customer_id).where(
        among(session, Dissatisfaction.customer_id, customer_ids), Dissatisfaction.state.in_(LIVE_FLAGS)
    )
    return Circumstances(
        cases={row[0]: row[1] for row in plain(session, latest)},
        under_way=set(plain_scalars(session, visited)),
        unhappy=set(plain_scalars(session, unhappy)),
    )


def write_turns(session: Session, turns: Sequence[tuple[Any, ...]]) -> None:
    """(id, turn, when it is looked at, rule, callback)"""
    bulk.update_rows(session, TURNS, ("turn", "next_at", "rule", "callback_id"), turns)


def forget_turns(session: Session, plan_id: int) -> None:
    """The plan is stopped or changed: its turns are counted anew when it goes on."""
    session.flush()
    session.execute(
        update(VisitTurn).where(VisitTurn.plan_id == plan_id).values(next_at=None),
        execution_options={"synchronize_session": False},
    )


def sleeping_turns(session: Session, plan_id: int, *, limit: int) -> Sequence[Row[Any]]:
    """Turns of a plan that goes on: (id, customer's zone, anchor, callback)."""
    query = (
        select(VisitTurn.id, Customer.time_zone, VisitTurn.anchor, VisitTurn.callback_id)
        .join(Customer, Customer.id == VisitTurn.customer_id)
        .where(VisitTurn.plan_id == plan_id, VisitTurn.next_at.is_(None))
        .order_by(VisitTurn.id)
        .limit(limit)
    )
    return plain(session, query).all()
