"""A sender that is refused because of how we are set up: held, told to the supervisors, let go once one gets through.

The rules are in `domain/holding.py`; the row of the sender has them (`held_by`), and its breaker stays open meanwhile.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import senders
from callback.db import sends as rows
from callback.db.tables import Send, Sender
from callback.domain import pacing
from callback.domain.holding import QUIET, comes_again, pause
from callback.domain.words import Channel
from callback.log import get_logger

log = get_logger(__name__)


def hold(session: Session, *, channel: Channel, sender: str, code: str, late: bool, now: datetime) -> None:
    """Nothing more leaves from this sender but one send after each pause. Holding it again makes the pause longer.

    `late`: the carrier said so after it had accepted.
    """
    row = rows.locked_sender(session, channel=channel, sender=sender, tokens=pacing.full(1), now=now)
    _hold(row, code=code, late=late, now=now)


def hold_back(session: Session, send: Send, *, code: str, now: datetime) -> bool:
    """Hold the sender of what has just been refused, and have it wait at no cost to the customer.

    False when it is about this one after all: it has waited for this already, and then later ones were taken.
    """
    row = rows.locked_sender(session, channel=send.channel, sender=send.sender, tokens=pacing.full(1), now=now)
    if send.error_code == code and row.held_by is None and senders.later_one_was_taken(session, send):
        return False
    since = _hold(row, code=code, late=False, now=now)
    # Without its sender: what mends it is often another one, and then it leaves from that.
    rows.put_back(session, send.id, error_code=code, sender="", due_at=comes_again(since=since, now=now))
    return True


def _hold(row: Sender, *, code: str, late: bool, now: datetime) -> datetime:
    if row.held_by is None:
        log.error("the carrier refuses how we are set up; nothing is handed over", channel=row.channel.value, code=code)
    since = row.held_since or now
    row.held_by, row.held_since, row.held_late = code[:32], since, row.held_late or late
    row.open_until = max(row.open_until or now, now + pause(since=since, now=now))
    return since


def let_go(session: Session, row: Sender, *, claimed_at: Collection[datetime], now: datetime) -> bool:
    """Whether the hold is over now that what was claimed at these moments has been accepted."""
    since = row.held_since
    if since is None or not any(at >= since for at in claimed_at):
        return False  # they were under way when it began
    if row.held_late and not senders.got_through(session, row, since=since, before=now - QUIET):
        # That it was accepted proves nothing: whether it comes back is known a while later.
        row.open_until = max(row.open_until or now, now + QUIET)
        return False
    log.warning("the carrier takes what we hand over again", channel=row.channel.value, code=row.held_by)
    row.held_by, row.held_since, row.held_late = None, None, False
    return True
