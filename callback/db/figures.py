"""Cheap counts of the whole house, for monitoring: live rows by their partial indexes, ended ones of the last day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, inspect, select, text
from sqlalchemy.orm import Session

from callback.db.engine import is_postgresql
from callback.db.tables import Attempt, Callback, Dissatisfaction, Job
from callback.domain.words import CallbackState, DissatisfactionState

_LIVE = (CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.IN_PROGRESS, CallbackState.BLOCKED)


@dataclass(frozen=True, slots=True)
class Count:
    name: str
    help: str
    number: int
    label: str = ""
    value_of_label: str = ""


def counts(session: Session, *, now: datetime) -> list[Count]:
    """Live callbacks by state, overdue ones, attempts of the last 24 hours, open dissatisfactions, waiting jobs."""
    found: list[Count] = []
    by_state = select(Callback.state, func.count()).where(Callback.state.in_(_LIVE)).group_by(Callback.state)
    states = {state: number for state, number in session.execute(by_state)}  # noqa: C416  a Row is no tuple to mypy
    found += [
        Count("callback_callbacks", "Live callbacks by state", states.get(state, 0), "state", state.value)
        for state in _LIVE
    ]
    overdue = session.scalar(select(func.count()).where(Callback.state.in_(_LIVE), Callback.due_at < now))
    found.append(Count("callback_overdue", "Live callbacks whose due time has passed", overdue or 0))
    attempts = session.execute(
        select(Attempt.disposition, func.count())
        .where(Attempt.ended_at > now - timedelta(days=1), Attempt.disposition.is_not(None))
        .group_by(Attempt.disposition)
    )
    found += [
        Count(
            "callback_attempts_24h", "Attempts that ended in the last 24 hours", number, "disposition", str(disposition)
        )
        for disposition, number in attempts
    ]
    unhappy = session.scalar(
        select(func.count()).where(
            Dissatisfaction.state.in_((DissatisfactionState.OPEN, DissatisfactionState.ESCALATED))
        )
    )
    found.append(Count("callback_dissatisfactions_open", "Dissatisfactions not yet recovered or closed", unhappy or 0))
    found.append(Count("callback_jobs_waiting", "Jobs that wait for a worker", _jobs_waiting(session, now)))
    return found


def _jobs_waiting(session: Session, now: datetime) -> int:
    """PostgreSQL keeps its jobs in Procrastinate's table; a database without it has ours."""
    if is_postgresql(session) and inspect(session.connection()).has_table("procrastinate_jobs"):
        return int(session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")) or 0)
    waiting = select(func.count()).where(Job.done_at.is_(None), Job.due_at <= now)
    return int(session.scalar(waiting) or 0)
