"""`callback worker`: the process that plans, watches promises and carries the work."""

import typer

from callback.channels.readiness import check_ready
from callback.cli import app
from callback.cli.common import check_schema, open_house
from callback.log import configure_logging


@app.command()
def worker() -> None:
    """Run the ticks and the work until stopped (Ctrl-C or SIGTERM). On PostgreSQL as many at once as you like."""
    from callback.worker.process import run  # noqa: PLC0415  starts slowly; other commands need not wait for it

    with open_house() as house:
        check_schema(house)
        check_ready(house.settings)
        configure_logging(house.settings)
        if not run(house):
            raise typer.Exit(1)
