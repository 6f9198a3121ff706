"""Questions to the plan: what if, export and replay, and what the supervisor has to put right."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.bootstrap import House
from callback.cli import app
from callback.cli.common import console, open_house
from callback.db.engine import reading
from callback.db.tables import Agent, Team
from callback.domain.facts import AgentFacts
from callback.errors import Invalid, NotFound
from callback.services import findings, kept_plans, plan_files, what_if
from callback.services.optimum import OptimalAssigner
from callback.services.problems import read_problem
from callback.texts import Language, say

MOST_NAMED = 20
"""Callbacks that a replay names where it differs."""
DAILY_CAPACITY = 60
"""Of an agent who is not there; as of a new one."""


def ask_what_if(house: House, wishes: list[str], *, as_json: bool) -> None:
    """Show what the changes would do; nothing is written."""
    with reading(house.sessions) as session:
        change = _read_change(session, wishes, house.zone)
        found = what_if.compare_all(session, change, moment=house.clock(), zone=house.zone)
    if as_json:
        typer.echo(json.dumps(_comparison_out(found), ensure_ascii=False))
    else:
        _print_comparison(found, house.settings.language)


def _read_change(session: Session, wishes: list[str], zone: ZoneInfo) -> what_if.Change:
    """`absent=LOGIN`, `shift=LOGIN:DAY:HH:MM-HH:MM`, `agent=zh+en:DAY:HH:MM-HH:MM`, or a figure as `NAME=JSON`."""
    teams = dict(session.execute(select(Team.name, Team.id)).tuples().all())
    logins = dict(session.execute(select(Agent.login, Agent.id)).tuples().all())
    absent: set[int] = set()
    extra: list[what_if.ExtraShift] = []
    hired: list[AgentFacts] = []
    figures: dict[str, Any] = {}
    for wish in wishes:
        name, separator, value = wish.partition("=")
        if not separator:
            raise Invalid("what_if_figure", text=wish)
        if name == "absent":
            absent.add(_agent(logins, value))
        elif name == "shift":
            login, day, starts, ends = _read_shift(value)
            extra.append(what_if.ExtraShift(_agent(logins, login), day, starts, ends))
        elif name == "agent":
            who, day, starts, ends = _read_shift(value)
            hired.append(_hire(who, -1 - len(hired), zone, teams))
            extra.append(what_if.ExtraShift(hired[-1].id, day, starts, ends))
        else:
            try:
                figures[name] = json.loads(value)
            except ValueError as error:
                raise Invalid("what_if_figure", text=wish) from error
    return what_if.Change(absent=frozenset(absent), extra=tuple(extra), hired=tuple(hired), figures=figures)


def _read_shift(text: str) -> tuple[str, date, time, time]:
    """Who, on which day, from when until when."""
    try:
        who, day, hours = text.split(":", 2)
        starts, ends = hours.split("-")
        return who, date.fromisoformat(day), time.fromisoformat(starts), time.fromisoformat(ends)
    except ValueError as error:
        raise Invalid("what_if_shift", text=text) from error


def _hire(text: str, agent_id: int, zone: ZoneInfo, teams: Mapping[str, int]) -> AgentFacts:
    """Somebody who is not there: `zh+en`, or `zh+en/billing+fibre` with skills; with `@TEAM` in a team."""
    text, _, team = text.partition("@")
    if team and team not in teams:
        raise NotFound("team_not_found", team=team)
    languages, _, skills = text.partition("/")
    return AgentFacts(
        agent_id,
        frozenset(part for part in languages.split("+") if part),
        frozenset(part for part in skills.split("+") if part),
        team_id=teams.get(team),
        daily_capacity=DAILY_CAPACITY,
        zone=zone,
    )


def _agent(logins: dict[str, int], login: str) -> int:
    if login not in logins:
        raise NotFound("agent_not_found", agent=login)
    return logins[login]


def _comparison_out(found: what_if.Comparison) -> dict[str, Any]:
    def world(one: what_if.World) -> dict[str, Any]:
        return {
            "placed": one.placed,
            "in_time": one.in_time,
            "expected_contacts": round(one.expected_contacts, 2),
            "left": dict(one.left),
        }

    return {
        "today": world(found.today),
        "otherwise": world(found.otherwise),
        "moved": found.moved,
        "gained": list(found.gained),
        "lost": list(found.lost),
    }


def _print_comparison(found: what_if.Comparison, language: Language) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column(say("whatif.title", language))
    table.add_column(say("whatif.today", language), justify="right")
    table.add_column(say("whatif.otherwise", language), justify="right")
    one, other = found.today, found.otherwise
    table.add_row(say("whatif.placed", language), str(one.placed), str(other.placed))
    table.add_row(say("whatif.in_time", language), str(one.in_time), str(other.in_time))
    contacts = (f"{world.expected_contacts:.1f}" for world in (one, other))
    table.add_row(say("whatif.contacts", language), *contacts)
    for reason in sorted(one.left.keys() | other.left.keys()):
        label = say("whatif.left", language, reason=say(f"decided_by.{reason}", language))
        table.add_row(label, str(one.left[reason]), str(other.left[reason]))
    console.print(table)
    counts = {"moved": found.moved, "lost": len(found.lost), "gained": len(found.gained)}
    console.print(say("whatif.moved", language, **counts))


def export_plan(house: House, file: Path, *, at: datetime | None = None) -> None:
    """Plan everything that may be moved, and write question and answer to a file; nothing else is written.

    With `at` (the centre's time, unless it says its zone) nothing is planned: the file is of the planning that counted
    then, and one for each team where teams are planned by themselves.
    """
    if at is not None:
        _export_kept(house, file, at if at.tzinfo is not None else at.replace(tzinfo=house.zone))
        return
    with reading(house.sessions) as session:
        problem = read_problem(session, moment=house.clock(), zone=house.zone, afresh=True)
    solution = OptimalAssigner().solve(problem.demands, problem.roster, problem.policy)
    file.write_text(plan_files.export(problem.demands, problem.roster, problem.policy, solution), encoding="utf-8")
    console.print(say("plan.exported", house.settings.language, file=str(file)), markup=False)


def _export_kept(house: House, file: Path, moment: datetime) -> None:
    with reading(house.sessions) as session:
        found = kept_plans.at(session, moment)
    for at, shard, content in found:
        to = file if len(found) == 1 else file.with_name(f"{file.stem}.{shard}{file.suffix}")
        to.write_text(content, encoding="utf-8")
        told = {"file": str(to), "at": f"{at.astimezone(house.zone):%Y-%m-%d %H:%M:%S}"}
        console.print(say("plan.exported_kept", house.settings.language, **told), markup=False)


def replay_plan(house: House, file: Path) -> None:
    """Plan again from the file alone; exits 1 when the answer differs."""
    language = house.settings.language
    found = plan_files.replay(file.read_bytes())
    if found.same:
        console.print(say("plan.replay_same", language, placed=found.placed))
        return
    console.print(say("plan.replay_differs", language))
    if found.differing:
        named = ", ".join(map(str, found.differing[:MOST_NAMED]))
        told = say("plan.replay_differing", language, count=len(found.differing), callbacks=named)
        console.print(told, markup=False)
    raise typer.Exit(1)


@app.command("findings")
def findings_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Move the clock to this moment.")] = None,
) -> None:
    """What the supervisor has to put right before the plan can be better: each with its name and reason."""
    with open_house(as_of_text=as_of) as house, reading(house.sessions) as session:
        faults = findings.find_faults(session, now=house.clock())
        if as_json:
            found = [{"code": f.code, "who": f.who, **f.params} for f in faults]
            typer.echo(json.dumps(found, ensure_ascii=False, default=_as_text))
            return
        for fault in faults:
            told = findings.tell(fault, house.settings.language, zone=house.zone)
            console.print(told, markup=False, highlight=False, soft_wrap=True)
        if not faults:
            console.print(say("findings.none", house.settings.language))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
