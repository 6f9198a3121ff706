"""The agent's call: started, talked through, finished; or lost, and found again.

`start` writes the attempt before anything is dialled; `talk` moves through the script and keeps what was said; `finish`
gives it its end and draws every consequence in one transaction; `leases` picks up what nobody finished.
"""

from callback.services.attempts.asking import Asking, asking
from callback.services.attempts.background import Background, Before, background, before
from callback.services.attempts.finish import Finished, HandedIn, finish, offered, result
from callback.services.attempts.leases import release_expired
from callback.services.attempts.marks import Marks
from callback.services.attempts.sheet import CallSheet, own_attempt, sheet
from callback.services.attempts.start import start, start_next
from callback.services.attempts.talk import answer, back, keep_alive, keep_notes, note, question, step

__all__ = [
    "Asking",
    "Background",
    "Before",
    "CallSheet",
    "Finished",
    "HandedIn",
    "Marks",
    "answer",
    "asking",
    "back",
    "background",
    "before",
    "finish",
    "keep_alive",
    "keep_notes",
    "note",
    "offered",
    "own_attempt",
    "question",
    "release_expired",
    "result",
    "sheet",
    "start",
    "start_next",
    "step",
]
