"""`callback dissatisfaction list|assign|close`: unhappy customers, for supervisors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from callback.bootstrap import House
from callback.cli import app
from callback.cli.common import console, moment_of, open_house
from callback.cli.work import AsOf, agent_id_of
from callback.db import dissatisfactions as rows
from callback.db.engine import reading
from callback.db.tables import Agent, Dissatisfaction
from callback.domain.recovery import Finding
from callback.domain.words import DissatisfactionState, Role, SubCause
from callback.errors import Forbidden
from callback.services import dissatisfactions, wording
from callback.texts import Language, say

unhappy = typer.Typer(help="Unhappy customers and their second calls.", no_args_is_help=True)
app.add_typer(unhappy, name="dissatisfaction")
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the dissatisfaction.")]
By = Annotated[str, typer.Option("--by", help="Login of the supervisor who decides.")]


def _supervisor(house: House, login: str) -> int:
    """Raises `NotFound` (`agent_not_found`) and `Forbidden` (`role_not_allowed`)."""
    agent_id = agent_id_of(house, login)
    with reading(house.sessions) as session:
        role = session.get_one(Agent, agent_id).role
    if role is Role.AGENT:
        raise Forbidden("role_not_allowed", role=role.value)
    return agent_id


@unhappy.command("list")
def list_command(
    state: Annotated[list[DissatisfactionState] | None, typer.Option(help="Default: open and escalated.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_of: AsOf = None,
) -> None:
    """The flags, the oldest first."""
    with open_house(as_of_text=as_of) as house, reading(house.sessions) as session:
        query = rows.listed(states=state or rows.LIVE).order_by(Dissatisfaction.raised_at, Dissatisfaction.id)
        flags = session.scalars(query.limit(limit)).all()
        if not flags:
            console.print(say("dissatisfaction.none", house.settings.language))
            return
        console.print(_table(flags, house.clock(), house.settings.language))


def _table(flags: Sequence[Dissatisfaction], now: datetime, language: Language) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for flag in flags:
        hours = ((flag.closed_at or now) - flag.raised_at).total_seconds() / 3600
        table.add_row(
            str(flag.id),
            f"case {flag.case_id}",
            flag.severity.value,
            say(f"decided_by.{flag.rule.value}", language),
            say(f"verdict.{flag.state.value}", language),
            f"{hours:.0f} h",
            str(flag.failures),
        )
    return table


@unhappy.command("assign")
def assign_command(
    number: Number,
    to: Annotated[str, typer.Option("--to", help="Login of the agent who makes the second call.")],
    by: By,
    at: Annotated[str | None, typer.Option(help="A moment; default: the next legal one.")] = None,
    override: Annotated[str | None, typer.Option(help="Why a rule about persons is overridden; audited.")] = None,
    as_of: AsOf = None,
) -> None:
    """Give the second call to an agent."""
    with open_house(as_of_text=as_of) as house:
        agent_id, decider = agent_id_of(house, to), _supervisor(house, by)
        with house.sessions.begin() as session:
            callback = dissatisfactions.assign_second_call(
                session,
                dissatisfaction_id=number,
                agent_id=agent_id,
                by=decider,
                now=house.clock(),
                at=moment_of(at, house.zone) if at else None,
                override_reason=override,
            )
            planned_at = callback.planned_at
        shown = (
            wording.moment(planned_at.astimezone(house.zone), house.settings.language)
            if planned_at is not None
            else "–"
        )
        console.print(say("dissatisfaction.assigned", house.settings.language, agent=to, at=shown))


@unhappy.command("close")
def close_command(
    number: Number,
    cause: Annotated[SubCause, typer.Option(help="What it was; its kind follows from it.")],
    by: By,
    lesson: Annotated[str | None, typer.Option(help="What we learn from it.")] = None,
    as_of: AsOf = None,
) -> None:
    """Settle it otherwise, with the cause."""
    with open_house(as_of_text=as_of) as house:
        decider = _supervisor(house, by)
        with house.sessions.begin() as session:
            dissatisfactions.close(
                session,
                dissatisfaction_id=number,
                finding=Finding(sub_cause=cause, lesson=lesson),
                by=decider,
                now=house.clock(),
            )
        console.print(say("dissatisfaction.closed", house.settings.language, id=number))
