"""CSV, XLSX and JSON Lines as one thing: a row of headings, then numbered rows of cells, read as a stream."""

import csv
import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from python_calamine import CalamineError, CalamineWorkbook

from callback.errors import Invalid
from callback.services.imports.encoding import detect_encoding
from callback.services.imports.profile import Profile

LONGEST_CELL = 131_072
LARGEST_SHEET = 2 << 30
"""Bytes that a workbook may unpack to."""
_SUFFIXES = (".csv", ".xlsx", ".xlsm", ".jsonl", ".ndjson")
_KINDS = {".xlsx": "xlsx", ".xlsm": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ZIP = b"PK\x03\x04"
_NO_TEXT = (b"\xd0\xcf\x11\xe0", b"\x89PNG", b"%PDF-", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"\x1f\x8b")
"""How a workbook of old, a picture, a document, an archive begin: GB18030 would make Chinese of some of them."""

Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not even be split into cells."""

    code: str
    value: str = ""


Row = tuple[int, "Cells | Fault"]


class Table(AbstractContextManager["Table"]):
    """`headings`, and the rows below them. Row numbers are those of a spreadsheet: the headings are row 1."""

    headings: list[str]

    def rows(self) -> Iterator[Row]:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_table(path: Path, profile: Profile) -> Table:
    """Open `path` as its profile (or its name) says.

    Raises `Invalid`: `import_file_missing`, `import_unreadable`, `import_unpacks_too_large`, `import_encoding`,
    `import_empty`.
    """
    if not path.is_file():
        raise Invalid("import_file_missing", file=str(path))
    if path.stat().st_size == 0:
        raise Invalid("import_empty", file=path.name)
    kind = profile.format or kind_of(path)
    if kind == "xlsx":
        return XlsxTable(path, profile)
    if kind == "jsonl":
        return JsonLinesTable(path, profile)
    return CsvTable(path, profile)


def kind_of(path: Path) -> str:
    """`csv`, `xlsx` or `jsonl`: by its name, but a workbook that was only renamed is read as what it is.

    Raises `Invalid` (`import_unreadable`) for what is no table whatever its name says.
    """
    with path.open("rb") as file:
        head = file.read(8)
    kind = _KINDS.get(path.suffix.lower(), "csv")
    if kind == "csv" and head.startswith(_NO_TEXT):
        raise Invalid("import_unreadable", file=path.name, problem="it is no text")
    return "xlsx" if kind == "csv" and head.startswith(_ZIP) else kind


def open_workbook(path: Path, *, unreadable: str = "import_unreadable") -> CalamineWorkbook:
    """Raises `Invalid`: `unreadable`, or `import_unpacks_too_large` before any of it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > LARGEST_SHEET:
            raise Invalid("import_unpacks_too_large", file=path.name, gigabytes=LARGEST_SHEET >> 30)
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, zipfile.BadZipFile, OSError) as error:
        raise Invalid(unreadable, file=path.name, problem=str(error) or type(error).__name__) from None


@contextmanager
def on_disk(name: str, content: bytes) -> Iterator[Path]:
    """The file where readers can open it; its sender's name decides the format alone and never becomes a path.

    What is wrong with the file is told by the name that its sender knows.
    """
    suffix = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory(prefix="callback-upload-") as folder:
        path = Path(folder) / ("upload" + (suffix if suffix in _SUFFIXES else ".csv"))
        path.write_bytes(content)
        try:
            yield path
        except Invalid as error:
            if error.params.get("file") != path.name:
                raise
            told = {key: value for key, value in error.params.items() if key != "file"}
            raise Invalid(error.code, details=error.details, file=name, **told) from error


class CsvTable(Table):
    """Text with a delimiter; the encoding is found by decoding, the delimiter by the headings that it yields."""

    def __init__(self, path: Path, profile: Profile) -> None:
        self._file: TextIO = path.open(encoding=detect_encoding(path, profile.encoding), newline="")
        csv.field_size_limit(LONGEST_CELL)
        try:
            delimiter = profile.delimiter or _sniff(self._file, profile)
            self._reader = csv.reader(self._file, delimiter=delimiter)
            self.headings = [heading.strip() for heading in next(self._reader, [])]
        except csv.Error as error:
            self._file.close()
            raise Invalid("import_unreadable", file=path.name, problem=str(error)) from None
        if not any(self.headings):
            self._file.close()
            raise Invalid("import_empty", file=path.name)

    def rows(self) -> Iterator[Row]:
        number = 1
        width = len(self.headings)
        reader = self._reader
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                # The reader starts afresh on the next line; a quote that is never closed ends here.
                yield number, Fault("cell_too_long")
                continue
            if len(cells) == width:
                yield number, cells
            elif cells:
                yield number, _fitted(cells, width)

    def close(self) -> None:
        self._file.close()


def _sniff(file: TextIO, profile: Profile) -> str:
    """The delimiter that splits the first line into the most columns that the profile knows, else the most at all."""
    line = file.readline(LONGEST_CELL)
    file.seek(0)
    wanted = {column for columns in profile.mapped().values() for column in columns}

    def score(delimiter: str) -> tuple[int, int]:
        headings = [heading.strip() for heading in next(csv.reader([line], delimiter=delimiter), [])]
        return len(wanted.intersection(headings)), len(headings)

    return max(",;\t|", key=score)


def _fitted(cells: list[str], width: int) -> "Cells | Fault":
    """Spreadsheets leave empty cells at the end out; more cells than headings is a delimiter that was not quoted."""
    if len(cells) < width:
        return cells + [""] * (width - len(cells))
    if any(cell.strip() for cell in cells[width:]):
        return Fault("too_many_cells", " | ".join(cells[width:])[:200])
    return cells[:width]


class XlsxTable(Table):
    """The first sheet of a workbook, or the one that the profile names."""

    def __init__(self, path: Path, profile: Profile) -> None:
        try:
            book = open_workbook(path)
            if profile.sheet is not None and profile.sheet not in book.sheet_names:
                raise Invalid(
                    "import_sheet_missing", file=path.name, sheet=profile.sheet, present=", ".join(book.sheet_names)
                )
            sheet = book.get_sheet_by_name(profile.sheet) if profile.sheet else book.get_sheet_by_index(0)
            self._rows: Iterator[list[Any]] = iter(sheet.iter_rows())
            self._first = (sheet.start or (0, 0))[0] + 1
        except (CalamineError, IndexError) as error:
            raise Invalid("import_unreadable", file=path.name, problem=str(error) or type(error).__name__) from None
        self.headings = [str(heading).strip() for heading in next(self._rows, [])]
        if not any(self.headings):
            raise Invalid("import_empty", file=path.name)

    def rows(self) -> Iterator[Row]:
        for number, cells in enumerate(self._rows, start=self._first + 1):
            if any(cell != "" for cell in cells):
                yield number, cells


class JsonLinesTable(Table):
    """One JSON object a line. The columns are those that the profile reads; an object may leave some out."""

    def __init__(self, path: Path, profile: Profile) -> None:
        encoding = detect_encoding(path, profile.encoding)
        self.headings = _members(path, encoding, profile)
        self._file: TextIO = path.open(encoding=encoding)

    def rows(self) -> Iterator[Row]:
        for number, line in enumerate(self._file, start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                yield number, Fault("not_json", line.strip()[:200])
                continue
            if isinstance(found, dict):
                yield number, [_flat(found.get(heading)) for heading in self.headings]
            else:
                yield number, Fault("not_json", line.strip()[:200])

    def close(self) -> None:
        self._file.close()


def _members(path: Path, encoding: str, profile: Profile) -> list[str]:
    """The members that the profile reads and that any line has; nothing readable at all is no JSON Lines file."""
    wanted = {column for columns in profile.mapped().values() for column in columns}
    found: set[str] = set()
    objects = 0
    with path.open(encoding=encoding) as file:
        for line in file:
            try:
                value = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                objects += 1
                found |= wanted & value.keys()
            if found == wanted:
                break
    if not objects:
        raise Invalid("import_unreadable", file=path.name, problem="no line is a JSON object")
    return sorted(found)


def _flat(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(str(part) for part in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
