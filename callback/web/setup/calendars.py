"""`/setup/calendars`: a year of a country, with its holidays and make-up working days, and our own days above them."""

import calendar
import functools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

import holidays
from fastapi import APIRouter, Depends, Path, Query, Response

from callback.domain.account import Scope
from callback.domain.words import DayKind, SetupKind
from callback.services import calendars as service
from callback.services.setups.record import Act
from callback.texts import Language
from callback.web.desk import Desk, at_desk
from callback.web.moments import locale_of, month
from callback.web.setup.forms import Fields, Form
from callback.web.setup.history import history_of

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.POLICIES_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.POLICIES_WRITE))]
Country = Annotated[str, Path(pattern=r"^[A-Z]{2}$")]
FIRST_YEAR, LAST_YEAR = 2000, 2099
MOST_DAYS = 60


@router.get("/setup/calendars")
def year(
    desk: Reader,
    country: Annotated[str, Query(max_length=8)] = "",
    of: Annotated[str, Query(alias="year", max_length=8)] = "",
) -> Response:
    names = country_names(desk.language)
    country = country.strip().upper()
    country = country if country in names else desk.house.settings.country
    this_year = desk.now.astimezone(desk.zone).year
    shown = int(of) if of.isdecimal() and FIRST_YEAR <= int(of) <= LAST_YEAR else this_year
    with desk.reading() as session:
        days = service.list_days(session, country, shown, language=desk.language)
        weekend = service.load_calendar(session, country, (shown,)).weekend
        today = desk.now.astimezone(desk.zone).date()
        first = today if shown == today.year else date(shown, 1, 1)
        return desk.page(
            "setup/calendars/page.html",
            country=country,
            names=names,
            known=service.is_known(country),
            year=shown,
            days=days,
            by_day={found.day: found for found in days},
            months=[(month(date(shown, n, 1), desk.language), _weeks(shown, n), n) for n in range(1, 13)],
            weekend=weekend,
            today=today,
            fields=Fields(desk, first=first.isoformat(), kind=DayKind.HOLIDAY.value),
            may=Scope.POLICIES_WRITE in desk.me.scopes,
            history=history_of(desk, session, SetupKind.CALENDAR, country),
        )


def _weeks(year: int, number: int) -> Sequence[Sequence[date]]:
    return calendar.Calendar().monthdatescalendar(year, number)


@functools.cache
def country_names(language: Language) -> Mapping[str, str]:
    """The countries that have a public calendar, by their names."""
    known = holidays.list_supported_countries(include_aliases=False)
    territories = locale_of(language).territories
    return dict(sorted(((code, territories.get(code, code)) for code in known), key=lambda pair: pair[1]))


@router.post("/setup/calendars/{country}")
def add(desk: Writer, country: Country, form: Form) -> Response:
    """Say what one day is, or several in a row."""
    fields = Fields(desk, form)
    first = fields.day("first")
    last = fields.day("last") if fields.raw("last") else first
    kind = fields.one_of("kind", [kind.value for kind in DayKind])
    name = fields.text("name", most=120, needed=False)
    if first and last and not fields.faults:
        if last < first:
            fields.fault("last", "error.absence_ends_before_start")
        elif (last - first).days >= MOST_DAYS:
            fields.fault("last", "setup_desk.too_many_days", most=MOST_DAYS)
    if fields.faults or first is None or last is None:
        return desk.fragment("setup/calendars/form.html", status=422, **_form(fields, country))
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    days = {
        date.fromordinal(number).isoformat(): [kind, name] for number in range(first.toordinal(), last.toordinal() + 1)
    }
    with desk.begin() as session:
        service.put_back(session, country, {**service.document_of(session, country), **days}, act=act)
    undo = f"/setup/undo/{act.handle}"
    return desk.go(_address(country, first), said="setup_desk.days_saved", undo=undo, count=len(days))


@router.post("/setup/calendars/{country}/{day}/remove")
def remove(desk: Writer, country: Country, day: date) -> Response:
    """The public calendar speaks for this day again."""
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    with desk.begin() as session:
        service.remove_day(session, now=desk.now, country=country, day=day, actor_id=desk.me.agent_id, act=act)
    return desk.go(_address(country, day), said="setup_desk.saved", undo=f"/setup/undo/{act.handle}")


def _form(fields: Fields, country: str) -> dict[str, Any]:
    return {"fields": fields, "country": country, "may": True}


def _address(country: str, day: date) -> str:
    return f"/setup/calendars?country={country}&year={day.year}"
