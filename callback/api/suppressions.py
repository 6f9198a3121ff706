"""Suppressions: who is not to be contacted, with the evidence; lists of them, and taking one back."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from pydantic import Field

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import BIGGEST_ID, Body, BodyId, Out, PathId
from callback.db import suppressions as rows
from callback.db.engine import reading
from callback.db.tables import Suppression
from callback.domain.account import Scope
from callback.domain.address import mask
from callback.domain.words import SuppressionScope
from callback.entrance import HouseDep, LanguageDep, Now, Principal, caller
from callback.services import contacts, do_not_call, suppressions

router = APIRouter(tags=["suppressions"])
Reader = Annotated[Principal, Depends(caller(Scope.CUSTOMERS_READ))]
Writer = Annotated[Principal, Depends(caller(Scope.CUSTOMERS_WRITE))]
Words = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
Address = Annotated[str, Field(min_length=3, max_length=254)]


class SuppressionOut(Out):
    id: int
    customer_id: int | None
    address: str | None
    """Masked."""
    scope: SuppressionScope
    reason: str
    evidence: dict[str, Any]
    created_at: datetime
    created_by_id: int | None
    lifted_at: datetime | None
    lifted_evidence: dict[str, Any] | None


class NewSuppression(Body):
    """For a customer, or for an address whoever has it."""

    customer_id: BodyId | None = None
    address: Address | None = None
    scope: SuppressionScope = SuppressionScope.ALL
    words: Words
    """What the customer said, or why."""


class Lifting(Body):
    words: Words
    """What the customer said, or why."""


class RejectedRow(Out):
    row: int
    code: str
    value: str
    what_to_do: str


class ListOut(Out):
    file: str
    rows: int
    added: int
    present: int
    rejected: int
    rejects: list[RejectedRow]
    """The first 200."""


@router.get("/suppressions", operation_id="listSuppressions")
def list_suppressions(
    house: HouseDep,
    me: Reader,
    page: PageDep,
    customer_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
    address: Annotated[str | None, Query(min_length=3, max_length=254, description="In full.")] = None,
    scope: SuppressionScope | None = None,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    lifted: bool | None = None,
) -> Page[SuppressionOut]:
    """Newest first, addresses masked."""
    query = rows.listed(customer_id=customer_id, address=address, scope=scope, reason=reason, lifted=lifted)
    with reading(house.sessions) as session:
        return page.select(session, query, _out, kind="suppressions", order=(Suppression.id,), descending=True)


@router.post("/suppressions", status_code=201, operation_id="createSuppression")
def create_suppression(body: NewSuppression, house: HouseDep, now: Now, me: Writer, once: OnceDep) -> SuppressionOut:
    """Keep that somebody is not to be contacted. Saying it again gives the entry that is there."""
    address = _address(body.address, house.settings.country)
    with house.sessions.begin() as session:
        return once.run(
            session,
            me,
            lambda: _out(
                suppressions.suppress_by_hand(
                    session,
                    scope=body.scope,
                    words=body.words,
                    now=now,
                    by=me.agent_id,
                    customer_id=body.customer_id,
                    address=address,
                ).entry
            ),
            now=now,
        )


@router.post("/suppressions/{suppression_id}/lift", operation_id="liftSuppression")
def lift_suppression(suppression_id: PathId, body: Lifting, house: HouseDep, now: Now, me: Writer) -> SuppressionOut:
    """Take an entry back, with the reason. The entry stays on record."""
    with house.sessions.begin() as session:
        entry = suppressions.lift(session, suppression_id=suppression_id, words=body.words, by=me.agent_id, now=now)
        return _out(entry)


@router.post("/suppressions/lists", operation_id="importDoNotCallList")
def import_do_not_call_list(
    house: HouseDep,
    now: Now,
    me: Writer,
    language: LanguageDep,
    file: Annotated[UploadFile, File(description="CSV or XLSX: one number or e-mail address a row.")],
    scope: Annotated[SuppressionScope, Form()] = SuppressionScope.ALL,
) -> ListOut:
    """Suppress every address of a list. The same list again changes nothing."""
    name = Path(file.filename or "list.csv").name[:200]
    suffix = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory(prefix="callback-list-") as folder:
        path = Path(folder) / f"list{suffix if suffix in {'.xlsx', '.xlsm'} else '.csv'}"
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target)
        report = do_not_call.import_list(
            house.sessions, path, now=now, region=house.settings.country, scope=scope, name=name, by=me.agent_id
        )
    return ListOut(
        file=report.file,
        rows=report.rows,
        added=report.added,
        present=report.present,
        rejected=report.rejected,
        rejects=[
            RejectedRow(
                row=reject.row,
                code=reject.code,
                value=reject.value,
                what_to_do=do_not_call.what_to_do(reject, language),
            )
            for reject in report.rejects
        ],
    )


def _address(text: str | None, region: str) -> str | None:
    return None if text is None else contacts.one_address(text, region)


def _out(entry: Suppression) -> SuppressionOut:
    return SuppressionOut(
        id=entry.id,
        customer_id=entry.customer_id,
        address=mask(entry.address) if entry.address else None,
        scope=entry.scope,
        reason=entry.reason,
        evidence=entry.evidence,
        created_at=entry.created_at,
        created_by_id=entry.created_by_id,
        lifted_at=entry.lifted_at,
        lifted_evidence=entry.lifted_evidence,
    )
