"""`/board`: what a supervisor looks at fifty times a day. Every figure opens the cases behind it."""

from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from callback.db import work
from callback.db.jobs import enqueue
from callback.domain.account import Scope
from callback.domain.words import Role
from callback.services import board as boards
from callback.services import failures
from callback.services.attempts.sheet import AMBER, RED
from callback.web import moments
from callback.web.choices import OptionalId
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
FULL, TIGHT = 1.0, 0.85
"""Shares of a day's capacity at which a bar turns red and amber."""

SHORTAGES_SHOWN = 6
FEW = 40
"""Agents who are all shown at once; of more, those of the teams that the reader opens."""
Opened = Annotated[str, Query(pattern=r"^[0-9]{0,19}(-[0-9]{1,19}){0,200}$")]
"""Ids of teams: `3-17`; 0 is that of no team."""


@router.get("/board")
def board(desk: Leader, team: OptionalId = None) -> Response:
    return _board(desk, team, opened="", whole=True)


@router.get("/board/live")
def live(desk: Leader, team: OptionalId = None, opened: Opened = "") -> Response:
    """What changes: the page asks for it by itself. Of `opened` teams each agent is shown."""
    return _board(desk, team, opened=opened, whole=False)


@router.post("/board/look-ahead")
def look_ahead(desk: Leader) -> Response:
    """Ask the worker to look ahead now instead of at its next turn."""
    with desk.begin() as session:
        enqueue(session, "look_ahead", queueing_lock="look_ahead")
    response = Response(status_code=204)
    desk.announce(response, "board.looking_ahead")
    return response


def _board(desk: Desk, team: int | None, *, opened: str, whole: bool) -> Response:
    with desk.reading() as session:
        seen = boards.look(session, now=desk.now, zone=desk.house.zone, team_id=team)
        teams = work.teams(session)
        held = failures.held(session, desk.language)
    agents = sum(len(unit.agents) for unit in seen.teams)
    everybody = team is not None or agents <= FEW
    values: dict[str, Any] = {
        "board": seen,
        "held": held,
        "team": team,
        "teams": teams,
        "is_open": lambda unit: everybody or str(unit.id or 0) in opened.split("-"),
        "most": work.MOST,
        "ages": boards.AGES,
        "link": lambda path, **params: _link(path, team, **params),
        "tone": _tone,
        "zone": desk.house.zone,
        "hour": lambda at: moments.clock(at, desk.house.zone),
        "amber": AMBER,
        "red": RED,
        "old": timedelta(minutes=20),
        "shortages": [
            {**lack, "day": date.fromisoformat(lack["day"])}
            for lack in (seen.outlook.shortages[:SHORTAGES_SHOWN] if seen.outlook else ())
        ],
        "presences": {name: desk.say(f"board.presence_{name}") for name in ("working", "later", "gone", "off")},
    }
    return desk.page("board/page.html", **values) if whole else desk.fragment("board/live.html", **values)


def _link(path: str, team: int | None, **params: object) -> str:
    """The list behind a figure, of the same team."""
    query = {name: value for name, value in {**params, "team": team}.items() if value is not None}
    return f"{path}?{urlencode(query)}" if query else path


def _tone(share: float) -> str:
    return "bad" if share > FULL else "warn" if share > TIGHT else "calm"
