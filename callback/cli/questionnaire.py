"""`callback questionnaire`: the questionnaires and their versions."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from callback.cli import app
from callback.cli.common import check_schema, console, open_house
from callback.cli.contents import member, read_json, telling_faults
from callback.db.engine import reading
from callback.domain.survey import Form
from callback.services import questionnaires
from callback.texts import say

commands = typer.Typer(help="Questionnaires and their versions.", no_args_is_help=True)
app.add_typer(commands, name="questionnaire")

QuestionnaireId = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="From `callback questionnaire list`.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON with key and questionnaire.")]


@commands.command("list")
def list_questionnaires(key: Annotated[str | None, typer.Option(help="Only this questionnaire.")] = None) -> None:
    """List every version, newest first."""
    with open_house() as house:
        check_schema(house)
        language = house.settings.language
        with reading(house.sessions) as session:
            rows = questionnaires.versions(session, key=key)
        table = Table(*(say(f"content.column.{name}", language) for name in ("id", "key", "version", "state")))
        for row in rows:
            state = say(f"content.state.{row.state}", language)
            table.add_row(str(row.id), escape(row.key), str(row.version), state)
        console.print(table)


@commands.command()
def show(questionnaire_id: QuestionnaireId) -> None:
    """Print one version as the JSON that `draft` reads."""
    with open_house() as house:
        check_schema(house)
        with reading(house.sessions) as session:
            row = questionnaires.find_questionnaire(session, questionnaire_id)
        document = {"key": row.key, "questionnaire": row.definition}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


@commands.command()
def preview(questionnaire_id: QuestionnaireId, form: Form = Form.FULL) -> None:
    """Print the questions of one form with their answers."""
    with open_house() as house:
        check_schema(house)
        language = house.settings.language
        with reading(house.sessions) as session:
            row = questionnaires.find_questionnaire(session, questionnaire_id)
        definition = questionnaires.check(row.definition)
        console.rule(escape(definition.title.said_in(language)))
        for number, question in enumerate(definition.of_form(form), start=1):
            mark = "*" if question.required else ""
            console.print(f"{number}. {question.title.said_in(language)}{mark}", markup=False, highlight=False)
            answers = [option.wording.said_in(language) for option in question.options]
            if answers:
                console.print("   " + " / ".join(answers), style="dim", markup=False, highlight=False)


@commands.command()
def check(file: File) -> None:
    """Say whether a questionnaire could be saved, and every fault with its place if not. Needs no database."""
    with open_house() as house, telling_faults(house.settings.language):
        definition = questionnaires.check(member(read_json(file), "questionnaire", file))
        title = definition.title.said_in(house.settings.language)
        console.print(say("content.sound", house.settings.language, title=title), markup=False)


@commands.command()
def draft(file: File) -> None:
    """Save a questionnaire file as a new draft."""
    with open_house() as house, telling_faults(house.settings.language):
        check_schema(house)
        document = read_json(file)
        key, definition = str(member(document, "key", file)), member(document, "questionnaire", file)
        with house.sessions.begin() as session:
            row = questionnaires.save_draft(session, key=key, definition=definition, now=house.clock())
        console.print(
            say("content.drafted", house.settings.language, key=key, version=row.version, id=row.id), markup=False
        )


@commands.command()
def publish(questionnaire_id: QuestionnaireId) -> None:
    """Put a draft into force; the version before it is retired."""
    with open_house() as house, telling_faults(house.settings.language):
        check_schema(house)
        with house.sessions.begin() as session:
            row = questionnaires.publish(session, questionnaire_id=questionnaire_id, now=house.clock())
        console.print(say("content.published", house.settings.language, key=row.key, version=row.version), markup=False)


@commands.command()
def seed() -> None:
    """Load the shipped questionnaires that this house has no version of."""
    with open_house() as house:
        check_schema(house)
        with house.sessions.begin() as session:
            count = questionnaires.seed_content(session, house.clock())
        console.print(say("content.seeded", house.settings.language, count=count), markup=False)
