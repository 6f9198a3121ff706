"""Times and numbers as a person at a desk reads them: short, in one stated zone, in their language."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton

from callback.services.wording import LOCALES
from callback.texts import Language, say


def locale_of(language: Language) -> Locale:
    return LOCALES[language]


def clock(at: datetime, zone: ZoneInfo) -> str:
    """`14:05`, the same in both languages."""
    return f"{at.astimezone(zone):%H:%M}"


def day(at: datetime | date, zone: ZoneInfo, language: Language) -> str:
    """`12 Mar` or `3月12日`."""
    on = at.astimezone(zone).date() if isinstance(at, datetime) else at
    return format_skeleton("MMMd", on, locale=LOCALES[language])


def weekday(at: datetime | date, zone: ZoneInfo, language: Language) -> str:
    """`Thu 12 Mar` or `3月12日周四`."""
    return _weekday(at.astimezone(zone).date() if isinstance(at, datetime) else at, language)


@lru_cache(maxsize=512)
def _weekday(on: date, language: Language) -> str:
    return format_skeleton("MMMEd", on, locale=LOCALES[language])


def month(on: date, language: Language) -> str:
    """`March 2026` or `2026年3月`."""
    return format_skeleton("yMMMM", on, locale=LOCALES[language])


def weekday_alone(on: date, language: Language) -> str:
    """`Thu` or `周四`."""
    return format_skeleton("E", on, locale=LOCALES[language])


def full_day(at: datetime | date, zone: ZoneInfo, language: Language) -> str:
    """`12 March 2026` or `2026年3月12日`."""
    on = at.astimezone(zone).date() if isinstance(at, datetime) else at
    return format_date(on, "long", locale=LOCALES[language])


def moment(at: datetime, zone: ZoneInfo, language: Language, *, now: datetime) -> str:
    """The shortest that is clear: `14:05` today, `tomorrow 09:00`, `Thu 12 Mar, 09:00`, with the year when another."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    time = clock(at, zone)
    apart = (local.date() - today).days
    if apart == 0:
        return time
    if apart in (-1, 1):
        return say("desk.tomorrow_at" if apart == 1 else "desk.yesterday_at", language, time=time)
    shown = weekday(at, zone, language) if abs(apart) < 180 else full_day(at, zone, language)
    return say("desk.day_at", language, day=shown, time=time)


def span(length: timedelta, language: Language) -> str:
    """`3 min`, `2 h 5 min`, `2 h`, `4 d 3 h`: the two largest units that are not zero; always positive."""
    minutes = round(abs(length.total_seconds()) / 60)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    if days:
        return say("desk.span_days" if hours else "desk.span_full_days", language, days=days, hours=hours)
    if hours:
        return say("desk.span_hours" if minutes else "desk.span_full_hours", language, hours=hours, minutes=minutes)
    return say("desk.span_minutes", language, minutes=minutes)


def zone_name(zone: ZoneInfo, at: datetime) -> str:
    """`UTC+8`: what tells an agent more than a city they have never been to."""
    offset = at.astimezone(zone).utcoffset() or timedelta(0)
    total = round(offset.total_seconds() / 60)
    hours, minutes = divmod(abs(total), 60)
    return f"UTC{'-' if total < 0 else '+'}{hours}" + (f":{minutes:02}" if minutes else "")
