"""Unguessable names for what leaves the house: survey links, carrier callbacks, API addresses."""

import secrets


def new_handle(bytes_of_chance: int = 16) -> str:
    """URL-safe; 16 bytes are 22 characters and 128 bits that nobody guesses.

    Never one that begins with a hyphen: on a command line that would be an option.
    """
    while (handle := secrets.token_urlsafe(bytes_of_chance)).startswith("-"):
        pass
    return handle
