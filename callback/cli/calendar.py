"""`callback calendar`: the holidays and make-up working days that decide when nobody is called."""

from datetime import date, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from callback.cli import app
from callback.cli.common import complaints, console, open_house
from callback.db.engine import reading
from callback.domain.words import DayKind
from callback.errors import Invalid
from callback.services import calendars
from callback.texts import say

commands = typer.Typer(help="Public holidays and make-up working days.", no_args_is_help=True)
app.add_typer(commands, name="calendar")

Country = Annotated[str, typer.Argument(help="ISO 3166 code, for example CN.", metavar="COUNTRY")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], metavar="DAY", help="As 2026-10-01.")]


@commands.command()
def show(country: Country, year: Annotated[int, typer.Argument(metavar="YEAR")]) -> None:
    """List the days of one year that are not ordinary ones."""
    with open_house() as house:
        if not 1970 <= year <= 2100:
            raise Invalid("calendar_year", year=year)
        language, country = house.settings.language, country.upper()
        calendars.check_country(country)
        with reading(house.sessions) as session:
            days = calendars.list_days(session, country, year, language=language)
        if not calendars.is_known(country):
            complaints.print(say("calendar.unknown_country", language, country=country), markup=False, soft_wrap=True)
        columns = [say(f"calendar.{name}", language) for name in ("day", "kind", "name", "source")]
        table = Table(*columns, title=say("calendar.title", language, country=country, year=year))
        for day in days:
            source = say("calendar.edited" if day.edited else "calendar.public", language)
            table.add_row(f"{day.day}", say(f"calendar.kind.{day.kind}", language), escape(day.name), source)
        console.print(table)


@commands.command()
def add(
    country: Country,
    day: Day,
    kind: Annotated[DayKind, typer.Option(help="What the day is from now on.")] = DayKind.HOLIDAY,
    name: Annotated[str, typer.Option(help="As the agents know it.")] = "",
) -> None:
    """Say what a day is; wins over the public calendar."""
    with open_house() as house:
        wanted, country, language = _date(day), country.upper(), house.settings.language
        with house.sessions.begin() as session:
            calendars.add_day(session, now=house.clock(), country=country, day=wanted, kind=kind, name=name)
        kind_name = say(f"calendar.kind.{kind}", language)
        console.print(say("calendar.added", language, country=country, day=wanted, kind=kind_name), markup=False)


@commands.command()
def remove(country: Country, day: Day) -> None:
    """Let the public calendar speak for a day again."""
    with open_house() as house:
        wanted, country, language = _date(day), country.upper(), house.settings.language
        with house.sessions.begin() as session:
            calendars.remove_day(session, now=house.clock(), country=country, day=wanted)
        console.print(say("calendar.removed", language, country=country, day=wanted), markup=False)


def _date(day: datetime) -> date:
    """Typer reads days as midnights."""
    return day.date()
