"""`callback visit`: recurring visits (定期回访)."""

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from callback.cli import app
from callback.cli.common import console, open_house
from callback.db import visits as rows
from callback.db.engine import reading
from callback.errors import NotFound
from callback.services import visits
from callback.texts import say

commands = typer.Typer(help="Recurring visits: a friendly call every so many months.", no_args_is_help=True)
app.add_typer(commands, name="visit")

Name = Annotated[str, typer.Argument(help="Of the plan.", metavar="NAME")]


@commands.command("list")
def list_plans() -> None:
    """Every plan, and whom it is about."""
    with open_house() as house, reading(house.sessions) as session:
        language = house.settings.language
        days = say("contact.weekdays", language).split()
        columns = ("name", "who", "every", "days", "within", "rest", "state")
        table = Table(*(say(f"visit.{name}", language) for name in columns))
        for plan in rows.plans(session):
            who = [f"#{plan.customer_id}"] if plan.customer_id else [f"{k}={v}" for k, v in plan.segment.items()]
            table.add_row(
                escape(plan.name),
                escape(", ".join(who)) or say("visit.everybody", language),
                str(plan.every_months),
                " ".join(days[day] for day in plan.weekdays) or "–",
                str(plan.within_days),
                str(plan.rest_days),
                say("visit.active" if plan.active else "visit.stopped", language),
            )
        console.print(table)


@commands.command()
def add(
    name: Name,
    every: Annotated[int, typer.Option(min=1, max=60, help="Months between two visits.")],
    customer: Annotated[int | None, typer.Option(help="Number of one customer; without it, a segment.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="Customers of this country.")] = None,
    spoken: Annotated[list[str] | None, typer.Option("--language", help="Customers who speak zh or en.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Customers of this region.")] = None,
    special: Annotated[bool | None, typer.Option("--special/--not-special", help="Special customers alone.")] = None,
    weekday: Annotated[list[int] | None, typer.Option(min=1, max=7, help="Preferred day; Monday is 1.")] = None,
    within: Annotated[int, typer.Option(min=1, max=60, help="Days after its turn by which a visit is due.")] = 7,
    rest: Annotated[int, typer.Option(min=0, max=365, help="Days after a survey without a visit.")] = 30,
    starts: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Default: today.")] = None,
) -> None:
    """A new plan; whoever is in the segment now or later comes under it."""
    with open_house() as house:
        now = house.clock()
        new = visits.NewPlan(
            name=name,
            every_months=every,
            starts_on=starts.date() if starts else now.astimezone(house.zone).date(),
            customer_id=customer,
            countries=tuple(code.upper() for code in country or ()),
            languages=tuple(spoken or ()),
            regions=tuple(region or ()),
            special=special,
            weekdays=tuple(day - 1 for day in weekday or ()),
            within_days=within,
            rest_days=rest,
        )
        with house.sessions.begin() as session:
            visits.create_plan(session, new, by=None, now=now)
        console.print(say("visit.added", house.settings.language, name=name), markup=False)


@commands.command()
def stop(name: Name) -> None:
    """No more visits by this plan; those that are planned stay."""
    _set_active(name, active=False)


@commands.command()
def resume(name: Name) -> None:
    """Let a plan go on."""
    _set_active(name, active=True)


def _set_active(name: str, *, active: bool) -> None:
    with open_house() as house:
        with house.sessions.begin() as session:
            plan = rows.by_name(session, name)
            if plan is None:
                raise NotFound("visit_plan_not_found", plan=name)
            visits.set_active(session, plan, active, by=None, now=house.clock())
        done = "visit.resumed" if active else "visit.was_stopped"
        console.print(say(done, house.settings.language, name=name), markup=False)


@commands.command()
def run() -> None:
    """Make the visits whose turn has come; the worker does it by itself every hour."""
    with open_house() as house:
        language = house.settings.language
        done = visits.take_turns(house.sessions, now=house.clock())
        console.print(say("visit.done", language, begun=done.begun, created=done.created))
        for word, counted in (("waits", done.waiting), ("passes", done.passed)):
            for rule, count in counted.most_common():
                reason = say(f"visit.why.{rule}", language)
                console.print(say(f"visit.{word}", language, count=count, reason=reason), markup=False)
