"""What forms of filters send: an empty choice is no choice, and a page of a list begins behind a place."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import BeforeValidator, Field

from callback.errors import Invalid

BIGGEST_ID = 2**63 - 1


def _nothing(value: object) -> object:
    """A select whose first line says "all" sends an empty text."""
    return None if value == "" else value


Chosen = BeforeValidator(_nothing)
"""`Annotated[Severity | None, Chosen, Query()]`."""
Id = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
OptionalId = Annotated[Id | None, Chosen, Query()]
AfterPlace = Annotated[Annotated[str, Field(max_length=80)] | None, Chosen, Query()]
"""Where the page before ended: see `place_of`."""


def place(moment: datetime, id: int) -> str:
    return f"{moment.isoformat()}~{id}"


def place_of(text: str | None) -> tuple[datetime, int] | None:
    """The place that `place` wrote; None on the first page. Raises `Invalid` (`bad_cursor`)."""
    if text is None:
        return None
    moment, _, number = text.partition("~")
    try:
        at, found = datetime.fromisoformat(moment), int(number)
        if at.tzinfo is None or not 0 <= found <= BIGGEST_ID:
            raise ValueError
        return at.astimezone(UTC), found
    except (ValueError, OverflowError):
        raise Invalid("bad_cursor") from None


def moment_of(text: str, zone: ZoneInfo) -> datetime | None:
    """What a date field sent, on the clock of the person who filled it in. Raises `Invalid` (`moment_not_valid`)."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("moment_not_valid") from None
