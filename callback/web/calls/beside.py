"""What an agent does beside the script: notes, pauses, marks, moments to offer."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import JSONResponse

from callback.domain.words import Severity
from callback.services import attempts
from callback.services.attempts import marks, moments
from callback.web import moments as texts
from callback.web.calls import view
from callback.web.calls.forms import MOST_TEXT, Handle, in_lines
from callback.web.calls.page import Worker, moved
from callback.web.desk import Desk

router = APIRouter(include_in_schema=False)
NotesText = Annotated[str, Form(max_length=MOST_TEXT)]


@router.post("/calls/{handle}/notes")
def notes(handle: Handle, desk: Worker, notes: NotesText = "", base: NotesText = "") -> Response:
    """Keep what is being typed. Answers with the text as it is kept now."""
    with desk.begin() as session:
        kept = attempts.keep_notes(
            session, handle=handle, agent_id=desk.me.agent_id, notes=in_lines(notes), base=in_lines(base), now=desk.now
        )
    return JSONResponse({"notes": kept}, headers={"Cache-Control": "no-store"})


@router.post("/calls/{handle}/alive")
def alive(handle: Handle, desk: Worker) -> Response:
    """The page is still open."""
    with desk.begin() as session:
        attempts.keep_alive(session, handle=handle, agent_id=desk.me.agent_id, now=desk.now)
    return Response(status_code=204)


@router.post("/calls/{handle}/pause")
def pause(handle: Handle, desk: Worker) -> Response:
    """The customer waits while a note is written; the number keys do nothing."""
    with desk.begin() as session:
        marks.pause(session, handle=handle, agent_id=desk.me.agent_id, now=desk.now)
        attempts.keep_alive(session, handle=handle, agent_id=desk.me.agent_id, now=desk.now)
        shown = view.look(session, desk, handle)
    return moved(desk, shown)


@router.post("/calls/{handle}/resume")
def resume(handle: Handle, desk: Worker) -> Response:
    with desk.begin() as session:
        marks.resume(session, handle=handle, agent_id=desk.me.agent_id, now=desk.now)
        attempts.keep_alive(session, handle=handle, agent_id=desk.me.agent_id, now=desk.now)
        shown = view.look(session, desk, handle)
    return moved(desk, shown)


@router.post("/calls/{handle}/special")
def special(handle: Handle, desk: Worker, special: Annotated[bool, Form()]) -> Response:
    """Mark the customer as special, or take the mark back."""
    with desk.begin() as session:
        marks.set_special(session, handle=handle, agent_id=desk.me.agent_id, special=special, now=desk.now)
    said = "call_desk.is_special" if special else "call_desk.is_not_special"
    return _card(desk, handle, said=said)


@router.post("/calls/{handle}/judge")
def judge(handle: Handle, desk: Worker, severity: Annotated[str, Form(max_length=16)] = "") -> Response:
    """How unhappy the customer is, in the agent's judgement; empty: not."""
    found = Severity(severity) if severity in tuple(Severity) else None
    with desk.begin() as session:
        marks.judge(session, handle=handle, agent_id=desk.me.agent_id, severity=found, now=desk.now)
    return _card(desk, handle, said="call_desk.judged" if found else "call_desk.judged_not")


@router.get("/calls/{handle}/moments")
def offer(
    handle: Handle,
    desk: Worker,
    field: Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$")],
    key: Annotated[str, Query(pattern=r"^[1-9]$")],
    since: date | None = None,
) -> Response:
    """The customer's calendar: days and half hours at which they may be called."""
    with desk.reading() as session:
        found = moments.offer(session, handle=handle, agent_id=desk.me.agent_id, since=since, now=desk.now)

    def day_name(day: date) -> tuple[str, str]:
        """`Wed` and `11 Mar`."""
        return texts.weekday_alone(day, desk.language), texts.day(day, desk.zone, desk.language)

    return desk.fragment("call/moments.html", offer=found, field=field, key=key, handle=handle, day_name=day_name)


def _card(desk: Desk, handle: str, *, said: str) -> Response:
    with desk.reading() as session:
        shown = view.look(session, desk, handle)
    return desk.fragment("call/card.html", said=said, oob=False, **shown.values())
