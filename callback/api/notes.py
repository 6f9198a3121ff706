"""Messages on callbacks: left by a colleague, read by whoever has to make the call."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy.orm import Session

from callback.api.idempotency import OnceDep
from callback.api.schemas import Body, Handle, Out
from callback.db.engine import reading
from callback.db.tables import Callback
from callback.domain.account import Scope
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import notes
from callback.services.callbacks import find_callback

router = APIRouter(tags=["callbacks"])
Reader = Annotated[Principal, Depends(caller(Scope.CALLBACKS_READ))]
Worker = Annotated[Principal, Depends(caller(Scope.CALLBACKS_WORK))]


class NewNote(Body):
    text: Annotated[str, Field(min_length=1, max_length=notes.LONGEST)]


class NoteOut(Out):
    handle: str
    text: str
    author_id: int
    author_name: str
    author_number: str
    at: datetime
    read_at: datetime | None
    reader_name: str | None


@router.get("/callbacks/{handle}/notes", operation_id="listCallbackNotes")
def list_notes(handle: Handle, house: HouseDep, me: Reader, now: Now) -> list[NoteOut]:
    """The latest 50 messages on a callback, to supervisors and, once the person is confirmed, to whoever has it; else
    one's own."""
    with reading(house.sessions) as session:
        return _visible(session, find_callback(session, handle), me, now)


@router.post("/callbacks/{handle}/notes", status_code=201, operation_id="leaveCallbackNote")
def leave_note(handle: Handle, body: NewNote, house: HouseDep, me: Worker, now: Now, once: OnceDep) -> NoteOut:
    """Leave a message for whoever has to make this callback; anybody may, on any callback that has not ended."""
    with house.sessions.begin() as session:

        def run() -> NoteOut:
            note = notes.leave(session, callback=handle, text=body.text, by=me.agent_id, now=now)
            return NoteOut.model_validate(notes.message_of(session, note.handle))

        return once.run(session, me, run, now=now)


@router.post("/callbacks/notes/{handle}/read", operation_id="readCallbackNote")
def read_note(handle: Handle, house: HouseDep, me: Worker, now: Now) -> NoteOut:
    """I have read this message on my callback. Again is the same."""
    with house.sessions.begin() as session:
        notes.mark_read(session, handle=handle, by=me.agent_id, now=now)
        return NoteOut.model_validate(notes.message_of(session, handle))


def _visible(session: Session, callback: Callback, me: Principal, now: datetime) -> list[NoteOut]:
    found = notes.readable_by(session, callback, agent_id=me.agent_id, supervises=me.supervises, now=now)
    return [NoteOut.model_validate(message) for message in found]
