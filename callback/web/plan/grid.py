"""The grid: agents down, half hours across, one page of agents and one day at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select

from callback.db.tables import Team
from callback.domain.account import Scope
from callback.domain.words import Purpose, Role
from callback.services import day_plans
from callback.web import moments
from callback.web.desk import Desk, at_desk
from callback.web.plan.chips import Chips

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
LAST_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which part of the plan is looked at."""

    day: date
    team: int | None
    q: str
    page: int

    def address(self, **other: object) -> str:
        values = {"day": self.day, "team": self.team, "q": self.q, "page": self.page} | other
        return urlencode({name: value for name, value in values.items() if value not in (None, "", 1)})


def view_of(desk: Desk, asked: Mapping[str, str]) -> View:
    """What an address asks for; what is not understood is today, everybody, the first page."""
    team, page = asked.get("team", ""), asked.get("page", "")
    try:
        day = date.fromisoformat(asked.get("day", ""))
    except ValueError:
        day = desk.now.astimezone(desk.zone).date()
    return View(
        day=day if date(1970, 1, 2) <= day <= date(2100, 12, 30) else desk.now.astimezone(desk.zone).date(),
        team=int(team) if team.isdecimal() and len(team) < 19 else None,
        q=asked.get("q", "").strip()[:60],
        page=min(int(page), LAST_PAGE) if page.isdecimal() and len(page) < 9 else 1,
    )


@router.get("/plan")
def plan(desk: Leader) -> Response:
    return desk.page("plan/page.html", **_values(desk))


@router.get("/plan/grid")
def plan_grid(desk: Leader) -> Response:
    """The grid alone: the page asks for it by itself."""
    return desk.fragment("plan/grid.html", **_values(desk))


def _values(desk: Desk) -> dict[str, Any]:
    view = view_of(desk, desk.request.query_params)
    with desk.reading() as session:
        seen = day_plans.look(
            session, day=view.day, zone=desk.zone, now=desk.now, team_id=view.team, text=view.q, page=view.page
        )
        teams = session.execute(select(Team.id, Team.name).order_by(Team.name)).all()
    today = desk.now.astimezone(desk.zone).date()
    clocks = [moments.clock(at, desk.zone) for at in seen.columns]
    return {
        "plan": seen,
        "view": view,
        "teams": teams,
        "purposes": Purpose,
        "clocks": clocks,
        "chips": Chips(desk, clocks),
        "today": today,
        "yesterday": view.day - timedelta(days=1),
        "tomorrow": view.day + timedelta(days=1),
        "share": None if seen.current is None else (desk.now - seen.columns[seen.current]) / _width(seen),
    }


def _width(seen: day_plans.DayPlan) -> timedelta:
    """Of a column: what lies between any two that are neighbours, half an hour where there is but one."""
    gaps = [b - a for a, b in zip(seen.columns, seen.columns[1:], strict=False)]
    return min(gaps, default=timedelta(minutes=30))
