"""What may happen to a case, and which of its times can be true together."""

from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from callback.domain.words import CaseStatus, PromiseState

Moment = TypeVar("Moment", datetime, str)
"""Aware UTC, or text in which the order is that of time."""


class CaseTimes(NamedTuple, Generic[Moment]):
    """The moments of a case's life. Empty: it has not happened."""

    opened_at: Moment
    answered_at: Moment | None = None
    closed_at: Moment | None = None
    told_at: Moment | None = None


def settled(times: CaseTimes[Moment], status: CaseStatus, *, closing_implies_telling: bool) -> CaseTimes[Moment]:
    """`times` of a case that comes from elsewhere, made to fit each other and its `status`.

    Files contradict themselves; these rules decide, in this order:

    1. A case was opened no later than anything else that happened to it: the earliest of its moments is `opened_at`.
    2. A case that is not closed has no closing time, whatever the file says.
    3. A closed case has a closing time: the one given, else when it was answered, else when it was opened.
    4. A closed case was answered by then: a missing answer time is the closing time.
    5. Where closing implies telling, the customer of a closed case learned the answer when it was closed.
    """
    opened, answered, closed, told = times
    opened = min(opened, answered or opened, closed or opened, told or opened)
    if status is not CaseStatus.CLOSED:
        return CaseTimes(opened, answered, None, told)
    closed = closed or answered or opened
    return CaseTimes(opened, answered or closed, closed, told or (closed if closing_implies_telling else None))


def promise_verdict(*, due_at: datetime, told_at: datetime) -> PromiseState:
    """Kept when the customer was told by the time promised, else broken."""
    return PromiseState.KEPT if told_at <= due_at else PromiseState.BROKEN
