"""What every request and answer shares: strict bodies, bounded numbers and moments."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

BIGGEST_ID = 2**63 - 1
_EARLIEST, _LATEST = 1970, 2200


class Body(BaseModel):
    """A request body. A member it does not know is refused, so nobody sets what they may not."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """An answer; built from a row or a dataclass with `model_validate`."""

    model_config = ConfigDict(from_attributes=True)


def _sane_moment(value: datetime) -> datetime:
    if not _EARLIEST <= value.year < _LATEST:
        raise ValueError(f"must lie between the years {_EARLIEST} and {_LATEST}")
    return value.astimezone(UTC)


def _sane_day(value: date) -> date:
    if not _EARLIEST <= value.year < _LATEST:
        raise ValueError(f"must lie between the years {_EARLIEST} and {_LATEST}")
    return value


Moment = Annotated[AwareDatetime, AfterValidator(_sane_moment)]
"""A moment with its zone, of this age; UTC once it is inside."""
Day = Annotated[date, AfterValidator(_sane_day)]

PathId = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
"""An integer id in an address: `def read(case_id: PathId)`."""
BodyId = Annotated[int, Field(ge=1, le=BIGGEST_ID)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1, description="The version that was read; a newer one there: 409.")]
Handle = Annotated[str, Path(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
"""An unguessable id in an address."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
LongText = Annotated[str, StringConstraints(max_length=20_000)]


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def left_out() -> Any:
    """Default of a member of a PATCH body that may be left out but not be null; read it with `exclude_unset`."""
    return Field(default=None, json_schema_extra=_without_default)
