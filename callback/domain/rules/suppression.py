"""Hard rule 4: nobody is contacted who asked not to be."""

from callback.domain.facts import CustomerFacts, SuppressionFact
from callback.domain.policy import Policy
from callback.domain.rules.contact import Contact, Refusal
from callback.domain.words import Channel, Purpose, SuppressionScope

RULE = "suppression"


def suppression(contact: Contact, policy: Policy) -> Refusal | None:  # noqa: ARG001  every rule is asked the same way
    """Refuses for good when a live suppression bears on the person, the channel, the address or the purpose."""
    for fact in contact.customer.suppressions:
        if _concerns(fact.scope, contact) and _bears_on(fact, contact):
            return Refusal(rule=RULE, reason=f"suppressed_{fact.scope}", params={"why": fact.reason})
    return None


def _concerns(scope: SuppressionScope, contact: Contact) -> bool:
    if scope is SuppressionScope.ALL:
        return True
    if scope is SuppressionScope.SURVEY:
        return contact.purpose is Purpose.SURVEY
    return scope.value == contact.channel.value


def _bears_on(fact: SuppressionFact, contact: Contact) -> bool:
    """Whose suppression it is.

    "All" said on one address ends every channel of the person who holds it; anything narrower said on one address holds
    for that address, and stops a contact whose address is still open only when none is left.
    """
    if fact.address is None or fact.address == contact.address:
        return True
    addresses = contact.customer.phones + contact.customer.emails
    if fact.scope is SuppressionScope.ALL:
        return fact.address in addresses
    return contact.address is None and not usable_addresses(contact.customer, contact.channel, contact.purpose)


def usable_addresses(customer: CustomerFacts, channel: Channel, purpose: Purpose) -> tuple[str, ...]:
    """The good addresses of `channel` that no suppression stops, in the order in which they are tried."""
    stops = {SuppressionScope.ALL.value, channel.value} | (
        {SuppressionScope.SURVEY.value} if purpose is Purpose.SURVEY else set()
    )
    stopped = {fact.address for fact in customer.suppressions if fact.scope.value in stops}
    if None in stopped:
        return ()
    return tuple(address for address in addresses_of(customer, channel) if address not in stopped)


def addresses_of(customer: CustomerFacts, channel: Channel) -> tuple[str, ...]:
    """The good addresses over which `channel` reaches the customer; a link to the web page goes over any."""
    if channel is Channel.EMAIL:
        return customer.emails
    return customer.phones + customer.emails if channel is Channel.WEB else customer.phones
