"""What a send may come to, and what follows from each kind of failure: one table, by the carrier's code.

Codes are Twilio's (https://www.twilio.com/docs/api/errors); other channels give the nearest one, or none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from callback.domain.words import Disposition, SendState


class Kind(StrEnum):
    """What a channel says when it did not simply accept."""

    PERMANENT = "permanent"
    """The carrier refused it: this send will never succeed."""
    TEMPORARY = "temporary"
    """It certainly did not leave: try again later."""
    UNKNOWN = "unknown"
    """It may have left: ask the carrier before anything else."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What follows from a permanent failure.

    `opt_out`: the customer told the carrier to stop. `not_this_channel`: the number is good, but nothing can be sent to
    it here. `given_up`: no other try and no other channel by itself, the supervisor sees it.
    """

    disposition: Disposition
    reason: str
    """The decision's rule; the sentence is `unsent.<reason>`."""
    opt_out: bool = False
    not_this_channel: bool = False
    given_up: bool = False

    @property
    def is_for_good(self) -> bool:
        """The same to the same number would fail again."""
        return self.opt_out or self.not_this_channel or self.given_up or self.disposition is Disposition.DEAD_NUMBER


_BAD_NUMBER = Failure(Disposition.DEAD_NUMBER, "bad_number")
_NOT_HERE = Failure(Disposition.TECHNICAL_FAILURE, "not_this_channel", not_this_channel=True)
_FILTERED = Failure(Disposition.TECHNICAL_FAILURE, "filtered", given_up=True)
_OURS = Failure(Disposition.TECHNICAL_FAILURE, "refused_by_carrier", given_up=True)
_THEIRS = Failure(Disposition.TECHNICAL_FAILURE, "unknown_error")
_TOO_LATE = Failure(Disposition.TECHNICAL_FAILURE, "not_in_time")

FAILURES: Mapping[str, Failure] = MappingProxyType(
    {
        "21610": Failure(Disposition.TECHNICAL_FAILURE, "opted_out", opt_out=True),
        "21211": _BAD_NUMBER,  # invalid To
        "21217": _BAD_NUMBER,  # telephone number not valid
        "13224": _BAD_NUMBER,  # Dial: the called number is invalid
        "21401": _BAD_NUMBER,
        "13225": _NOT_HERE,  # Dial: forbidden number
        "13227": _NOT_HERE,  # calls to the region are not enabled
        "21214": _NOT_HERE,  # cannot be reached from here
        "21215": _NOT_HERE,  # calls to the region are not enabled
        "21216": _NOT_HERE,  # the carrier does not call it
        "21408": _NOT_HERE,  # the region is not enabled for messages
        "21612": _NOT_HERE,  # no route from this sender to this number
        "21614": _NOT_HERE,  # not a mobile number
        "21635": _NOT_HERE,  # a landline
        "30001": _THEIRS,  # the carrier's queue ran over
        "30003": Failure(Disposition.SWITCHED_OFF, "unreachable_handset"),
        "30004": _NOT_HERE,  # the carrier blocks messages to it
        "30005": _BAD_NUMBER,  # unknown handset
        "30006": _NOT_HERE,  # landline, or a carrier that takes none
        "30007": _FILTERED,
        "30008": _THEIRS,
        "30017": _THEIRS,  # congestion
        "30022": _THEIRS,  # more than the registration of the sender allows at once
        "30023": _THEIRS,  # … or in a day
        "30034": _OURS,  # sender not registered
        "30036": _TOO_LATE,  # the validity that we gave it ran out: the window has closed
        "32203": _FILTERED,
        # How a call that failed was answered by the network (RFC 3261 §21), told without a code of the carrier's own.
        "sip404": _BAD_NUMBER,
        "sip410": _BAD_NUMBER,
        "sip484": _BAD_NUMBER,
        "sip604": _BAD_NUMBER,
    }
)
"""Anything else that is permanent is a fault of ours: repeating it would only repeat it."""

NOT_NOW = frozenset(
    {
        "10004",  # too many calls at once
        "14107",  # too many messages at once
        "20429",
        "21611",  # the queue of this sender is full
    }
)
"""Refusals, of whatever status, of something that was not taken only because it came now."""


def failure_of(code: str | None) -> Failure:
    """What follows from a permanent failure with this code."""
    if code is not None and code.startswith("sip"):
        return FAILURES.get(code, _THEIRS)
    return FAILURES.get(code or "", _OURS)


FINAL = frozenset({SendState.DELIVERED, SendState.FAILED, SendState.WITHDRAWN})
MOST_TRIES = 8
"""After so many temporary failures in a row the attempt ends as a technical failure; the retry table goes on."""
