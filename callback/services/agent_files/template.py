"""An empty file of agents as a workbook, and a sheet that explains each column in both languages."""

from pathlib import Path

from callback.services.agent_files.columns import COLUMNS
from callback.services.imports.template import begin, explain, head, save
from callback.texts import Language, say


def write_template(path: Path, language: Language) -> None:
    """Write the workbook, its headings in `language`. Raises `Invalid` (`import_template_…`)."""
    book, sheet = begin(path, say("setup_desk.card_agents", language), frozen="A2")
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
