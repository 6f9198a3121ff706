"""Dissatisfactions: the live flag of a case, and the supervisor's list."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, ScalarSelect, Select, func, select
from sqlalchemy.orm import Session, aliased

from callback.db.keyset import after_key
from callback.db.tables import (
    Agent,
    Callback,
    Case,
    ContactPoint,
    Customer,
    Dissatisfaction,
    DissatisfactionStep,
    Team,
)
from callback.domain.words import (
    LIVE_STATES,
    Cause,
    ContactState,
    DissatisfactionState,
    Purpose,
    RecoveryStep,
    Severity,
)

LIVE = (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)


def locked(session: Session, dissatisfaction_id: int) -> Dissatisfaction | None:
    """The row as it is now; nobody else changes it before this transaction ends."""
    return session.scalars(
        select(Dissatisfaction)
        .where(Dissatisfaction.id == dissatisfaction_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def live_flag(session: Session, case_id: int) -> Dissatisfaction | None:
    """The flag that is not settled yet; a case has one at the most."""
    return session.scalars(
        select(Dissatisfaction)
        .where(Dissatisfaction.case_id == case_id, Dissatisfaction.state.in_(LIVE))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def live_second_call(session: Session, case_id: int) -> Callback | None:
    """The second call that is still to be made."""
    return session.scalars(
        select(Callback)
        .where(Callback.case_id == case_id, Callback.purpose == Purpose.SECOND_CALL, Callback.state.in_(LIVE_STATES))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def listed(
    *, states: Iterable[DissatisfactionState] = LIVE, severities: Iterable[Severity] = (), case_id: int | None = None
) -> Select[tuple[Dissatisfaction]]:
    """Flags that match. The edge adds order (the oldest first: age is what hurts), cursor and limit."""
    query = select(Dissatisfaction)
    if wanted := list(states):
        query = query.where(Dissatisfaction.state.in_(wanted))
    if chosen := list(severities):
        query = query.where(Dissatisfaction.severity.in_(chosen))
    return query if case_id is None else query.where(Dissatisfaction.case_id == case_id)


def add_step(
    session: Session, flag: Dissatisfaction, step: RecoveryStep, *, by: int | None, now: datetime, note: str = ""
) -> None:
    session.add(DissatisfactionStep(dissatisfaction_id=flag.id, step=step, at=now, by_id=by, note=note))


def steps(session: Session, dissatisfaction_id: int) -> Sequence[DissatisfactionStep]:
    """In the order in which they were taken."""
    query = select(DissatisfactionStep).where(DissatisfactionStep.dissatisfaction_id == dissatisfaction_id)
    return session.scalars(query.order_by(DissatisfactionStep.at, DissatisfactionStep.id)).all()


def teams_of(session: Session, agent_ids: Iterable[int | None]) -> dict[int, int | None]:
    """The team of each of these agents, as it is today."""
    wanted = [agent_id for agent_id in agent_ids if agent_id is not None]
    return {row.id: row.team_id for row in session.execute(select(Agent.id, Agent.team_id).where(Agent.id.in_(wanted)))}


# ── The supervisors' list ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A list of flags. Empty fields are no condition."""

    states: tuple[DissatisfactionState, ...] = ()
    severity: Severity | None = None
    team_id: int | None = None
    cause: Cause | None = None
    raised_after: datetime | None = None
    raised_before: datetime | None = None

    @property
    def newest_first(self) -> bool:
        """Age is what hurts as long as somebody is unhappy; afterwards the latest is of interest."""
        return not self.states or not set(self.states) <= set(LIVE)


def page(session: Session, asked: Asked, *, after: tuple[datetime, int] | None, limit: int) -> Sequence[Row[Any]]:
    """One page with what a line shows. The page is found first, and only then joined."""
    moment = Dissatisfaction.raised_at
    found = after_key(_asked(asked), (moment, Dissatisfaction.id), after, descending=asked.newest_first)
    chosen = found.limit(limit).subquery()
    second, caller = aliased(Callback), aliased(Agent)
    order = (chosen.c.raised_at, chosen.c.id)
    query = (
        select(
            Dissatisfaction,
            Case.subject,
            Customer.name.label("customer"),
            Customer.special,
            Customer.id.label("customer_id"),
            Team.name.label("team"),
            second.state.label("second_state"),
            second.planned_at.label("second_at"),
            second.finished_at.label("second_ended"),
            caller.name.label("caller"),
        )
        .join(chosen, chosen.c.id == Dissatisfaction.id)
        .join(Case, Case.id == Dissatisfaction.case_id)
        .join(Customer, Customer.id == Dissatisfaction.customer_id)
        .outerjoin(Team, Team.id == Case.team_id)
        .outerjoin(second, second.id == _second_call())
        .outerjoin(caller, caller.id == second.agent_id)
    )
    return session.execute(query.order_by(*(c.desc() if asked.newest_first else c for c in order))).all()


def _second_call() -> ScalarSelect[int]:
    """The last second call of the flag's case, made or still to be made."""
    call = aliased(Callback)
    return (
        select(func.max(call.id))
        .where(call.case_id == Dissatisfaction.case_id, call.purpose == Purpose.SECOND_CALL)
        .correlate(Dissatisfaction)
        .scalar_subquery()
    )


def _asked(asked: Asked) -> Select[Any]:
    query = select(Dissatisfaction.id, Dissatisfaction.raised_at)
    if asked.states:
        query = query.where(Dissatisfaction.state.in_(asked.states))
    for column, value in ((Dissatisfaction.severity, asked.severity), (Dissatisfaction.cause, asked.cause)):
        if value is not None:
            query = query.where(column == value)
    if asked.raised_after is not None:
        query = query.where(Dissatisfaction.raised_at > asked.raised_after)
    if asked.raised_before is not None:
        query = query.where(Dissatisfaction.raised_at <= asked.raised_before)
    return query if asked.team_id is None else query.where(Dissatisfaction.team_id == asked.team_id)


def team_of(session: Session, callback: Callback) -> int | None:
    """Whose it is to put right: the case's team, else that of whoever made the call."""
    team = session.scalar(select(Case.team_id).where(Case.id == callback.case_id))
    if team is None and callback.agent_id is not None:
        team = session.scalar(select(Agent.team_id).where(Agent.id == callback.agent_id))
    return team


def outcomes(session: Session, *, since: datetime, team_id: int | None) -> Sequence[Row[Any]]:
    """(state, cause, finer cause, number) of the flags that were raised since then."""
    columns = (Dissatisfaction.state, Dissatisfaction.cause, Dissatisfaction.sub_cause)
    query = select(*columns, func.count().label("number")).where(Dissatisfaction.raised_at >= since)
    if team_id is not None:
        query = query.where(Dissatisfaction.team_id == team_id)
    return session.execute(query.group_by(*columns)).all()


def first_addresses(session: Session, customer_ids: Collection[int]) -> dict[int, str]:
    """The first good address of each customer."""
    query = (
        select(ContactPoint.customer_id, ContactPoint.address)
        .where(ContactPoint.customer_id.in_(customer_ids), ContactPoint.state == ContactState.GOOD)
        .order_by(ContactPoint.customer_id, ContactPoint.position.desc(), ContactPoint.id.desc())
    )
    return {row.customer_id: row.address for row in session.execute(query)}
