"""Messages on a colleague's callback: `/callbacks/{handle}/messages`, a fragment that any page can show.

`desk/notes/parts.html` has the button that opens it in a dialog, and the list for the page of a call.
"""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response
from sqlalchemy.orm import Session

from callback.db.tables import Agent, Callback
from callback.domain.account import Scope
from callback.services import notes
from callback.services.callbacks import find_callback
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Reader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_READ))]
Worker = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WORK))]
Handle = Annotated[str, Path(min_length=1, max_length=32)]
Text = Annotated[str, Form(max_length=1_000_000)]
"""How long it may be is said by the service, in words: what was typed stays in its field."""


@router.get("/callbacks/{handle}/messages")
def messages(handle: Handle, desk: Reader) -> Response:
    with desk.reading() as session:
        return _box(desk, session, find_callback(session, handle))


@router.post("/callbacks/{handle}/messages")
def leave(handle: Handle, desk: Worker, text: Text = "") -> Response:
    with desk.begin() as session:
        notes.leave(session, callback=handle, text=text, by=desk.me.agent_id, now=desk.now)
        response = _box(desk, session, find_callback(session, handle))
    desk.announce(response, "notes_desk.left")
    return response


@router.post("/notes/{handle}/read")
def read(handle: Handle, desk: Worker) -> Response:
    """The page that shows it brings itself up to date."""
    with desk.begin() as session:
        notes.mark_read(session, handle=handle, by=desk.me.agent_id, now=desk.now)
    return Response(status_code=204, headers={"HX-Trigger": json.dumps({"desk:refresh": None})})


def _box(desk: Desk, session: Session, callback: Callback) -> Response:
    holder = session.get(Agent, callback.agent_id) if callback.agent_id is not None else None
    return desk.fragment(
        "notes/box.html",
        callback=callback.handle,
        is_live=callback.state.is_live,
        is_mine=callback.agent_id == desk.me.agent_id,
        holder=holder.name if holder is not None else None,
        messages=notes.readable_by(
            session, callback, agent_id=desk.me.agent_id, supervises=desk.me.supervises, now=desk.now
        ),
        longest=notes.LONGEST,
    )
