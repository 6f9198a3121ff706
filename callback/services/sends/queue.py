"""A further message of a conversation: the next question, a closing text, the confirmation of an opt-out."""

from datetime import datetime

from sqlalchemy.orm import Session

from callback.db.tables import Attempt, Send
from callback.domain.handle import new_handle
from callback.domain.sms import segments
from callback.domain.words import Channel, SendKind, SendState

MESSAGES = (SendKind.QUESTION, SendKind.NOTICE)


def queue_message(
    session: Session,
    *,
    body: str,
    address: str,
    now: datetime,
    kind: SendKind = SendKind.QUESTION,
    channel: Channel = Channel.SMS,
    attempt: Attempt | None = None,
    customer_id: int | None = None,
    subject: str | None = None,
    sender: str = "",
    due_at: datetime | None = None,
) -> Send:
    """Have this said, after this transaction commits: the row is the wish, and a worker finds it within a second.

    `sender` empty: the channel's own. `due_at`: not before. An answer to what the customer has just written leaves at
    any hour; what could not leave within some minutes waits for their window (`conversations.py`). A `QUESTION` is not
    sent to somebody who has opted out meanwhile; a `NOTICE` is, since the confirmation of the opt-out is one.
    """
    assert kind in MESSAGES, kind  # noqa: S101  what begins an attempt is made by `claim`
    send = Send(
        handle=new_handle(),
        kind=kind,
        channel=channel,
        sender=sender,
        carrier="",
        attempt_id=None if attempt is None else attempt.id,
        callback_id=None if attempt is None else attempt.callback_id,
        customer_id=attempt.customer_id if attempt is not None else customer_id,
        address=address,
        subject=subject,
        body=body,
        segments=max(1, segments(body).segments) if channel is Channel.SMS else 1,
        state=SendState.QUEUED,
        due_at=due_at or now,
        created_at=now,
    )
    session.add(send)
    session.flush()
    return send
