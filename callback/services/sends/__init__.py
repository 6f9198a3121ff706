"""What leaves the house by itself: claimed in one transaction, handed over outside of any, recorded in a second.

`claim` writes attempts and sends before anything leaves; `handover` gives them to the channel; `record` writes what the
channel said; `reconcile` asks the carrier about what may have left; `ending` gives an automatic attempt its end.
"""

from callback.services.sends.claim import Claimed, claim
from callback.services.sends.ending import end_attempt
from callback.services.sends.handover import hand_over
from callback.services.sends.queue import queue_message
from callback.services.sends.reconcile import look_after
from callback.services.sends.record import Result, record

__all__ = ["Claimed", "Result", "claim", "end_attempt", "hand_over", "look_after", "queue_message", "record"]
