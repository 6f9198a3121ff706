"""Queries on scripts, and everything that a script's placeholders are filled from."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from callback.db.tables import Agent, Callback, Case, Customer, Dissatisfaction, Script
from callback.domain.words import Purpose, VersionState


def by_id(session: Session, script_id: int) -> Script | None:
    return session.get(Script, script_id)


def listed(session: Session, *, key: str | None = None, language: str | None = None) -> Sequence[Script]:
    """Newest version first within each key and language."""
    query = select(Script).order_by(Script.key, Script.language, Script.version.desc())
    if key is not None:
        query = query.where(Script.key == key)
    if language is not None:
        query = query.where(Script.language == language)
    return session.scalars(query).all()


def published(session: Session, *, language: str) -> Sequence[Script]:
    """The scripts in force in a language: a handful."""
    return session.scalars(
        select(Script).where(Script.language == language, Script.state == VersionState.PUBLISHED).order_by(Script.key)
    ).all()


def for_purpose(session: Session, purpose: Purpose, *, language: str) -> Script | None:
    return next((row for row in published(session, language=language) if purpose.value in row.purposes), None)


@dataclass(frozen=True, slots=True)
class Occasion:
    """The rows behind one call."""

    callback: Callback
    case: Case
    customer: Customer
    agent: Agent
    before: Callback | None
    """Of a second call: the callback that left the customer unhappy."""
    unhappy: Dissatisfaction | None


def occasion(session: Session, *, callback_id: int, agent_id: int) -> Occasion | None:
    """None when the callback or the agent does not exist."""
    callback = session.scalar(
        select(Callback)
        .where(Callback.id == callback_id)
        .options(joinedload(Callback.case), joinedload(Callback.customer))
    )
    agent = session.get(Agent, agent_id)
    if callback is None or agent is None:
        return None
    second = callback.purpose is Purpose.SECOND_CALL
    unhappy = select(Dissatisfaction).where(Dissatisfaction.case_id == callback.case_id)
    return Occasion(
        callback=callback,
        case=callback.case,
        customer=callback.customer,
        agent=agent,
        before=session.get(Callback, callback.parent_id) if callback.parent_id else None,
        unhappy=session.scalar(unhappy.order_by(Dissatisfaction.raised_at.desc()).limit(1)) if second else None,
    )
