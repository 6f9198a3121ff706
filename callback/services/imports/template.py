"""Our own template as a workbook: the cases sheet with drop-downs, and a sheet that explains each column twice."""

from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from callback.errors import Invalid
from callback.services.imports.builtin import FIELDS, KINDS, PRIORITIES, REQUIRED, STATUSES
from callback.texts import Language, say

ROWS = 5_000
"""Rows that the drop-downs and formats reach."""
_CHOICES: dict[str, dict[str, str]] = {"status": STATUSES, "priority": PRIORITIES, "kind": KINDS}
_MOMENTS = ("opened_at", "answered_at", "closed_at", "told_at", "promised_at")
_AS_TEXT = ("external_id", "customer_id", "phone")
_MARK = PatternFill("solid", fgColor="FFF2CC")


def write_template(path: Path, language: Language) -> None:
    """Write the workbook, its headings and choices in `language`. Raises `Invalid` (`import_template_…`)."""
    book, sheet = begin(path, say("import.template.cases", language), frozen="B2")
    _cases(sheet, language)
    explain(
        book.create_sheet(say("import.template.help", language)),
        [(*headings, field in REQUIRED, f"import.help.{field}") for field, headings in FIELDS.items()],
    )
    save(book, path)


def begin(path: Path, title: str, *, frozen: str) -> tuple[Workbook, Worksheet]:
    """A new workbook and its first sheet. Raises `Invalid` (`import_template_exists`): no file is written over."""
    if path.exists():
        raise Invalid("import_template_exists", file=str(path))
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101  a new workbook has a sheet
    sheet.title, sheet.freeze_panes = title, frozen
    return book, sheet


def save(book: Workbook, path: Path) -> None:
    """Raises `Invalid` (`import_template_unwritable`)."""
    try:
        book.save(path)
    except OSError as error:
        raise Invalid("import_template_unwritable", file=str(path), problem=error.strerror or "") from None


def head(sheet: Worksheet, number: int, heading: str, *, needed: bool, width: int = 18, as_text: bool = False) -> None:
    """The heading of one column, and how wide it is."""
    letter = get_column_letter(number)
    cell = sheet.cell(row=1, column=number, value=heading)
    cell.font = Font(bold=True)
    if needed:
        cell.fill = _MARK
    sheet.column_dimensions[letter].width = width
    if as_text:
        # A spreadsheet would turn 13812345678 into 1.38E+10 and drop leading zeros.
        sheet.column_dimensions[letter].number_format = "@"


def _cases(sheet: Worksheet, language: Language) -> None:
    for number, (field, headings) in enumerate(FIELDS.items(), start=1):
        letter = get_column_letter(number)
        head(
            sheet,
            number,
            headings[0 if language == "en" else 1],
            needed=field in REQUIRED,
            width=40 if field in ("description", "answer", "subject") else 18,
            as_text=field in _AS_TEXT,
        )
        if field in _MOMENTS:
            sheet.column_dimensions[letter].number_format = "yyyy-mm-dd hh:mm"
        validation = _validation(field, language)
        if validation is not None:
            sheet.add_data_validation(validation)
            validation.add(f"{letter}2:{letter}{ROWS + 1}")


def _validation(field: str, language: Language) -> DataValidation | None:
    """The cell's drop-down or bounds; what it refuses, the import would refuse too."""
    choices = _words(field, language)
    if choices:
        made = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=field not in REQUIRED)
    elif field == "rating":
        made = DataValidation(type="whole", operator="between", formula1="1", formula2="5", allow_blank=True)
    else:
        return None
    made.showErrorMessage = True
    made.error = say("import.template.not_a_choice", language)
    return made


def _words(field: str, language: Language) -> list[str]:
    if field in _CHOICES:
        half = len(_CHOICES[field]) // 2
        words = list(_CHOICES[field])
        return words[:half] if language == "en" else words[half:]
    if field == "language":
        return ["zh", "en"]
    if field == "special":
        return ["yes", "no"] if language == "en" else ["是", "否"]
    return []


def explain(sheet: Worksheet, columns: Sequence[tuple[str, str, bool, str]]) -> None:
    """What to enter in each column, in both languages: its two headings, whether it is needed, the code of its text."""
    titles = ("Column", "列", "Needed", "必填", "What to enter", "填写说明")
    for number, title in enumerate(titles, start=1):
        sheet.cell(row=1, column=number, value=title).font = Font(bold=True)
    for row, (english, chinese, needed, code) in enumerate(columns, start=2):
        cells = (
            english,
            chinese,
            "yes" if needed else "",
            "是" if needed else "",
            say(code, "en"),
            say(code, "zh"),
        )
        for number, value in enumerate(cells, start=1):
            sheet.cell(row=row, column=number, value=value).alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in zip("ABCDEF", (20, 16, 8, 8, 60, 60), strict=True):
        sheet.column_dimensions[letter].width = width
