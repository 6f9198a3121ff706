"""Addresses of customers: telephone numbers in E.164 and e-mail addresses, and how they are shown."""

import re

_TWO_DIGIT_CODES = frozenset(
    first + second
    for first, seconds in {
        "2": "078",
        "3": "0123469",
        "4": "013456789",
        "5": "12345678",
        "6": "0123456",
        "8": "123469",
        "9": "0123458",
    }.items()
    for second in seconds
)
"""ITU-T E.164 list of country codes: 1 and 7 have one digit, these two, every other three."""


_NO_DIGIT = re.compile(r"[^0-9]")


def mask(address: str) -> str:
    """`address` as it may be shown or logged.

    `+8613812345678` → `+86 138****5678`, `mei@example.com` → `m***@example.com`.
    At least four digits of a telephone number stay hidden; of a number shorter than seven digits, all of them.
    """
    if "@" in address:
        name, _, host = address.partition("@")
        return f"{name[:1]}***@{host}"
    digits = _NO_DIGIT.sub("", address)
    if not address.startswith("+"):
        return _mask_digits(digits)
    code = calling_code(digits)
    return f"+{code} {_mask_digits(digits[len(code) :])}"


def calling_code(digits: str) -> str:
    """The country calling code at the start of `digits` (E.164 without the plus)."""
    if digits[:1] in ("1", "7"):
        return digits[:1]
    return digits[:2] if digits[:2] in _TWO_DIGIT_CODES else digits[:3]


def _mask_digits(digits: str) -> str:
    head, tail = _shown(len(digits))
    hidden = len(digits) - head - tail
    return digits[:head] + "*" * hidden + digits[len(digits) - tail :]


def _shown(length: int) -> tuple[int, int]:
    """How many digits are shown at the start and at the end."""
    if length >= 11:
        return 3, 4
    if length == 10:
        return 3, 3
    return (1, 2) if length >= 7 else (0, 0)
