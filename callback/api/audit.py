"""The audit trail: who did what to what."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from callback.api.paging import Page, PageDep
from callback.api.schemas import BIGGEST_ID, Moment, Out
from callback.db.engine import reading
from callback.db.tables import AuditEntry
from callback.domain.account import Scope
from callback.entrance import HouseDep, Principal, caller

router = APIRouter(tags=["audit"])


class AuditOut(Out):
    id: int
    at: datetime
    actor_id: int | None
    """Null: the system or the command line."""
    action: str
    subject_kind: str
    subject_id: str | None
    details: dict[str, Any]


@router.get("/audit", operation_id="listAuditEntries")
def list_audit_entries(
    house: HouseDep,
    me: Annotated[Principal, Depends(caller(Scope.AUDIT_READ))],
    page: PageDep,
    actor_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
    action: Annotated[str | None, Query(max_length=64)] = None,
    subject_kind: Annotated[str | None, Query(max_length=32)] = None,
    subject_id: Annotated[str | None, Query(max_length=64)] = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Page[AuditOut]:
    """Newest first."""
    wanted = {"actor_id": actor_id, "action": action, "subject_kind": subject_kind, "subject_id": subject_id}
    query = select(AuditEntry).filter_by(**{name: value for name, value in wanted.items() if value is not None})
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    with reading(house.sessions) as session:
        return page.select(
            session, query, AuditOut.model_validate, kind="audit", order=(AuditEntry.id,), descending=True
        )
