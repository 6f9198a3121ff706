"""What somebody types to find a customer who calls back: the end of a number, a name, a case number, or two of them."""

import re
import unicodedata
from dataclasses import dataclass

TAIL = 4
"""So many digits at the end of a number find it; customers know them, and they are what is shown of it."""
_LONG = 7
"""From so many digits on it is a whole number, whose zero in front (010…, 0044…) is not part of it."""
_BETWEEN = re.compile(r"[\s()./\-–—]+")
_MOST = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """`digits`: the end of a telephone number, `TAIL` or more. `name`: the beginning of a name, as it was typed.

    `text`: the whole, which may be a case number. All of it empty: nothing that can be looked for yet.
    """

    digits: str = ""
    name: str = ""
    text: str = ""


def wanted(typed: str) -> Wanted:
    """Full-width digits are digits; what belongs to a number may be written apart; the rest is a name."""
    text = " ".join(unicodedata.normalize("NFKC", typed[:_MOST]).split())
    whole = _digits(text)
    if whole:
        return Wanted(digits=_significant(whole), text=text)
    parts = text.split(" ")
    numbers = [part for part in parts if _digits(part)]
    name = " ".join(part for part in parts if part not in numbers)
    return Wanted(digits=_significant("".join(map(_digits, numbers))), name=name, text=text)


def _digits(text: str) -> str:
    """The digits of `text` when it is nothing but a number, however it is written; else nothing."""
    bare = _BETWEEN.sub("", text).removeprefix("+")
    return bare if bare.isascii() and bare.isdigit() else ""


def _significant(digits: str) -> str:
    if len(digits) >= _LONG:
        digits = digits.lstrip("0")
    return digits if len(digits) >= TAIL else ""
