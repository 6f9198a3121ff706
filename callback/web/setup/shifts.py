"""`/setup/shifts`: each agent's week, the days that differ, and one week for many."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.orm import Session

from callback.db import agents as rows
from callback.db.tables import Agent
from callback.domain.account import Scope
from callback.domain.roster import HoursError, Stretch, parse_hours
from callback.domain.words import DayKind, SetupKind
from callback.errors import NotFound
from callback.services import agents as people
from callback.services import calendars, shifts
from callback.services.setups.record import Act, Document
from callback.services.shift_effects import Effect, effect
from callback.web.desk import Desk, at_desk
from callback.web.moments import month
from callback.web.setup.agents import MOST_AT_ONCE, PER_PAGE, Wish
from callback.web.setup.forms import Fields, Form, PathId
from callback.web.setup.history import history_of

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.AGENTS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.SHIFTS_WRITE))]
WEEK = range(7)


@router.get("/setup/shifts")
def overview(desk: Reader, wish: Wish, after: Annotated[str, Query(max_length=120)] = "") -> Response:
    with desk.reading() as session:
        query = rows.found(session, wish.wanted())
        page = query.where(Agent.login > after) if after else query
        found = list(session.scalars(page.order_by(Agent.login).limit(PER_PAGE + 1)))
        more = found[PER_PAGE - 1].login if len(found) > PER_PAGE else None
        found = found[:PER_PAGE]
        weeks = shifts.present(session, [agent.id for agent in found], now=desk.now)
        values: dict[str, Any] = {
            "wish": wish,
            "total": rows.count_of(session, query),
            "people": found,
            "weeks": {agent_id: by_weekday(document) for agent_id, document in weeks.items()},
            "next": f"/setup/shifts?{wish.address(after=more)}" if more else None,
            "first": f"/setup/shifts?{wish.address()}" if after else None,
            "teams": rows.team_names(session),
        }
        if desk.is_htmx:
            return desk.fragment("setup/shifts/list.html", **values)
        return desk.page("setup/shifts/page.html", **values, may=Scope.SHIFTS_WRITE in desk.me.scopes)


def by_weekday(document: Document) -> Sequence[Sequence[Sequence[str]]]:
    """Of each weekday its stretches."""
    return [[[a, b] for day, a, b in document["pattern"] if day == weekday] for weekday in WEEK]


def _typed(document: Document) -> dict[str, Any]:
    """The fields of the week editor."""
    return {f"day_{weekday}": as_typed(said) for weekday, said in enumerate(by_weekday(document))}


def as_typed(stretches: Sequence[Sequence[str]]) -> str:
    return ", ".join(f"{starts}–{ends}" for starts, ends in stretches)


# ── One agent ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the calendar."""

    day: date
    inside: bool
    """Of the month that is shown."""
    hours: Sequence[str]
    differs: bool
    absent: bool
    reason: str
    holiday: str | None
    over: bool


@router.get("/setup/shifts/{agent_id:int}")
def one(
    desk: Reader, agent_id: PathId, shown: Annotated[str, Query(alias="month", pattern=r"^(\d{4}-\d{2})?$")] = ""
) -> Response:
    with desk.reading() as session:
        agent = people.get(session, agent_id)
        document = shifts.present(session, [agent_id], now=desk.now)[agent_id]
        today = desk.now.astimezone(desk.zone).date()
        first = _month(shown, today)
        week = _typed(document)
        return desk.page(
            "setup/shifts/one.html",
            agent=agent,
            week=Fields(desk, **week),
            day=Fields(desk, first=max(first, today).isoformat(), what="absent"),
            weekdays=WEEK,
            cells=_cells(desk, session, document, first, today),
            month_name=month(first, desk.language),
            earlier=(first - timedelta(days=1)).strftime("%Y-%m"),
            later=(first + timedelta(days=32)).strftime("%Y-%m"),
            may=Scope.SHIFTS_WRITE in desk.me.scopes,
            history=history_of(desk, session, SetupKind.SHIFTS, agent_id),
        )


def _month(shown: str, today: date) -> date:
    try:
        first = date.fromisoformat(f"{shown}-01")
    except ValueError:
        return today.replace(day=1)
    return first if 2000 <= first.year < 2100 else today.replace(day=1)


def _cells(desk: Desk, session: Session, document: Document, first: date, today: date) -> Sequence[Cell]:
    """The weeks of the month, from a Monday to a Sunday."""
    week = by_weekday(document)
    days = [day for line in calendar.Calendar().monthdatescalendar(first.year, first.month) for day in line]
    country = desk.house.settings.country
    free = {
        found.day: found.name or desk.say("setup_desk.day_holiday")
        for year in sorted({days[0].year, days[-1].year})
        for found in calendars.list_days(session, country, year, language=desk.language)
        if found.kind is DayKind.HOLIDAY
    }
    return [_cell(day, document, week, month=first.month, holiday=free.get(day), today=today) for day in days]


def _cell(
    day: date,
    document: Document,
    week: Sequence[Sequence[Sequence[str]]],
    *,
    month: int,
    holiday: str | None,
    today: date,
) -> Cell:
    said = document["days"].get(day.isoformat())
    hours = week[day.weekday()] if said is None else said["hours"]
    return Cell(
        day=day,
        inside=day.month == month,
        hours=[f"{starts}–{ends}" for starts, ends in hours],
        differs=said is not None,
        absent=said is not None and not hours,
        reason=(said or {}).get("reason") or "",
        holiday=holiday,
        over=day < today,
    )


@router.post("/setup/shifts/{agent_id:int}")
def save_week(desk: Writer, agent_id: PathId, form: Form) -> Response:
    """The week pattern; what would have to move is told first."""
    fields = Fields(desk, form)
    pattern = _pattern(fields)
    with desk.reading() as session:
        name = people.get(session, agent_id).name
        document = shifts.present(session, [agent_id], now=desk.now)[agent_id]
    values: dict[str, Any] = {"week": fields, "agent_id": agent_id, "weekdays": WEEK, "may": True}
    if fields.faults:
        return desk.fragment("setup/shifts/week.html", status=422, **values, effect=None)
    return _put(
        desk,
        {agent_id: {"pattern": pattern, "days": document["days"]}},
        sure=fields.on("sure"),
        asks=("setup/shifts/week.html", values),
        goes=f"/setup/shifts/{agent_id}",
        said=("setup_desk.week_saved", {"name": name}),
    )


@router.post("/setup/shifts/{agent_id:int}/days")
def save_days(desk: Writer, agent_id: PathId, form: Form) -> Response:
    """Absent, other hours, or back to the week, on one day or many."""
    fields = Fields(desk, form)
    what = fields.one_of("what", ("absent", "hours", "week"))
    first = fields.day("first")
    last = fields.day("last") if fields.raw("last") else first
    reason = fields.text("reason", most=200, needed=False) or None
    hours = _hours(fields, "hours") if what == "hours" else []
    if what == "hours" and not hours:
        fields.fault("hours", "setup_desk.needed")
    days: list[date] = []
    if first is not None and last is not None:
        with fields.telling({}, otherwise="last"):
            days = shifts.days_between(first, last)
        if days and days[-1] < desk.now.date() - timedelta(days=1):
            fields.fault("first", "setup_desk.day_over")
    values: dict[str, Any] = {"day": fields, "agent_id": agent_id, "may": True}
    if fields.faults:
        return desk.fragment("setup/shifts/day.html", status=422, **values, effect=None)
    with desk.reading() as session:
        people.get(session, agent_id)
        document = shifts.present(session, [agent_id], now=desk.now)[agent_id]
    said = None if what == "week" else [shifts.Hours(a, b) for a, b in hours]
    return _put(
        desk,
        {agent_id: shifts.days_changed(document, days, said, reason=reason)},
        sure=fields.on("sure"),
        asks=("setup/shifts/day.html", values),
        goes=f"/setup/shifts/{agent_id}?month={days[0]:%Y-%m}",
        said=("setup_desk.days_saved", {"count": len(days)}),
    )


def _put(
    desk: Desk,
    documents: Mapping[int, Document],
    *,
    sure: bool,
    asks: tuple[str, dict[str, Any]],
    goes: str,
    said: tuple[str, dict[str, Any]],
) -> Response:
    """Write these hours; whoever has not seen what would have to move is asked first."""
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    found: Effect | None = None
    if not sure:
        with desk.reading() as session:
            found = effect(session, documents, now=desk.now)
    if found is not None and (found.moving or found.pinned):
        return desk.fragment(asks[0], **asks[1], effect=found)
    with desk.begin() as session:
        count = shifts.put_back(session, documents, act=act)
    return desk.go(goes, said=said[0], undo=f"/setup/undo/{act.handle}" if count else None, **said[1])


def _pattern(fields: Fields) -> list[list[object]]:
    """The week of the form, as a version remembers it; faults at the day."""
    week = [Stretch(weekday, a, b) for weekday in WEEK for a, b in _hours(fields, f"day_{weekday}")]
    return shifts.pattern_of(week)


def _hours(fields: Fields, name: str) -> Sequence[tuple[Any, Any]]:
    try:
        return parse_hours(fields.raw(name))
    except HoursError as error:
        fields.fault(name, f"setup_desk.{error.code}", part=error.part)
        return ()


# ── Many agents ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/setup/shifts/many")
def many(desk: Writer, wish: Wish, form: Form) -> Response:
    """The week editor for everybody who was ticked; it begins with the week of the first of them."""
    fields = Fields(desk, form)
    with desk.reading() as session:
        ids = _chosen(session, fields, wish)
        if not ids:
            return desk.fragment("setup/shifts/nobody.html", status=422)
        document = shifts.present(session, ids[:1], now=desk.now)[ids[0]]
        names = rows.names_of(session, ids[:5])
        week = _typed(document)
        return desk.fragment(
            "setup/shifts/many.html",
            ids=ids,
            names=list(names.values()),
            week=Fields(desk, **week),
            weekdays=WEEK,
            may=True,
            effect=None,
        )


@router.post("/setup/shifts/many/save")
def save_many(desk: Writer, form: Form) -> Response:
    fields = Fields(desk, form)
    pattern = _pattern(fields)
    with desk.reading() as session:
        ids = list(rows.existing(session, fields.ids("agent", most=MOST_AT_ONCE)))
        if not ids:
            raise NotFound("agent_not_found")
        documents = shifts.present(session, ids, now=desk.now)
        names = list(rows.names_of(session, ids[:5]).values())
    values: dict[str, Any] = {"week": fields, "ids": ids, "names": names, "weekdays": WEEK, "may": True}
    if fields.faults:
        return desk.fragment("setup/shifts/many_form.html", status=422, **values, effect=None)
    return _put(
        desk,
        {agent_id: {"pattern": pattern, "days": found["days"]} for agent_id, found in documents.items()},
        sure=fields.on("sure"),
        asks=("setup/shifts/many_form.html", values),
        goes="/setup/shifts",
        said=("setup_desk.many_shifts_saved", {"count": len(ids)}),
    )


def _chosen(session: Session, fields: Fields, wish: Any) -> Sequence[int]:
    if fields.on("everybody"):
        return rows.ids_of(session, rows.found(session, wish.wanted()), limit=MOST_AT_ONCE)
    return rows.existing(session, fields.ids("agent", most=MOST_AT_ONCE))
