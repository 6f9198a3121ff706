"""The sandbox: what would have left, and answering it as the customer."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, Handle, Out
from callback.db.engine import reading
from callback.db.tables import Send
from callback.domain.account import Scope
from callback.domain.words import Channel, SendKind, SendState
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import sandbox
from callback.services.automatic_calls import Heard

router = APIRouter(prefix="/sandbox", tags=["sandbox"])
Tester = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WRITE))]


class OutboxOut(Out):
    """One message or call that did not leave; with its text, since nobody but us will read it."""

    handle: str
    kind: SendKind
    channel: Channel
    state: SendState
    address: str
    subject: str | None
    body: str
    segments: int
    created_at: datetime


class Words(Body):
    text: Annotated[str, Field(min_length=1, max_length=1_600)]


class OutcomeOut(Out):
    outcome: str


class Key(Body):
    """A key or a word, with what the last turn handed out; all empty to take the call."""

    digits: Annotated[str, Field(pattern=r"^[0-9*#]{0,16}$")] = ""
    speech: Annotated[str, Field(max_length=1_000)] = ""
    step: Annotated[str, Field(max_length=64)] = ""
    tries: Annotated[int, Field(ge=0, le=99)] = 0
    since: Annotated[int, Field(ge=0, le=2**40)] = 0


class TurnOut(Out):
    said: str
    over: bool
    step: str
    tries: int
    since: int


@router.get("/outbox", operation_id="listOutbox")
def list_outbox(house: HouseDep, me: Tester, page: PageDep) -> Page[OutboxOut]:
    """What the sandbox channels were given, in the order in which it was written."""
    with reading(house.sessions) as session:
        return page.select(session, sandbox.outbox(), OutboxOut.model_validate, kind="outbox", order=(Send.id,))


@router.post("/messages/{handle}", operation_id="answerSandboxMessage")
def answer_message(handle: Handle, body: Words, house: HouseDep, now: Now, me: Tester) -> OutcomeOut:
    """Write back to a message as its customer; what is said back comes into the outbox."""
    with house.sessions.begin() as session:
        told = sandbox.write(session, handle=handle, text=body.text, settings=house.settings, now=now)
    return OutcomeOut(outcome=told)


@router.post("/calls/{handle}", operation_id="pressSandboxKey")
def press_key(handle: Handle, body: Key, house: HouseDep, now: Now, me: Tester) -> TurnOut:
    """Take a call, or press a key in it."""
    with house.sessions.begin() as session:
        heard = Heard(
            step=body.step,
            tries=body.tries,
            since=body.since,
            digits=body.digits,
            speech=body.speech,
            answered_by="human",
        )
        told = sandbox.take_call(session, handle=handle, heard=heard, settings=house.settings, now=now)
    return TurnOut.model_validate(told)


@router.post("/calls/{handle}/hang-up", status_code=204, operation_id="hangUpSandboxCall")
def hang_up(handle: Handle, house: HouseDep, now: Now, me: Tester) -> None:
    """Put the receiver down; what was said by then is kept."""
    with house.sessions.begin() as session:
        sandbox.hang_up(session, handle=handle, now=now)
