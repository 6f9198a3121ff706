"""Dialling: the carrier rings the agent and then the customer, or the agent dials the number that is shown for it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from callback.domain.account import Scope
from callback.domain.words import Channel
from callback.services import attempts
from callback.services.sends import click_to_call
from callback.web.calls.forms import Handle
from callback.web.calls.page import Worker
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Dialler = Annotated[Desk, Depends(at_desk(Scope.ADDRESSES_REVEAL))]


@router.post("/calls/{handle}/dial")
def dial(handle: Handle, desk: Dialler) -> Response:
    """Have it dialled, or be shown the number in full at the moment at which it is needed; that is on record."""
    with desk.begin() as session:
        way = desk.house.channels.get(Channel.VOICE)
        dialling = click_to_call.dial(session, handle=handle, agent_id=desk.me.agent_id, way=way, now=desk.now)
    return desk.fragment("call/dialling.html", dialling=dialling, handle=handle)


@router.get("/calls/{handle}/dialling")
def how_far(handle: Handle, desk: Worker) -> Response:
    """The carrier's last word."""
    with desk.reading() as session:
        attempt = attempts.own_attempt(session, handle, agent_id=desk.me.agent_id)
        dialling = click_to_call.of_attempt(session, attempt)
    return desk.fragment("call/dialling.html", dialling=dialling, handle=handle)
