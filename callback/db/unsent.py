"""Why something was not sent: the decisions that refused a channel, put it off, or owed no survey at all."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text
from sqlalchemy.orm import Session

from callback.db.tables import Case, Customer, Decision
from callback.db.tables.callbacks import UNSENT

NO_SURVEY = (
    "resting",
    "survey_expired",
    "opted_out_of_surveys",
    "surveyed_about_another_case",
    "asked_already",
    "asked_in_second_call",
    "part_of_another_case",
    "suppressed",
    "needs_data",
)
"""The planner's reasons why a closed case gets no survey (`domain/plan.py`)."""

SCANNED = 20_000
"""Decisions that one page looks through: a rare reason costs no more than a common one."""
_BASE = text(f"({UNSENT})")
"""Word for word the condition of the partial index."""
_PUT_OFF = Decision.about == "channel"
_NOT_OWED = and_(Decision.about == "purpose", Decision.verdict == "nothing", Decision.rule.in_(NO_SURVEY))


def refused_channel() -> ColumnElement[bool]:
    """A decision about a survey's channel, in which others that came first were not allowed."""
    return and_(
        Decision.about == "purpose", Decision.rule == "survey", Decision.inputs["refused_channels"].as_string() != ""
    )


def listed(
    *,
    rule: str | None = None,
    case_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[tuple[Decision]]:
    """Decisions that kept something from being sent. The edge adds order, cursor and limit."""
    query = select(Decision).where(or_(_PUT_OFF, _NOT_OWED, refused_channel()))
    if rule is not None:
        query = query.where(Decision.rule == rule)
    if case_id is not None:
        query = query.where(Decision.case_id == case_id)
    if since is not None:
        query = query.where(Decision.at >= since)
    return query if until is None else query.where(Decision.at < until)


def page(
    session: Session,
    *,
    elsewhere: bool,
    rule: str | None = None,
    case_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None,
    limit: int,
) -> tuple[Sequence[Decision], int | None]:
    """The newest, and where the next page goes on. `elsewhere`: what went out on another channel instead."""
    wanted = _wanted(elsewhere=elsewhere, rule=rule, case_id=case_id, since=since, until=until)
    looked_at = _newest(before=before, limit=SCANNED, case_id=case_id).subquery()
    found = session.scalars(
        select(Decision)
        .where(Decision.id.in_(select(looked_at.c.id)), *wanted)
        .order_by(Decision.id.desc())
        .limit(limit + 1)
    ).all()
    shown = found[:limit]
    if len(found) > limit:
        return shown, shown[-1].id
    count, last = session.execute(select(func.count(), func.min(looked_at.c.id))).one()
    return shown, last if count == SCANNED else None


def _wanted(
    *, elsewhere: bool, rule: str | None, case_id: int | None, since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    conditions = [refused_channel() if elsewhere else or_(_PUT_OFF, _NOT_OWED)]
    if rule is not None:
        refused = Decision.inputs["refused_channels"]
        named = [refused[channel].as_string() == rule for channel in ("sms", "voice", "email")]
        conditions.append(or_(*named) if elsewhere else Decision.rule == rule)
    if case_id is not None:
        conditions.append(Decision.case_id == case_id)
    if since is not None:
        conditions.append(Decision.at >= since)
    if until is not None:
        conditions.append(Decision.at < until)
    return conditions


def _newest(*, before: int | None, limit: int, case_id: int | None = None) -> Select[Any]:
    query = select(Decision.id).where(_BASE)
    if before is not None:
        query = query.where(Decision.id < before)
    if case_id is not None:
        query = query.where(Decision.case_id == case_id)
    return query.order_by(Decision.id.desc()).limit(limit)


def reasons(session: Session, *, elsewhere: bool, looked_at: int) -> Mapping[str, int]:
    """How often each reason comes among the newest decisions, the most frequent first."""
    newest = _newest(before=None, limit=looked_at).subquery()
    mine = Decision.id.in_(select(newest.c.id))
    if not elsewhere:
        query = select(Decision.rule, func.count()).where(mine, or_(_PUT_OFF, _NOT_OWED)).group_by(Decision.rule)
        return dict(Counter(dict(session.execute(query).tuples().all())).most_common())
    told: Counter[str] = Counter()
    for refused in session.scalars(select(Decision.inputs["refused_channels"]).where(mine, refused_channel())):
        told.update(set(refused.values()))
    return dict(told.most_common())


def whose(session: Session, case_ids: Collection[int]) -> dict[int, tuple[Case, Customer]]:
    """The case and its customer, by the case's id."""
    query = select(Case, Customer).join(Customer, Customer.id == Case.customer_id).where(Case.id.in_(case_ids))
    return {case.id: (case, customer) for case, customer in session.execute(query)}
