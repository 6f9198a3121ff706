"""Public calendars under the editable days, on both databases."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from callback.cli import app
from callback.cli import calendar as _calendar_commands  # noqa: F401  registers itself
from callback.db.engine import SessionFactory, reading
from callback.db.tables import AuditEntry, CalendarDay
from callback.domain.words import DayKind
from callback.errors import Invalid, NotFound
from callback.services.calendars import (
    add_day,
    is_known,
    list_days,
    load_calendar,
    load_calendars,
    remove_day,
    years_around,
)
from callback.texts import say

# General Office of the State Council, arrangement of the public holidays of 2026 (国办发明电〔2025〕7号).
HOLIDAYS_2026 = {
    "元旦": ("2026-01-01", "2026-01-03"),
    "春节": ("2026-02-15", "2026-02-23"),
    "清明节": ("2026-04-04", "2026-04-06"),
    "劳动节": ("2026-05-01", "2026-05-05"),
    "端午节": ("2026-06-19", "2026-06-21"),
    "中秋节": ("2026-09-25", "2026-09-27"),
    "国庆节": ("2026-10-01", "2026-10-07"),
}
WORKED_2026 = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]


def days_of(first: str, last: str) -> set[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return {date.fromordinal(n) for n in range(start.toordinal(), end.toordinal() + 1)}


def test_china_2026_is_as_the_state_announced_it(sessions: SessionFactory) -> None:
    with reading(sessions) as session:
        calendar = load_calendar(session, "CN", [2026])
    announced = set().union(*(days_of(*run) for run in HOLIDAYS_2026.values()))
    assert calendar.holidays == announced
    assert sorted(day.isoformat() for day in calendar.working_weekends) == WORKED_2026
    assert calendar.is_working_day(date(2026, 10, 10))
    assert not calendar.is_working_day(date(2026, 10, 4))


def test_a_holiday_over_new_year_is_whole_in_both_years(sessions: SessionFactory) -> None:
    """New Year 2023 was free from Saturday, 31 December 2022."""
    with reading(sessions) as session:
        assert date(2022, 12, 31) in load_calendar(session, "CN", [2022]).holidays
        assert {date(2023, 1, day) for day in (1, 2)} <= load_calendar(session, "CN", [2023]).holidays


def test_elsewhere_a_weekend_beside_a_holiday_is_a_weekend(sessions: SessionFactory) -> None:
    with reading(sessions) as session:
        calendar = load_calendar(session, "US", [2026])
    assert date(2026, 9, 7) in calendar.holidays
    assert date(2026, 9, 6) not in calendar.holidays


def test_other_countries_rest_on_other_days(sessions: SessionFactory) -> None:
    with reading(sessions) as session:
        assert load_calendar(session, "SA", [2026]).weekend == {4, 5}


def test_an_unknown_country_has_weekends_alone(sessions: SessionFactory) -> None:
    assert is_known("CN")
    assert not is_known("QQ")
    with reading(sessions) as session:
        calendar = load_calendar(session, "QQ", [2026])
    assert not calendar.holidays
    assert not calendar.working_weekends
    assert not calendar.is_working_day(date(2026, 3, 14))


def test_our_own_days_win(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_day(session, now=now, country="CN", day=date(2026, 3, 11), kind=DayKind.HOLIDAY, name="司庆")
        add_day(session, now=now, country="CN", day=date(2026, 10, 1), kind=DayKind.WORKING)
        add_day(session, now=now, country="CN", day=date(2026, 10, 10), kind=DayKind.HOLIDAY)
        add_day(session, now=now, country="US", day=date(2026, 10, 2), kind=DayKind.HOLIDAY)
    with reading(sessions) as session:
        calendars = load_calendars(session, ["CN", "US", "CN"], (2026,))
        names = {day.day: (day.name, day.edited) for day in list_days(session, "CN", 2026, language="zh")}
    assert sorted(calendars) == ["CN", "US"]
    calendar = calendars["CN"]
    assert not calendar.is_working_day(date(2026, 3, 11))
    assert calendar.is_working_day(date(2026, 10, 1))
    assert not calendar.is_holiday(date(2026, 10, 1))
    assert not calendar.is_working_day(date(2026, 10, 10))
    assert not calendar.is_holiday(date(2026, 10, 8))
    assert names[date(2026, 3, 11)] == ("司庆", True)
    assert names[date(2026, 10, 2)] == ("国庆节", False)


def test_the_same_days_give_the_same_object(sessions: SessionFactory, now: datetime) -> None:
    """What is worked out for a calendar hangs on it; an edit makes another one at once, in every process."""
    with reading(sessions) as session:
        first = load_calendar(session, "CN", years_around(now))
        assert load_calendar(session, "CN", reversed(years_around(now))) is first
    with sessions.begin() as session:
        add_day(session, now=now, country="CN", day=date(2026, 3, 11), kind=DayKind.HOLIDAY)
    with reading(sessions) as session:
        assert load_calendar(session, "CN", years_around(now)) is not first


def test_the_plan_over_new_year_sees_both_years() -> None:
    assert years_around(datetime(2026, 12, 31, 23, tzinfo=UTC)) == (2025, 2026, 2027)


def test_writing_a_day_again_replaces_it_and_removing_it_lets_the_public_calendar_speak(
    sessions: SessionFactory, now: datetime
) -> None:
    day = date(2026, 10, 1)
    with sessions.begin() as session:
        add_day(session, now=now, country="CN", day=day, kind=DayKind.WORKING)
        add_day(session, now=now, country="CN", day=day, kind=DayKind.HOLIDAY, name="again")
        rows = session.scalars(select(CalendarDay)).all()
        assert [(row.kind, row.name) for row in rows] == [(DayKind.HOLIDAY, "again")]
        remove_day(session, now=now, country="CN", day=day)
        assert load_calendar(session, "CN", [2026]).is_holiday(day)
        with pytest.raises(NotFound):
            remove_day(session, now=now, country="CN", day=day)
        entries = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert entries == ["calendar.add", "calendar.add", "calendar.remove"]


@pytest.mark.parametrize("country", ["cn", "CHN", "C1", "中国", ""])
def test_a_country_is_two_capital_letters(sessions: SessionFactory, now: datetime, country: str) -> None:
    with sessions.begin() as session, pytest.raises(Invalid):
        add_day(session, now=now, country=country, day=date(2026, 1, 1), kind=DayKind.HOLIDAY)


def test_the_commands(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_DATABASE_URL", database_url)
    monkeypatch.setenv("CALLBACK_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["calendar", *words])
        return result.exit_code, result.output

    assert "not edited" in run("remove", "CN", "2026-03-11")[1]
    code, output = run("add", "cn", "2026-03-11", "--name", "Founders' [day]")
    assert code == 0, output
    code, output = run("show", "CN", "2026")
    assert code == 0, output
    assert any("2026-03-11" in line and "Founders' [day]" in line and "edited" in line for line in output.splitlines())
    assert any("2026-10-10" in line and "working day" in line for line in output.splitlines())
    assert run("remove", "CN", "2026-03-11")[0] == 0
    assert "2026-03-11" not in run("show", "CN", "2026")[1]
    assert say("calendar.unknown_country", "en", country="QQ") in run("show", "QQ", "2026")[1]
    assert run("show", "CN", "20260")[0] == 2
    assert run("show", "C1", "2026")[0] == 2
