"""`callback warnings`: promises that will break with today's people."""

import json
from dataclasses import asdict
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from callback.cli import app
from callback.cli.common import console, open_house
from callback.db.engine import reading
from callback.services import warnings, wording
from callback.texts import Language, say


@app.command("warnings")
def warnings_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    most: Annotated[int, typer.Option(min=1, help="Show so many promises.")] = 20,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Move the clock, for a try-out on old data.")] = None,
) -> None:
    """Promises that will not be kept with the shifts that are entered, and how many hours are missing."""
    with open_house(as_of_text=as_of) as house:
        with reading(house.sessions) as session:
            report = warnings.look_ahead(session, now=house.clock(), zone=house.zone)
        if as_json:
            typer.echo(json.dumps(asdict(report), default=str, ensure_ascii=False))
            return
        language = house.settings.language
        until = wording.moment(report.until.astimezone(house.zone), language)
        figures = {"calls": f"{report.calls:,}", "hours": f"{report.agent_hours:,.1f}", "until": until}
        console.print(say("warning.looked_at", language, **figures))
        if not report.warnings:
            console.print(say("warning.none", language))
            return
        console.print(say("warning.count", language, count=f"{len(report.warnings):,}"))
        console.print(_promises(report, most, language, house.zone))
        for lack in report.shortages:
            spoken = wording.language_name(lack.language, language)
            who = spoken if lack.skill is None else wording.listed([spoken, lack.skill], language)
            day = wording.day(date.fromisoformat(str(lack.day)), language)
            hours = {"day": day, "who": who, "calls": lack.calls, "hours": lack.agent_hours}
            console.print(say("warning.shortage", language, **hours), markup=False)


def _promises(report: warnings.WarningReport, most: int, language: Language, zone: ZoneInfo) -> Table:
    table = Table(*(say(f"warning.{name}", language) for name in ("due", "case", "callback", "purpose", "why")))
    for found in report.warnings[:most]:
        due = wording.moment(found.due_at.astimezone(zone), language)
        purpose = say(f"purpose.{found.purpose}", language)
        table.add_row(due, str(found.case_id), found.callback or "–", purpose, say(f"warning.{found.reason}", language))
    return table
