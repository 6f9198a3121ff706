"""The inbox: what customers write is written down before it is acknowledged, and read by a worker a moment later.

Whatever goes wrong while a message is read (a lock, a lost connection, a fault of ours), the message is still there and
is read again; after `MOST_TRIES` a person reads it. An acknowledgement costs one insert, which many share.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import messages as rows
from callback.db.jobs import backoff
from callback.db.tables import InboundMessage
from callback.domain.words import InboundOutcome
from callback.services import replies
from callback.settings import Settings

MOST_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One message as the carrier handed it over. `address` in E.164, whose it is."""

    provider_id: str
    address: str
    to_address: str
    text: str
    received_at: datetime


def keep(session: Session, messages: Iterable[Written]) -> None:
    """Write them down. One that is known already changes nothing, and is not read twice."""
    rows.keep(
        session,
        [
            {
                "provider_id": one.provider_id,
                "from_address": one.address,
                "to_address": one.to_address,
                "text": replies.storable(one.text),
                "received_at": one.received_at,
                "due_at": one.received_at,
                "outcome": InboundOutcome.WAITING,
            }
            # In one order everywhere: two that write the same messages then never wait for each other in a circle.
            for one in sorted(messages, key=lambda message: message.provider_id)
        ],
    )


def read(session: Session, message_id: int, *, settings: Settings, now: datetime) -> bool:
    """Read one message that waits, and say what is to be said to it. False: somebody else does, or has."""
    message = rows.locked_waiting(session, message_id)
    if message is None:
        return False
    received = replies.apply(session, message, settings=settings, now=now)
    replies.say_back(session, received, address=message.from_address, now=now)
    return True


def could_not_be_read(session: Session, message_id: int, *, now: datetime) -> None:
    """It is tried again later; in the end it is left to a person, with the words as they came."""
    message = session.get(InboundMessage, message_id, populate_existing=True)
    if message is None:
        return
    tries = message.tries + 1
    if tries < MOST_TRIES:
        rows.put_off(session, message_id, tries=tries, due_at=now + backoff(tries))
    else:
        left = InboundOutcome.LEFT_TO_PERSON
        rows.put_off(session, message_id, tries=tries, due_at=None, outcome=left, needs_person=True)
