"""The sandbox answered: whoever tries the product out writes and presses keys as the customer would.

Everything behind it is the same as with a carrier: `replies` takes the message in, `automatic_calls` takes the turn,
and what is said back goes through the ledger. Only what was sent by a sandbox channel can be read and answered here.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Select
from sqlalchemy.orm import Session

from callback.channels.protocol import Addresses
from callback.db import sandbox as sandbox_rows
from callback.db import sends as rows
from callback.db.tables import Attempt, Send
from callback.domain.handle import new_handle
from callback.domain.words import Channel
from callback.errors import NotFound
from callback.services import replies
from callback.services.automatic_calls import Heard, turn
from callback.services.sends.events import apply_status
from callback.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the call says, and where it stands: hand `step`, `tries` and `since` back with the next key."""

    said: str
    over: bool
    step: str = ""
    tries: int = 0
    since: int = 0


def outbox() -> Select[tuple[Send]]:
    """What would have left. The edge adds order, cursor and limit."""
    return sandbox_rows.outbox()


def find(session: Session, handle: str, channel: Channel) -> Send:
    """Raises `NotFound`: also for what a real carrier has."""
    send = rows.by_handle(session, handle)
    if send is None or send.carrier not in sandbox_rows.CARRIERS or send.channel is not channel:
        raise NotFound("sandbox_send_not_found")
    return send


def write(
    session: Session, *, handle: str, text: str, settings: Settings, now: datetime, once: str | None = None
) -> str:
    """Write back to a message as its customer; what it came to (`InboundOutcome`).

    The same `once` again is the same message.
    """
    send = find(session, handle, Channel.SMS)
    received = replies.receive(
        session,
        from_address=send.address,
        to_address=send.sender,
        text=text,
        provider_id=f"SBIN{once or new_handle()}",
        now=now,
        settings=settings,
    )
    replies.say_back(session, received, address=send.address, now=now)
    return received.outcome.value


def take_call(session: Session, *, handle: str, heard: Heard, settings: Settings, now: datetime) -> Turn:
    """Take a call, or press a key in it. When the call says goodbye it is over."""
    send = find(session, handle, Channel.VOICE)
    attempt = session.get(Attempt, send.attempt_id) if send.attempt_id is not None else None
    if attempt is None:
        raise NotFound("sandbox_send_not_found")
    apply_status(session, handle=handle, status="in-progress", now=now)
    session.refresh(attempt)
    action = Addresses(settings.public_url).of("voice", handle)
    root = ET.fromstring(turn(session, attempt=attempt, heard=heard, action=action, now=now, settings=settings))  # noqa: S314  our own
    said = " ".join(part.strip() for part in root.itertext() if part.strip())
    gather = root.find("Gather")
    if gather is None:
        hang_up(session, handle=handle, now=now)
        return Turn(said=said, over=True)
    query = parse_qs(urlsplit(gather.attrib["action"]).query)
    return Turn(
        said=said,
        over=False,
        step=query["step"][0],
        tries=int(query["tries"][0]),
        since=int(query["since"][0]),
    )


def hang_up(session: Session, *, handle: str, now: datetime) -> None:
    """The customer puts the receiver down, at whatever question; before anybody took the call it was not answered."""
    send = find(session, handle, Channel.VOICE)
    seconds = int((now - (send.sent_at or now)).total_seconds())
    status = "completed" if send.provider_status == "in-progress" else "no-answer"
    apply_status(session, handle=handle, status=status, duration_s=seconds, now=now)
