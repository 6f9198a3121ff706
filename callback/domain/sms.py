"""How many segments a text takes, as the networks count them, and what that costs.

GSM 03.38: a text of the GSM-7 alphabet is one segment up to 160 septets, and 153 in each of several; a character of the
extension table takes two septets, which are never split between segments. Everything else goes as UCS-2: 70 UTF-16 code
units in one segment, 67 in each of several; a surrogate pair is never split either.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")


class Encoding(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class _Limits:
    single: int
    several: int


_LIMITS = {Encoding.GSM_7: _Limits(160, 153), Encoding.UCS_2: _Limits(70, 67)}


@dataclass(frozen=True, slots=True)
class Segments:
    """`units` are septets of GSM-7 or code units of UCS-2."""

    encoding: Encoding
    units: int
    segments: int

    def price(self, per_segment: Decimal) -> Decimal:
        """In the currency of `per_segment`."""
        return self.segments * per_segment


def segments(text: str) -> Segments:
    """How `text` is sent. Nothing takes no segment."""
    encoding = Encoding.GSM_7 if all(one in _BASIC or one in _EXTENDED for one in text) else Encoding.UCS_2
    widths = [_width(one, encoding) for one in text]
    units = sum(widths)
    limits = _LIMITS[encoding]
    if units <= limits.single:
        return Segments(encoding, units, min(units, 1))
    return Segments(encoding, units, _several(widths, limits.several))


def _width(one: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM_7:
        return 2 if one in _EXTENDED else 1
    return 2 if ord(one) > 0xFFFF else 1


def _several(widths: list[int], room: int) -> int:
    """Segments filled one after the other; what does not fit whole begins the next."""
    count, filled = 1, 0
    for width in widths:
        if filled + width > room:
            count, filled = count + 1, 0
        filled += width
    return count
