"""What-if, export and findings in the browser's clothes: on both databases."""

import json
import re
from datetime import datetime, time, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from callback.bootstrap import House
from callback.db.tables import Agent, AuditEntry, Callback, Decision, Shift, Team
from callback.services import findings, outlooks, plan_files
from callback.services.planning import plan_day
from callback.web.plan import what_if
from tests.integration.conftest import Desk
from tests.town import add_agent, add_case, add_customer

HOUR = timedelta(hours=1)


@pytest.fixture
def chief(desk: Desk) -> TestClient:
    client = desk.supervisor()
    client.headers["HX-Request"] = "true"
    return client


def centre(house: House, now: datetime, *, calls: int = 8) -> tuple[int, int]:
    with house.sessions.begin() as session:
        team = Team(name="A <b>", created_at=now)
        session.add(team)
        session.flush()
        later = ((time(11), time(12)), (time(14), time(20)))  # what begins within half an hour is not moved any more
        li = add_agent(session, "li", now=now, team_id=team.id, hours=later).id
        zhao = add_agent(session, "zhao", now=now, team_id=team.id, hours=later).id
        for _ in range(calls):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + 3 * HOUR, team_id=team.id)
    plan_day(house.sessions, now=now, zone=house.zone)
    return li, zhao


def figures(page: str) -> dict[str, list[str]]:
    rows = re.findall(r'<th scope="row">([^<]+)(?:<span.*?)?</th>(.*?)</tr>', page)
    return {name.strip(): re.findall(r"<td[^>]*>([^<]+)</td>", cells) for name, cells in rows}


def test_what_if_somebody_were_absent(house: House, chief: TestClient, now: datetime) -> None:
    li, zhao = centre(house, now)
    assert "Zhao" in chief.get("/plan/what-if").text
    with house.sessions() as session:
        before = session.execute(select(Callback.id, Callback.version)).all()
    page = chief.post("/plan/what-if", data={"absent": [str(li)]})
    assert page.status_code == 200
    assert figures(page.text)["in time"] == ["8", "8"]
    assert "Nothing was written." in page.text
    assert "<strong>8</strong>" in page.text, "all of them are Zhao's then"
    both = chief.post("/plan/what-if", data={"absent": [str(li), str(zhao)]}).text
    assert figures(both)["in time"] == ["8", "0"]
    assert "8 more would be left out." in both
    with house.sessions() as session:
        assert session.execute(select(Callback.id, Callback.version)).all() == before


def test_what_one_more_agent_would_bring(house: House, chief: TestClient, now: datetime) -> None:
    with house.sessions.begin() as session:
        add_agent(session, "li", now=now, hours=((time(9), time(11)),), days=range(2, 3))
        for _ in range(14):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    plan_day(house.sessions, now=now, zone=house.zone)
    hire = {"hire": "zh", "hire_day": "2026-03-11", "hire_from": "09:00", "hire_to": "12:00"}
    page = chief.post("/plan/what-if", data=hire).text
    assert "fewer would be left out" in page
    assert "the new agent" in page


def test_what_if_an_extra_shift_a_window_a_limit_a_team(house: House, chief: TestClient, now: datetime) -> None:
    li, _ = centre(house, now)
    with house.sessions() as session:
        team = session.scalars(select(Team.id)).one()
    form = {
        "shift_agent": str(li), "shift_day": "2026-03-11", "shift_from": "12:00", "shift_to": "14:00",
        "window": ["09:00", "10:30", "", ""], "attempts": "3", "minutes": "10", "team": str(team),
    }  # fmt: skip
    page = chief.post("/plan/what-if", data=form)
    assert page.status_code == 200
    assert "The difference" in page.text
    nothing = chief.post("/plan/what-if", data={"team": "999"})
    assert "Nothing was changed in the form" in nothing.text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"absent": ["x"]}, "whole number"),
        ({"absent": ["4711"]}, "has no shifts"),
        ({"window": ["10:00", "", "", ""]}, "beginning and a later end"),
        ({"window": ["12:00", "09:00", "", ""]}, "beginning and a later end"),
        ({"window": ["x", "y"]}, "beginning and a later end"),
        ({"shift_agent": "1", "shift_day": "x", "shift_from": "1", "shift_to": "2"}, "a day, a beginning and an end"),
        ({"minutes": "0"}, "whole number"),
    ],
)
def test_nonsense_is_refused_in_words(
    house: House, chief: TestClient, now: datetime, form: dict[str, object], sentence: str
) -> None:
    centre(house, now, calls=0)
    answer = chief.post("/plan/what-if", data=form)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_too_many_are_not_planned_while_somebody_waits(
    house: House, chief: TestClient, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre(house, now)
    monkeypatch.setattr(what_if, "MOST", 7)
    answer = chief.post("/plan/what-if")
    assert answer.status_code == 422
    assert "Choose a team" in answer.text
    assert chief.get("/plan/export").status_code == 422


def test_the_plan_as_a_file_is_replayed(house: House, chief: TestClient, now: datetime) -> None:
    centre(house, now)
    answer = chief.get("/plan/export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="plan-2026-03-11-1000.json"'
    same = plan_files.replay(answer.content).same
    assert same
    assert "王" not in json.dumps(answer.json(), ensure_ascii=False)
    with house.sessions() as session:
        assert session.scalars(select(AuditEntry.action).where(AuditEntry.action == "plan.exported")).one()


def test_each_fault_by_its_name_with_where_to_mend_it(house: House, chief: TestClient, now: datetime) -> None:
    li, zhao = centre(house, now, calls=5)
    with house.sessions.begin() as session:
        session.add(Shift(agent_id=li, weekday=2, starts=time(22), ends=time(23)))
        session.execute(update(Agent).where(Agent.id == zhao).values(daily_capacity=0))
        nobody: dict[str, object] = {
            "state": "blocked",
            "blocked_by": "nobody_qualifies",
            "agent_id": None,
            "slot_id": None,
        }
        changes: tuple[dict[str, object], ...] = (
            {"due_at": now - HOUR},
            {"due_at": now + HOUR, "earliest_at": now + 2 * HOUR},
            nobody,
            nobody | {"blocked_by": "no_legal_moment"},
            {"pinned": True, "slot_id": None, "planned_at": now + 30 * HOUR},
        )
        ids = session.scalars(select(Callback.id).order_by(Callback.id)).all()
        for callback_id, change in zip(ids, changes, strict=True):
            session.execute(update(Callback).where(Callback.id == callback_id).values(**change))
    page = chief.get("/plan/findings").text
    for kind in ("shifts", "people", "pins", "impossible", "passed", "nobody_qualifies", "no_legal_moment"):
        assert f'id="kind-{kind}"' in page, kind
    assert f'href="/setup/shifts/{li}"' in page
    assert f'href="/setup/agents/{zhao}"' in page
    assert "Early warning has not looked yet" in page
    with house.sessions() as session:
        bounded = findings.find_faults(session, now=now, bounded=True)
        assert bounded == findings.find_faults(session, now=now)


def test_a_bounded_look_reads_no_more_than_it_says(
    house: House, chief: TestClient, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre(house, now, calls=30)
    with house.sessions.begin() as session:
        session.execute(update(Callback).values(due_at=now - HOUR))
        assert session.scalar(select(func.count()).select_from(Decision))
    monkeypatch.setattr(findings, "LOOKED_AT", 25)
    page = chief.get("/plan/findings").text
    assert page.count("/callbacks/") == 10
    assert "at least 15 more of this kind" in page


def test_what_is_missing_is_said(house: House, chief: TestClient, now: datetime) -> None:
    with house.sessions.begin() as session:
        add_agent(session, "li", now=now, hours=((time(9), time(10, 30)),))
        for _ in range(20):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    plan_day(house.sessions, now=now, zone=house.zone)
    with house.sessions.begin() as session:
        outlooks.keep(session, outlooks.see(session, now=now, zone=house.zone))
    assert "more agent hours would save" in chief.get("/plan/findings").text


def test_agents_may_not(desk: Desk) -> None:
    agent = desk.agent("somebody")
    for path in ("/plan/what-if", "/plan/export", "/plan/findings"):
        assert agent.get(path).status_code == 403
    assert agent.post("/plan/what-if").status_code == 403
