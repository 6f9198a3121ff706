"""What the planner reads and writes, set-wise: cases that are due for a look, and the facts about them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from callback.db.among import among, plain, plain_scalars
from callback.db.tables import Attempt, Callback, Case, CaseHandler, Customer, Dissatisfaction, Response
from callback.domain.facts import CallbackFact, CaseFacts, DissatisfactionFact
from callback.domain.words import (
    LIVE_STATES,
    AttemptState,
    BlockedBy,
    DissatisfactionState,
    Purpose,
    ResponseState,
)

CASE_COLUMNS = (
    Case.id,
    Case.customer_id,
    Case.parent_id,
    Case.team_id,
    Case.kind,
    Case.priority,
    Case.status,
    Case.required_skill,
    Case.opened_at,
    Case.answered_at,
    Case.closed_at,
    Case.told_at,
    Case.promised_at,
    Case.repromises,
    Case.plan_rule,
    Case.plan_at,
    (func.coalesce(Case.answer, "") != "").label("has_answer"),
)
LIVE_FLAGS = (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)


@dataclass(frozen=True, slots=True)
class LiveCallback:
    """A live callback with what the planner may have to change."""

    fact: CallbackFact
    channel: str
    priority: int
    earliest_at: datetime
    blocked_by: BlockedBy | None
    priority_floor: int = 0


@dataclass(frozen=True, slots=True)
class CasesRead:
    """One chunk of cases with all that belongs to them."""

    rows: Sequence[Row[tuple[object, ...]]]
    facts: Mapping[int, CaseFacts]
    callbacks: Mapping[int, tuple[CallbackFact, ...]]
    live: Mapping[int, tuple[LiveCallback, ...]]
    flags: Mapping[int, DissatisfactionFact]
    surveyed_elsewhere: Mapping[int, frozenset[int]]
    """Customer id → cases about which a survey is under way."""

    @property
    def customer_ids(self) -> set[int]:
        return {row.customer_id for row in self.rows}


def due_for_planning(session: Session, *, now: datetime, limit: int) -> list[tuple[int, int]]:
    """(case, customer) ids to be looked at, locked for this transaction; what others have locked is passed over."""
    statement = (
        select(Case.id, Case.customer_id)
        .where(Case.plan_at.is_not(None), Case.plan_at <= now)
        .order_by(Case.plan_at, Case.id)
        .limit(limit)
    )
    rows = plain(session, statement.with_for_update(skip_locked=True, of=Case, key_share=True))
    return [(row.id, row.customer_id) for row in rows]


def lock_customers(session: Session, customer_ids: set[int]) -> set[int]:
    """Lock these customers for this transaction; the ones that somebody else holds are left out.

    Two planners at once must not give one customer two surveys about two cases. Nobody waits here, so nobody deadlocks.
    """
    statement = select(Customer.id).where(among(session, Customer.id, customer_ids)).order_by(Customer.id)
    return set(plain_scalars(session, statement.with_for_update(skip_locked=True, key_share=True)))


def read_cases(session: Session, case_ids: Sequence[int]) -> CasesRead:
    """Everything about these cases that a rule may ask, in six queries whatever their number."""
    rows = plain(session, select(*CASE_COLUMNS).where(among(session, Case.id, case_ids)).order_by(Case.id)).all()
    handlers = _handlers(session, case_ids)
    callbacks, live = _callbacks(session, case_ids)
    flags, ever_unhappy = _flags(session, case_ids)
    surveyed = set(
        plain_scalars(
            session,
            select(Response.case_id).where(
                among(session, Response.case_id, case_ids),
                Response.state.in_((ResponseState.COMPLETE, ResponseState.PARTIAL)),
            ),
        )
    )
    facts = {
        row.id: CaseFacts(
            id=row.id,
            status=row.status,
            opened_at=row.opened_at,
            kind=row.kind,
            priority=row.priority,
            answered_at=row.answered_at,
            closed_at=row.closed_at,
            told_at=row.told_at,
            promised_at=row.promised_at,
            repromises=row.repromises,
            has_answer=bool(row.has_answer),
            is_child=row.parent_id is not None,
            handler_ids=frozenset(handlers.get(row.id, ())),
            team_id=row.team_id,
            required_skill=row.required_skill,
            surveyed=row.id in surveyed,
            was_unhappy=row.id in ever_unhappy,
        )
        for row in rows
    }
    customers = {row.customer_id for row in rows}
    return CasesRead(rows, facts, callbacks, live, flags, _surveyed_elsewhere(session, customers))


def _handlers(session: Session, case_ids: Sequence[int]) -> Mapping[int, set[int]]:
    """Everybody who handled a case, as recorded at the time; who spoke about it is among the customer's attempts."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for case_id, agent_id in plain(
        session, select(CaseHandler.case_id, CaseHandler.agent_id).where(among(session, CaseHandler.case_id, case_ids))
    ):
        found[case_id].add(agent_id)
    return found


def _callbacks(
    session: Session, case_ids: Sequence[int]
) -> tuple[Mapping[int, tuple[CallbackFact, ...]], Mapping[int, tuple[LiveCallback, ...]]]:
    everything: defaultdict[int, tuple[CallbackFact, ...]] = defaultdict(tuple)
    live: defaultdict[int, tuple[LiveCallback, ...]] = defaultdict(tuple)
    columns = (
        Callback.id,
        Callback.case_id,
        Callback.purpose,
        Callback.state,
        Callback.created_at,
        Callback.due_at,
        Callback.finished_at,
        Callback.result,
        Callback.channel,
        Callback.priority,
        Callback.earliest_at,
        Callback.blocked_by,
        Callback.priority_floor,
    )
    for row in plain(session, select(*columns).where(among(session, Callback.case_id, case_ids)).order_by(Callback.id)):
        fact = CallbackFact(
            row.id, row.purpose, row.state, row.created_at, row.due_at, finished_at=row.finished_at, result=row.result
        )
        everything[row.case_id] += (fact,)
        if row.state in LIVE_STATES:
            figures = (row.channel, row.priority, row.earliest_at, row.blocked_by, row.priority_floor)
            live[row.case_id] += (LiveCallback(fact, *figures),)
    return everything, live


def _flags(session: Session, case_ids: Sequence[int]) -> tuple[Mapping[int, DissatisfactionFact], set[int]]:
    """Live flags by case, and the cases on which one was ever raised."""
    columns = (
        Dissatisfaction.id,
        Dissatisfaction.case_id,
        Dissatisfaction.callback_id,
        Dissatisfaction.second_call_id,
        Dissatisfaction.raised_at,
        Dissatisfaction.failures,
        Dissatisfaction.state,
    )
    rows = plain(session, select(*columns).where(among(session, Dissatisfaction.case_id, case_ids))).all()
    live = [row for row in rows if row.state in LIVE_FLAGS]
    callback_ids = {i for row in live for i in (row.callback_id, row.second_call_id) if i is not None}
    parts: defaultdict[int, set[object]] = defaultdict(set)
    if callback_ids:
        spoke = select(Attempt.callback_id, Attempt.part_of_day).where(
            among(session, Attempt.callback_id, callback_ids),
            Attempt.state == AttemptState.ENDED,
            Attempt.identity_at.is_not(None),
        )
        for callback_id, part in plain(session, spoke):
            parts[callback_id].add(part)
    flags = {
        row.case_id: DissatisfactionFact(
            row.id,
            row.raised_at,
            failures=row.failures,
            escalated=row.state is DissatisfactionState.ESCALATED,
            unhappy_parts=frozenset(parts.get(row.callback_id, ())) | frozenset(parts.get(row.second_call_id, ())),  # type: ignore[arg-type]
        )
        for row in live
    }
    return flags, {row.case_id for row in rows}


def _surveyed_elsewhere(session: Session, customer_ids: set[int]) -> Mapping[int, frozenset[int]]:
    found: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    statement = select(Callback.customer_id, Callback.case_id).where(
        among(session, Callback.customer_id, customer_ids),
        Callback.purpose == Purpose.SURVEY,
        Callback.state.in_(LIVE_STATES),
    )
    for customer_id, case_id in plain(session, statement):
        found[customer_id] |= {case_id}
    return found
