"""Hard rule 7: nothing about the case is shown or said until the person is confirmed."""

from datetime import datetime


def may_reveal(identity_at: datetime | None) -> bool:
    """Whether the case may be shown or spoken about: once the person has been confirmed in this very attempt."""
    return identity_at is not None
