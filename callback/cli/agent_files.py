"""`callback agent import`: many agents from a file, by the same service as the page."""

from pathlib import Path
from typing import Annotated

import typer

from callback.cli.accounts import agent_app, teller
from callback.cli.common import check_schema, open_house
from callback.db.engine import reading
from callback.errors import Invalid
from callback.services.agent_files.plan import plan
from callback.services.agent_files.reading import read_path
from callback.services.agent_files.template import write_template
from callback.services.agent_files.writing import Wishes, keep_passwords, write


@agent_app.command("import")
def import_agents(
    file: Annotated[Path | None, typer.Argument(help="CSV or XLSX.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    make_teams: Annotated[bool, typer.Option("--make-teams", help="Make the teams that are not there yet.")] = False,
    take_back: Annotated[bool, typer.Option("--take-back", help="Take back those who are deactivated.")] = False,
    passwords: Annotated[
        Path | None, typer.Option(help="Give first passwords, and write them to this new file for you alone.")
    ] = None,
    template: Annotated[Path | None, typer.Option(help="Write an empty XLSX to this file instead.")] = None,
) -> None:
    """Make and change agents from a file: all of it, or nothing when a row is faulty."""
    with open_house() as house:
        settings, tell = house.settings, teller(house)
        if template is not None:
            write_template(template, settings.language)
            tell("import.template.written", file=template)
            return
        if file is None:
            raise Invalid("import_no_file")
        check_schema(house)
        found = read_path(file, country=settings.country)
        with reading(house.sessions) as session:
            planned = plan(session, found, take_back=take_back, time_zone=settings.time_zone)
        for fault in planned.faults:
            tell("account.import_faults", row=fault.row, text=fault.told(settings.language))
        if planned.faults:
            raise Invalid("agents_file_faults", count=len(planned.faults))
        if dry_run:
            if planned.new_teams:
                tell("account.import_teams", teams=", ".join(planned.new_teams))
            tell(
                "account.import_would",
                made=len(planned.made),
                changed=len(planned.changed),
                unchanged=planned.unchanged,
            )
            return
        wishes = Wishes(make_teams=make_teams, take_back=take_back, passwords=passwords is not None)
        with house.sessions.begin() as session:
            written = write(session, found, wishes, time_zone=settings.time_zone, now=house.clock(), actor_id=None)
            if passwords is not None:
                # Before the commit: passwords that could not be kept would be lost.
                keep_passwords(passwords, written.passwords, settings.language)
        tell("account.import_done", made=written.made, changed=written.changed, unchanged=written.unchanged)
        if passwords is not None:
            tell("account.import_passwords", count=len(written.passwords), file=passwords)
