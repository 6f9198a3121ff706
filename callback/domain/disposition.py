"""How an attempt ended, in the terms of AAPOR's *Standard Definitions* (9th edition, 2016).

The codes are those of its table for telephone surveys; for addresses, of its table for internet surveys of specifically
named persons. The sample is a list of named customers, each with a case of their own, so everybody on it is known to be
eligible, and neither "unknown household" (UH) nor "not eligible" (NE) ever arises from a call. What follows from it:

- A telephone that nobody answers, that is busy, off or taken by a machine is a *non-contact of an eligible person*
  (2.2x), not a household of unknown eligibility (3.1x) as it would be in random-digit dialling.
- A wrong or dead number says that the address was bad, nothing about the person: *unknown, other* (3.3x, the
  "undelivered" of the named-person tables), not 4.3 "not eligible", which is true of a sampled number only.
- A failure of our own technology told us nothing either: 3.16, counted as unknown, other (rates use UH + UO alone).
- A delivered survey that nobody answers is 3.19 in the internet table; here the person and the address are known: 2.20.
"""

from dataclasses import dataclass
from enum import StrEnum

from callback.domain.words import Disposition


class Outcome(StrEnum):
    """The categories of the AAPOR rates (`domain/rate.py`)."""

    I = "I"  # noqa: E741  AAPOR's own letters
    """Complete interview."""
    P = "P"
    """Partial interview."""
    R = "R"
    """Refusal and break-off."""
    NC = "NC"
    """Non-contact."""
    O = "O"  # noqa: E741
    """Eligible, contacted, no interview for another reason."""
    UH = "UH"
    """Unknown whether there is such a household; never used for a list of named customers."""
    UO = "UO"
    """Unknown, other."""
    NE = "NE"
    """Not eligible."""


@dataclass(frozen=True, slots=True)
class Final:
    """One final disposition: AAPOR's code, the category it counts in, and whether somebody spoke with somebody."""

    code: str
    outcome: Outcome
    spoke: bool


FINAL: dict[Disposition, Final] = {
    Disposition.COMPLETED: Final("1.1", Outcome.I, spoke=True),
    Disposition.PARTIAL: Final("1.2", Outcome.P, spoke=True),
    # Reached, put off and never reached again: an eligible person who was not available.
    Disposition.NOT_CONVENIENT: Final("2.21", Outcome.NC, spoke=True),
    Disposition.REFUSED: Final("2.112", Outcome.R, spoke=True),
    Disposition.BREAK_OFF: Final("2.12", Outcome.R, spoke=True),
    Disposition.NO_ANSWER: Final("2.20", Outcome.NC, spoke=False),
    Disposition.BUSY: Final("2.20", Outcome.NC, spoke=False),
    # No details are left on a machine, hence 2.222 "no message left" and not 2.221.
    Disposition.ANSWERING_MACHINE: Final("2.222", Outcome.NC, spoke=False),
    Disposition.SWITCHED_OFF: Final("2.20", Outcome.NC, spoke=False),
    Disposition.THIRD_PARTY: Final("2.21", Outcome.NC, spoke=True),
    Disposition.IDENTITY_NOT_CONFIRMED: Final("2.36", Outcome.O, spoke=True),
    Disposition.LANGUAGE_BARRIER: Final("2.332", Outcome.O, spoke=True),
    Disposition.UNABLE: Final("2.32", Outcome.O, spoke=True),
    Disposition.WRONG_NUMBER: Final("3.30", Outcome.UO, spoke=True),
    Disposition.DEAD_NUMBER: Final("3.30", Outcome.UO, spoke=False),
    Disposition.TECHNICAL_FAILURE: Final("3.16", Outcome.UO, spoke=False),
    Disposition.NO_RESPONSE: Final("2.20", Outcome.NC, spoke=False),
}


def aapor_code(disposition: Disposition) -> str:
    """The final disposition code, as `1.1` or `2.112`."""
    return FINAL[disposition].code


def outcome(disposition: Disposition) -> Outcome:
    """The category in which the AAPOR rates count it."""
    return FINAL[disposition].outcome


def spoke(disposition: Disposition | None) -> bool:
    """Whether somebody spoke with the agent in an attempt that ended so; None is an attempt that has not ended."""
    return disposition is not None and FINAL[disposition].spoke
