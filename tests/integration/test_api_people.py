"""Agents, teams, shifts and absences through the API."""

from typing import Any

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.tables import Agent, AuditEntry, ShiftException

LI = {"login": "li", "name": "Li Na", "number": "1001"}


def test_an_agent_is_made_read_and_changed(desk: Any, house: House) -> None:
    boss = desk.administrator()
    team = boss.post("/api/v1/teams", json={"name": "North"}).json()
    made = boss.post("/api/v1/agents", json={**LI, "team_id": team["id"], "skills": ["billing"]}).json()
    assert made["time_zone"] == "Asia/Shanghai", "the centre's, when none is given"
    assert "password_hash" not in made
    path = f"/api/v1/agents/{made['id']}"
    read = boss.get(path)
    assert read.headers["etag"] == '"1"'
    assert read.json() == made
    changed = boss.patch(
        path, json={"daily_capacity": 30, "team_id": None, "languages": ["en"]}, headers={"If-Match": '"1"'}
    )
    assert changed.headers["etag"] == '"2"'
    assert changed.json() == {**made, "daily_capacity": 30, "team_id": None, "languages": ["en"], "version": 2}
    with reading(house.sessions) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "agent_changed")).one()
        assert entry.details == {"changed": {"daily_capacity": 30, "team_id": None, "languages": ["en"]}}
        assert entry.actor_id == desk.ids["admin"]


def test_who_read_an_old_version_is_told(desk: Any) -> None:
    boss = desk.administrator()
    path = f"/api/v1/agents/{boss.post('/api/v1/agents', json=LI).json()['id']}"
    assert boss.patch(path, json={"name": "A", "version": 1}).status_code == 200
    late = boss.patch(path, json={"name": "B", "version": 1})
    assert (late.status_code, late.json()["code"], late.json()["params"]) == (409, "changed_meanwhile", {"present": 2})
    late = boss.patch(path, json={"name": "B"}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "version_not_matched")
    blind = boss.patch(path, json={"name": "B"})
    assert (blind.status_code, blind.json()["code"]) == (428, "version_needed")
    assert boss.get(path).json()["name"] == "A"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"time_zone": "Mars/Olympus"}, "zone_not_known"),
        ({"time_zone": "../etc/passwd"}, "invalid_request"),
        ({"team_id": 77}, "team_not_known"),
        ({"login": "admin"}, "login_taken"),
        ({"number": "N-admin"}, "number_taken"),
        ({"daily_capacity": -1}, "invalid_request"),
        ({"name": None}, "invalid_request"),
        ({"role": "king"}, "invalid_request"),
        ({"languages": []}, "invalid_request"),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Any, change: dict[str, Any], code: str) -> None:
    boss = desk.administrator()
    made = boss.post("/api/v1/agents", json=LI).json()
    refused = boss.patch(f"/api/v1/agents/{made['id']}", json={**change, "version": 1})
    assert refused.json()["code"] == code, refused.text
    assert boss.get(f"/api/v1/agents/{made['id']}").json() == made


def test_there_is_always_an_administrator(desk: Any) -> None:
    boss = desk.administrator()
    path = f"/api/v1/agents/{desk.ids['admin']}"
    for change in ({"active": False}, {"role": "agent"}):
        assert boss.patch(path, json={**change, "version": 1}).json()["code"] == "last_administrator"
    desk.administrator("second")
    assert boss.patch(path, json={"role": "agent", "version": 1}).status_code == 200


def test_a_forgotten_password_is_replaced(desk: Any) -> None:
    boss, agent = desk.administrator(), desk.agent()
    path = f"/api/v1/agents/{desk.ids['li']}/password"
    assert boss.put(path, json={"password": "li"}).json()["code"] == "password_too_short"
    assert boss.put(path, json={"password": "one two three four"}).status_code == 204
    assert agent.get("/api/v1/me").json()["code"] == "session_not_valid"
    answer = desk.anonymous().post("/api/v1/sessions", json={"login": "li", "password": "one two three four"})
    assert answer.status_code == 201


def test_agents_are_listed_by_what_is_asked(desk: Any) -> None:
    boss = desk.administrator()
    desk.agent("li")
    desk.agent("gone", active=False)
    listed = boss.get("/api/v1/agents", params={"active": True, "role": "agent"}).json()
    assert [agent["login"] for agent in listed["items"]] == ["li"]


def test_a_team_is_renamed_but_not_to_anothers_name(desk: Any) -> None:
    boss = desk.administrator()
    north = boss.post("/api/v1/teams", json={"name": "North"}).json()["id"]
    boss.post("/api/v1/teams", json={"name": "South"})
    assert boss.patch(f"/api/v1/teams/{north}", json={"name": "South"}).json()["code"] == "team_name_taken"
    assert boss.patch(f"/api/v1/teams/{north}", json={"name": " Far North "}).json()["name"] == "Far North"
    assert boss.get(f"/api/v1/teams/{north}").json()["name"] == "Far North"


@pytest.fixture
def shifts(desk: Any) -> tuple[Any, str]:
    """A supervisor, and the address of an agent's shifts."""
    chief = desk.supervisor()
    desk.agent("li")
    return chief, f"/api/v1/agents/{desk.ids['li']}"


def test_a_week_is_entered_and_read(shifts: tuple[Any, str], desk: Any) -> None:
    chief, path = shifts
    pattern = [
        {"weekday": day, "starts": start, "ends": end}
        for day in range(5)
        for start, end in (("09:00", "12:00"), ("14:00", "18:00"))
    ]
    assert chief.put(f"{path}/shifts", json={"pattern": pattern, "version": 1}).status_code == 204
    week = desk.agent("li").get(f"{path}/shifts").json()
    assert [(s["weekday"], s["starts"][:5], s["ends"][:5]) for s in week["pattern"]] == [
        (s["weekday"], s["starts"], s["ends"]) for s in pattern
    ]
    assert week["version"] == 2
    again = chief.put(f"{path}/shifts", json={"pattern": pattern[:2], "version": 2})
    assert again.status_code == 204, again.text
    assert len(chief.get(f"{path}/shifts").json()["pattern"]) == 2


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ([("18:00", "09:00")], "shift_ends_before_start"),
        ([("09:00", "09:00")], "shift_ends_before_start"),
        ([("09:00", "12:00"), ("11:00", "13:00")], "shifts_overlap"),
        ([("25:00", "26:00")], "invalid_request"),
        ([("09:00+08:00", "12:00+08:00")], "invalid_request"),
    ],
)
def test_a_week_that_makes_no_sense_is_refused(
    shifts: tuple[Any, str], pattern: list[tuple[str, str]], code: str
) -> None:
    chief, path = shifts
    body = {"pattern": [{"weekday": 0, "starts": s, "ends": e} for s, e in pattern], "version": 1}
    assert chief.put(f"{path}/shifts", json=body).json()["code"] == code
    assert chief.get(f"{path}/shifts").json()["pattern"] == []


def test_an_absence_is_entered_and_a_day_taken_back(shifts: tuple[Any, str], house: House) -> None:
    chief, path = shifts
    absence = {"first": "2026-03-12", "last": "2026-03-14", "reason": "ill", "version": 1}
    assert chief.post(f"{path}/absences", json=absence).status_code == 204
    hours = {"hours": [{"starts": "10:00", "ends": "11:00"}], "version": 2}
    assert chief.put(f"{path}/days/2026-03-13", json=hours).status_code == 204
    assert chief.delete(f"{path}/days/2026-03-14").json()["code"] == "version_needed"
    assert chief.delete(f"{path}/days/2026-03-14", headers={"If-Match": '"3"'}).status_code == 204
    with reading(house.sessions) as session:
        days = session.scalars(select(ShiftException).order_by(ShiftException.day)).all()
        assert [(f"{d.day}", d.starts and f"{d.starts:%H:%M}", d.reason) for d in days] == [
            ("2026-03-12", None, "ill"),
            ("2026-03-13", "10:00", None),
        ]


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        ("2026-03-12", "2026-03-11", "absence_ends_before_start"),
        ("2026-03-12", "2028-03-12", "absence_too_long"),
        ("2026-02-30", "2026-03-12", "invalid_request"),
        ("0001-01-01", "9999-12-31", "invalid_request"),
    ],
)
def test_an_absence_that_makes_no_sense_is_refused(shifts: tuple[Any, str], first: str, last: str, code: str) -> None:
    chief, path = shifts
    answer = chief.post(f"{path}/absences", json={"first": first, "last": last, "version": 1})
    assert answer.json()["code"] == code


def test_agents_see_their_own_shifts_alone(desk: Any) -> None:
    mine = desk.agent("li")
    desk.agent("wang")
    assert mine.get(f"/api/v1/agents/{desk.ids['li']}/shifts").status_code == 200
    others = mine.get(f"/api/v1/agents/{desk.ids['wang']}/shifts")
    assert (others.status_code, others.json()["code"]) == (404, "agent_not_found")
    assert mine.put(f"/api/v1/agents/{desk.ids['li']}/shifts", json={"pattern": []}).status_code == 403


def test_two_who_edit_one_roster_do_not_overwrite_each_other(shifts: tuple[Any, str]) -> None:
    chief, path = shifts
    assert chief.put(f"{path}/shifts", json={"pattern": [], "version": 1}).status_code == 204
    late = chief.post(f"{path}/absences", json={"first": "2026-03-12", "last": "2026-03-12", "version": 1})
    assert late.json()["code"] == "changed_meanwhile"


def test_a_password_is_never_in_an_answer_or_in_the_trail(desk: Any, house: House) -> None:
    boss = desk.administrator()
    answer = boss.post("/api/v1/agents", json={**LI, "password": "one two three four"})
    assert "one two three four" not in answer.text
    assert "argon2" not in answer.text
    assert "one two three four" not in boss.get("/api/v1/audit").text
    with reading(house.sessions) as session:
        kept = session.scalars(select(Agent.password_hash).where(Agent.login == "li")).one()
        assert (kept or "").startswith("$argon2id$")
