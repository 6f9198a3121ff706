"""The sandbox as a product: what would have left is read here, answered as the customer, and begun for a try-out.

`answers` writes and presses keys; `telephone` is what the customer's telephone shows, and what became of it; `tryout`
invents a customer whose survey may leave at this very hour.
"""

from callback.services.sandbox.answers import Turn, find, hang_up, outbox, take_call, write
from callback.services.sandbox.telephone import Telephone, Thread, Waiting, newest_message, telephone, threads, waiting
from callback.services.sandbox.tryout import invite

__all__ = [
    "Telephone",
    "Thread",
    "Turn",
    "Waiting",
    "find",
    "hang_up",
    "invite",
    "newest_message",
    "outbox",
    "take_call",
    "telephone",
    "threads",
    "waiting",
    "write",
]
