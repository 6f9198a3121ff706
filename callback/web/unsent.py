"""`/unsent`: what was not sent, why, and what can be done about it."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator, Field

from callback.db import unsent as rows
from callback.db.engine import reading
from callback.domain.account import Scope
from callback.domain.words import Role
from callback.services import unsent
from callback.web.desk import Desk, at_desk
from callback.web.typed import BIGGEST_ID, Before, Sought, blank_is_none

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.REPORTS_READ, Role.SUPERVISOR, Role.ADMINISTRATOR))]
PAGE = 50
LOOKED_AT = 5_000
"""Newest decisions whose reasons are counted."""
REASONS_SHOWN = 12
_Day = Annotated[date | None, BeforeValidator(blank_is_none), Query()]
_CaseId = Annotated[Annotated[int, Field(ge=1, le=BIGGEST_ID)] | None, BeforeValidator(blank_is_none), Query()]


class Group(StrEnum):
    """Not sent at all, or on another channel instead."""

    STOPPED = "stopped"
    ELSEWHERE = "elsewhere"


@router.get("/unsent")
def list_unsent(
    desk: Leader,
    group: Annotated[Group, Query()] = Group.STOPPED,
    rule: Sought = "",
    case: _CaseId = None,
    since: _Day = None,
    until: _Day = None,
    before: Before = None,
) -> Response:
    elsewhere = group is Group.ELSEWHERE
    with desk.reading() as session:
        found, onwards = rows.page(
            session,
            elsewhere=elsewhere,
            rule=rule or None,
            case_id=case,
            since=_start(desk, since),
            until=_start(desk, until, after=1),
            before=before,
            limit=PAGE,
        )
        reasons = rows.reasons(session, elsewhere=elsewhere, looked_at=LOOKED_AT)
        whose = rows.whose(session, {decision.case_id for decision in found})
    filters = {"group": group.value, "rule": rule, "case": case or "", "since": since or "", "until": until or ""}

    def link(path: str = "/unsent", **changed: object) -> str:
        wanted = {name: value for name, value in {**filters, **changed}.items() if value not in ("", None)}
        return f"{path}?{urlencode(wanted)}"

    return desk.page(
        "unsent/page.html",
        entries=[unsent.entry_of(decision) for decision in found],
        whose=whose,
        onwards=onwards,
        before=before,
        groups=tuple(Group),
        group=group,
        filters=filters,
        reasons=dict(list(reasons.items())[:REASONS_SHOWN]),
        looked_at=LOOKED_AT,
        link=link,
        why=lambda rule: unsent.why(rule, desk.language),
        todo=lambda rule: unsent.what_to_do(rule, desk.language),
        moment=datetime.fromisoformat,
    )


@router.get("/unsent/export")
def export(desk: Leader, rule: Sought = "", since: _Day = None, until: _Day = None) -> StreamingResponse:
    """All of it as CSV, in the reader's language, with the byte order mark that spreadsheets look for."""
    begins, ends = _start(desk, since), _start(desk, until, after=1)

    def lines() -> Iterator[str]:
        yield "\ufeff"
        with reading(desk.house.sessions) as session:
            yield from unsent.export(session, language=desk.language, rule=rule or None, since=begins, until=ends)

    headers = {"Content-Disposition": 'attachment; filename="unsent.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _start(desk: Desk, day: date | None, *, after: int = 0) -> datetime | None:
    """The beginning of the day in the reader's zone."""
    if day is None or not 1970 <= day.year < 2200:
        return None
    return datetime.combine(day + timedelta(days=after), time.min, tzinfo=desk.zone)
