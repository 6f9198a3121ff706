"""Public calendars: the `holidays` package, with China's make-up working days, under our own editable days."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import holidays
from sqlalchemy.orm import Session

from callback.db import calendars
from callback.db.jobs import enqueue
from callback.domain.facts import Calendar
from callback.domain.words import DayKind, SetupKind
from callback.errors import Invalid, NotFound
from callback.services import audit
from callback.services.setups.record import Act, Change, Document, record
from callback.texts import Language

_LANGUAGES: Mapping[Language, tuple[str, ...]] = {"zh": ("zh_CN", "zh_HK", "zh_TW", "en_US"), "en": ("en_US", "en_GB")}

WHOLE_RUNS = frozenset({"CN"})
"""Where the state announces a holiday as one run of days with the weekends in it (国庆节 10-01 to 10-07); the package
lists only the weekdays among them, and a centre that calls on weekends would call in the middle of the holiday."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day that is not an ordinary one. `edited`: from our own table."""

    day: date
    kind: DayKind
    name: str
    edited: bool


def check_country(country: str) -> None:
    """Raises `Invalid` unless `country` is two capital letters."""
    if len(country) != 2 or not country.isascii() or not country.isalpha() or not country.isupper():
        raise Invalid("country_code", country=country)


def is_known(country: str) -> bool:
    """Whether there is a public calendar of `country` (ISO 3166-1 alpha-2). Without one, only weekends are free."""
    return country in holidays.list_supported_countries(include_aliases=False)


def years_around(now: datetime) -> tuple[int, ...]:
    """The years that a plan made now can touch, seen from any zone."""
    return (now.year - 1, now.year, now.year + 1)


def load_calendar(session: Session, country: str, years: Iterable[int]) -> Calendar:
    """The calendar of `country` (ISO 3166-1 alpha-2, upper case) over `years`.

    The same days give the same object, so that what is worked out for a calendar is worked out once.
    """
    wanted = tuple(sorted(set(years)))
    edited = calendars.days(session, country, first=date(wanted[0], 1, 1), last=date(wanted[-1], 12, 31))
    return _calendar(country, wanted, frozenset((row.day, row.kind) for row in edited))


def load_calendars(session: Session, countries: Iterable[str], years: Iterable[int]) -> dict[str, Calendar]:
    wanted = tuple(years)
    return {country: load_calendar(session, country, wanted) for country in sorted(set(countries))}


@lru_cache(maxsize=1024)
def _calendar(country: str, years: tuple[int, ...], edited: frozenset[tuple[date, DayKind]]) -> Calendar:
    kinds = {day: kind for day, (kind, _) in _public_days(country, years).items()}
    kinds.update(edited)
    return Calendar(
        holidays=frozenset(day for day, kind in kinds.items() if kind is DayKind.HOLIDAY),
        working_weekends=frozenset(day for day, kind in kinds.items() if kind is DayKind.WORKING),
        weekend=frozenset(holidays.country_holidays(country).weekend) if is_known(country) else frozenset({5, 6}),
    )


def list_days(session: Session, country: str, year: int, *, language: Language) -> list[Day]:
    """The holidays and make-up working days of one year, with their names, in order."""
    public = _public_days(country, (year,), language=_language(country, language))
    found = {day: Day(day, kind, name, edited=False) for day, (kind, name) in public.items()}
    for row in calendars.days(session, country, first=date(year, 1, 1), last=date(year, 12, 31)):
        found[row.day] = Day(row.day, row.kind, row.name, edited=True)
    return [found[day] for day in sorted(found)]


def _public_days(
    country: str, years: tuple[int, ...], *, language: str | None = None
) -> dict[date, tuple[DayKind, str]]:
    """What the `holidays` package says about `years`; nothing about a country that it does not know."""
    if not is_known(country):
        return {}
    # A run of free days may reach over New Year.
    public = holidays.country_holidays(country, years=range(min(years) - 1, max(years) + 2), language=language)
    days = {day: (DayKind.HOLIDAY, name) for day, name in public.items()}
    days.update((day, (DayKind.WORKING, "")) for day in public.weekend_workdays)
    if country in WHOLE_RUNS:
        _fill_runs(days, frozenset(public.weekend))
    return {day: said for day, said in days.items() if day.year in years}


def _fill_runs(days: dict[date, tuple[DayKind, str]], weekend: frozenset[int]) -> None:
    """Weekend days that touch a holiday, directly or through each other, become part of it."""
    for holiday, (kind, name) in list(days.items()):
        for step in (timedelta(days=1), timedelta(days=-1)):
            day = holiday + step
            while kind is DayKind.HOLIDAY and day.weekday() in weekend and day not in days:
                days[day] = (kind, name)
                day += step


def _language(country: str, language: Language) -> str | None:
    """The nearest language the package names this country's holidays in; None is the country's own."""
    offered = holidays.list_localized_countries(include_aliases=False).get(country, [])
    return next((tag for tag in _LANGUAGES[language] if tag in offered), None)


def add_day(
    session: Session,
    *,
    now: datetime,
    country: str,
    day: date,
    kind: DayKind,
    name: str = "",
    actor_id: int | None = None,
    act: Act | None = None,
) -> None:
    """Say what `day` is in `country`; wins over the public calendar. Raises `Invalid` when that is no country code."""
    check_country(country)
    before = document_of(session, country)
    calendars.put(session, country, day, kind=kind, name=name)
    _record(session, country, before, act or Act.of(now=now, actor_id=actor_id))
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="calendar.add",
        subject_kind="calendar_day",
        subject_id=f"{country} {day.isoformat()}",
        kind=kind.value,
        name=name,
    )


def remove_day(
    session: Session, *, now: datetime, country: str, day: date, actor_id: int | None = None, act: Act | None = None
) -> None:
    """Let the public calendar speak for `day` again. Raises `NotFound` when it was not edited."""
    before = document_of(session, country)
    if not calendars.drop(session, country, day):
        raise NotFound("calendar_day_unknown", country=country, day=day.isoformat())
    _record(session, country, before, act or Act.of(now=now, actor_id=actor_id))
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="calendar.remove",
        subject_kind="calendar_day",
        subject_id=f"{country} {day.isoformat()}",
    )


def document_of(session: Session, country: str) -> Document:
    """The edited days of a country as versions remember them."""
    edited = calendars.days(session, country, first=date.min, last=date.max)
    return {row.day.isoformat(): [row.kind.value, row.name] for row in edited}


def put_back(session: Session, country: str, document: Document, *, act: Act) -> None:
    """The edited days of a country as they were."""
    before = document_of(session, country)
    for day in before.keys() - document.keys():
        calendars.drop(session, country, date.fromisoformat(day))
    for day, (kind, name) in document.items():
        calendars.put(session, country, date.fromisoformat(day), kind=DayKind(kind), name=name)
    _record(session, country, before, act)
    audit.record(
        session,
        now=act.now,
        actor_id=act.actor_id,
        action="calendar.restored",
        subject_kind="calendar_day",
        subject_id=country,
        days=len(document),
    )


def _record(session: Session, country: str, before: Document, act: Act) -> None:
    """Keep the change. The legal moments of everybody in that country may be others now, so the plan is looked at."""
    session.flush()
    record(session, SetupKind.CALENDAR, country, Change(before, document_of(session, country)), act)
    enqueue(session, "plan", queueing_lock="plan")
