"""`callback contact-rates`: when people answer, and what knowing it is worth."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from callback.cli import app
from callback.cli.common import console, open_house
from callback.services import contact_rates
from callback.texts import Language, say


@app.command("contact-rates")
def contact_rates_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Contact by kind of number, part of the day and weekday; and whether learning helps, against the holdout."""
    with open_house() as house:
        contact_rates.learn(house.sessions)
        report = contact_rates.report(house.sessions)
        if as_json:
            typer.echo(json.dumps(_figures(report), ensure_ascii=False))
        else:
            _print(report, house.settings.language)


def _figures(report: contact_rates.ContactReport) -> dict[str, Any]:
    return {**asdict(report), "sentence": contact_rates.tell(report.uplift, "en")}


def _print(report: contact_rates.ContactReport, language: Language) -> None:
    columns = ("kind", "part", "tried", "reached", "share", "interval")
    days = say("contact.weekdays", language).split()
    table = Table(*(say(f"contact.{name}", language) for name in columns), *days)
    for slot in report.slots:
        share = "–" if not slot.tried else f"{slot.reached / slot.tried:.1%}"
        interval = "–" if slot.interval is None else f"{slot.interval[0]:.1%}–{slot.interval[1]:.1%}"
        counted = (f"{slot.tried:,}", f"{slot.reached:,}", share, interval)
        names = (say(f"contact.kind.{slot.kind}", language), say(f"contact.part.{slot.part}", language))
        table.add_row(*names, *counted, *(f"{rate:.1%}" for rate in slot.expected))
    console.print(table)
    for name, arm in (("learned", report.uplift.learned), ("holdout", report.uplift.holdout)):
        rate = "–" if arm.rate is None else f"{arm.rate:.2%}"
        params = {"tried": f"{arm.tried:,}", "reached": f"{arm.reached:,}", "rate": rate}
        console.print(say(f"contact.arm.{name}", language, **params, share=f"{report.holdout_share:.0%}"))
    console.print(contact_rates.tell(report.uplift, language))
