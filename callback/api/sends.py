"""What left the house and what became of it; and an agent's call, dialled by the carrier."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from callback.api.paging import Page, PageDep
from callback.api.schemas import BIGGEST_ID, Handle, Out
from callback.db import sends as rows
from callback.db.engine import reading
from callback.db.tables import Send
from callback.domain.account import Scope
from callback.domain.address import mask
from callback.domain.words import Channel, SendKind, SendState
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services.sends import click_to_call

router = APIRouter(tags=["sends"])
Reader = Annotated[Principal, Depends(caller(Scope.REPORTS_READ))]
Worker = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WORK))]


class SendOut(Out):
    """One message or call. Its text is not shown: it may hold what only the customer should read."""

    handle: str
    kind: SendKind
    channel: Channel
    carrier: str
    state: SendState
    customer_id: int | None
    address: str
    """Masked."""
    segments: int
    tries: int
    provider_id: str | None
    provider_status: str | None
    error_code: str | None
    duration_s: int | None
    due_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    created_at: datetime


class DiallingOut(Out):
    """How the customer is reached now: the agent's telephone rings, or `link` is to be dialled by hand."""

    by_carrier: bool
    link: str | None
    state: SendState | None
    status: str | None
    duration_s: int | None
    error_code: str | None


@router.get("/sends", operation_id="listSends")
def list_sends(
    house: HouseDep,
    me: Reader,
    page: PageDep,
    state: SendState | None = None,
    channel: Channel | None = None,
    customer_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
) -> Page[SendOut]:
    """The ledger, in the order in which it was written."""
    query = rows.listed(state=state, channel=channel, customer_id=customer_id)
    with reading(house.sessions) as session:
        return page.select(session, query, _out, kind="sends", order=(Send.id,))


@router.post("/attempts/{handle}/dial", operation_id="dialAttempt")
def dial(handle: Handle, house: HouseDep, now: Now, me: Worker) -> DiallingOut:
    """Have the number of one's own call dialled: the carrier rings the agent, then the customer. Twice is once."""
    with house.sessions.begin() as session:
        way = house.channels.get(Channel.VOICE)
        return DiallingOut.model_validate(
            click_to_call.dial(session, handle=handle, agent_id=me.agent_id, way=way, now=now)
        )


def _out(send: Send) -> SendOut:
    shown = {name: getattr(send, name) for name in SendOut.model_fields}
    return SendOut.model_validate(shown | {"address": mask(send.address)})
