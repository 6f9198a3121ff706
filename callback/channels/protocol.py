"""What every channel promises: hand one thing over, say how it failed, and say afterwards whether it arrived.

A channel knows nothing of the database. It may be asked from many threads at once. It never tries again by itself: only
the ledger knows whether something has left already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from callback.domain.sending import Kind
from callback.domain.words import Channel, SendKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One thing to hand over."""

    handle: str
    """Ours, unguessable; it is in every address that the carrier calls back."""
    kind: SendKind
    address: str
    """E.164 or an e-mail address."""
    sender: str
    body: str = ""
    subject: str | None = None
    closes_at: datetime | None = None
    """The carrier must not deliver it later than this."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The carrier has it. `status` is one of `domain/carrier.py`, or None when the carrier said none."""

    provider_id: str
    status: str | None = None


class ChannelError(Exception):
    """It was not accepted. `code` is the carrier's; `raw` its own words, for the log, without numbers."""

    def __init__(self, kind: Kind, *, code: str | None = None, raw: str = "") -> None:
        super().__init__(kind.value, code, raw[:300])
        self.kind = kind
        self.code = code
        self.raw = raw[:300]

    @property
    def carrier_is_ill(self) -> bool:
        """It is about the carrier and not about this message: counts for the breaker."""
        return self.kind is not Kind.PERMANENT


class SendChannel(Protocol):
    """One way out. Made once per process by its entry point: `factory(settings) -> SendChannel`."""

    name: str
    """Of the entry point."""
    channel: Channel
    sender: str
    rate: float
    """Segments or calls a second that the sender may hand over."""
    is_real: bool
    """Something really leaves the house: fictional numbers are never given to it."""

    def send(self, outgoing: Outgoing, *, now: datetime) -> Accepted:
        """Hand it over, once. Raises `ChannelError`."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

    def find(self, outgoing: Outgoing, *, since: datetime, known: frozenset[str]) -> Accepted | None:
        """Whether the carrier has it, handed over at `since` or later; `known` are ids that belong to others.

        None: it certainly never arrived. Raises `ChannelError` (`UNKNOWN`) while the carrier cannot be asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses that carriers call back: under the configured public one, never one from a request."""

    public_url: str
    _paths: Mapping[str, str] = field(
        default_factory=lambda: {
            "message": "/api/v1/carrier/twilio/messages/{handle}",
            "call": "/api/v1/carrier/twilio/calls/{handle}",
            "voice": "/api/v1/carrier/twilio/voice/{handle}",
            "bridge": "/api/v1/carrier/twilio/bridges/{handle}",
            "bridged": "/api/v1/carrier/twilio/bridged/{handle}",
            "gateway": "/api/v1/carrier/gateway/{handle}",
        }
    )

    def of(self, what: str, handle: str) -> str:
        return self.public_url.rstrip("/") + self._paths[what].format(handle=handle)
