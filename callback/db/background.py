"""The past of one case and its customer, as an agent reads it during a call."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session, joinedload

from callback.db.dissatisfactions import LIVE
from callback.db.tables import Agent, Attempt, Dissatisfaction, Promise, Response
from callback.domain.words import AttemptState, ResponseState


def contacts(session: Session, *, case_id: int, before: int) -> Sequence[Attempt]:
    """The ended attempts about the case before this one with who spoke, the latest first."""
    return session.scalars(
        select(Attempt)
        .where(Attempt.case_id == case_id, Attempt.id < before, Attempt.state == AttemptState.ENDED)
        .options(joinedload(Attempt.agent))
        .order_by(Attempt.id.desc())
        .limit(20)
    ).all()


def promises(session: Session, case_id: int) -> Sequence[Row[Any]]:
    """The promises of the case with who made them, the latest first."""
    return session.execute(
        select(Promise, Agent.name)
        .outerjoin(Agent, Agent.id == Promise.made_by_id)
        .where(Promise.case_id == case_id)
        .order_by(Promise.id.desc())
        .limit(10)
    ).all()


def responses(session: Session, *, customer_id: int, but: int, limit: int) -> Sequence[Response]:
    """What this customer has answered in other callbacks, the latest first."""
    return session.scalars(
        select(Response)
        .where(*_answered(customer_id, but))
        .order_by(Response.started_at.desc(), Response.id.desc())
        .limit(limit)
    ).all()


def count_responses(session: Session, *, customer_id: int, but: int) -> int:
    """How many questionnaires this customer has answered in other callbacks."""
    return session.scalar(select(func.count()).where(*_answered(customer_id, but))) or 0


def _answered(customer_id: int, but: int) -> tuple[ColumnElement[bool], ...]:
    states = (ResponseState.COMPLETE, ResponseState.PARTIAL)
    return Response.customer_id == customer_id, Response.callback_id != but, Response.state.in_(states)


def live_flag(session: Session, case_id: int) -> Dissatisfaction | None:
    """The flag that stands on the case, to be read; nothing is locked."""
    return session.scalars(
        select(Dissatisfaction).where(Dissatisfaction.case_id == case_id, Dissatisfaction.state.in_(LIVE))
    ).one_or_none()
