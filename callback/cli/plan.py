"""`callback plan`, `callback explain`, `callback reassign`."""

import json
from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import select

from callback.cli import app
from callback.cli.common import complaints, console, open_house
from callback.db.engine import reading
from callback.db.tables import Agent
from callback.errors import NotFound
from callback.services import explanations, reassignments
from callback.services.planning import Planned, plan_day
from callback.texts import Language, say

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Move the clock to this moment, for a try-out on old data (not with a real carrier)."),
]
Lang = Annotated[str | None, typer.Option("--language", help="zh or en; default: CALLBACK_LANGUAGE.")]


@app.command("plan")
def plan_command(
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The day to plan; default: today.")
    ] = None,
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Give every case its callback, and every callback an agent and a slot. Safe to repeat."""
    with open_house(as_of_text=as_of) as house:
        settings = house.settings
        wanted: date | None = day.date() if day is not None else None
        with _progress() as progress:
            task = progress.add_task(say("plan.progress", settings.language), total=None)
            done = plan_day(
                house.sessions,
                now=house.clock(),
                zone=house.zone,
                day=wanted,
                carriers=house.carriers,
                on_progress=lambda n: progress.advance(task, n),
            )
        if as_json:
            typer.echo(json.dumps(_figures(done), ensure_ascii=False))
        else:
            _print(done, settings.language)


def _progress() -> Progress:
    """On standard error: the counts go to standard output."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:.0f}"))
    return Progress(*columns, TimeElapsedColumn(), console=complaints, transient=True)


def _figures(done: Planned) -> dict[str, Any]:
    cases, callbacks = done.cases, done.callbacks
    return {
        "looked_at": cases.looked_at,
        "created": dict(cases.created),
        "updated": cases.updated,
        "withdrawn": cases.withdrawn,
        "unchanged": cases.unchanged,
        "nothing": dict(cases.nothing),
        "blocked": dict(cases.blocked),
        "assigned": callbacks.assigned,
        "released": callbacks.released,
        "left": dict(callbacks.left),
    }


def _print(done: Planned, language: Language) -> None:
    cases, callbacks = done.cases, done.callbacks
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row(say("plan.looked_at", language), str(cases.looked_at))
    for purpose, count in cases.created.most_common():
        table.add_row("  + " + say(f"purpose.{purpose}", language), str(count))
    for rule, count in cases.nothing.most_common():
        table.add_row("  · " + say(f"decided_by.{rule}", language), str(count))
    for name, count in (("updated", cases.updated), ("withdrawn", cases.withdrawn), ("unchanged", cases.unchanged)):
        table.add_row(say(f"plan.{name}", language), str(count))
    table.add_row(say("plan.assigned", language), str(callbacks.assigned))
    table.add_row(say("plan.released", language), str(callbacks.released))
    for reason, count in callbacks.left.most_common():
        table.add_row("  · " + say(f"decided_by.{reason}", language), str(count))
    console.print(table)


@app.command("explain")
def explain_command(
    reference: Annotated[str, typer.Argument(metavar="CALLBACK", help="Handle or number of a callback; or case:17.")],
    language: Lang = None,
    as_of: AsOf = None,
) -> None:
    """Why this callback: its purpose, its moment, who may and may not make it, and by which rule."""
    with open_house(as_of_text=as_of) as house, reading(house.sessions) as session:
        spoken: Language = "zh" if (language or house.settings.language).startswith("zh") else "en"
        if reference.startswith("case:"):
            lines = explanations.tell_case(session, reference.removeprefix("case:"), spoken)
        else:
            callback = explanations.find(session, reference)
            lines = explanations.tell(explanations.explain(session, callback, now=house.clock()), spoken)
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command("reassign")
def reassign_command(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")],
    callbacks: Annotated[list[str] | None, typer.Argument(help="Handles of callbacks.")] = None,
    from_agent: Annotated[str | None, typer.Option("--from", help="Everything of this agent (login).")] = None,
    to: Annotated[list[str] | None, typer.Option("--to", help="Login of who takes them; default: anybody.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be moved, and change nothing.")] = False,
    as_of: AsOf = None,
) -> None:
    """Move callbacks to other agents, the hard rules kept; says which could not be moved and why."""
    with open_house(as_of_text=as_of) as house, house.sessions.begin() as session:
        language = house.settings.language
        logins = dict(session.execute(select(Agent.login, Agent.id)).tuples().all())
        for login in [*(to or []), *([from_agent] if from_agent else [])]:
            if login not in logins:
                raise NotFound("agent_not_found", agent=login)
        leaving = logins[from_agent] if from_agent else None
        ids = reassignments.by_handles(session, callbacks or [])
        ids += reassignments.of_agent(session, leaving) if leaving is not None else []
        outcome = reassignments.reassign(
            session,
            callback_ids=ids,
            to=frozenset(logins[login] for login in to) if to else None,
            by=None,
            reason=reason,
            now=house.clock(),
            zone=house.zone,
            leaving=leaving,
            dry_run=dry_run,
        )
        names = {agent_id: login for login, agent_id in logins.items()}
        for moved in outcome.moved:
            console.print(f"{moved.handle}  →  {names[moved.agent_id]}  {moved.at:%Y-%m-%d %H:%M}Z", highlight=False)
        for stays in outcome.stays:
            console.print(f"{stays.handle}  –  {say(stays.reason, language, **stays.params)}", markup=False)
        console.print(say("plan.moved", language, moved=len(outcome.moved), stays=len(outcome.stays)))
