"""`/day`: an agent's day in calling order, and the next call."""

import json
from collections.abc import Callable
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Response

from callback.domain.account import Scope
from callback.services import attempts, days
from callback.web import moments
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Reader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_READ))]
Worker = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WORK))]
Handle = Annotated[str, Path(min_length=1, max_length=32)]


@router.get("/day")
def day(desk: Reader) -> Response:
    return desk.page("day/page.html", **_values(desk))


@router.get("/day/list")
def day_list(desk: Reader) -> Response:
    """What changes by itself: the page asks for it."""
    return desk.fragment("day/list.html", **_values(desk))


@router.post("/day/next")
def start_next(desk: Worker) -> Response:
    """The first call that may be made now. What a rule forbids now is put off, and the list is shown as it is then."""
    with desk.begin() as session:
        call = attempts.start_next(session, agent_id=desk.me.agent_id, now=desk.now, settings=desk.house.settings)
    if call is not None:
        return desk.go(f"/calls/{call.attempt}")
    with desk.reading() as session:
        found = days.day_of(session, agent_id=desk.me.agent_id, now=desk.now, zone=desk.zone)
    told = {"text": _nothing_now(desk, found), "undo": None}
    return Response(status_code=204, headers={"HX-Trigger": json.dumps({"desk:notice": told, "desk:refresh": None})})


@router.post("/day/{handle}/start")
def start(handle: Handle, desk: Worker) -> Response:
    """This call, or back to it."""
    with desk.begin() as session:
        call = attempts.start(
            session, handle=handle, agent_id=desk.me.agent_id, now=desk.now, settings=desk.house.settings
        )
    return desk.go(f"/calls/{call.attempt}")


def _values(desk: Desk) -> dict[str, Any]:
    with desk.reading() as session:
        found = days.day_of(session, agent_id=desk.me.agent_id, now=desk.now, zone=desk.zone)
    early = days.callable_early(found)
    return {"day": found, "elsewhere": elsewhere(desk), "possible_at": days.possible_at, "early": early}


def elsewhere(desk: Desk) -> Callable[[str], bool]:
    """Whether clocks in a zone differ from the reader's now: only then is the customer's time said beside it."""
    here = desk.now.astimezone(desk.zone).utcoffset()
    return lambda zone: desk.now.astimezone(ZoneInfo(zone)).utcoffset() != here


def _nothing_now(desk: Desk, found: days.Day) -> str:
    if not found.later:
        return desk.say("day_desk.nothing_left")
    at = moments.moment(days.possible_at(found.later[0]), desk.zone, desk.language, now=desk.now)
    return desk.say("day_desk.nothing_due_now" if days.callable_early(found) else "day_desk.nothing_now", at=at)
