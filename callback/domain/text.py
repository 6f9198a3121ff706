"""Texts that come from outside."""


def is_storable(text: str) -> bool:
    """Whether every database can keep it: no NUL (PostgreSQL has none in texts), no half of a surrogate pair."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
