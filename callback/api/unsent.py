"""Why something was not sent: a page of it, and all of it as CSV."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from callback.api.paging import Page, PageDep
from callback.api.schemas import BIGGEST_ID, Moment, Out
from callback.db import unsent as rows
from callback.db.engine import reading
from callback.db.tables import Decision
from callback.domain.account import Scope
from callback.entrance import HouseDep, LanguageDep, Principal, caller
from callback.services import unsent
from callback.texts import Language

router = APIRouter(tags=["unsent"])
Reader = Annotated[Principal, Depends(caller(Scope.REPORTS_READ))]


class ReasonOut(Out):
    channel: str
    """Empty: nothing was to be sent at all."""
    rule: str
    why: str


class UnsentOut(Out):
    id: int
    at: datetime
    case_id: int
    callback_id: int | None
    reasons: list[ReasonOut]
    not_before: str | None


@router.get("/unsent", operation_id="listUnsent")
def list_unsent(
    house: HouseDep,
    me: Reader,
    page: PageDep,
    language: LanguageDep,
    rule: Annotated[str | None, Query(max_length=64)] = None,
    case_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Page[UnsentOut]:
    """What was not sent, and why, newest first."""
    query = rows.listed(rule=rule, case_id=case_id, since=since, until=until)
    with reading(house.sessions) as session:
        return page.select(
            session,
            query,
            lambda decision: _out(decision, language),
            kind="unsent",
            order=(Decision.id,),
            descending=True,
        )


@router.get(
    "/unsent.csv",
    operation_id="exportUnsent",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "UTF-8 with headings."}},
)
def export_unsent(
    house: HouseDep, me: Reader, language: LanguageDep, since: Moment | None = None, until: Moment | None = None
) -> StreamingResponse:
    """All of it, oldest first: one line for each channel."""

    def lines() -> Iterator[str]:
        with reading(house.sessions) as session:
            yield from unsent.export(session, language=language, since=since, until=until)

    headers = {"Content-Disposition": 'attachment; filename="unsent.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _out(decision: Decision, language: Language) -> UnsentOut:
    entry = unsent.entry_of(decision)
    return UnsentOut(
        id=entry.id,
        at=entry.at,
        case_id=entry.case_id,
        callback_id=entry.callback_id,
        reasons=[
            ReasonOut(channel=reason.channel, rule=reason.rule, why=unsent.why(reason.rule, language))
            for reason in entry.reasons
        ],
        not_before=entry.not_before,
    )
