"""One row of a file made into a case as we keep it, or refused with the column and what to do about it.

This runs once a row, a million times a file: plain tuples in the order of the tables' columns, no model per row. The
drafts cross a process boundary, so they hold strings, numbers and `None` alone.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callback.domain.case import CaseTimes, settled
from callback.domain.words import CaseStatus
from callback.services import contacts
from callback.services.imports.profile import Profile
from callback.services.imports.tables import Cells
from callback.services.imports.values import MomentReader, cell_text, one_line, paragraphs, truth

LONGEST_TEXT = 100_000
LONGEST_SUBJECT = 500
LIMITS = {
    "external_id": 255,
    "subject": LONGEST_SUBJECT,
    "category": 255,
    "product": 255,
    "required_skill": 64,
    "customer_id": 255,
    "name": 255,
    "salutation": 64,
    "region": 64,
}
CONSENTS = frozenset({"sms", "voice", "web", "email"})

CASE_COLUMNS = (
    "subject",
    "description",
    "answer",
    "category",
    "product",
    "kind",
    "priority",
    "status",
    "required_skill",
    "team_id",
    "rating",
    "opened_at",
    "answered_at",
    "closed_at",
    "told_at",
    "promised_at",
)
"""In the order of `Draft.case`; moments as text."""
_FIRST_MOMENT = CASE_COLUMNS.index("opened_at")
CUSTOMER_COLUMNS = ("name", "salutation", "language", "country", "region", "time_zone", "special", "consents")
"""In the order of `Draft.customer`; None where the file does not say (`consents` as `sms,voice`)."""


class Draft(NamedTuple):
    """A row that can be written."""

    row: int
    external_id: str
    hash: str
    case: tuple[Any, ...]
    customer_key: str
    customer: tuple[Any, ...]
    contacts: tuple[tuple[str, str, str | None], ...]
    """(kind, address, extension)"""
    handler_id: int | None
    dated: bool
    """False: the file has no moment of this case, so the moment of the import stands in."""


class Reject(NamedTuple):
    """A row that cannot be written; `code` is `import.reject.<code>` in the catalogues."""

    row: int
    column: str
    value: str
    code: str
    more: str = ""


class RejectedError(Exception):
    """Ends the reading of one row."""

    def __init__(self, code: str, fields: tuple[str, ...] = (), value: str = "", more: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields
        self.value = value
        self.more = more


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a row is read against, besides its profile."""

    now: datetime
    country: str
    time_zone: str
    language: str
    agents: Mapping[str, int] = field(default_factory=dict)
    """Login or agent number → id."""
    teams: Mapping[str, int] = field(default_factory=dict)


class Normaliser:
    """Reads the rows of one file: `headings` are its columns."""

    def __init__(self, profile: Profile, headings: list[str], around: Surroundings) -> None:
        self._profile = profile
        self._around = around
        self._columns: dict[str, tuple[int, ...]] = {}
        self._headings = headings
        places = {heading: index for index, heading in reversed(list(enumerate(headings)))}
        for name, columns in profile.mapped().items():
            found = tuple(places[column] for column in columns if column in places)
            if found:
                self._columns[name] = found
        zone = profile.time_zone or around.time_zone
        self._moments = MomentReader(profile.date_formats, ZoneInfo(zone))
        self._zone = zone
        self._latest = around.now + timedelta(days=1)
        default_opened = profile.defaults.opened_at
        self._default_opened = self._moments.read(default_opened) if default_opened else None
        self._status = {one_line(key).casefold(): value for key, value in profile.status.items()}
        self._priority = {one_line(key).casefold(): value.value for key, value in profile.priority.items()}
        self._kind = {one_line(key).casefold(): value.value for key, value in profile.kind.items()}
        self._rating = {one_line(key).casefold(): value for key, value in profile.rating.items()}
        self._empty = profile.empty_values

    def duplicate(self, row: int, cells: Cells, first: int) -> Reject:
        """The refusal of a row whose number row `first` has already."""
        return Reject(row, self._column_names(("external_id",)), self.external_id(cells), "duplicate", str(first))

    def external_id(self, cells: Cells) -> str:
        """The row's number alone; empty when it has none."""
        return self._text(cells, "external_id")

    def status_of(self, cells: Cells) -> tuple[CaseStatus | None, str]:
        """The case's status and the text that says it; None for a status that the profile does not map."""
        text = self._text(cells, "status")
        if not text:
            return self._profile.defaults.status, text
        return self._status.get(text.casefold()), text

    def read(self, row: int, cells: Cells) -> Draft | Reject:
        """The row as a draft, or why not."""
        try:
            return self._draft(row, cells)
        except RejectedError as error:
            return Reject(row, self._column_names(error.fields), error.value[:200], error.code, error.more)

    def _draft(self, row: int, cells: Cells) -> Draft:
        external_id = self._limited(cells, "external_id")
        if not external_id:
            raise RejectedError("missing", ("external_id",))
        case, dated = self._case(cells)
        points, countries = self._contacts(cells)
        customer = self._customer(cells, points, countries)
        key = self._customer_key(cells, points, external_id)
        handler_id = self._looked_up(cells, "handled_by", self._around.agents, "unknown_agent")
        said = case if dated else (*case[:_FIRST_MOMENT], case[-1])  # the same row tomorrow is the same row
        content = "\x1f".join(map(str, (*said, key, *customer, points, handler_id)))
        fingerprint = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
        return Draft(row, external_id, fingerprint, case, key, customer, points, handler_id, dated)

    def _case(self, cells: Cells) -> tuple[tuple[Any, ...], bool]:
        """In the order of `CASE_COLUMNS`, and whether the file says when it happened."""
        profile = self._profile
        subject, description = self._subject(cells)
        status, said = self.status_of(cells)
        if status is None:
            raise RejectedError("unknown_status", ("status",), said)
        answer = self._long(cells, "answer") or None
        times, dated = self._times(cells, status, answered=answer is not None)
        promised_at = self._moment(cells, "promised_at", may_come=True)
        case = (
            subject,
            description,
            answer,
            self._limited(cells, "category") or profile.defaults.category,
            self._limited(cells, "product") or profile.defaults.product,
            self._mapped(cells, "kind", self._kind) or profile.defaults.kind.value,
            self._mapped(cells, "priority", self._priority) or profile.defaults.priority.value,
            status.value,
            self._limited(cells, "required_skill") or None,
            self._looked_up(cells, "team", self._around.teams, "unknown_team"),
            self._rated(cells),
            *(written(moment) for moment in times),
            written(promised_at),
        )
        return case, dated

    def _subject(self, cells: Cells) -> tuple[str, str]:
        subject = self._limited(cells, "subject")
        description = self._long(cells, "description")
        if not subject:
            first = description.partition("\n")[0]
            subject = first if len(first) <= 80 else first[:79] + "…"
        if not subject:
            raise RejectedError("missing", ("subject", "description"))
        return subject, description

    def _times(self, cells: Cells, status: CaseStatus, *, answered: bool) -> tuple[CaseTimes, bool]:
        """The times as they can be true together, and whether the file has any."""
        opened = self._moment(cells, "opened_at")
        answered_at = self._moment(cells, "answered_at")
        closed = self._moment(cells, "closed_at")
        told = self._moment(cells, "told_at")
        opened = opened or min(filter(None, (answered_at, closed, told)), default=None) or self._default_opened
        if not answered and status is not CaseStatus.CLOSED:
            answered_at = None  # a first response is not an answer
        times = CaseTimes(opened or self._around.now, answered_at, closed, told)
        return settled(times, status, closing_implies_telling=self._profile.closing_implies_telling), opened is not None

    def _contacts(self, cells: Cells) -> tuple[tuple[tuple[str, str, str | None], ...], list[str | None]]:
        region = self._country(cells) or self._profile.country or self._around.country
        found: list[contacts.ContactDraft] = []
        for name in ("phone", "email"):
            for index in self._columns.get(name, ()):
                text = self._cell(cells, index)
                if not text:
                    continue
                try:
                    if name == "phone":
                        found += contacts.phones(text, region, fictional=self._profile.contacts_are_fictional)
                    else:
                        found += contacts.emails(text)
                except contacts.BadContactError as error:
                    raise RejectedError(f"bad_{name}", (name,), error.value, region) from None
        unique = {draft.address: draft for draft in reversed(found)}
        drafts = list(reversed(unique.values()))
        return tuple((d.kind, d.address, d.extension) for d in drafts), [d.country for d in drafts]

    def _customer(
        self, cells: Cells, points: tuple[tuple[str, str, str | None], ...], countries: list[str | None]
    ) -> tuple[Any, ...]:
        """In the order of `CUSTOMER_COLUMNS`."""
        profile, around = self._profile, self._around
        own_country = self._country(cells) or next((country for country in countries if country), None)
        country = own_country or profile.country or around.country
        language = self._language(cells) or profile.language or around.language
        special = self._text(cells, "special")
        try:
            is_special = truth(special) if special else None
        except ValueError:
            raise RejectedError("not_yes_or_no", ("special",), special) from None
        return (
            self._limited(cells, "name") or None,
            self._limited(cells, "salutation") or None,
            language,
            country,
            self._limited(cells, "region") or None,
            self._zone_of(cells, points, own_country),
            None if is_special is None else int(is_special),
            self._consents(cells),
        )

    def _zone_of(self, cells: Cells, points: tuple[tuple[str, str, str | None], ...], own_country: str | None) -> str:
        """The customer's zone: the column; else the number's prefix; else their country; else the file's zone."""
        said = self._text(cells, "time_zone")
        if said:
            if not is_zone(said):
                raise RejectedError("bad_zone", ("time_zone",), said)
            return said
        for kind, address, _ in points:
            if kind != "email" and (zone := contacts.zone_of(address)):
                return zone
        return (contacts.zone_of_country(own_country) if own_country else None) or self._zone

    def _customer_key(self, cells: Cells, points: tuple[tuple[str, str, str | None], ...], external_id: str) -> str:
        """Who the customer is: their number, else their first address, else nobody but this case."""
        key = self._limited(cells, "customer_id")
        if key:
            return key
        return points[0][1] if points else f"case:{external_id}"[:255]

    def _country(self, cells: Cells) -> str | None:
        text = self._text(cells, "country").upper()
        if text and contacts.zone_of_country(text) is None:
            raise RejectedError("bad_country", ("country",), text)
        return text or None

    def _language(self, cells: Cells) -> str | None:
        text = self._text(cells, "language").casefold()
        if not text:
            return None
        if text.startswith(("zh", "中", "汉", "chinese")):
            return "zh"
        if text.startswith(("en", "英")):
            return "en"
        raise RejectedError("bad_language", ("language",), text)

    def _consents(self, cells: Cells) -> str | None:
        text = self._text(cells, "consents").casefold()
        if not text:
            return None
        said = {part.strip() for part in text.replace(";", ",").replace("，", ",").split(",") if part.strip()}
        if said - CONSENTS:
            raise RejectedError("bad_consent", ("consents",), text)
        return ",".join(sorted(said))

    def _mapped(self, cells: Cells, name: str, mapping: Mapping[str, str]) -> str | None:
        text = self._text(cells, name)
        if not text:
            return None
        value = mapping.get(text.casefold())
        if value is None:
            raise RejectedError(f"unknown_{name}", (name,), text, ", ".join(mapping))
        return value

    def _rated(self, cells: Cells) -> int | None:
        text = self._text(cells, "rating")
        if not text:
            return None
        if text.casefold() in self._rating:
            return self._rating[text.casefold()]
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if self._rating or number not in (1, 2, 3, 4, 5):
            raise RejectedError("bad_rating", ("rating",), text)
        return int(number)

    def _looked_up(self, cells: Cells, name: str, known: Mapping[str, int], code: str) -> int | None:
        text = self._text(cells, name)
        if not text:
            return None
        if text not in known:
            raise RejectedError(code, (name,), text)
        return known[text]

    def _moment(self, cells: Cells, name: str, *, may_come: bool = False) -> datetime | None:
        for index in self._columns.get(name, ()):
            cell = cells[index] if index < len(cells) else ""
            text = one_line(cell_text(cell))
            if not text or text in self._empty:
                continue
            try:
                moment = self._moments.read(cell)
            except (ValueError, OverflowError):
                raise RejectedError("bad_date", (name,), text, " · ".join(self._profile.date_formats)) from None
            if moment > self._latest and not may_come:
                raise RejectedError("future_date", (name,), text)
            return moment
        return None

    def _text(self, cells: Cells, name: str) -> str:
        """The first of the field's columns that says something, on one line; else empty."""
        for index in self._columns.get(name, ()):
            text = self._cell(cells, index)
            if text:
                return text
        return ""

    def _cell(self, cells: Cells, index: int) -> str:
        text = one_line(cell_text(cells[index])) if index < len(cells) else ""
        return "" if text in self._empty else text

    def _limited(self, cells: Cells, name: str) -> str:
        text = self._text(cells, name)
        if len(text) > LIMITS[name]:
            raise RejectedError("too_long", (name,), text, str(LIMITS[name]))
        return text

    def _long(self, cells: Cells, name: str) -> str:
        for index in self._columns.get(name, ()):
            text = paragraphs(cell_text(cells[index])) if index < len(cells) else ""
            if len(text) > LONGEST_TEXT:
                raise RejectedError("too_long", (name,), text, str(LONGEST_TEXT))
            if text and text not in self._empty:
                return text
        return ""

    def _column_names(self, fields: tuple[str, ...]) -> str:
        """The file's own headings of these fields."""
        return ", ".join(
            dict.fromkeys(self._headings[index] for name in fields for index in self._columns.get(name, ()))
        )


def written(moment: datetime | None) -> str | None:
    """As both databases take it as text: UTC, always with microseconds, so that text order is time order."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
