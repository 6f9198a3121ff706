"""The end of an agent's call: what must have happened in it before it can be recorded so, and what it settles."""

from collections.abc import Callable

from callback.domain.disposition import spoke
from callback.domain.script import Facts
from callback.domain.words import Disposition, Purpose

NOT_FOR_A_PERSON = frozenset({Disposition.NO_RESPONSE})
"""Of messages; no call ends so."""
WITHOUT_THE_PERSON = frozenset(
    {
        Disposition.NO_ANSWER,
        Disposition.BUSY,
        Disposition.ANSWERING_MACHINE,
        Disposition.SWITCHED_OFF,
        Disposition.THIRD_PARTY,
        Disposition.IDENTITY_NOT_CONFIRMED,
        Disposition.WRONG_NUMBER,
        Disposition.DEAD_NUMBER,
    }
)
"""Ends that say the person was never confirmed."""
WITH_THE_PERSON = frozenset({Disposition.COMPLETED, Disposition.PARTIAL})
CUT_SHORT = frozenset({Disposition.PARTIAL, Disposition.BREAK_OFF})
TELLS = frozenset({Purpose.ANSWER, Purpose.FOLLOW_UP})
"""Purposes that are about one answer to be told."""


FAULTS: tuple[tuple[str, Callable[[Purpose, Disposition, Facts], bool]], ...] = (
    ("outcome_not_of_a_call", lambda _, outcome, __: outcome in NOT_FOR_A_PERSON),
    ("outcome_contradicts_identity", lambda _, outcome, facts: outcome in WITHOUT_THE_PERSON and facts.identity),
    ("identity_first", lambda _, outcome, facts: outcome in WITH_THE_PERSON and not facts.identity),
    ("tell_first", lambda purpose, outcome, facts: _complete(outcome) and purpose in TELLS and not facts.told),
    (
        "promise_first",
        lambda purpose, outcome, facts: _complete(outcome) and purpose is Purpose.HOLDING and facts.promise_at is None,
    ),
    (
        "acceptance_first",
        lambda purpose, outcome, facts: (
            _complete(outcome) and purpose is Purpose.SECOND_CALL and facts.accepted is None
        ),
    ),
)
"""Why a call cannot have ended so, in the order in which they are asked; the code is that of the error.

Identity comes first: without it nothing can have been told, promised or accepted, so nothing is complete.
"""


def fault(purpose: Purpose, outcome: Disposition, facts: Facts) -> str | None:
    """The code of the first of `FAULTS` that applies; None when a call with these facts can have ended so."""
    return next((code for code, applies in FAULTS if applies(purpose, outcome, facts)), None)


def _complete(outcome: Disposition) -> bool:
    return outcome is Disposition.COMPLETED


def settles(purpose: Purpose, outcome: Disposition, facts: Facts) -> bool:
    """Whether the duty is fulfilled, so that the customer is not called about it again.

    A conversation that was cut short has settled what it was for when that was said before the end. A questionnaire
    that was cut short is not asked again: nobody is asked twice.
    """
    if outcome is Disposition.COMPLETED:
        return True
    if outcome not in CUT_SHORT:
        return False
    if purpose in TELLS:
        return facts.told
    if purpose is Purpose.HOLDING:
        return facts.promise_at is not None
    return facts.identity


def recovers(outcome: Disposition, *, unhappy: bool) -> bool:
    """Whether a second call that ended so has won the customer back. One that was refused or broken off has not."""
    return outcome in WITH_THE_PERSON and not unhappy


def was_handled(outcome: Disposition, facts: Facts) -> bool:
    """Whether the agent counts as having handled the case from now on: somebody was spoken with."""
    return facts.identity or spoke(outcome)
