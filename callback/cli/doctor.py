"""`callback doctor`: is everything in this database as it must be?"""

import json
from typing import Annotated

import typer
from rich.table import Table

from callback.channels.readiness import unready
from callback.cli import app
from callback.cli.common import check_schema, console, open_house
from callback.db.engine import reading
from callback.services.doctor import INVARIANTS, Examination, examine
from callback.texts import Language, say


@app.command()
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the table.")] = False
) -> None:
    """Check the invariants of a live database, and the settings. Exits 1 when one is broken."""
    with open_house() as house:
        check_schema(house)
        with reading(house.sessions) as session:
            examinations = examine(session, INVARIANTS, now=house.clock())
        broken = [one for one in examinations if not one.holds]
        language = house.settings.language
        settings = [say(f"error.{fault.code}", language, **fault.params) for fault in unready(house.settings)]
        well = not broken and not settings
        if as_json:
            invariants = [_as_dict(one) for one in examinations]
            typer.echo(json.dumps({"holds": well, "invariants": invariants, "settings": settings}))
        else:
            _print(examinations, language)
            for sentence in settings:
                console.print(sentence, style="red", markup=False, highlight=False)
        if not well:
            raise typer.Exit(1)


def _as_dict(one: Examination) -> dict[str, object]:
    examples = [{"subject": finding.subject, "detail": finding.detail} for finding in one.examples]
    return {"name": one.name, "holds": one.holds, "broken": one.broken, "examples": examples}


def _print(examinations: tuple[Examination, ...], language: Language) -> None:
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("invariant", "broken", "examples"):
        table.add_column(say(f"doctor.heading.{heading}", language))
    for one in examinations:
        examples = "\n".join(f"{finding.subject}: {finding.detail}" for finding in one.examples)
        mark = "[green]✓[/green]" if one.holds else f"[red]{one.broken}[/red]"
        table.add_row(say(f"doctor.{one.name}", language), mark, examples)
    console.print(table)
    broken = sum(not one.holds for one in examinations)
    key = "doctor.all_well" if broken == 0 else "doctor.something_broken"
    console.print(say(key, language, broken=broken, total=len(examinations)), highlight=False)
