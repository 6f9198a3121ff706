"""Promises that will break are told while something can still be done; and what is told comes true."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from callback.db.engine import SessionFactory
from callback.db.tables import Callback
from callback.domain.words import CaseStatus, Purpose
from callback.services import warnings
from callback.services.planning import plan_day
from tests.integration.conftest import Desk
from tests.town import add_agent, add_case, add_customer

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
"""Wednesday, ten in the morning in Shanghai."""


def answers(sessions: SessionFactory, count: int, *, due: datetime, **columns: Any) -> None:
    """So many cases whose answer has been promised by `due`."""
    with sessions.begin() as session:
        for _ in range(count):
            customer = add_customer(session, now=NOW, **columns)
            times = {"answered_at": NOW - timedelta(hours=1), "opened_at": NOW - timedelta(days=1)}
            add_case(session, customer, now=NOW, answer="已处理", promised_at=due, **times)


def agent(sessions: SessionFactory, login: str = "li", **columns: Any) -> None:
    with sessions.begin() as session:
        add_agent(session, login, now=NOW, **columns)


def look(sessions: SessionFactory) -> warnings.WarningReport:
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    with sessions() as session:
        return warnings.look_ahead(session, now=NOW, zone=SHANGHAI)


def test_what_does_not_fit_before_it_is_due_is_told_with_the_hours_missing(sessions: SessionFactory) -> None:
    """Ten to eleven is ten calls of six minutes for one agent; fourteen are promised."""
    agent(sessions)
    answers(sessions, 14, due=NOW + timedelta(hours=1))
    report = look(sessions)
    assert (report.calls, len(report.warnings)) == (14, 4)
    assert {(w.purpose, w.reason) for w in report.warnings} == {(Purpose.ANSWER, "no_capacity")}
    (lack,) = report.shortages
    assert (lack.day.isoformat(), lack.language, lack.calls, lack.agent_hours) == ("2026-03-11", "zh", 4, 0.4)
    with sessions() as session:
        late = [
            at for at in session.scalars(select(Callback.planned_at)) if at is None or at >= NOW + timedelta(hours=1)
        ]
    assert len(late) >= 4, "the best plan cannot keep them either"
    agent(sessions, "wang")
    assert look(sessions).warnings == ()


def test_promises_without_a_call_yet_are_seen_coming(sessions: SessionFactory) -> None:
    """A pending case asks for a holding call on the day of its promise; nobody works that day."""
    agent(sessions, days=range(2, 3))
    with sessions.begin() as session:
        case = add_case(
            session,
            add_customer(session, now=NOW),
            now=NOW,
            status=CaseStatus.PENDING,
            promised_at=NOW + timedelta(days=1),
        )
        case_id = case.id
    (found,) = look(sessions).warnings
    assert (found.case_id, found.callback, found.purpose) == (case_id, None, Purpose.HOLDING)
    assert found.reason == "no_capacity"
    agent(sessions, "wang", days=range(3, 4))
    assert look(sessions).warnings == ()


def test_reasons_are_told_apart(sessions: SessionFactory) -> None:
    agent(sessions, languages=["zh"])
    answers(sessions, 1, due=NOW + timedelta(hours=8), language="en")
    answers(sessions, 1, due=NOW + timedelta(hours=8), forbidden_dates=["2026-03-11"])
    report = look(sessions)
    assert sorted(w.reason for w in report.warnings) == ["no_legal_time", "nobody_qualifies"]
    assert [(s.language, s.calls) for s in report.shortages] == [("en", 1)], "more people do not make a day legal"


def test_a_lunch_break_and_the_days_cap_are_no_capacity(sessions: SessionFactory) -> None:
    agent(sessions, hours=((time(9), time(11)), (time(15), time(18))), daily_capacity=5)
    answers(sessions, 6, due=NOW + timedelta(hours=8))
    assert len(look(sessions).warnings) == 1


def test_surveys_compete_and_are_not_warned_of(sessions: SessionFactory) -> None:
    agent(sessions)
    with sessions.begin() as session:
        for _ in range(3):
            closed = NOW - timedelta(hours=47, minutes=45)
            add_case(
                session,
                add_customer(session, now=NOW, special=True),
                now=NOW,
                status=CaseStatus.CLOSED,
                answer="已处理",
                answered_at=closed,
                closed_at=closed,
                told_at=closed,
            )
    answers(sessions, 10, due=NOW + timedelta(hours=1))
    report = look(sessions)
    assert report.calls == 13
    assert {w.purpose for w in report.warnings} == {Purpose.ANSWER}


def test_the_api_says_what_to_do(desk: Desk) -> None:
    client = desk.supervisor()
    assert client.get("/api/v1/warnings").json()["count"] == 0
    answers(desk.house.sessions, 3, due=NOW + timedelta(hours=1))
    plan_day(desk.house.sessions, now=NOW, zone=SHANGHAI)
    told = client.get("/api/v1/warnings", params={"limit": 2}).json()
    assert (told["count"], len(told["warnings"])) == (3, 2)
    assert "skill" in told["warnings"][0]["sentence"]
    assert desk.agent().get("/api/v1/warnings").status_code == 403


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command(
    settings: Any, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    import callback.cli.commands  # noqa: F401  registers the commands
    from callback.cli import app

    for name, value in (("DATABASE_URL", settings.database_url), ("LANGUAGE", "en"), ("TIME_ZONE", "Asia/Shanghai")):
        monkeypatch.setenv(f"CALLBACK_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    agent(sessions)
    answers(sessions, 14, due=NOW + timedelta(hours=1))
    plan_day(sessions, now=NOW, zone=SHANGHAI)
    result = CliRunner().invoke(app, ["warnings", "--as-of", "2026-03-11T10:00", *options])
    assert result.exit_code == 0, result.output
    if options:
        assert len(json.loads(result.stdout)["warnings"]) == 4
    else:
        assert "4 promises will break" in result.stdout
        assert "0.4 more agent hours" in result.stdout
