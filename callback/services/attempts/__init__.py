"""The agent's call: started, talked through, finished; or lost, and found again.

`start` writes the attempt before anything is dialled; `talk` moves through the script and keeps what was said; `finish`
gives it its end and draws every consequence in one transaction; `leases` picks up what nobody finished.
"""

from callback.services.attempts.finish import Finished, HandedIn, finish
from callback.services.attempts.leases import release_expired
from callback.services.attempts.sheet import CallSheet, sheet
from callback.services.attempts.start import start, start_next
from callback.services.attempts.talk import answer, back, note, question, step

__all__ = [
    "CallSheet",
    "Finished",
    "HandedIn",
    "answer",
    "back",
    "finish",
    "note",
    "question",
    "release_expired",
    "sheet",
    "start",
    "start_next",
    "step",
]
