"""Escalations: what a rule may be due for, what is open, and who has a notice to read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, exists, func, literal, null, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, joinedload

from callback.db.claims import changed_one
from callback.db.engine import is_postgresql
from callback.db.keyset import after_key
from callback.db.tables import (
    Agent,
    Callback,
    Case,
    Dissatisfaction,
    Escalation,
    EscalationNotice,
    Handover,
    InboundMessage,
    Promise,
)
from callback.db.tables.callbacks import OWED_BY_A_PERSON
from callback.domain.escalation import EscalationRule
from callback.domain.words import (
    LIVE_STATES,
    CallbackState,
    CaseStatus,
    DissatisfactionState,
    EscalationTrigger,
    HandoverState,
    PromiseState,
    Role,
    Severity,
)

LOOKED_BACK = timedelta(days=30)
"""Promises that broke longer ago are history."""
_OWED = text(OWED_BY_A_PERSON.replace("state", "callbacks.state").replace("channel", "callbacks.channel"))
_UNHAPPY = (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)


_MINOR = literal(Severity.MINOR.value)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the things of a trigger are: id, since when, whether it is still so, and whose."""

    subject: Any
    since: Any
    still: tuple[ColumnElement[bool] | Any, ...]
    joins: Callable[[Select[Any]], Select[Any]]
    case_id: Any
    callback_id: Any
    team_id: Any
    severity: Any = _MINOR


def _live_callback(of_case: Any) -> Any:
    """The most urgent live callback of a case."""
    mine = select(Callback.id).where(Callback.case_id == of_case, Callback.state.in_(LIVE_STATES))
    return (
        mine.order_by(Callback.due_at, Callback.id).limit(1).correlate(Promise, Case, Dissatisfaction).scalar_subquery()
    )


_SOURCES: Mapping[EscalationTrigger, _Source] = MappingProxyType(
    {
        EscalationTrigger.PROMISE_DUE: _Source(
            Promise.id, Promise.due_at, (Promise.state == PromiseState.OPEN,),
            lambda query: query.join(Case, Case.id == Promise.case_id),
            Promise.case_id, _live_callback(Promise.case_id), Case.team_id,
        ),
        EscalationTrigger.PROMISE_BROKEN: _Source(
            Promise.id, Promise.due_at,
            (Promise.state == PromiseState.BROKEN, Case.told_at.is_(None), Case.status != CaseStatus.CLOSED),
            lambda query: query.join(Case, Case.id == Promise.case_id),
            Promise.case_id, _live_callback(Promise.case_id), Case.team_id,
        ),
        EscalationTrigger.UNHAPPY: _Source(
            Dissatisfaction.id, Dissatisfaction.raised_at, (Dissatisfaction.state.in_(_UNHAPPY),),
            lambda query: query.join(Case, Case.id == Dissatisfaction.case_id),
            Dissatisfaction.case_id, Dissatisfaction.second_call_id, Case.team_id, Dissatisfaction.severity,
        ),
        EscalationTrigger.BLOCKED: _Source(
            Callback.id, Callback.updated_at, (_OWED, Callback.state == CallbackState.BLOCKED),
            lambda query: query.join(Case, Case.id == Callback.case_id),
            Callback.case_id, Callback.id, Case.team_id,
        ),
        EscalationTrigger.OVERDUE: _Source(
            Callback.id, Callback.due_at, (_OWED,),
            lambda query: query.join(Case, Case.id == Callback.case_id),
            Callback.case_id, Callback.id, Case.team_id,
        ),
        EscalationTrigger.HANDOVER_UNSIGNED: _Source(
            Handover.id, Handover.given_at, (Handover.state == HandoverState.GIVEN,),
            lambda query: query.join(Agent, Agent.id == Handover.from_id),
            null(), null(), func.coalesce(Handover.team_id, Agent.team_id),
        ),
        EscalationTrigger.MESSAGE_UNREAD: _Source(
            InboundMessage.id, InboundMessage.received_at,
            (InboundMessage.needs_person, InboundMessage.handled_at.is_(None)),
            lambda query: query, null(), null(), null(),
        ),
    }
)  # fmt: skip


def candidates(session: Session, rule: EscalationRule, *, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Things that this rule may be due for and has not fired for: the rule itself is asked again.

    Columns: `subject_id`, `since`, `case_id`, `callback_id`, `team_id`, `severity`.
    """
    source = _SOURCES[rule.trigger]
    fired = exists().where(
        Escalation.rule == rule.key,
        Escalation.trigger == rule.trigger,
        Escalation.subject_id == source.subject,
        Escalation.resolved_at.is_(None),
    )
    query = source.joins(_columns(source)).where(*source.still, ~fired)
    if rule.trigger is EscalationTrigger.PROMISE_DUE:
        query = query.where(source.since > now, source.since <= now + rule.after)
    else:
        query = query.where(source.since <= now - rule.after)
    if rule.trigger is EscalationTrigger.PROMISE_BROKEN:
        query = query.where(Promise.settled_at > now - LOOKED_BACK)
    if rule.trigger is EscalationTrigger.UNHAPPY:
        severities = list(Severity)
        query = query.where(Dissatisfaction.severity.in_(severities[severities.index(rule.severity) :]))
    return session.execute(query.order_by(source.since, source.subject).limit(limit)).all()


def _columns(source: _Source) -> Select[Any]:
    return select(
        source.subject.label("subject_id"),
        source.since.label("since"),
        _labelled(source.case_id, "case_id"),
        _labelled(source.callback_id, "callback_id"),
        _labelled(source.team_id, "team_id"),
        _labelled(source.severity, "severity"),
    )


def _labelled(column: Any, name: str) -> Any:
    return column.label(name)


def still_so(session: Session, trigger: EscalationTrigger, ids: Collection[int], *, now: datetime) -> set[int]:
    """Of these things, those that are not in order yet. A promise that broke is not about to break any more."""
    source = _SOURCES[trigger]
    query = source.joins(select(source.subject)).where(*source.still, source.subject.in_(ids))
    if trigger in (EscalationTrigger.PROMISE_DUE,):
        query = query.where(source.since > now)
    if trigger is EscalationTrigger.OVERDUE:
        query = query.where(source.since <= now)
    return set(session.scalars(query))


def raise_once(session: Session, values: Mapping[str, Any]) -> int | None:
    """The id of a new escalation; None when the rule has fired for this thing already."""
    insert = postgresql_insert if is_postgresql(session) else sqlite_insert
    statement = insert(Escalation).values(**values).on_conflict_do_nothing().returning(Escalation.id)
    return session.scalar(statement)


def raise_priority(session: Session, callback_id: int, to: int) -> bool:
    """At least this urgent from now on; false when it is already, or is no live callback any more."""
    urgent = case((Callback.priority > to, Callback.priority), else_=to)
    statement = update(Callback).where(
        Callback.id == callback_id, Callback.state.in_(LIVE_STATES), Callback.priority_floor < to
    )
    return changed_one(session, statement.values(priority_floor=to, priority=urgent, version=Callback.version + 1))


def open_by_trigger(session: Session, *, limit: int) -> Sequence[Row[Any]]:
    """Id, trigger and thing of what is open, the oldest first."""
    columns = (Escalation.id, Escalation.trigger, Escalation.subject_id)
    query = select(*columns).where(Escalation.resolved_at.is_(None))
    return session.execute(query.order_by(Escalation.raised_at, Escalation.id).limit(limit)).all()


def resolve(session: Session, ids: Collection[int], *, now: datetime) -> None:
    statement = update(Escalation).where(Escalation.id.in_(ids), Escalation.resolved_at.is_(None))
    session.execute(statement.values(resolved_at=now), execution_options={"synchronize_session": False})


def leaders(session: Session) -> dict[int, list[int]]:
    """Active leaders by team."""
    query = select(Agent.team_id, Agent.id).where(Agent.active, Agent.leads_team, Agent.team_id.is_not(None))
    found: dict[int, list[int]] = {}
    for team_id, agent_id in session.execute(query.order_by(Agent.id)):
        found.setdefault(team_id, []).append(agent_id)
    return found


def supervisors(session: Session) -> Sequence[int]:
    """Active supervisors; the administrators where there are none."""
    query = select(Agent.id).where(Agent.active).order_by(Agent.id)
    found = session.scalars(query.where(Agent.role == Role.SUPERVISOR)).all()
    return found or session.scalars(query.where(Agent.role == Role.ADMINISTRATOR)).all()


# ── What people see of it ───────────────────────────────────────────────────────────────────────────────────────────


def marked(
    session: Session, *, team_id: int | None = None, after: tuple[datetime, int] | None = None, limit: int
) -> Sequence[Escalation]:
    """What the board shows, the oldest first, with case and callback; from behind (raised at, id) on."""
    query = after_key(on_the_board(select(Escalation), team_id=team_id), (Escalation.raised_at, Escalation.id), after)
    query = query.options(joinedload(Escalation.case).joinedload(Case.customer), joinedload(Escalation.callback))
    return session.scalars(query.limit(limit)).all()


def on_the_board(query: Select[Any], *, team_id: int | None) -> Select[Any]:
    """`query` over escalations, narrowed to those that are marked and open."""
    query = query.where(Escalation.resolved_at.is_(None), Escalation.marked)
    return query if team_id is None else query.where(Escalation.team_id == team_id)


def notices(session: Session, agent_id: int, *, unread_since: datetime, limit: int) -> Sequence[EscalationNotice]:
    """What somebody has to read, and what they read since then; the newest first."""
    shown = or_(EscalationNotice.read_at.is_(None), EscalationNotice.read_at >= unread_since)
    query = select(EscalationNotice).where(EscalationNotice.agent_id == agent_id, shown)
    query = query.options(
        joinedload(EscalationNotice.escalation).joinedload(Escalation.case).joinedload(Case.customer),
        joinedload(EscalationNotice.escalation).joinedload(Escalation.callback),
    )
    return session.scalars(query.order_by(EscalationNotice.id.desc()).limit(limit)).all()


def unread(session: Session, agent_id: int, *, most: int) -> int:
    query = select(EscalationNotice.id).where(EscalationNotice.agent_id == agent_id, EscalationNotice.read_at.is_(None))
    return session.scalar(select(func.count()).select_from(query.limit(most).subquery())) or 0


def read(session: Session, agent_id: int, *, now: datetime, up_to: int, only: int | None = None) -> int:
    """Mark notices of this person as read (up to the one they saw); how many."""
    statement = update(EscalationNotice).where(
        EscalationNotice.agent_id == agent_id, EscalationNotice.read_at.is_(None), EscalationNotice.id <= up_to
    )
    if only is not None:
        statement = statement.where(EscalationNotice.id == only)
    result: Any = session.execute(statement.values(read_at=now), execution_options={"synchronize_session": False})
    return int(result.rowcount)
