"""Recurring visits: made once a turn, set-wise, by tick, command and API."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from callback.db.engine import SessionFactory
from callback.db.tables import Callback, Decision, VisitTurn
from callback.domain.words import CallbackState, Purpose
from callback.errors import Conflict, Invalid, NotFound
from callback.services import visits
from callback.services.planning import plan_day
from tests.integration.conftest import Desk
from tests.town import add_agent, add_case, add_customer, make_unhappy

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
HALF_YEARLY = visits.NewPlan(name="老客户", every_months=6, starts_on=date(2026, 3, 1))


def customers(sessions: SessionFactory, count: int, *, reported: datetime, **columns: Any) -> list[int]:
    with sessions.begin() as session:
        found = [add_customer(session, now=NOW, **columns) for _ in range(count)]
        for customer in found:
            add_case(session, customer, now=NOW, opened_at=reported, plan_at=None)
        return [customer.id for customer in found]


def make_plan(sessions: SessionFactory, new: visits.NewPlan = HALF_YEARLY) -> int:
    with sessions.begin() as session:
        return visits.create_plan(session, new, by=None, now=NOW).id


def made(sessions: SessionFactory) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).where(Callback.purpose == Purpose.VISIT)) or 0


def test_a_visit_comes_half_a_year_after_the_case_and_again_half_a_year_later(sessions: SessionFactory) -> None:
    customers(sessions, 3, reported=datetime(2025, 9, 20, 4, tzinfo=UTC))
    make_plan(sessions)
    early = visits.take_turns(sessions, now=NOW)
    assert (early.begun, early.created) == (3, 0), "the 20th has not come"
    when = datetime(2026, 3, 20, 2, tzinfo=UTC)
    assert visits.take_turns(sessions, now=when).created == 3
    again = visits.take_turns(sessions, now=when + timedelta(days=3))
    assert (again.begun, again.created) == (0, 0), "once a turn"
    with sessions.begin() as session:
        callback = session.scalars(select(Callback)).first()
        assert callback is not None
        assert (callback.state, callback.purpose) == (CallbackState.WAITING, Purpose.VISIT)
        assert callback.due_at == datetime(2026, 3, 26, 16, tzinfo=UTC)
        decision = session.scalars(select(Decision).where(Decision.callback_id == callback.id)).one()
        assert (decision.rule, decision.verdict, decision.inputs["turn"]) == ("visit", "created", 1)
        turn = session.scalars(select(VisitTurn).where(VisitTurn.callback_id == callback.id)).one()
        assert turn.next_at == datetime(2026, 9, 19, 16, tzinfo=UTC)
    autumn = visits.take_turns(sessions, now=datetime(2026, 9, 20, 2, tzinfo=UTC))
    assert (autumn.created, dict(autumn.passed)) == (0, {"visit_under_way": 3}), "nobody is visited twice at once"


def test_a_visit_is_placed_like_any_callback_and_kept_by_the_planner(sessions: SessionFactory) -> None:
    customers(sessions, 1, reported=datetime(2025, 9, 11, 4, tzinfo=UTC))
    with sessions.begin() as session:
        add_agent(session, "li", now=NOW)
    make_plan(sessions)
    visits.take_turns(sessions, now=NOW)
    for _ in range(2):
        plan_day(sessions, now=NOW, zone=SHANGHAI)
    with sessions() as session:
        assert [c.state for c in session.scalars(select(Callback))] == [CallbackState.ASSIGNED]


def test_only_the_segment_is_visited(sessions: SessionFactory) -> None:
    reported = datetime(2025, 9, 11, 4, tzinfo=UTC)
    (special,) = customers(sessions, 1, reported=reported, special=True)
    customers(sessions, 1, reported=reported, special=True, country="DE", time_zone="Europe/Berlin")
    customers(sessions, 1, reported=reported, special=True, language="en")
    customers(sessions, 1, reported=reported)
    with sessions.begin() as session:
        add_customer(session, now=NOW, special=True)
    new = visits.NewPlan(
        name="VIP", every_months=6, starts_on=date(2026, 3, 1), countries=("CN",), languages=("zh",), special=True
    )
    make_plan(sessions, new)
    assert visits.take_turns(sessions, now=NOW).begun == 1
    with sessions() as session:
        assert session.scalars(select(Callback.customer_id)).all() == [special]


def test_the_unhappy_wait_and_the_others_do_not(sessions: SessionFactory) -> None:
    unhappy, _ = customers(sessions, 2, reported=datetime(2025, 9, 11, 4, tzinfo=UTC))
    with sessions.begin() as session:
        from callback.db.tables import Case

        case = session.scalars(select(Case).where(Case.customer_id == unhappy)).one()
        make_unhappy(session, case, at=NOW - timedelta(hours=1))
    make_plan(sessions)
    report = visits.take_turns(sessions, now=NOW)
    assert (report.created, dict(report.waiting)) == (1, {"unhappy_now": 1})
    assert visits.take_turns(sessions, now=NOW + timedelta(days=1)).waiting == {}, "asked again in a week"


def test_many_ticks_at_once_make_each_visit_once(sessions: SessionFactory) -> None:
    customers(sessions, 40, reported=datetime(2025, 9, 11, 4, tzinfo=UTC))
    make_plan(sessions)
    make_plan(sessions, visits.NewPlan(name="again", every_months=3, starts_on=date(2026, 3, 1)))
    threads = [threading.Thread(target=visits.take_turns, args=(sessions,), kwargs={"now": NOW}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    visits.take_turns(sessions, now=NOW)
    assert made(sessions) == 40, "one each, although two plans want one"


def test_a_stopped_plan_makes_none_and_counts_anew_when_it_goes_on(sessions: SessionFactory) -> None:
    customers(sessions, 1, reported=datetime(2025, 9, 11, 4, tzinfo=UTC))
    plan_id = make_plan(sessions)
    visits.take_turns(sessions, now=NOW - timedelta(days=1))
    with sessions.begin() as session:
        visits.set_active(session, visits.find_plan(session, plan_id), False, by=None, now=NOW)
    assert visits.take_turns(sessions, now=NOW).created == 0
    late = NOW + timedelta(days=60)
    with sessions.begin() as session:
        visits.set_active(session, visits.find_plan(session, plan_id), True, by=None, now=late)
    assert visits.take_turns(sessions, now=late).created == 0, "what was missed meanwhile is not made up for"
    assert visits.take_turns(sessions, now=datetime(2026, 9, 11, 2, tzinfo=UTC)).created == 1


def test_what_cannot_be_is_said(sessions: SessionFactory) -> None:
    make_plan(sessions)
    with pytest.raises(Conflict):
        make_plan(sessions)
    with pytest.raises(Invalid):
        make_plan(sessions, visits.NewPlan(name="never", every_months=0, starts_on=date(2026, 3, 1)))
    with pytest.raises(NotFound):
        make_plan(sessions, visits.NewPlan(name="nobody", every_months=1, starts_on=NOW.date(), customer_id=999))


def test_plans_through_the_api(desk: Desk) -> None:
    client = desk.supervisor()
    body = {"name": "季度", "every_months": 3, "starts_on": "2026-03-01", "weekdays": [0], "countries": ["CN"]}
    new = client.post("/api/v1/visit-plans", json=body)
    assert new.status_code == 201, new.text
    assert new.json()["segment"] == {"countries": ["CN"]}
    assert [p["name"] for p in client.get("/api/v1/visit-plans").json()] == ["季度"]
    stopped = client.put(f"/api/v1/visit-plans/{new.json()['id']}/state", json={"active": False})
    assert stopped.json()["active"] is False
    assert client.post("/api/v1/visit-plans", json=body).status_code == 409
    assert client.put("/api/v1/visit-plans/999/state", json={"active": True}).status_code == 404
    assert desk.agent().get("/api/v1/visit-plans").status_code == 403


def test_plans_at_the_command_line(settings: Any, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    import callback.cli.commands  # noqa: F401  registers the commands
    from callback.cli import app

    monkeypatch.setenv("CALLBACK_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CALLBACK_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["visit", *words])
        assert result.exit_code == 0, result.output
        return result.output

    customers(sessions, 2, reported=NOW)
    run("add", "special", "--every", "6", "--weekday", "1", "--country", "cn")
    assert "special" in run("list")
    assert "come under a plan: 2" in run("run")
    assert "stopped" in run("stop", "special")
    assert "goes on" in run("resume", "special")
    unknown = CliRunner().invoke(app, ["visit", "stop", "nothing"])
    assert unknown.exit_code == 2
