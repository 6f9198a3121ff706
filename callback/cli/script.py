"""`callback script`: the call scripts, their versions, and what they sound like."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from callback.cli import app
from callback.cli.common import check_schema, console, open_house
from callback.cli.contents import member, read_json, telling_faults
from callback.db.engine import reading
from callback.domain.words import Purpose
from callback.errors import Invalid
from callback.services import scripts
from callback.texts import Language, say

commands = typer.Typer(help="Call scripts and their versions.", no_args_is_help=True)
app.add_typer(commands, name="script")

ScriptId = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="From `callback script list`.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON with key, language, purposes and script.")]


@commands.command("list")
def list_scripts(key: Annotated[str | None, typer.Option(help="Only this script.")] = None) -> None:
    """List every version, newest first."""
    with open_house() as house:
        check_schema(house)
        language = house.settings.language
        with reading(house.sessions) as session:
            rows = scripts.versions(session, key=key)
        columns = ("id", "key", "language", "version", "state", "purposes")
        table = Table(*(say(f"content.column.{name}", language) for name in columns))
        for row in rows:
            state = say(f"content.state.{row.state}", language)
            table.add_row(str(row.id), escape(row.key), row.language, str(row.version), state, ", ".join(row.purposes))
        console.print(table)


@commands.command()
def show(script_id: ScriptId) -> None:
    """Print one version as the JSON that `draft` reads."""
    with open_house() as house:
        check_schema(house)
        with reading(house.sessions) as session:
            row = scripts.find_script(session, script_id)
        document = {"key": row.key, "language": row.language, "purposes": row.purposes, "script": row.definition}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


@commands.command()
def preview(script_id: ScriptId) -> None:
    """Print one version as it will be read out, filled with example values."""
    with open_house() as house:
        check_schema(house)
        language = house.settings.language
        with reading(house.sessions) as session:
            made = scripts.preview(session, script_id, settings=house.settings)
        console.rule(escape(f"{made.script.title} · {made.key} {made.version}"))
        for node in made.nodes.values():
            console.print(f"{node.node} · {say(f'script.stage.{node.stage}', language)}", style="bold", markup=False)
            if node.say:
                console.print(node.say, markup=False, highlight=False)
            if node.note:
                console.print(f"({node.note})", style="dim", markup=False, highlight=False)
            for choice in node.choices:
                console.print(f"  {choice.key}  {choice.label} → {choice.goto}", markup=False, highlight=False)
            console.print()


@commands.command()
def check(file: File) -> None:
    """Say whether a script could be saved, and every fault with its place if not. Needs no database."""
    with open_house() as house, telling_faults(house.settings.language):
        document = read_json(file)
        script = scripts.check(member(document, "script", file))
        console.print(say("content.sound", house.settings.language, title=script.title), markup=False)


@commands.command()
def draft(file: File) -> None:
    """Save a script file as a new draft."""
    with open_house() as house, telling_faults(house.settings.language):
        check_schema(house)
        document = read_json(file)
        key, spoken = str(member(document, "key", file)), member(document, "language", file)
        with house.sessions.begin() as session:
            row = scripts.save_draft(
                session,
                key=key,
                language=_language(spoken),
                purposes=_purposes(member(document, "purposes", file)),
                definition=member(document, "script", file),
                now=house.clock(),
            )
        console.print(
            say("content.drafted", house.settings.language, key=key, version=row.version, id=row.id), markup=False
        )


@commands.command()
def publish(script_id: ScriptId) -> None:
    """Put a draft into force; the version before it is retired."""
    with open_house() as house, telling_faults(house.settings.language):
        check_schema(house)
        with house.sessions.begin() as session:
            row = scripts.publish(session, script_id=script_id, now=house.clock())
        console.print(say("content.published", house.settings.language, key=row.key, version=row.version), markup=False)


@commands.command()
def seed() -> None:
    """Load the shipped scripts that this house has no version of."""
    with open_house() as house:
        check_schema(house)
        with house.sessions.begin() as session:
            count = scripts.seed_content(session, house.clock())
        console.print(say("content.seeded", house.settings.language, count=count), markup=False)


def _language(given: Any) -> Language:
    if given == "zh":
        return "zh"
    if given == "en":
        return "en"
    raise Invalid("script_language_unknown", language=given)


def _purposes(given: Any) -> list[Purpose]:
    if not isinstance(given, list) or not all(isinstance(name, str) and name in set(Purpose) for name in given):
        raise Invalid("script_purposes_unknown", known=", ".join(Purpose))
    return [Purpose(name) for name in given]
