"""The page of a call: how one gets there, and how it looks now."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from callback.domain.account import Scope
from callback.services import attempts
from callback.web.calls import view
from callback.web.calls.forms import Handle
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Reader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_READ))]
Worker = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WORK))]
QuestionName = Annotated[str | None, Query(min_length=1, max_length=64)]


@router.post("/calls/next")
def next_call(desk: Worker) -> Response:
    """The first on the agent's list that may be called now."""
    with desk.begin() as session:
        call = attempts.start_next(session, agent_id=desk.me.agent_id, now=desk.now, settings=desk.house.settings)
    return desk.go("/day", said="call_desk.none_now") if call is None else desk.go(f"/calls/{call.attempt}")


@router.get("/calls/{handle}")
def call(handle: Handle, desk: Reader) -> Response:
    """The call as it stands; of one that has ended, what came of it."""
    with desk.reading() as session:
        shown = view.look(session, desk, handle)
    template = "call/result.html" if shown.call.node is None else "call/page.html"
    return desk.page(template, **shown.values())


@router.get("/calls/{handle}/script")
def script(handle: Handle, desk: Reader, question: QuestionName = None, closing: bool = False) -> Response:
    """The script alone: an earlier question to be corrected, or the last panel."""
    with desk.reading() as session:
        shown = view.look(session, desk, handle, question=question, closing=closing)
    return moved(desk, shown)


@router.get("/calls/{handle}/messages")
def messages(handle: Handle, desk: Reader) -> Response:
    """What colleagues left meanwhile."""
    with desk.reading() as session:
        attempt, mine = view.find(session, desk, handle)
        found = view.messages_of(session, desk, attempt)
    return desk.fragment("call/messages.html", messages=found, mine=mine)


def moved(desk: Desk, shown: view.Shown, *, said: str | None = None) -> Response:
    """What a step has changed: the script, and beside it the card and the clock."""
    if shown.call.node is None:
        return desk.go(f"/calls/{shown.call.attempt}")
    return desk.fragment("call/moved.html", said=said, **shown.values())
