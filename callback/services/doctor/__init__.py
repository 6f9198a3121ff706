"""The invariants of a live database, as code: what must never be true, whatever was clicked, killed or sent twice.

Each invariant is a named query over everything (or over the days that matter), fast enough to be asked of a database at
work. `callback doctor` runs them all; a broken one is a bug or a hand in the database, never an ordinary day.
"""

from callback.services.doctor.invariant import Examination, Finding, Invariant, examine
from callback.services.doctor.people import PEOPLE
from callback.services.doctor.rows import ROWS
from callback.services.doctor.sends import SENDS
from callback.services.doctor.times import TIMES
from callback.services.doctor.works import WORKS

INVARIANTS: tuple[Invariant, ...] = (*ROWS, *PEOPLE, *TIMES, *SENDS, *WORKS)

__all__ = ["INVARIANTS", "Examination", "Finding", "Invariant", "examine"]
