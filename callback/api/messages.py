"""What customers wrote: all of it, and what a person still has to read."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from callback.api.paging import Page, PageDep
from callback.api.schemas import BIGGEST_ID, Out, PathId
from callback.db import messages as rows
from callback.db.engine import reading
from callback.db.tables import InboundMessage
from callback.domain.account import Scope
from callback.domain.address import mask
from callback.domain.words import InboundOutcome
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import messages

router = APIRouter(tags=["messages"])
Supervisor = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WRITE))]


class MessageOut(Out):
    id: int
    from_address: str
    """Masked."""
    text: str
    """As it came."""
    received_at: datetime
    customer_id: int | None
    question: str | None
    outcome: InboundOutcome
    reply: str | None
    needs_person: bool
    handled_at: datetime | None
    handled_by_id: int | None


@router.get("/messages", operation_id="listMessages")
def list_messages(
    house: HouseDep,
    me: Supervisor,
    page: PageDep,
    for_a_person: Annotated[bool, Query(description="Only what somebody still has to read.")] = False,
    customer_id: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
) -> Page[MessageOut]:
    """Newest first, numbers masked."""
    query = rows.listed(for_a_person=for_a_person, customer_id=customer_id)
    with reading(house.sessions) as session:
        return page.select(session, query, _out, kind="messages", order=(InboundMessage.id,), descending=True)


@router.post("/messages/{message_id}/handled", operation_id="handleMessage")
def handle_message(message_id: PathId, house: HouseDep, now: Now, me: Supervisor) -> MessageOut:
    """Somebody has read it and done what was to be done."""
    with house.sessions.begin() as session:
        return _out(messages.mark_read(session, message_id=message_id, by=me.agent_id, now=now))


def _out(message: InboundMessage) -> MessageOut:
    return MessageOut(
        id=message.id,
        from_address=mask(message.from_address),
        text=message.text,
        received_at=message.received_at,
        customer_id=message.customer_id,
        question=message.question,
        outcome=message.outcome,
        reply=message.reply,
        needs_person=message.needs_person,
        handled_at=message.handled_at,
        handled_by_id=message.handled_by_id,
    )
