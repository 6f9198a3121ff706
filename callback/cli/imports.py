"""`callback import` and `callback cases`."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from callback.bootstrap import House
from callback.cli import app
from callback.cli.common import check_schema, complaints, console, open_house
from callback.db import cases as rows
from callback.db.engine import reading
from callback.db.tables import Case
from callback.domain.words import CaseStatus
from callback.errors import Invalid
from callback.services.imports.profile import load_profile
from callback.services.imports.run import Order, Summary, import_file
from callback.services.imports.template import write_template
from callback.texts import Language, say

_FIGURES = ("created", "updated", "unchanged", "rejected", "dissatisfactions", "needs_data", "fictional_phones")


@app.command("import")
def import_command(
    file: Annotated[Path | None, typer.Argument(help="CSV, XLSX or JSON Lines.")] = None,
    profile: Annotated[str, typer.Option(help="A built-in profile, or a .toml file (see docs/import-profiles).")] = (
        "callback"
    ),
    template: Annotated[Path | None, typer.Option(help="Write our own XLSX template to this file instead.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where bad rows go; default: beside the file.")] = None,
    fictional_phones: Annotated[
        bool, typer.Option("--fictional-phones", help="Make up numbers for customers without one (try-out only).")
    ] = False,
) -> None:
    """Read cases from a file. The same file again changes nothing; a killed import goes on where it was."""
    with open_house() as house:
        language = house.settings.language
        if template is not None:
            write_template(template, language)
            console.print(say("import.template.written", language, file=template), markup=False, highlight=False)
            return
        if file is None:
            raise Invalid("import_no_file")
        check_schema(house)
        order = Order(
            path=file,
            profile=load_profile(profile),
            language=language,
            rejects=rejects,
            dry_run=dry_run,
            fictional_phones=fictional_phones,
        )
        started = time.monotonic()
        summary = _with_progress(house, order)
        seconds = time.monotonic() - started
        if as_json:
            typer.echo(json.dumps({**summary.as_json(), "seconds": round(seconds, 3)}, ensure_ascii=False))
        else:
            _print_summary(summary, seconds, language)


def _with_progress(house: House, order: Order) -> Summary:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # On standard error, so that --json leaves standard output to the JSON.
    with Progress(*columns, console=complaints, transient=True) as progress:
        task = progress.add_task(say("import.progress", order.language), total=None)
        return import_file(
            house.sessions,
            house.settings,
            order,
            clock=house.clock,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _print_summary(summary: Summary, seconds: float, language: Language) -> None:
    def tell(code: str, **params: object) -> None:
        text = say(f"import.summary.{code}", language, **params)
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    tell("file", file=summary.file, profile=summary.profile, rows=summary.rows)
    if summary.resumed_at:
        tell("resumed", row=summary.resumed_at + 1)
    table = Table(show_header=False, box=None)
    figures = summary.as_json()
    for name in _FIGURES:
        if figures[name] or name in _FIGURES[:4]:
            table.add_row(say(f"import.summary.{name}", language), str(figures[name]))
    console.print(table)
    if summary.rejects_file:
        tell("rejects", file=summary.rejects_file)
    tell("speed", seconds=f"{seconds:.1f}", rate=round((summary.rows - summary.resumed_at) / max(seconds, 0.001)))
    if summary.dry_run:
        tell("dry_run")


@app.command("cases")
def cases_command(
    needs_data: Annotated[bool, typer.Option("--needs-data", help="Only cases whose customer has no contact.")] = False,
    status: Annotated[CaseStatus | None, typer.Option(help="Only cases in this status.")] = None,
    source: Annotated[str | None, typer.Option(help="Only cases of this source.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many at the most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List cases, the newest first."""
    with open_house() as house, reading(house.sessions) as session:
        language = house.settings.language
        query = rows.listed(status=status, needs_data=needs_data, source=source)
        found = session.scalars(query.order_by(Case.id.desc()).limit(limit)).all()
        total = rows.count(session, query)
        if as_json:
            for case in found:
                typer.echo(json.dumps(_line(case), ensure_ascii=False))
            return
        table = Table(box=None)
        for heading in ("id", "source", "external_id", "status", "priority", "opened_at", "subject"):
            # Numbers are shown whole; the subject gives way.
            whole = 0 if heading == "subject" else max([6, *(len(str(_line(case)[heading])) for case in found)])
            table.add_column(
                say(f"cases.column.{heading}", language), overflow="ellipsis", no_wrap=True, min_width=whole or None
            )
        for case in found:
            line = _line(case)
            table.add_row(*(str(line[name]) for name in line))
        console.print(table)
        console.print(say("cases.shown", language, shown=len(found), total=total), markup=False, highlight=False)


def _line(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "source": case.source,
        "external_id": case.external_id,
        "status": case.status.value,
        "priority": case.priority.value,
        "opened_at": case.opened_at.isoformat(timespec="minutes"),
        "subject": case.subject,
    }
