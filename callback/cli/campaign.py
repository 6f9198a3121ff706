"""`callback campaign`: list, create, pause, resume, cancel."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from callback.cli import app
from callback.cli.common import check_schema, console, moment_of, open_house
from callback.db import campaigns as rows
from callback.db.engine import reading
from callback.db.tables import Campaign
from callback.domain.words import CaseKind, Channel
from callback.services import campaigns
from callback.texts import say

campaign_app = typer.Typer(help="Campaigns of automatic surveys: started, paused and cancelled as one.")
app.add_typer(campaign_app, name="campaign")
CampaignName = Annotated[str, typer.Argument(help="The campaign's name.")]


@campaign_app.command("list")
def list_campaigns() -> None:
    """Every campaign and how far it has come."""
    with open_house() as house:
        check_schema(house)
        language = house.settings.language
        table = Table(box=None, pad_edge=False)
        for column in ("name", "state", "progress"):
            table.add_column(say(f"campaign.column.{column}", language))
        with reading(house.sessions) as session:
            found = session.scalars(rows.listed().order_by(Campaign.id)).all()
            progress = rows.progress(session, [one.id for one in found])
        for one in found:
            counts = ", ".join(f"{state.value} {count}" for state, count in sorted(progress[one.id].items()))
            table.add_row(one.name, say(f"campaign.state.{one.state.value}", language), counts or "–")
        console.print(table)


@campaign_app.command("create")
def create(
    name: CampaignName,
    channel: Annotated[Channel | None, typer.Option(help="Only contacts on this channel.")] = None,
    category: Annotated[str | None, typer.Option(help="Only cases of this category.")] = None,
    product: Annotated[str | None, typer.Option(help="Only cases of this product.")] = None,
    kind: Annotated[CaseKind | None, typer.Option(help="Only cases of this kind.")] = None,
    closed_from: Annotated[str | None, typer.Option(help="Only cases closed from this moment on.")] = None,
    closed_until: Annotated[str | None, typer.Option(help="Only cases closed before this moment.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Begin when it is resumed.")] = False,
) -> None:
    """A campaign of everything that fits and waits; what is planned later joins it."""
    with open_house() as house:
        check_schema(house)

        def moment(text: str | None) -> datetime | None:
            return None if text is None else moment_of(text, house.zone)

        criteria = campaigns.Criteria(
            channel=channel,
            category=category,
            product=product,
            kind=kind,
            closed_from=moment(closed_from),
            closed_until=moment(closed_until),
        )
        with house.sessions.begin() as session:
            campaigns.create(session, name=name, criteria=criteria, by=None, now=house.clock(), paused=paused)
        typer.echo(say("campaign.created", house.settings.language, name=name))


def _change(name: str, act: Callable[..., Campaign]) -> None:
    with open_house() as house:
        check_schema(house)
        with house.sessions.begin() as session:
            changed = act(session, _found(session, name), by=None, now=house.clock())
            state = say(f"campaign.state.{changed.state.value}", house.settings.language)
        typer.echo(f"{name}: {state}")


def _found(session: Session, name: str) -> Campaign:
    return campaigns.find_by_name(session, name)


@campaign_app.command("pause")
def pause(name: CampaignName) -> None:
    """Nothing of it leaves any more; it keeps its place."""
    _change(name, campaigns.pause)


@campaign_app.command("resume")
def resume(name: CampaignName) -> None:
    """Go on where it was paused."""
    _change(name, campaigns.resume)


@campaign_app.command("cancel")
def cancel(name: CampaignName) -> None:
    """End it for good: what has not begun never leaves."""
    _change(name, campaigns.cancel)
