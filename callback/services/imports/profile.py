"""Import profiles: which column is which field, and what the values of a file mean. TOML, checked before use."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from callback.domain.words import CaseKind, CaseStatus, Priority
from callback.errors import Invalid, NotFound
from callback.services.imports.builtin import BUILTIN


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}; use an IANA name such as Asia/Shanghai") from None
    return name


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Zone = Annotated[str, AfterValidator(_known_zone)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Columns_ = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
"""One column, or several of which the first that is not empty counts."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Strict):
    """Field of ours → column of the file."""

    external_id: Columns_
    subject: Columns_ | None = None
    description: Columns_ | None = None
    answer: Columns_ | None = None
    category: Columns_ | None = None
    product: Columns_ | None = None
    kind: Columns_ | None = None
    priority: Columns_ | None = None
    status: Columns_ | None = None
    required_skill: Columns_ | None = None
    team: Columns_ | None = None
    handled_by: Columns_ | None = None
    rating: Columns_ | None = None
    opened_at: Columns_ | None = None
    answered_at: Columns_ | None = None
    closed_at: Columns_ | None = None
    told_at: Columns_ | None = None
    promised_at: Columns_ | None = None
    customer_id: Columns_ | None = None
    name: Columns_ | None = None
    salutation: Columns_ | None = None
    phone: Columns_ | None = None
    email: Columns_ | None = None
    language: Columns_ | None = None
    country: Columns_ | None = None
    region: Columns_ | None = None
    time_zone: Columns_ | None = None
    special: Columns_ | None = None
    consents: Columns_ | None = None
    preferred_times: Columns_ | None = None
    forbidden_dates: Columns_ | None = None


class Defaults(_Strict):
    """What a row has whose file does not say: the column is missing from the profile, or the cell is empty."""

    status: CaseStatus | None = None
    priority: Priority = Priority.NORMAL
    kind: CaseKind = CaseKind.REQUEST
    category: str | None = None
    product: str | None = None
    opened_at: datetime | None = None
    """Wall-clock in the file's time zone."""


class Profile(_Strict):
    """How one kind of file is read. No sets in it: its JSON is part of an import's fingerprint, in every process."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
    source: Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,64}$")]
    """Cases are known by (source, external_id); files of one system share it."""
    format: Literal["csv", "xlsx", "jsonl"] | None = None
    """Default: by the ending of the file's name."""
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    sheet: str | None = None
    time_zone: Zone | None = None
    """Of the dates in the file, and of customers of whom nothing better is known. Default: the centre's."""
    language: Literal["zh", "en"] | None = None
    country: Country | None = None
    closing_implies_telling: bool = False
    """Whether the customer of a closed case knows the answer already."""
    contacts_are_fictional: bool = False
    empty_values: tuple[str, ...] = ()
    """Cells with one of these say nothing, as `N/A`."""
    date_formats: tuple[str, ...] = ("iso",)
    """Tried in order: strptime formats, `iso` (ISO 8601) or `unix` (seconds since 1970)."""
    optional: tuple[str, ...] = ()
    """Fields whose column may be missing from the file."""
    columns: Columns
    defaults: Defaults = Defaults()
    status: dict[str, CaseStatus] = {}
    priority: dict[str, Priority] = {}
    kind: dict[str, CaseKind] = {}
    rating: dict[str, Annotated[int, Field(ge=1, le=5)]] = {}

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        unknown = sorted(set(self.optional) - set(Columns.model_fields))
        if unknown:
            raise ValueError(f"optional: no such field: {', '.join(unknown)}")
        if self.columns.status is None and self.defaults.status is None:
            raise ValueError("columns.status or defaults.status is needed: a case has a status")
        if self.columns.subject is None and self.columns.description is None:
            raise ValueError("columns.subject or columns.description is needed: a case is about something")
        return self

    def mapped(self) -> dict[str, tuple[str, ...]]:
        """Field → its columns, of the fields that the file has."""
        return {
            field: names for field in Columns.model_fields if (names := getattr(self.columns, field, None)) is not None
        }


def load_profile(name: str) -> Profile:
    """A built-in profile by name, or one from a TOML file.

    Raises `NotFound` (`import_profile_unknown`) and `Invalid` (`import_profile_invalid`) naming the place.
    """
    path = Path(name)
    if name in BUILTIN or path.suffix.lower() != ".toml" or not path.is_file():
        return builtin_profile(name)
    try:
        return read_profile(path.read_text(encoding="utf-8-sig"), name=path.name)
    except (UnicodeDecodeError, OSError) as error:
        raise Invalid("import_profile_invalid", profile=path.name, place="-", problem=str(error)) from None


def builtin_profile(name: str) -> Profile:
    """Raises `NotFound` (`import_profile_unknown`)."""
    if name not in BUILTIN:
        raise NotFound("import_profile_unknown", profile=name, known=", ".join(sorted(BUILTIN)))
    return Profile.model_validate(BUILTIN[name])


def read_profile(text: str, *, name: str) -> Profile:
    """A profile from TOML. Raises `Invalid` (`import_profile_invalid`) naming the first place that is wrong."""
    try:
        return Profile.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Invalid("import_profile_invalid", profile=name, place="-", problem=str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "-"
        raise Invalid("import_profile_invalid", profile=name, place=place, problem=first["msg"]) from None


BLANK = Profile.model_validate(
    {
        "name": "blank",
        "source": "blank",
        "columns": {"external_id": "id", "subject": "subject"},
        "defaults": {"status": "open"},
    }
)
"""Knows no column: for looking at a file's headings, and for files of other things than cases."""
