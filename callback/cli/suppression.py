"""`callback suppression …`: who is not to be contacted."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from callback.cli import app
from callback.cli.common import check_schema, console, open_house
from callback.db import suppressions as rows
from callback.db.engine import reading
from callback.db.tables import Suppression
from callback.domain.address import mask
from callback.domain.words import SuppressionScope
from callback.services import contacts, do_not_call, suppressions
from callback.texts import say

suppression = typer.Typer(no_args_is_help=True, help="Who is not to be contacted, with the evidence.")
app.add_typer(suppression, name="suppression")

Words = Annotated[str, typer.Option("--words", help="What the customer said, or why: the evidence.")]
Scope = Annotated[SuppressionScope, typer.Option(help="What is ended.")]


@suppression.command("add")
def add(
    words: Words,
    address: Annotated[str | None, typer.Option(help="A telephone number or an e-mail address.")] = None,
    customer: Annotated[int | None, typer.Option(help="A customer's id.")] = None,
    scope: Scope = SuppressionScope.ALL,
) -> None:
    """Keep that somebody is not to be contacted."""
    with open_house() as house:
        check_schema(house)
        language = house.settings.language
        with house.sessions.begin() as session:
            done = suppressions.suppress_by_hand(
                session,
                scope=scope,
                words=words,
                now=house.clock(),
                by=None,
                customer_id=customer,
                address=_address(address, house.settings.country),
            )
            code = "added" if done.new else "present"
            text = say(f"suppression.{code}", language, id=done.entry.id, scope=done.entry.scope.value)
        console.print(text, markup=False, highlight=False)


def _address(text: str | None, region: str) -> str | None:
    return None if text is None else contacts.one_address(text, region)


@suppression.command("lift")
def lift(suppression_id: Annotated[int, typer.Argument(help="The entry's id.")], words: Words) -> None:
    """Take an entry back. It stays on record."""
    with open_house() as house:
        check_schema(house)
        with house.sessions.begin() as session:
            suppressions.lift(session, suppression_id=suppression_id, words=words, by=None, now=house.clock())
        console.print(say("suppression.lifted", house.settings.language, id=suppression_id), highlight=False)


@suppression.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX: one number or e-mail address a row.", exists=True)],
    scope: Scope = SuppressionScope.ALL,
) -> None:
    """Read in a do-not-call list. The same list again changes nothing."""
    with open_house() as house:
        check_schema(house)
        language = house.settings.language
        report = do_not_call.import_list(
            house.sessions, file, now=house.clock(), region=house.settings.country, scope=scope
        )
        figures = {"rows": report.rows, "added": report.added, "present": report.present, "rejected": report.rejected}
        console.print(say("suppression.imported", language, file=report.file, **figures), markup=False, highlight=False)
        for reject in report.rejects:
            why = do_not_call.what_to_do(reject, language)
            line = say("suppression.rejected_row", language, row=reject.row, value=reject.value, why=why)
            console.print(line, markup=False, highlight=False)


@suppression.command("list")
def list_entries(
    customer: Annotated[int | None, typer.Option(help="A customer's id.")] = None,
    scope: Annotated[SuppressionScope | None, typer.Option(help="Only this scope.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Lifted entries too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
) -> None:
    """List entries, the newest first, addresses masked."""
    with open_house() as house, reading(house.sessions) as session:
        language = house.settings.language
        query = rows.listed(customer_id=customer, scope=scope, lifted=None if everything else False)
        table = Table(box=None)
        for name in ("id", "who", "scope", "reason", "since", "lifted", "evidence"):
            table.add_column(say(f"suppression.column.{name}", language), overflow="fold")
        for entry in session.scalars(query.order_by(Suppression.id.desc()).limit(limit)):
            who = mask(entry.address) if entry.address else f"#{entry.customer_id}"
            table.add_row(
                str(entry.id),
                who,
                entry.scope.value,
                entry.reason,
                entry.created_at.isoformat(timespec="minutes"),
                entry.lifted_at.isoformat(timespec="minutes") if entry.lifted_at else "",
                str(entry.evidence.get("words") or entry.evidence.get("list") or ""),
            )
        console.print(table)
