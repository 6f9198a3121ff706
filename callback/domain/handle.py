"""Unguessable names for what leaves the house: survey links, carrier callbacks, API addresses."""

import secrets


def new_handle(bytes_of_chance: int = 16) -> str:
    """URL-safe; 16 bytes are 22 characters and 128 bits that nobody guesses."""
    return secrets.token_urlsafe(bytes_of_chance)
