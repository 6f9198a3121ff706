"""`callback plan`, `callback explain`, `callback reassign`."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import select

from callback.bootstrap import House
from callback.cli import app, plan_questions
from callback.cli.common import check_schema, complaints, console, open_house
from callback.db.engine import reading
from callback.db.tables import Agent, PlanProof
from callback.errors import NotFound
from callback.services import alternatives, explanations, gains, reassignments, wording
from callback.services.optimum import Proof
from callback.services.planning import Planned, plan_day, shards
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
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Also move what has its place, where that is better.")
    ] = False,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            help="absent=LOGIN, shift=LOGIN:2026-03-11:18:00-21:00, a figure as NAME=JSON, or one more agent as "
            "agent=zh+en:2026-03-11:09:00-12:00. Repeatable; writes nothing.",
        ),
    ] = None,
    export: Annotated[
        Path | None, typer.Option("--export", dir_okay=False, help="Write the question and the best answer to a file.")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", help="With --export: the planning that counted at this moment (needs KEEP_PLANS_DAYS)."),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", exists=True, dir_okay=False, help="Plan again from such a file alone.")
    ] = None,
) -> None:
    """Give every case its callback, and every callback an agent and a slot. Safe to repeat."""
    with open_house(as_of_text=as_of) as house:
        check_schema(house)
        settings = house.settings
        if replay is not None:
            return plan_questions.replay_plan(house, replay)
        if export is not None:
            return plan_questions.export_plan(house, export, at=at)
        if what_if:
            return plan_questions.ask_what_if(house, what_if, as_json=as_json)
        wanted: date | None = day.date() if day is not None else None
        with _progress() as progress:
            task = progress.add_task(say("plan.progress", settings.language), total=None)
            done = plan_day(
                house.sessions,
                now=house.clock(),
                zone=house.zone,
                day=wanted,
                carriers=house.carriers,
                afresh=afresh,
                keep=settings.keep_plans_days > 0,
                on_progress=lambda n: progress.advance(task, n),
            )
        brings = _gains(house, done)
        if as_json:
            told = {"gains": [gain for row in brings for gain in row.gains]}
            typer.echo(json.dumps(_figures(done) | told, ensure_ascii=False))
        else:
            _print(done, settings.language)
            for line in gains.tell(brings, settings.language, house.zone, now=house.clock()):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    return None


def _gains(house: House, done: Planned) -> list[PlanProof]:
    """What one more agent would bring: asked now where something is lacking and that is quick, else as it was found."""
    parts = shards(house.sessions)
    lacking = bool(done.callbacks.left or (done.callbacks.proof and done.callbacks.proof.missed))
    with reading(house.sessions) as session:
        few = lacking and gains.few_enough(session)
    if few:
        gains.ask_all(house.sessions, now=house.clock(), zone=house.zone, shards=parts, again=True)
    with reading(house.sessions) as session:
        return [row for row in gains.newest(session, parts) if lacking or row.gains]


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
        "moved": callbacks.moved,
        "overran": callbacks.overran,
        "left": dict(callbacks.left),
        "proof": _proof(callbacks.proof),
    }


def _proof(proof: Proof | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    dear = [
        {
            "at": b.starts_at.isoformat(),
            "languages": sorted(b.languages),
            "skills": sorted(b.skills),
            "promises": b.promises,
            "value": b.value,
        }
        for b in proof.bottlenecks
    ]
    missed = "missed_by_any_plan" if proof.bound else "missed_estimate"
    return {missed: proof.missed, "repaired": proof.repaired, "one_more_call": dear}


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
    if callbacks.moved:
        table.add_row(say("plan.moved_places", language), str(callbacks.moved))
    if callbacks.overran:
        table.add_row("  · " + say("decided_by.ran_over", language), str(callbacks.overran))
    for reason, count in callbacks.left.most_common():
        table.add_row("  · " + say(f"decided_by.{reason}", language), str(count))
    if callbacks.proof is not None and callbacks.proof.missed:
        code = "plan.missed" if callbacks.proof.bound else "plan.missed_estimate"
        table.add_row(say(code, language), str(callbacks.proof.missed))
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
            weighed = alternatives.weigh(session, callback, now=house.clock(), zone=house.zone)
            lines += alternatives.tell(weighed, spoken, house.zone)
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
            at = wording.moment(moved.at.astimezone(house.zone), language)
            console.print(f"{moved.handle}  →  {names[moved.agent_id]}  {at}", highlight=False)
        for stays in outcome.stays:
            console.print(f"{stays.handle}  –  {stays.tell(language, names)}", markup=False)
        console.print(say("plan.moved", language, moved=len(outcome.moved), stays=len(outcome.stays)))
