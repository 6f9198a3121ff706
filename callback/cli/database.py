"""`callback migrate`: bring the database to this version's schema."""

from typing import Annotated

import typer

from callback.cli import app
from callback.cli.common import console, open_house
from callback.db import migrate as migrations
from callback.texts import say


@app.command()
def migrate(
    *,
    revision: Annotated[str, typer.Argument(help="The revision to migrate up to.")] = "head",
    down: Annotated[
        str | None, typer.Option("--down", metavar="REVISION", help="Migrate down instead; `base` removes everything.")
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another migrator.", min=0)] = 600,
) -> None:
    """Bring the database to the schema of this version. Safe to run twice and from several machines."""
    with open_house() as house:
        if down is None:
            migrations.upgrade(house.engine, house.settings, revision, patience_s=wait)
        else:
            migrations.downgrade(house.engine, house.settings, down, patience_s=wait)
        with house.engine.connect() as connection:
            reached = migrations.current(connection)
        console.print(say("database.at_revision", house.settings.language, revision=reached or "-"), highlight=False)
