"""One row of a file made into a case as we keep it, or refused with the column and what to do about it.

This runs once a row, a million times a file: plain tuples in the order of the tables' columns, no model per row. The
drafts cross a process boundary, so they hold strings, numbers and `None` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from callback.domain.case import CaseTimes, settled
from callback.domain.words import CaseStatus
from callback.services import contacts
from callback.services.imports.fields import (
    Points,
    RejectedError,
    Said,
    consents_of,
    country_of,
    customer_key,
    forbidden_of,
    language_of,
    looked_up,
    mapped,
    preferred_of,
    rating_of,
    special_of,
    subject_of,
)
from callback.services.imports.profile import Profile
from callback.services.imports.quick import QuickRow
from callback.services.imports.tables import Cells
from callback.services.imports.values import MomentReader, cell_text, example_of, one_line, paragraphs

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
    "description": LONGEST_TEXT,
    "answer": LONGEST_TEXT,
}
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
CUSTOMER_COLUMNS = (
    "name",
    "salutation",
    "language",
    "country",
    "region",
    "time_zone",
    "special",
    "consents",
    "preferred_times",
    "forbidden_dates",
)
"""In the order of `Draft.customer`; None where the file does not say (lists as `LISTED` says)."""
LISTED = {"consents": ",", "preferred_times": ";", "forbidden_dates": ";"}
"""Lists, as one text with these between."""


_LABELS = ("category", "product", "kind", "priority", "status", "required_skill", "team", "rating")
"""Fields of a case with few values, in the order of `CASE_COLUMNS`."""
_HABITS = ("language", "country", "region", "time_zone", "special", "consents", "preferred_times", "forbidden_dates")
"""Fields of a customer that most share, in the order of `CUSTOMER_COLUMNS`."""
_STATUS = _LABELS.index("status")
_REMEMBERED = 50_000
_LONG = frozenset({"description", "answer"})
_LISTS = frozenset({"phone", "email"})
_MOMENTS = frozenset({"opened_at", "answered_at", "closed_at", "told_at", "promised_at"})


Value = TypeVar("Value")


class Draft(NamedTuple):
    """A row that can be written."""

    row: int
    external_id: str
    hash: str
    case: tuple[Any, ...]
    customer_key: str
    customer: tuple[Any, ...]
    contacts: Points
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
        self._headings = headings
        places = {heading: index for index, heading in reversed(list(enumerate(headings)))}
        fields = profile.mapped().items()
        self._said_in = [(name, places[c]) for name, columns in fields for c in columns if c in places]
        zone = profile.time_zone or around.time_zone
        self._moments = MomentReader(profile.date_formats, ZoneInfo(zone))
        self._zone = zone
        self._now = written(around.now)
        self._latest = written(around.now + timedelta(days=1))
        default_opened = profile.defaults.opened_at
        self._default_opened = written(self._moments.read(default_opened)) if default_opened else None
        self._status = {one_line(key).casefold(): value for key, value in profile.status.items()}
        self._priority = {one_line(key).casefold(): value.value for key, value in profile.priority.items()}
        self._kind = {one_line(key).casefold(): value.value for key, value in profile.kind.items()}
        self._rating = {one_line(key).casefold(): value for key, value in profile.rating.items()}
        self._empty = frozenset(profile.empty_values)
        names = [name for name, _ in self._said_in]
        self._numbers = [index for name, index in self._said_in if name == "external_id"]
        self._statuses = [index for name, index in self._said_in if name == "status"]
        self._labels = tuple(name for name in _LABELS if name in names)
        self._habits = tuple(name for name in _HABITS if name in names)
        self._known_labels: dict[tuple[Any, ...], _Shared] = {}
        self._known_habits: dict[tuple[Any, ...], _Shared] = {}
        self._known_moments: dict[Any, str] = {}
        self._quick = QuickRow(self._said_in, LIMITS, self._empty, _LONG)

    def duplicate(self, row: int, cells: Cells, first: int) -> Reject:
        """The refusal of a row whose number row `first` has already."""
        return Reject(row, self._columns_of("external_id"), self.external_id(cells), "duplicate", str(first))

    def external_id(self, cells: Cells) -> str:
        """The row's number alone; empty when it has none."""
        return self._first_text(cells, self._numbers)

    def status_of(self, cells: Cells) -> tuple[CaseStatus | None, str]:
        """The case's status and the text that says it; None for a status that the profile does not map."""
        text = self._first_text(cells, self._statuses)
        return self._status_said(text), text

    def read(self, row: int, cells: Cells) -> Draft | Reject:
        """The row as a draft, or why not."""
        try:
            return self._draft(row, cells)
        except RejectedError as error:
            return Reject(row, self._columns_of(*error.fields), error.value[:200], error.code, error.more)

    def _draft(self, row: int, cells: Cells) -> Draft:
        said = self._quick.read(cells)
        if said is None:
            said = self._said(cells)
        external_id = said.get("external_id")
        if external_id is None:
            raise RejectedError("missing", ("external_id",))
        subject, description = subject_of(said)
        answer = said.get("answer")
        labels = self._labels_of(said)
        times, dated = self._times(said, labels.values[_STATUS], answered=answer is not None)
        promised_at = self._moment(said, "promised_at", may_come=True) if "promised_at" in said else None
        points, countries = self._contacts(said)
        name, salutation = said.get("name"), said.get("salutation")
        habits = self._habits_of(said, points, countries)
        key = customer_key(said, points, external_id)
        handler_id = looked_up(said, "handled_by", self._around.agents, "unknown_agent")
        # The same row tomorrow is the same row: a moment that stands in for none is not part of what it means.
        lasting = "\x1f".join(map(str, (*times, promised_at) if dated else (promised_at,)))
        content = (
            f"{subject}\x1f{description}\x1f{answer}\x1f{labels.text}\x1f{lasting}\x1f"
            f"{key}\x1f{name}\x1f{salutation}\x1f{habits.text}\x1f{points}\x1f{handler_id}"
        )
        fingerprint = blake2b(content.encode(), digest_size=16).hexdigest()
        case = (subject, description, answer, *labels.values, *times, promised_at)
        customer = (name, salutation, *habits.values)
        return Draft(row, external_id, fingerprint, case, key, customer, points, handler_id, dated)

    def _said(self, cells: Cells) -> Said:
        """Field → what its first column that says something says; fields that say nothing are not in it.

        `QuickRow` does the same for rows that have nothing to clean.
        """
        said: Said = {}
        for name, index in self._said_in:
            cell = cells[index]
            if cell == "" or cell is None or (name in said and name not in _LISTS):
                continue
            if name in _MOMENTS and isinstance(cell, date):
                said[name] = cell
                continue
            text = (paragraphs if name in _LONG else one_line)(cell_text(cell))
            if not text or text in self._empty:
                continue
            if name in LIMITS and len(text) > LIMITS[name]:
                raise RejectedError("too_long", (name,), text, str(LIMITS[name]))
            said[name] = f"{said[name]};{text}" if name in said else text
        return said

    def _labels_of(self, said: Said) -> "_Shared":
        """The fields of `_LABELS`. What they mean is worked out once for each combination."""
        key = tuple([said.get(name) for name in self._labels])
        known = self._known_labels.get(key)
        if known is None:
            known = _remember(self._known_labels, key, _Shared.of(self._read_labels(said)))
        return known

    def _read_labels(self, said: Said) -> tuple[Any, ...]:
        defaults = self._profile.defaults
        status = self._status_said(said.get("status", ""))
        if status is None:
            raise RejectedError("unknown_status", ("status",), said.get("status", ""))
        return (
            said.get("category", defaults.category),
            said.get("product", defaults.product),
            mapped(said, "kind", self._kind) or defaults.kind.value,
            mapped(said, "priority", self._priority) or defaults.priority.value,
            status.value,
            said.get("required_skill"),
            looked_up(said, "team", self._around.teams, "unknown_team"),
            rating_of(said, self._rating),
        )

    def _status_said(self, text: str) -> CaseStatus | None:
        if not text:
            return self._profile.defaults.status
        return self._status.get(text) or self._status.get(text.casefold())

    def _times(self, said: Said, status: str, *, answered: bool) -> tuple[CaseTimes[str], bool]:
        """The times as they can be true together, and whether the file has any."""
        opened = self._moment(said, "opened_at") if "opened_at" in said else None
        answered_at = self._moment(said, "answered_at") if "answered_at" in said else None
        closed = self._moment(said, "closed_at") if "closed_at" in said else None
        told = self._moment(said, "told_at") if "told_at" in said else None
        opened = opened or min(filter(None, (answered_at, closed, told)), default=None) or self._default_opened
        if not answered and status != CaseStatus.CLOSED:
            answered_at = None  # a first response is not an answer
        times = CaseTimes(opened or self._now, answered_at, closed, told)
        fitting = settled(times, CaseStatus(status), closing_implies_telling=self._profile.closing_implies_telling)
        return fitting, opened is not None

    def _moment(self, said: Said, name: str, *, may_come: bool = False) -> str:
        """The moment that the field says, as text."""
        cell = said[name]
        moment = self._known_moments.get(cell)
        if moment is None:
            try:
                moment = _remember(self._known_moments, cell, written(self._moments.read(cell)))
            except (ValueError, OverflowError):
                formats = " · ".join(example_of(each) for each in self._profile.date_formats)
                raise RejectedError("bad_date", (name,), cell_text(cell), formats) from None
        if moment > self._latest and not may_come:
            raise RejectedError("future_date", (name,), cell_text(cell))
        return moment

    def _contacts(self, said: Said) -> tuple[Points, list[str | None]]:
        """Telephones, then e-mail addresses, and the countries that the numbering plans tell."""
        found: list[contacts.ContactDraft] = []
        if "phone" in said:
            region = country_of(said) or self._profile.country or self._around.country
            try:
                found += contacts.phones(said["phone"], region, fictional=self._profile.contacts_are_fictional)
            except contacts.BadContactError as error:
                raise RejectedError("bad_phone", ("phone",), error.value, region) from None
        if "email" in said:
            try:
                found += contacts.emails(said["email"])
            except contacts.BadContactError as error:
                raise RejectedError("bad_email", ("email",), error.value) from None
        return tuple((d.kind, d.address, d.extension) for d in found), [d.country for d in found]

    def _habits_of(self, said: Said, points: Points, countries: list[str | None]) -> "_Shared":
        """`CUSTOMER_COLUMNS` but for the name, worked out once for each combination."""
        zone = self._zone_of_numbers(points, countries)
        own_country = next(filter(None, countries), None)
        key = (own_country, zone, *[said.get(name) for name in self._habits])
        known = self._known_habits.get(key)
        if known is None:
            known = _remember(self._known_habits, key, _Shared.of(self._read_habits(said, own_country, zone)))
        return known

    def _read_habits(self, said: Said, number_country: str | None, number_zone: str | None) -> tuple[Any, ...]:
        profile, around = self._profile, self._around
        own_country = country_of(said) or number_country
        return (
            language_of(said) or profile.language or around.language,
            own_country or profile.country or around.country,
            said.get("region"),
            self._zone_of(said, number_zone, own_country),
            special_of(said),
            consents_of(said),
            preferred_of(said),
            forbidden_of(said),
        )

    def _zone_of(self, said: Said, number_zone: str | None, own_country: str | None) -> str:
        """The customer's zone: the column; else the number's prefix; else their country; else the file's zone."""
        if "time_zone" in said:
            if not contacts.is_zone(said["time_zone"]):
                raise RejectedError("bad_zone", ("time_zone",), said["time_zone"])
            return str(said["time_zone"])
        return number_zone or (contacts.zone_of_country(own_country) if own_country else None) or self._zone

    @staticmethod
    def _zone_of_numbers(points: Points, countries: list[str | None]) -> str | None:
        for point, country in zip(points, countries, strict=True):
            if point[0] != "email" and (zone := contacts.zone_of(point[1], country)):
                return zone
        return None

    def _first_text(self, cells: Cells, columns: list[int]) -> str:
        for index in columns:
            if (text := one_line(cell_text(cells[index]))) and text not in self._empty:
                return text
        return ""

    def _columns_of(self, *fields: str) -> str:
        """The file's own headings of these fields."""
        return ", ".join(dict.fromkeys(self._headings[index] for name, index in self._said_in if name in fields))


class _Shared(NamedTuple):
    """What many rows have in common, and how it is hashed."""

    values: tuple[Any, ...]
    text: str

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> "_Shared":
        return cls(values, "\x1f".join(map(str, values)))


def _remember(known: dict[Any, Value], key: Any, value: Value) -> Value:
    """Kept in `known`, which starts afresh when it is full: a column may turn out to have a value for each row."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value
    return value


def written(moment: datetime) -> str:
    """As both databases take it as text: UTC, always with microseconds, so that text order is time order."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[: len("2026-03-11 02:00:00.000000")]
