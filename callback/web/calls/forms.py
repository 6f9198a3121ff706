"""What the forms and addresses of a call are made of."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator

Handle = Annotated[str, Path(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
"""An unguessable id in an address."""
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
MOST_TEXT = 200_000
"""Characters that a form may carry; what is too long for its purpose is said by the service, not cut here."""


def _sane(value: datetime) -> datetime:
    if not 1970 <= value.year < 2200:
        raise ValueError("of another age")
    return value.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_sane)]


def in_lines(text: str) -> str:
    """A form sends its lines with CR LF."""
    return text.replace("\r\n", "\n")


class Sent(BaseModel):
    """A form. A field that was left empty was not filled in."""

    model_config = ConfigDict(extra="allow")

    @field_validator("*", mode="before")
    @classmethod
    def _nothing(cls, value: object) -> object:
        return None if value == "" else value
