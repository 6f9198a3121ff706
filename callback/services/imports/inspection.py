"""The look over the whole file before anything is written: a file that does not fit its profile changes nothing."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from callback.errors import Invalid
from callback.services.imports.normalise import Normaliser, Surroundings
from callback.services.imports.profile import Profile
from callback.services.imports.tables import Fault, open_table
from callback.services.imports.values import cell_text

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileFacts:
    rows: int
    """Data rows, the unreadable ones among them."""
    fingerprint: str
    """SHA-256 of the file and of the profile: the same again is the same import."""


def inspect_file(path: Path, profile: Profile, around: Surroundings) -> FileFacts:
    """Read all of the file once.

    Raises `Invalid`: what `open_table` raises, `import_missing_columns`, `import_unknown_status` (with the values, how
    often each occurs, and the first row).
    """
    with open_table(path, profile) as table:
        _check_columns(path, profile, table.headings)
        normaliser = Normaliser(profile, table.headings, around)
        status_columns = [table.headings.index(c) for c in profile.mapped().get("status", ()) if c in table.headings]
        rows = 0
        said: Counter[tuple[str, ...]] = Counter()
        first: dict[tuple[str, ...], int] = {}
        for number, cells in table.rows():
            rows += 1
            if isinstance(cells, Fault):
                continue
            key = tuple(cell_text(cells[index]) for index in status_columns if index < len(cells))
            said[key] += 1
            if key not in first:
                first[key] = number
        unknown = _unknown_statuses(normaliser, status_columns, said, first)
    if unknown:
        raise Invalid("import_unknown_status", file=path.name, values="; ".join(unknown[:10]), profile=profile.name)
    return FileFacts(rows, _fingerprint(path, profile))


def _check_columns(path: Path, profile: Profile, headings: list[str]) -> None:
    present = set(headings)
    missing = [
        " / ".join(columns)
        for field, columns in profile.mapped().items()
        if field not in profile.optional and not present.intersection(columns)
    ]
    if missing:
        raise Invalid(
            "import_missing_columns",
            file=path.name,
            missing=", ".join(missing),
            present=", ".join(heading for heading in headings[:40] if heading),
        )


def _unknown_statuses(
    normaliser: Normaliser,
    status_columns: list[int],
    said: Counter[tuple[str, ...]],
    first: dict[tuple[str, ...], int],
) -> list[str]:
    """Each text that the profile maps to no status: how often, and where first."""
    unknown: list[str] = []
    for key, count in said.most_common():
        cells = [""] * (max(status_columns, default=-1) + 1)
        for index, text in zip(status_columns, key, strict=False):
            cells[index] = text
        status, text = normaliser.status_of(cells)
        if status is None:
            unknown.append(f"“{text[:60]}” × {count} (row {first[key]})")
    return unknown


def _fingerprint(path: Path, profile: Profile) -> str:
    digest = hashlib.sha256(profile.model_dump_json().encode())
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
