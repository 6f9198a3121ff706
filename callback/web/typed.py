"""What people type into forms, as every database can keep it: no NUL, spaces trimmed, and no longer than is stated.

@router.post("/messages/{message_id}/handled")
def handled(desk: Writer, message_id: PathId, note: Line = "") -> Response: ...
"""

from typing import Annotated

from fastapi import Form, Path, Query
from pydantic import BeforeValidator, Field, StringConstraints

BIGGEST_ID = 2**63 - 1


def storable(text: object) -> object:
    """Without U+0000, which PostgreSQL refuses; anything else is left for the validation."""
    return text.replace("\x00", "") if isinstance(text, str) else text


def blank_is_none(text: object) -> object:
    """An empty field of a form is a field that was left out."""
    return None if isinstance(text, str) and not text.strip() else text


_Clean = BeforeValidator(storable)
Line = Annotated[str, Form(), _Clean, StringConstraints(strip_whitespace=True, max_length=200)]
Words = Annotated[str, Form(), _Clean, StringConstraints(strip_whitespace=True, max_length=1_000)]
LongWords = Annotated[str, Form(), _Clean, StringConstraints(strip_whitespace=True, max_length=10_000)]
Version = Annotated[int, Form(ge=1, le=2**31 - 1)]

PathId = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Handle = Annotated[str, Path(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]

Before = Annotated[Annotated[int, Field(ge=1, le=BIGGEST_ID)] | None, BeforeValidator(blank_is_none), Query()]
"""The id before which a list goes on: `?before=4711`."""
Sought = Annotated[str, _Clean, Query(), StringConstraints(strip_whitespace=True, max_length=120)]
"""A field of a filter; empty: not asked for."""
