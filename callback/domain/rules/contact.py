"""What the hard rules are asked about, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from callback.domain.fact import fact
from callback.domain.facts import Calendar, CaseFacts, CustomerFacts, DissatisfactionFact
from callback.domain.words import Channel, Purpose


@fact(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact that somebody means to make: this customer, this case, at this moment, in this way."""

    at: datetime
    channel: Channel
    purpose: Purpose
    customer: CustomerFacts
    case: CaseFacts
    calendar: Calendar
    """Of the customer's country."""
    agent_id: int | None = None
    """None while nobody is chosen: then the rules about persons are silent, and `who_may` asks them."""
    address: str | None = None
    """None while any good address of the channel may be used."""
    callback_id: int | None = None
    """None for a callback that does not exist yet."""
    dissatisfaction: DissatisfactionFact | None = None
    by_appointment: bool = False
    """The customer asked for this moment."""

    @property
    def is_pulled(self) -> bool:
        """The customer opens the web page when they like. A second call is ours to make, whatever its channel."""
        return self.channel is Channel.WEB and self.purpose is not Purpose.SECOND_CALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A rule forbids the contact. Its sentence is `rule.<reason>` with `params`."""

    rule: str
    reason: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """JSON values alone: decisions keep them."""
    not_before: datetime | None = None
    """This rule refuses every earlier moment. None: it refuses for good, as far as the facts tell."""
