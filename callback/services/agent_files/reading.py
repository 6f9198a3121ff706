"""A file of agents as lines of values; every cell that says nothing sensible is a fault with its row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callback.errors import Invalid
from callback.services.agent_files.columns import COLUMNS, CellError, field_of, value_of
from callback.services.imports.profile import BLANK
from callback.services.imports.tables import Fault as BrokenRow
from callback.services.imports.tables import Table, on_disk, open_table
from callback.services.imports.values import cell_text, one_line
from callback.texts import Language, say

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one row; `code` is that of a whole sentence."""

    row: int
    column: str
    """A name of `COLUMNS`; empty: the row as a whole."""
    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    def told(self, language: Language) -> str:
        text = say(self.code, language, **self.params)
        if not self.column:
            return text
        return say("agents_file.at_column", language, column=say(COLUMNS[self.column].label, language), text=text)


@dataclass(frozen=True, slots=True)
class Line:
    row: int
    values: Mapping[str, Any]
    """What the row says, by the names of `COLUMNS`; what it leaves empty is absent."""


@dataclass(frozen=True, slots=True)
class AgentFile:
    lines: Sequence[Line]
    faults: Sequence[Fault]
    ignored: Sequence[str]
    """Headings that mean nothing to us."""


def read_content(name: str, content: bytes, *, country: str) -> AgentFile:
    """A file that was sent. Raises as `read_path`, and `Invalid("upload_too_large")`."""
    if len(content) > MOST_BYTES:
        raise Invalid("agents_file_too_large", megabytes=MOST_BYTES // 2**20)
    with on_disk(name, content) as path:
        return read_path(path, country=country)


def read_path(path: Path, *, country: str) -> AgentFile:
    """Raises `Invalid`: `agents_file_headings`, `agents_file_too_long`, `agents_file_no_rows`, and what `open_table`
    raises for a file that cannot be read."""
    with open_table(path, BLANK) as table:
        columns = _columns(table.headings)
        lines, faults = _rows(table, columns, country)
        known = set(columns.values())
        ignored = [heading for heading in table.headings if heading and field_of(heading) not in known]
    if not lines and not faults:
        raise Invalid("agents_file_no_rows")
    return AgentFile(lines, faults, ignored)


def _columns(headings: Sequence[str]) -> dict[int, str]:
    """Place → name. A heading that stands twice would leave open which one counts."""
    found: dict[int, str] = {}
    for place, heading in enumerate(headings):
        name = field_of(heading)
        if name is not None and name in found.values():
            raise Invalid("agents_file_heading_twice", heading=heading)
        if name is not None:
            found[place] = name
    if not {"login", "number"} & set(found.values()):
        raise Invalid("agents_file_headings", present=", ".join(headings)[:200])
    return found


def _rows(table: Table, columns: Mapping[int, str], country: str) -> tuple[list[Line], list[Fault]]:
    lines: list[Line] = []
    faults: list[Fault] = []
    for row, cells in table.rows():
        if len(lines) + len(faults) >= MOST_ROWS:
            raise Invalid("agents_file_too_long", most=MOST_ROWS)
        if isinstance(cells, BrokenRow):
            faults.append(Fault(row, "", f"import.reject.{cells.code}", {"value": cells.value, "more": ""}))
            continue
        values: dict[str, Any] = {}
        for place, name in columns.items():
            text = one_line(cell_text(cells[place])) if place < len(cells) else ""
            if not text:
                continue
            try:
                values[name] = value_of(name, text, country=country)
            except CellError as error:
                faults.append(Fault(row, name, f"agents_file.fault_{error.code}", error.params))
        if values or any(fault.row == row for fault in faults[-len(columns) :]):
            lines.append(Line(row, values))
    return lines, faults
