"""The sandbox: nothing leaves the house. What would have been sent is read in the outbox, and answered there.

For a try-out without a carrier, and the double in tests. Everything else is as with a carrier: rules, pacing, ledger.
"""

from datetime import datetime

from callback.channels.protocol import Accepted, Outgoing
from callback.domain.words import Channel
from callback.settings import Settings

RATE = 50.0


class _Sandbox:
    name = "sandbox"
    channel: Channel
    sender = "sandbox"
    rate = RATE
    is_real = False

    def __init__(self, _settings: Settings) -> None:
        """Needs no setting."""

    def send(self, outgoing: Outgoing, *, now: datetime) -> Accepted:  # noqa: ARG002
        """Always accepted, at once; the row of the ledger is the outbox."""
        return Accepted(f"SB{outgoing.handle}", "delivered" if self.channel is not Channel.VOICE else "queued")

    def close(self) -> None:
        """Nothing is kept open."""

    def find(self, outgoing: Outgoing, *, since: datetime, known: frozenset[str]) -> Accepted | None:  # noqa: ARG002
        """It is in the outbox, since the row is."""
        return self.send(outgoing, now=since)


class SandboxSms(_Sandbox):
    name = "sandbox_sms"
    channel = Channel.SMS


class SandboxVoice(_Sandbox):
    name = "sandbox_voice"
    channel = Channel.VOICE


class SandboxEmail(_Sandbox):
    name = "sandbox_email"
    channel = Channel.EMAIL
