"""Links in texts: carriers block messages with one from senders that are not registered for it."""

import re
from functools import cache

from publicsuffixlist import PublicSuffixList

_NAMES = (
    re.compile(r"[a-z0-9](?:[a-z0-9-]*\.)+[a-z0-9-]+", re.IGNORECASE),
    re.compile(r"[^\W_]+(?:\.[^\W_]+)+"),
)
"""What could be the name of a host: labels with dots between them. Latin ones by themselves as well, since Chinese puts
no space around them."""


def has_link(text: str) -> bool:
    """Whether a telephone would offer something in the text to be opened: an address with or without its scheme."""
    return "://" in text or any(_is_host(found[0]) for names in _NAMES for found in names.finditer(text))


def _is_host(name: str) -> bool:
    """By the public suffix list: what stands before a suffix that exists is somebody's name."""
    return _suffixes().privatesuffix(name.lower()) is not None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)
