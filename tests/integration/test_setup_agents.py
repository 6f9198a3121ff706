"""Agents and teams on the set-up pages: who may, what is refused at the field, what is taken back."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.tables import Agent, AuditEntry, SetupVersion, Team
from callback.domain.words import SetupKind
from callback.services import agents
from tests.integration.conftest import StandingClock

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://callback.test/setup/agents"}
LI = {
    "name": "Li <b>Min</b>",
    "number": "1001",
    "login": "li.min",
    "role": "agent",
    "team_id": "",
    "languages": ["zh", "en"],
    "skills": "billing，投诉, billing",
    "daily_capacity": "40",
    "time_zone": "Asia/Shanghai",
    "phone": "138 0013 8000",
    "password": "1",
}


def _made(house: House, login: str) -> Agent:
    with reading(house.sessions) as session:
        return session.scalars(select(Agent).where(Agent.login == login)).one()


def _undo(answer: Any) -> str:
    """The address that the notice offers."""
    import base64
    import json

    told = json.loads(base64.urlsafe_b64decode(answer.cookies["callback_notice"].strip('"')))
    undo = told["undo"]
    assert isinstance(undo, str)
    return undo


def test_a_new_agent_can_log_in_with_the_password_that_is_shown_once(desk: Any, house: House) -> None:
    admin = desk.administrator()
    answer = admin.post("/setup/agents", data=LI, headers=HTMX)
    assert answer.status_code == 200, answer.text
    assert "<b>Min</b>" not in answer.text
    password = re.search(r'id="secret"[^>]*>([a-z0-9-]+)<', answer.text)
    assert password is not None
    made = _made(house, "li.min")
    assert made.skills == ["billing", "投诉"]
    assert made.phone == "+8613800138000"
    assert desk.anonymous().post("/login", data={"login": "li.min", "password": password[1]}).status_code in (200, 303)
    assert password[1] not in admin.get(f"/setup/agents/{made.id}").text
    # A double click: the second is told that the login is taken, and there is one agent.
    again = admin.post("/setup/agents", data=LI, headers=HTMX)
    assert again.status_code == 422
    assert "login-fault" in again.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "长" * 100_000),
        ("login", " "),
        ("role", "king"),
        ("languages", []),
        ("daily_capacity", "many"),
        ("daily_capacity", "-1"),
        ("daily_capacity", "1e400"),
        ("time_zone", "Mars/Olympus"),
        ("team_id", "999"),
        ("team_id", "x"),
        ("skills", "x" * 65),
        ("skills", ",".join(f"s{n}" for n in range(51))),
        ("phone", "ring me"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(desk: Any, house: House, field: str, value: Any) -> None:
    answer = desk.administrator().post("/setup/agents", data={**LI, field: value}, headers=HTMX)
    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.text
    with reading(house.sessions) as session:
        assert session.scalars(select(Agent.login)).all() == ["admin"]


def test_supervisors_read_along_and_agents_stay_outside(desk: Any) -> None:
    chief = desk.supervisor()
    desk.agent("li", phone="+8613800138000")
    page = chief.get(f"/setup/agents/{desk.ids['li']}")
    assert page.status_code == 200
    assert "Changes are made by an administrator" in page.text
    assert "13800138000" not in page.text
    refused = chief.post("/setup/agents", data=LI, headers=HTMX | {"Accept": "application/json"})
    assert refused.json()["code"] == "scope_missing"
    assert desk.agent("wang").get("/setup", headers={"Accept": "application/json"}).status_code == 403


def test_a_number_is_shown_in_full_to_a_supervisor_who_is_remembered(desk: Any, house: House) -> None:
    chief = desk.supervisor()
    desk.agent("li", phone="+8613800138000")
    assert "+8613800138000" in chief.post(f"/setup/agents/{desk.ids['li']}/phone", headers=HTMX).text
    with reading(house.sessions) as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.actor_id == desk.ids["chief"])).all()
    assert actions == ["agent_phone_revealed"]


def test_a_change_is_a_version_and_is_taken_back(desk: Any, house: House) -> None:
    admin = desk.administrator()
    admin.post("/setup/agents", data=LI, headers=HTMX)
    li = _made(house, "li.min")
    form = {**LI, "name": "Li Min", "skills": "", "phone": "", "version": str(li.version)}
    saved = admin.post(f"/setup/agents/{li.id}", data=form, headers=HTMX)
    assert saved.status_code == 204, saved.text
    changed = _made(house, "li.min")
    assert (changed.name, changed.skills, changed.phone) == ("Li Min", [], "+8613800138000")
    with reading(house.sessions) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert set(entry.details["changed"]) == {"name", "skills"}
    undo = _undo(saved)
    back = admin.post(undo, headers=HTMX)
    assert back.status_code == 204
    assert _made(house, "li.min").name == LI["name"]
    # Taking back is taken back as well, and the first undo is over.
    assert admin.post(undo, headers=HTMX | {"Accept": "application/json"}).json()["code"] == "setup_changed_since"
    assert admin.post(_undo(back), headers=HTMX).status_code == 204
    assert _made(house, "li.min").name == "Li Min"
    with reading(house.sessions) as session:
        query = select(SetupVersion.number).where(
            SetupVersion.kind == SetupKind.AGENT, SetupVersion.key == str(changed.id)
        )
        assert sorted(session.scalars(query)) == [1, 2, 3, 4]


def test_two_who_edit_one_agent_do_not_overwrite_each_other(desk: Any, house: House) -> None:
    admin = desk.administrator()
    admin.post("/setup/agents", data=LI, headers=HTMX)
    li = _made(house, "li.min")
    form = {**LI, "version": str(li.version)}
    assert admin.post(f"/setup/agents/{li.id}", data={**form, "name": "First"}, headers=HTMX).status_code == 204
    late = admin.post(
        f"/setup/agents/{li.id}",
        data={**form, "name": "Second"},
        headers=HTMX | {"Accept": "application/json"},
    )
    assert late.json()["code"] == "changed_meanwhile"
    assert _made(house, "li.min").name == "First"


def test_many_at_once_and_back(desk: Any, house: House) -> None:
    admin = desk.administrator()
    for login in ("li", "wang", "zhao"):
        desk.agent(login, skills=["billing"])
    ids = [str(desk.ids[login]) for login in ("li", "wang")]
    data = {"agent": ids, "what": "add_skills", "skills": "投诉、billing"}
    done = admin.post("/setup/agents/many", data=data, headers=HTMX)
    assert done.status_code == 204, done.text
    assert _made(house, "li").skills == ["billing", "投诉"]
    assert _made(house, "zhao").skills == ["billing"]
    assert admin.post(_undo(done), headers=HTMX).status_code == 204
    assert _made(house, "wang").skills == ["billing"]
    # Everybody that the list has, by its filter.
    all_of_them = {"everybody": "1", "what": "capacity", "daily_capacity": "7"}
    assert admin.post("/setup/agents/many?role=agent", data=all_of_them, headers=HTMX).status_code == 204
    assert {_made(house, login).daily_capacity for login in ("li", "wang", "zhao")} == {7}
    assert _made(house, "admin").daily_capacity == 60
    nobody = admin.post("/setup/agents/many", data={"what": "capacity", "daily_capacity": "7"}, headers=HTMX)
    assert nobody.status_code == 422


def test_an_undo_of_many_waits_for_no_later_change(desk: Any, house: House, clock: StandingClock) -> None:
    """One of them was changed again: nothing is taken back, rather than half of it."""
    admin = desk.administrator()
    for login in ("li", "wang"):
        desk.agent(login, skills=[])
    data = {"agent": [str(desk.ids[login]) for login in ("li", "wang")], "what": "add_skills", "skills": "billing"}
    done = admin.post("/setup/agents/many", data=data, headers=HTMX)
    with house.sessions.begin() as session:
        li = agents.get(session, desk.ids["li"])
        agents.change(session, li.id, {"daily_capacity": 5}, version=li.version, now=clock(), actor_id=None)
    refused = admin.post(_undo(done), headers=HTMX | {"Accept": "application/json"})
    assert refused.json()["code"] == "setup_changed_since"
    assert _made(house, "wang").skills == ["billing"]


def test_somebody_leaves_and_comes_back(desk: Any, house: House) -> None:
    admin = desk.administrator()
    li = desk.agent("li")
    address = f"/setup/agents/{desk.ids['li']}/active"
    gone = admin.post(address, data={"version": "1"}, headers=HTMX)
    assert gone.status_code == 204
    assert not _made(house, "li").active
    assert li.get("/day", headers={"Accept": "application/json"}).status_code == 401
    assert admin.post(_undo(gone), headers=HTMX).status_code == 204
    assert _made(house, "li").active
    last = admin.post(
        f"/setup/agents/{desk.ids['admin']}/active",
        data={"version": str(_made(house, "admin").version)},
        headers=HTMX | {"Accept": "application/json"},
    )
    assert last.json()["code"] == "last_administrator"


def test_a_supervisor_takes_nothing_back_that_only_administrators_change(desk: Any, house: House) -> None:
    admin, chief = desk.administrator(), desk.supervisor()
    admin.post("/setup/agents", data=LI, headers=HTMX)
    li = _made(house, "li.min")
    saved = admin.post(f"/setup/agents/{li.id}", data={**LI, "name": "X", "version": "1"}, headers=HTMX)
    refused = chief.post(_undo(saved), headers=HTMX | {"Accept": "application/json"})
    assert refused.json()["code"] == "scope_missing"
    unknown = admin.post("/setup/undo/nothing-of-ours", headers=HTMX | {"Accept": "application/json"})
    assert unknown.json()["code"] == "setup_act_not_found"


def test_teams_have_a_name_a_leader_and_members(desk: Any, house: House) -> None:
    admin = desk.administrator()
    desk.agent("li")
    desk.agent("wang")
    assert admin.post("/setup/teams", data={"name": ""}, headers=HTMX).status_code == 422
    assert admin.post("/setup/teams", data={"name": "华语组"}, headers=HTMX).status_code == 204
    assert "name-fault" in admin.post("/setup/teams", data={"name": "华语组"}, headers=HTMX).text
    with reading(house.sessions) as session:
        team_id = session.scalars(select(Team.id)).one()
    address = f"/setup/teams/{team_id}"
    ids = [str(desk.ids[login]) for login in ("li", "wang")]
    assert admin.post(f"{address}/members", data={"agent": ids}, headers=HTMX).status_code == 204
    assert admin.post(f"{address}/leader", data={"leader": ids[0]}, headers=HTMX).status_code == 204
    moved = admin.post(f"{address}/leader", data={"leader": ids[1]}, headers=HTMX)
    assert [_made(house, login).leads_team for login in ("li", "wang")] == [False, True]
    assert admin.post(_undo(moved), headers=HTMX).status_code == 204
    assert [_made(house, login).leads_team for login in ("li", "wang")] == [True, False]
    renamed = admin.post(address, data={"name": "English"}, headers=HTMX)
    assert "English" in admin.get("/setup/teams").text
    assert admin.post(_undo(renamed), headers=HTMX).status_code == 204
    assert "华语组" in admin.get("/setup/teams").text
    assert admin.post(f"{address}/members/{ids[0]}/out", headers=HTMX).status_code == 204
    assert _made(house, "li").team_id is None


def test_the_index_says_what_wants_attention(desk: Any) -> None:
    admin = desk.administrator()
    page = admin.get("/setup").text
    assert "Nobody is there to call" in page
    desk.agent("li", languages=[])
    page = admin.get("/setup").text
    assert "Agents without shifts" in page
    assert "Agents without a language" in page
    assert "No published questionnaire" in page
