"""What a changed row does to a case and a customer that are there already.

The file is right about what was reported; the house is right about what it did itself: an answer that was found here,
the customer having been told, a promise given on the telephone are never taken back by a row that knows less.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session

from callback.db import imports as rows
from callback.db.bulk import update_rows
from callback.db.cases import move_to_team
from callback.db.tables import Case, Customer, Promise
from callback.domain.case import promise_verdict
from callback.domain.words import CaseKind, CaseStatus, Priority, PromiseState
from callback.services.imports.normalise import CASE_COLUMNS, CUSTOMER_COLUMNS, LISTED, Draft

_CUSTOMERS: Table = Customer.__table__  # type: ignore[assignment]
_MOMENTS = ("opened_at", "answered_at", "closed_at", "told_at", "promised_at")


def change_cases(
    session: Session, changed: Sequence[tuple[int, Draft]], customer_ids: Mapping[str, int], *, now: datetime
) -> None:
    """Bring the cases up to date with their rows and wake the planner."""
    if not changed:
        return
    cases = rows.cases_to_change(session, [case_id for case_id, _ in changed])
    promises: dict[int, list[Promise]] = {}
    for promise in rows.promises_of(session, list(cases)):
        promises.setdefault(promise.case_id, []).append(promise)
    for case_id, draft in changed:
        case = cases[case_id]
        said = _typed(draft.case)
        _keep_promise(session, case, promises.get(case_id, []), said.pop("promised_at"), now=now)
        team_id = case.team_id
        _change(case, said, dated=draft.dated)
        if case.team_id != team_id:
            move_to_team(session, case_id, case.team_id)
        _settle_promise(case, promises.get(case_id, []), now=now)
        case.customer_id = customer_ids[draft.customer_key]
        case.import_hash = draft.hash
        case.plan_at, case.updated_at = min(case.opened_at, now), now
        case.version += 1
    session.flush()


def _typed(values: tuple[Any, ...]) -> dict[str, Any]:
    """The draft's texts in the types of the table."""
    said = dict(zip(CASE_COLUMNS, values, strict=True))
    for name in _MOMENTS:
        said[name] = datetime.fromisoformat(said[name]).replace(tzinfo=UTC) if said[name] else None
    return said | {
        "kind": CaseKind(said["kind"]),
        "priority": Priority(said["priority"]),
        "status": CaseStatus(said["status"]),
    }


def _change(case: Case, said: dict[str, Any], *, dated: bool) -> None:
    if said["answer"] is None and case.answer is not None:
        # Answered here; the file has not heard of it.
        for name in ("answer", "status", "answered_at", "closed_at", "told_at"):
            said[name] = getattr(case, name)
    elif said["answer"] == case.answer:
        said["told_at"] = case.told_at or said["told_at"]
    if not dated:
        for name in ("opened_at", "answered_at", "closed_at"):
            said[name] = getattr(case, name) or said[name]
        if said["status"] is not CaseStatus.CLOSED:
            said["closed_at"] = None
    for name in ("team_id", "required_skill"):
        said[name] = said[name] or getattr(case, name)
    for name, value in said.items():
        if getattr(case, name) != value:
            setattr(case, name, value)


def _keep_promise(
    session: Session, case: Case, promises: list[Promise], due: datetime | None, *, now: datetime
) -> None:
    """A promise that the file has and we do not replaces the open one; one that we know is not given again."""
    if due is None or any(promise.due_at == due for promise in promises):
        return
    for promise in promises:
        if promise.state is PromiseState.OPEN:
            promise.state, promise.settled_at = PromiseState.REPLACED, now
    session.flush()
    made = Promise(case_id=case.id, due_at=due, made_at=now, state=PromiseState.OPEN)
    session.add(made)
    promises.append(made)
    case.promised_at = due


def _settle_promise(case: Case, promises: list[Promise], *, now: datetime) -> None:
    """The row says that the customer was told: the open promise is kept or broken."""
    if case.told_at is None:
        return
    case.promised_at = None
    for promise in promises:
        if promise.state is PromiseState.OPEN:
            promise.state = promise_verdict(due_at=promise.due_at, told_at=case.told_at)
            promise.settled_at = now


def change_customers(session: Session, said: Mapping[int, tuple[Any, ...]], *, now: datetime) -> None:
    """What the file says about customers replaces what we knew; where it says nothing, we know what we knew."""
    if not said:
        return
    changed: list[tuple[Any, ...]] = []
    for customer_id, *known in rows.customers_by_id(session, list(said), CUSTOMER_COLUMNS):
        values = [_stored(name, value) for name, value in zip(CUSTOMER_COLUMNS, said[customer_id], strict=True)]
        merged = [old if new is None else new for old, new in zip(known, values, strict=True)]
        if merged != known:
            changed.append((customer_id, *merged, now))
    update_rows(session, _CUSTOMERS, (*CUSTOMER_COLUMNS, "updated_at"), changed)


def _stored(name: str, value: Any) -> Any:
    """A draft's value in the type of the table."""
    if value is None:
        return None
    if name == "special":
        return bool(value)
    return value.split(LISTED[name]) if name in LISTED else value
