"""The moment at which something leaves: outside of any transaction, once, and not at all when it is too late for it."""

from collections.abc import Collection
from datetime import datetime, timedelta

from callback.channels.protocol import ChannelError, SendChannel
from callback.domain.sending import Kind
from callback.log import get_logger
from callback.services.sends.claim import Claimed
from callback.services.sends.record import Result

log = get_logger(__name__)


def hand_over(
    claimed: Claimed, *, way: SendChannel, now: datetime, timeout: timedelta, halted: Collection[int] = ()
) -> Result:
    """Give it to the channel, and say what became of it. Never raises: what nobody foresaw may have left.

    `halted`: campaigns that were paused or cancelled since the claim. A claim that is nearly over is given back: after
    its lease others look after it, and then nothing may leave here any more.
    """
    if claimed.campaign_id in halted:
        return Result(claimed, withheld="campaign")
    if now + timeout >= claimed.lease_until:
        return Result(claimed, withheld="lease")
    if claimed.outgoing.closes_at is not None and now >= claimed.outgoing.closes_at:
        return Result(claimed, withheld="window")
    try:
        return Result(claimed, accepted=way.send(claimed.outgoing, now=now))
    except ChannelError as error:
        return Result(claimed, error=error)
    except Exception as error:
        log.exception("a channel failed in a way it does not name", channel=way.name, send=claimed.outgoing.handle)
        return Result(claimed, error=ChannelError(Kind.UNKNOWN, raw=type(error).__name__))
