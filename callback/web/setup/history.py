"""Versions of what was set up: who changed what, taking a change back, bringing an earlier version back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy.orm import Session

from callback.db import setups as rows
from callback.db.agents import names_of
from callback.domain.account import Scope
from callback.domain.words import SetupKind
from callback.entrance import address_parts
from callback.services.setups import undo as service
from callback.web.desk import Desk, at_desk
from callback.web.setup.differences import Difference, differences

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.AGENTS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.SHIFTS_WRITE))]
Act = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Key = Annotated[str, Query(max_length=64)]
SHOWN = 5
PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One version as a person reads it."""

    number: int
    at: datetime
    by: str | None
    restores: int | None
    found: bool
    """How it was before anybody changed it here."""
    changes: Sequence[Difference]
    newest: bool


@dataclass(frozen=True, slots=True)
class History:
    kind: SetupKind
    key: str
    lines: Sequence[Line]
    more: int | None
    """The number below which there are more."""
    may_restore: bool


def history_of(
    desk: Desk, session: Session, kind: SetupKind, key: object = "", *, before: int | None = None, limit: int = SHOWN
) -> History:
    """The newest versions of one thing, each with what it changed."""
    found = rows.history(session, kind, str(key), before=before, limit=limit + 1)
    names = names_of(session, {row.created_by_id for row in found if row.created_by_id is not None})
    olders = [*found, None][1:]
    lines = [
        Line(
            number=row.number,
            at=row.created_at,
            by=names.get(row.created_by_id) if row.created_by_id else None,
            restores=row.restores,
            found=row.act is None and row.created_by_id is None,
            changes=differences(desk, session, kind, older.document if older else {}, row.document),
            newest=before is None and place == 0,
        )
        for place, (row, older) in enumerate(zip(found, olders, strict=True))
    ][:limit]
    more = lines[-1].number if len(found) > limit else None
    return History(kind, str(key), lines, more, service.SCOPES[kind] in desk.me.scopes)


@router.get("/setup/history/{kind}")
def history(
    desk: Reader, kind: SetupKind, key: Key = "", before: Annotated[int | None, Query(ge=1, le=10**9)] = None
) -> Response:
    """Older versions, for the foot of a page."""
    with desk.reading() as session:
        found = history_of(desk, session, kind, key, before=before, limit=PER_PAGE)
        return desk.fragment("setup/history_lines.html", history=found)


@router.post("/setup/undo/{act}")
def undo(desk: Writer, act: Act) -> Response:
    """Take back everything that one act changed; which can be taken back itself."""
    with desk.begin() as session:
        back, count = service.undo(session, act, scopes=desk.me.scopes, now=desk.now, actor_id=desk.me.agent_id)
    return desk.go(_here(desk), said="setup_desk.undone", undo=f"/setup/undo/{back.handle}", count=count)


@router.post("/setup/restore/{kind}/{number}")
def restore(desk: Writer, kind: SetupKind, number: Annotated[int, Path(ge=0, le=10**9)], key: Key = "") -> Response:
    """An earlier version counts again, as a new one."""
    with desk.begin() as session:
        act = service.restore(
            session, kind, key, number, scopes=desk.me.scopes, now=desk.now, actor_id=desk.me.agent_id
        )
    return desk.go(_here(desk), said="setup_desk.restored", undo=f"/setup/undo/{act.handle}", number=number)


def _here(desk: Desk) -> str:
    """The page from which it was asked, which shows the result."""
    address = address_parts(desk.request.headers.get("hx-current-url", ""))
    path = address.path if address.path.startswith("/setup") else "/setup"
    return path + (f"?{address.query}" if address.query else "")
