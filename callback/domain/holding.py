"""A sender that the carrier refuses because of how we are set up: held, and tried with one send now and then.

Whatever a campaign has left would be refused alike, so nothing is handed over but one send after each pause. The pauses
are as long as the hold has lasted, within limits: that makes them grow without counting anything, and many refusals of
the same moment come to the same pause.
"""

from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
QUIET = timedelta(minutes=10)
"""What is refused late, after it was accepted, is refused within this time. See `Sender.held_late`."""


def pause(*, since: datetime, now: datetime) -> timedelta:
    """Until the next send tries whether a sender that has been held `since` gets through again."""
    return min(max(now - since, FIRST_PAUSE), LONGEST_PAUSE)


def comes_again(*, since: datetime, now: datetime) -> datetime:
    """When a send that was refused so is due again: after the next trial, so that another one makes that trial, and a
    single one that will never be taken does not keep all the others."""
    return now + 2 * pause(since=since, now=now)
