"""`/notices`: what the house tells one person: by the escalation rules, that something is too late or too bad."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from callback.db import escalations as rows
from callback.domain.account import Scope
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Me = Annotated[Desk, Depends(at_desk(Scope.ME))]
SHOWN = 100
READ_SHOWN = timedelta(days=2)
MOST = 99
BiggestId = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get("/notices")
def notices(desk: Me) -> Response:
    return _list(desk, whole=True)


@router.get("/notices/list")
def lines(desk: Me) -> Response:
    return _list(desk, whole=False)


def _list(desk: Desk, *, whole: bool) -> Response:
    with desk.reading() as session:
        found = rows.notices(session, desk.me.agent_id, unread_since=desk.now - READ_SHOWN, limit=SHOWN)
        values: dict[str, Any] = {
            "found": found,
            "newest": found[0].id if found else 0,
            "unread": sum(n.read_at is None for n in found),
        }
        return desk.page("notices/page.html", **values) if whole else desk.fragment("notices/list.html", **values)


@router.get("/notices/count")
def count(desk: Me) -> Response:
    """The number beside the bell: every page asks for it by itself."""
    with desk.reading() as session:
        unread = rows.unread(session, desk.me.agent_id, most=MOST + 1)
    return desk.fragment("notices/count.html", unread=unread, most=MOST)


@router.post("/notices/read")
def read(desk: Me, up_to: BiggestId, only: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None) -> Response:
    """Those that were on the page are read; what came meanwhile is not."""
    with desk.begin() as session:
        rows.read(session, desk.me.agent_id, now=desk.now, up_to=up_to, only=only)
    response = _list(desk, whole=False)
    response.headers["HX-Trigger"] = "desk:refresh"
    return response
