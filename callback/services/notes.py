"""Messages to whoever has to make a callback: left by a colleague, read on their day and in the call."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.db import notes as rows
from callback.db.tables import Callback, CallbackNote
from callback.domain.handle import new_handle
from callback.domain.text import is_storable
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit
from callback.services.callbacks import find_callback

LONGEST = 1_000
"""Characters. What is longer belongs into the case."""
CONFIRMED_FOR = timedelta(minutes=60)
"""So long a customer who called us counts as confirmed; then it has to be done again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    handle: str
    text: str
    author_id: int
    author_name: str
    author_number: str
    at: datetime
    read_at: datetime | None
    reader_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What waits to be read on one callback."""

    customer_name: str | None
    planned_at: datetime | None
    messages: tuple[Message, ...]


def messages_of(session: Session, callback_id: int, *, by: int | None = None) -> tuple[Message, ...]:
    """The messages on a callback, the latest first. `by`: only those of this author."""
    return tuple(_message(note) for note in rows.of_callback(session, callback_id, by=by))


def visible_to(session: Session, callback: Callback, *, agent_id: int, supervises: bool) -> tuple[Message, ...]:
    """All of them to whoever has the callback and to supervisors; to everybody else what they wrote themselves."""
    own = supervises or callback.agent_id == agent_id
    return messages_of(session, callback.id, by=None if own else agent_id)


def readable_by(
    session: Session, callback: Callback, *, agent_id: int, supervises: bool, now: datetime
) -> tuple[Message, ...]:
    """The same outside the page of a call. Messages tell of the case: whoever has the callback reads what others wrote
    while the person is on the line and confirmed, in their call or in ours (hard rule 7)."""
    told = supervises or rows.is_confirmed(session, callback, agent_id=agent_id, since=now - CONFIRMED_FOR)
    return (
        visible_to(session, callback, agent_id=agent_id, supervises=supervises)
        if told
        else messages_of(session, callback.id, by=agent_id)
    )


def unread_of(session: Session, agent_id: int) -> Mapping[str, Unread]:
    """What waits to be read on the agent's live callbacks, by the handle of the callback, the oldest first."""
    found: defaultdict[str, list[CallbackNote]] = defaultdict(list)
    for note in rows.unread_of(session, agent_id):
        found[note.callback.handle].append(note)
    return {
        handle: Unread(
            customer_name=notes[0].callback.customer.name,
            planned_at=notes[0].callback.planned_at,
            messages=tuple(_message(note) for note in notes),
        )
        for handle, notes in found.items()
    }


def leave(session: Session, *, callback: str, text: str, by: int, now: datetime) -> CallbackNote:
    """Write a message on a live callback, by its handle. It stays there when the callback is moved.

    Raises `NotFound` (`callback_not_found`), `Conflict` (`note_on_ended_callback`) and `Invalid` (`note_empty`,
    `note_too_long`, `text_not_storable`).
    """
    found = find_callback(session, callback)
    if not found.state.is_live:
        raise Conflict("note_on_ended_callback")
    note = CallbackNote(handle=new_handle(), callback_id=found.id, author_id=by, text=clean(text), created_at=now)
    session.add(note)
    session.flush()
    _audit(session, "callback.message", note, found, by=by, now=now)
    return note


def clean(text: str, *, what: str = "note") -> str:
    """What was typed, without blanks around it. Raises `Invalid` (`<what>_empty`, …) for what cannot be kept."""
    text = text.strip()
    if not text:
        raise Invalid(f"{what}_empty")
    if len(text) > LONGEST:
        raise Invalid(f"{what}_too_long", most=LONGEST, length=len(text))
    if not is_storable(text):
        raise Invalid("text_not_storable")
    return text


def find(session: Session, handle: str) -> CallbackNote:
    """Raises `NotFound` (`note_not_found`)."""
    note = rows.by_handle(session, handle)
    if note is None:
        raise NotFound("note_not_found")
    return note


def message_of(session: Session, handle: str) -> Message:
    """Raises `NotFound` (`note_not_found`)."""
    return _message(find(session, handle))


def mark_read(session: Session, *, handle: str, by: int, now: datetime) -> CallbackNote:
    """Whoever has the callback has read it; a second time changes nothing.

    Raises `NotFound` (`note_not_found`), also for a callback that is somebody else's.
    """
    note = find(session, handle)
    if note.callback.agent_id != by:
        raise NotFound("note_not_found")
    if rows.mark_read(session, note.id, by=by, now=now):
        _audit(session, "callback.message_read", note, note.callback, by=by, now=now)
    session.refresh(note)
    return note


def _audit(session: Session, action: str, note: CallbackNote, callback: Callback, *, by: int, now: datetime) -> None:
    audit.record(
        session,
        now=now,
        actor_id=by,
        action=action,
        subject_kind="callback",
        subject_id=callback.handle,
        message=note.handle,
        agent_id=callback.agent_id,
    )


def _message(note: CallbackNote) -> Message:
    return Message(
        handle=note.handle,
        text=note.text,
        author_id=note.author_id,
        author_name=note.author.name,
        author_number=note.author.number,
        at=note.created_at,
        read_at=note.read_at,
        reader_name=note.read_by.name if note.read_by is not None else None,
    )
