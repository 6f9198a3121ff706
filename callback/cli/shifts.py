"""`callback agent shifts` and `callback agent absent`: when somebody works, without a page."""

import re
from collections.abc import Iterator
from datetime import datetime, time
from typing import Annotated

import typer

from callback.cli.accounts import agent_app, teller
from callback.cli.common import open_house
from callback.domain.roster import Stretch
from callback.errors import Invalid
from callback.services import shifts
from callback.services.agents import by_login

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = re.compile(r"(?P<days>[a-z,-]+)\s+(?P<hours>\d\d?:\d\d-\d\d?:\d\d(\s+\d\d?:\d\d-\d\d?:\d\d)*)", re.IGNORECASE)


def parse_week(texts: list[str]) -> list[Stretch]:
    """`mon-fri 09:00-12:00 14:00-18:00`, `sat 10:00-14:00` → stretches.

    Raises `Invalid` naming what is not understood.
    """
    week: list[Stretch] = []
    for text in texts:
        match = _WEEK.fullmatch(text.strip())
        if match is None:
            raise Invalid("shift_not_understood", text=text)
        try:
            days = list(_days(match["days"].lower()))
            hours = [_hours(part) for part in match["hours"].split()]
        except ValueError:
            raise Invalid("shift_not_understood", text=text) from None
        week += [Stretch(day, starts, ends) for day in days for starts, ends in hours]
    return week


def _hours(text: str) -> tuple[time, time]:
    starts, _, ends = text.partition("-")
    return time.fromisoformat(starts.zfill(5)), time.fromisoformat(ends.zfill(5))


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(DAYS.index(first), DAYS.index(last or first) + 1)


@agent_app.command("shifts")
def set_shifts(
    login: Annotated[str, typer.Argument(help="Whose week.")],
    week: Annotated[
        list[str], typer.Argument(help="'mon-fri 09:00-12:00 14:00-18:00' 'sat 10:00-14:00': the whole week anew.")
    ],
) -> None:
    """Say when an agent works, week by week, in the agent's own time; the next planning follows it."""
    with open_house() as house:
        tell = teller(house)
        pattern = parse_week(week)
        with house.sessions.begin() as session:
            agent = by_login(session, login)
            shifts.set_pattern(session, agent.id, pattern, version=agent.version, now=house.clock(), actor_id=None)
        tell("account.shifts_set", login=login, stretches=len(pattern))


@agent_app.command("absent")
def set_absent(
    login: Annotated[str, typer.Argument(help="Who.")],
    first: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="Last day; default: the same.")] = None,
    reason: Annotated[str | None, typer.Option(help="Kept with the days.")] = None,
) -> None:
    """Enter days on which an agent is away; the next planning gives the callbacks of those days to others."""
    with open_house() as house:
        tell = teller(house)
        until = (last or first).date()
        with house.sessions.begin() as session:
            agent = by_login(session, login)
            shifts.set_absent(
                session,
                agent.id,
                first=first.date(),
                last=until,
                reason=reason,
                version=agent.version,
                now=house.clock(),
                actor_id=None,
            )
        tell("account.absence_set", login=login, first=first.date(), last=until)
