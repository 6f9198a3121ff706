"""The carrier's words about a message or a call, ranked: whatever the order in which they arrive, the highest counts.

The statuses are those of Twilio's API description (`message_enum_status`, `call_enum_status`); other channels map their
own words to these. A status that is not here says nothing, and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from callback.domain.words import Disposition


@dataclass(frozen=True, slots=True)
class Status:
    """How far it has come. `final`: nothing comes after it but a better word for the same end."""

    rank: int
    final: bool = False
    arrived: bool = False
    """The customer has it: the message was delivered, or somebody or something took the call."""


MESSAGE: Mapping[str, Status] = MappingProxyType(
    {
        "scheduled": Status(1),
        "accepted": Status(1),
        "queued": Status(2),
        "sending": Status(3),
        "sent": Status(4),
        "partially_delivered": Status(5, arrived=True),
        # Of two ends the carrier's first one stays: equal ranks do not replace each other.
        "failed": Status(6, final=True),
        "undelivered": Status(6, final=True),
        "canceled": Status(6, final=True),
        "delivered": Status(6, final=True, arrived=True),
        "read": Status(7, final=True, arrived=True),
    }
)
CALL: Mapping[str, Status] = MappingProxyType(
    {
        "queued": Status(1),
        "initiated": Status(1),
        "ringing": Status(2),
        "in-progress": Status(3, arrived=True),
        "answered": Status(3, arrived=True),
        "busy": Status(6, final=True),
        "no-answer": Status(6, final=True),
        "failed": Status(6, final=True),
        "canceled": Status(6, final=True),
        "completed": Status(6, final=True, arrived=True),
    }
)
STARTED = 2
"""A call of this rank or more does not wait in the carrier's queue any more."""
LEFT_THE_QUEUE = 4
"""So does a message of this rank or more."""

UNANSWERED: Mapping[str, Disposition] = MappingProxyType(
    {
        "busy": Disposition.BUSY,
        "no-answer": Disposition.NO_ANSWER,
        "canceled": Disposition.TECHNICAL_FAILURE,
        "failed": Disposition.TECHNICAL_FAILURE,
    }
)
"""How a call ended that nobody took."""


def is_machine(answered_by: str | None) -> bool:
    """Whether the carrier heard a machine (`machine_start`, `machine_end_beep`, `fax`); `unknown` is taken as a person:
    better to greet a machine than to hang up on a customer."""
    return (answered_by or "").startswith(("machine", "fax"))
