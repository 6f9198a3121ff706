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
    it here. `given_up`: no other try and no other channel by itself, the supervisor sees it. `ours`: it is about how we
    are set up and not about this customer, so the sender is held (`domain/holding.py`) and nobody pays for it.
    """

    disposition: Disposition
    reason: str
    """The decision's rule; the sentence is `unsent.<reason>`."""
    opt_out: bool = False
    not_this_channel: bool = False
    given_up: bool = False
    ours: bool = False

    @property
    def is_for_good(self) -> bool:
        """The same to the same number would fail again."""
        return self.opt_out or self.not_this_channel or self.given_up or self.disposition is Disposition.DEAD_NUMBER


OUR_CREDENTIALS = "20003"
OUR_SENDER = "21606"
"""For channels that say so in words of their own."""

_BAD_NUMBER = Failure(Disposition.DEAD_NUMBER, "bad_number")
_NOT_HERE = Failure(Disposition.TECHNICAL_FAILURE, "not_this_channel", not_this_channel=True)
_FILTERED = Failure(Disposition.TECHNICAL_FAILURE, "filtered", given_up=True)
REFUSED = Failure(Disposition.TECHNICAL_FAILURE, "refused_by_carrier", given_up=True)
"""For good, and for a reason that is about this one send."""
_ACCOUNT = Failure(Disposition.TECHNICAL_FAILURE, "our_account", ours=True)
_SENDER = Failure(Disposition.TECHNICAL_FAILURE, "our_sender", ours=True)
_REGISTRATION = Failure(Disposition.TECHNICAL_FAILURE, "our_registration", ours=True)
_ADDRESS = Failure(Disposition.TECHNICAL_FAILURE, "our_address", ours=True)
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
        "30036": _TOO_LATE,  # the validity that we gave it ran out: the window has closed
        "32203": _FILTERED,
        # What is wrong with this one text.
        "21602": REFUSED,  # no text
        "21617": REFUSED,  # too long
        "21619": REFUSED,  # neither text nor picture
        # Our account: nothing that we hand over is taken, on whatever sender.
        "10001": _ACCOUNT,  # not active
        "10002": _ACCOUNT,  # a trial account
        "20003": _ACCOUNT,  # our credentials
        "20005": _ACCOUNT,  # not active
        "20006": _ACCOUNT,  # access denied
        "20008": _ACCOUNT,  # credentials for tests
        "20403": _ACCOUNT,  # forbidden
        "20404": _ACCOUNT,  # there is no such account
        "21219": _ACCOUNT,  # a trial account calls verified numbers alone
        "21472": _ACCOUNT,  # not active
        "21608": _ACCOUNT,  # a trial account writes to verified numbers alone
        "30002": _ACCOUNT,  # suspended while it waited at the carrier
        "90010": _ACCOUNT,  # not active
        # Our sender: the number or the service that we send from.
        "14102": _SENDER,
        "21210": _SENDER,  # not verified as one of ours
        "21212": _SENDER,  # no valid number
        "21213": _SENDER,  # missing
        "21601": _SENDER,  # cannot send messages
        "21603": _SENDER,  # missing
        "21606": _SENDER,  # cannot send messages
        "21607": _SENDER,
        "21659": _SENDER,  # not a number of this carrier
        "21660": _SENDER,  # belongs to another account
        "21661": _SENDER,  # cannot send messages
        "21701": _SENDER,  # there is no such messaging service
        "21702": _SENDER,
        "21703": _SENDER,  # a messaging service without numbers
        "21704": _SENDER,
        "21705": _SENDER,
        # What has to be registered before the networks carry it. Told after the carrier has accepted, mostly.
        "30024": _REGISTRATION,
        "30032": _REGISTRATION,  # a toll-free number that is not verified
        "30033": _REGISTRATION,  # our registration was suspended
        "30034": _REGISTRATION,  # not registered
        "30035": _REGISTRATION,
        # The addresses that the carrier shall call back: `public_url` is not one that it can reach.
        "21205": _ADDRESS,
        "21209": _ADDRESS,
        "21609": _ADDRESS,
        "21657": _ADDRESS,
        # How a call that failed was answered by the network (RFC 3261 §21), told without a code of the carrier's own.
        "sip404": _BAD_NUMBER,
        "sip410": _BAD_NUMBER,
        "sip484": _BAD_NUMBER,
        "sip604": _BAD_NUMBER,
    }
)
"""Anything else that is permanent would only be repeated by repeating it. See also `is_unlisted`."""

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
    return FAILURES.get(code or "", REFUSED)


def is_unlisted(code: str | None) -> bool:
    """The table does not know what this is about. One such refusal may be about one customer; several in a row, with
    nothing taken in between, are about us."""
    return code not in FAILURES and not (code or "").startswith("sip")


FINAL = frozenset({SendState.DELIVERED, SendState.FAILED, SendState.WITHDRAWN})
MOST_TRIES = 8
"""After so many temporary failures in a row the attempt ends as a technical failure; the retry table goes on."""
