"""Why something was not sent: the decisions that refused a channel, put it off, or owed no survey at all."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select

from callback.db.tables import Decision

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
