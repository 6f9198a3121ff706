"""An empty file of agents as a workbook, and a sheet that explains each column in both languages."""

from pathlib import Path

from openpyxl import Workbook

from callback.errors import Invalid
from callback.services.agent_files.columns import COLUMNS
from callback.services.imports.template import explain, head, save
from callback.texts import Language, say


def write_template(path: Path, language: Language) -> None:
    """Write the workbook, its headings in `language`. Raises `Invalid` (`import_template_…`)."""
    if path.exists():
        raise Invalid("import_template_exists", file=str(path))
    book = Workbook()
    sheet = book.active
    assert sheet is not None  # noqa: S101  a new workbook has a sheet
    sheet.title = say("setup_desk.card_agents", language)
    sheet.freeze_panes = "A2"
    for number, column in enumerate(COLUMNS.values(), start=1):
        head(sheet, number, say(column.label, language), needed=column.needed, as_text=column.as_text)
    explain(
        book.create_sheet(say("import.template.help", language)),
        [
            (say(column.label, "en"), say(column.label, "zh"), column.needed, f"agents_file.help_{name}")
            for name, column in COLUMNS.items()
        ],
    )
    save(book, path)
