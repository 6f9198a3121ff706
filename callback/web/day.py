"""`/day`: an agent's list of the day, in calling order."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from callback.domain.account import Scope
from callback.services import callbacks
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Reader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_READ))]


@router.get("/day")
def day(desk: Reader) -> Response:
    return _list(desk, whole=True)


@router.get("/day/list")
def day_list(desk: Reader) -> Response:
    """The list alone: the page asks for it by itself."""
    return _list(desk, whole=False)


def _list(desk: Desk, *, whole: bool) -> Response:
    with desk.reading() as session:
        today = callbacks.todays_list(session, agent_id=desk.me.agent_id, now=desk.now, zone=desk.house.zone, limit=200)
    return desk.page("day/page.html", today=today) if whole else desk.fragment("day/list.html", today=today)
