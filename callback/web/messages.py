"""`/messages`: what customers wrote and a machine could not take further, read by a person in its context."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Response

from callback.db import messages as rows
from callback.domain.account import Scope
from callback.domain.words import Role, SuppressionScope
from callback.services import messages
from callback.services.messages import Group
from callback.web.desk import Desk, at_desk
from callback.web.typed import Before, PathId

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
PAGE = 40


@router.get("/messages")
def list_messages(desk: Leader, group: Annotated[Group, Query()] = Group.OPEN, before: Before = None) -> Response:
    return _list(desk, group, before, whole=True)


@router.get("/messages/list")
def live(desk: Leader, group: Annotated[Group, Query()] = Group.OPEN, before: Before = None) -> Response:
    """The list alone: the page asks for it by itself."""
    return _list(desk, group, before, whole=False)


@router.get("/messages/{message_id}")
def read(desk: Leader, message_id: PathId) -> Response:
    with desk.reading() as session:
        reading = messages.read(session, message_id, language=desk.language)
    return desk.page("messages/one.html", reading=reading, stops=messages.STOPS)


@router.post("/messages/{message_id}/answer")
def take_as_answer(desk: Leader, message_id: PathId, value: Annotated[str, Form(max_length=100)] = "") -> Response:
    """It answers the question after all: judged like any other answer."""
    with desk.begin() as session:
        taken = messages.take_as_answer(
            session,
            message_id=message_id,
            value=value or None,
            by=desk.me.agent_id,
            now=desk.now,
            settings=desk.house.settings,
        )
        said = "messages_desk.answered_unhappy" if taken.unhappy else "messages_desk.answered"
    return desk.go("/messages", said=said)


@router.post("/messages/{message_id}/handled")
def handled(desk: Leader, message_id: PathId) -> Response:
    with desk.begin() as session:
        messages.mark_read(session, message_id=message_id, by=desk.me.agent_id, now=desk.now)
    return desk.go("/messages", said="messages_desk.handled", undo=f"/messages/{message_id}/back")


@router.post("/messages/{message_id}/back")
def hand_back(desk: Leader, message_id: PathId) -> Response:
    """Undo of `handled`."""
    with desk.begin() as session:
        messages.hand_back(session, message_id=message_id, by=desk.me.agent_id, now=desk.now)
    return desk.go(f"/messages/{message_id}", said="messages_desk.handed_back")


@router.post("/messages/{message_id}/callback")
def call_back(desk: Leader, message_id: PathId) -> Response:
    with desk.begin() as session:
        new = messages.call_back(session, message_id=message_id, by=desk.me.agent_id, now=desk.now)
    return desk.go("/messages", said="messages_desk.called_back" if new else "messages_desk.called_back_already")


@router.post("/messages/{message_id}/opt-out")
def opt_out(desk: Leader, message_id: PathId, scope: Annotated[SuppressionScope, Form()]) -> Response:
    with desk.begin() as session:
        messages.opt_out(session, message_id=message_id, scope=scope, by=desk.me.agent_id, now=desk.now)
    return desk.go("/messages", said="messages_desk.opted_out")


def _list(desk: Desk, group: Group, before: int | None, *, whole: bool) -> Response:
    with desk.reading() as session:
        lines, onwards = messages.listed(session, group=group, before=before, limit=PAGE, language=desk.language)
        open_count = rows.open_count(session, most=messages.MOST_COUNTED)
    values: dict[str, Any] = {
        "lines": lines,
        "onwards": onwards,
        "before": before,
        "group": group,
        "open_count": open_count,
    }
    values["most"] = messages.MOST_COUNTED
    if whole:
        return desk.page("messages/page.html", groups=tuple(Group), **values)
    return desk.fragment("messages/list.html", **values)
