"""Cases, customers and uploads through the API."""

from typing import Any

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.tables import Agent, AuditEntry, Case, CaseHandler, Team
from callback.services import cases
from callback.services.cases import create_child_case

NEW = {
    "source": "desk",
    "external_id": "T-1",
    "subject": "Noise at night",
    "customer": {"external_id": "C-1", "name": "Wang Mei", "phones": ["138 1234 5678"], "emails": ["mei@example.com"]},
}


def make(desk: Any, **change: Any) -> dict[str, Any]:
    answer = desk.supervisor().post("/api/v1/cases", json={**NEW, **change})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_case_is_made_with_its_customer(desk: Any, house: House, now: Any) -> None:
    made = make(desk, promised_at="2026-03-12T02:00:00Z")
    assert (made["status"], made["promised_at"], made["version"]) == ("open", "2026-03-12T02:00:00Z", 2)
    customer = desk.supervisor().get(f"/api/v1/customers/{made['customer_id']}").json()
    assert [point["masked"] for point in customer["contact_points"]] == ["+86 138****5678", "m***@example.com"]
    assert (customer["country"], customer["time_zone"]) == ("CN", "Asia/Shanghai")
    with reading(house.sessions) as session:
        assert session.get_one(Case, made["id"]).plan_at == now
        assert session.scalars(select(CaseHandler.role)).all() == ["took"]


def test_creating_twice_with_one_key_is_creating_once(desk: Any, house: House) -> None:
    boss = desk.supervisor()
    headers = {"Idempotency-Key": "k-1"}
    first, second = (boss.post("/api/v1/cases", json=NEW, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    other = boss.post("/api/v1/cases", json=NEW)
    assert (other.status_code, other.json()["code"]) == (409, "case_exists")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"customer": {"phones": ["12"]}}, 422, "bad_phone"),
        ({"customer": {"emails": ["x"]}}, 422, "bad_email"),
        ({"customer": {"country": "XX"}}, 422, "bad_country"),
        ({"customer": {"time_zone": "Mars"}}, 422, "bad_zone"),
        ({"owner_id": 999}, 404, "agent_not_found"),
        ({"team_id": 999}, 404, "team_not_found"),
        ({"subject": "  "}, 422, "invalid_request"),
        ({"plan_at": None}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_is_refused(desk: Any, house: House, change: dict[str, Any], status: int, code: str) -> None:
    answer = desk.supervisor().post("/api/v1/cases", json={**NEW, **change})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    with reading(house.sessions) as session:
        assert session.scalars(select(Case)).all() == []


def test_a_change_names_the_version_that_was_read(desk: Any) -> None:
    path = f"/api/v1/cases/{make(desk)['id']}"
    boss = desk.supervisor()
    assert boss.patch(path, json={"subject": "Noise", "version": 1}).json()["version"] == 2
    assert boss.patch(path, json={"subject": "x", "version": 1}).status_code == 409
    assert boss.patch(path, json={"subject": "x"}, headers={"If-Match": '"1"'}).status_code == 412
    assert boss.patch(path, json={"subject": "x"}).status_code == 428
    assert boss.get(path).json()["subject"] == "Noise"


def test_the_life_of_a_case(desk: Any) -> None:
    path = f"/api/v1/cases/{make(desk)['id']}"
    boss = desk.supervisor()
    answered = boss.post(f"{path}/answer", json={"text": " We replaced it. ", "version": 1}).json()
    assert (answered["answer"], answered["status"]) == ("We replaced it.", "open")
    closed = boss.post(f"{path}/close", json={"version": 2}).json()
    assert (closed["status"], closed["closed_at"] is not None) == ("closed", True)
    again = boss.post(f"{path}/close", json={"version": 3})
    assert (again.status_code, again.json()["code"]) == (409, "case_closed")
    opened = boss.post(f"{path}/reopen", json={"version": 3}).json()
    assert (opened["status"], opened["answered_at"], opened["closed_at"]) == ("pending", None, None)
    assert opened["answer"] == "We replaced it."


def test_agents_see_their_own_cases_alone(desk: Any, house: House) -> None:
    made = make(desk)
    li, path = desk.agent("li"), f"/api/v1/cases/{made['id']}"
    assert li.get(path).status_code == 404
    assert li.get("/api/v1/cases").json()["items"] == []
    assert li.get("/api/v1/customers").json()["items"] == []
    assert li.post(f"{path}/answer", json={"text": "x", "version": 1}).status_code == 404
    assert li.patch(path, json={"owner_id": desk.ids["li"], "version": 1}).status_code == 403
    assert li.post("/api/v1/cases", json=NEW).status_code == 403
    boss = desk.supervisor()
    assert boss.patch(path, json={"owner_id": desk.ids["li"], "version": 1}).status_code == 200
    assert [case["id"] for case in li.get("/api/v1/cases").json()["items"]] == [made["id"]]
    assert [c["id"] for c in li.get("/api/v1/customers").json()["items"]] == [made["customer_id"]]


def test_a_new_need_goes_to_the_team_leader_who_answers_it(desk: Any, house: House, now: Any) -> None:
    made = make(desk)
    with house.sessions.begin() as session:
        team = Team(name="North", created_at=now)
        session.add(team)
        session.flush()
        team_id = team.id
    lead = desk.agent("zhao", team_id=team_id, leads_team=True)
    li = desk.agent("li", team_id=team_id)
    with house.sessions.begin() as session:
        parent = cases.find_case(session, made["id"])
        child = create_child_case(
            session, parent=parent, subject="A second pump", description="", by=desk.ids["li"], now=now
        )
        assert (child.owner_id, child.team_id, child.parent_id) == (desk.ids["zhao"], team_id, parent.id)
        path = f"/api/v1/cases/{child.id}"
    assert li.post(f"{path}/answer", json={"text": "x", "version": 1}).status_code == 404, "li called, zhao answers"
    answered = lead.post(f"{path}/answer", json={"text": "It comes on Friday.", "version": 1})
    assert answered.json()["answer"] == "It comes on Friday."
    with reading(house.sessions) as session:
        roles = session.execute(select(CaseHandler.agent_id, CaseHandler.role).where(CaseHandler.case_id == child.id))
        assert set(roles.tuples()) == {
            (desk.ids["li"], "took"),
            (desk.ids["zhao"], "owned"),
            (desk.ids["zhao"], "answered"),
        }
        assert session.get_one(Case, child.id).plan_at == now


def test_without_a_leader_a_new_need_goes_to_a_supervisor_or_stays_visible(desk: Any, house: House, now: Any) -> None:
    made = make(desk)
    with house.sessions.begin() as session:
        parent = cases.find_case(session, made["id"])
        first = create_child_case(session, parent=parent, subject="More", description="", by=None, now=now)
        assert first.owner_id == desk.ids["chief"]
        session.get_one(Agent, desk.ids["chief"]).active = False
        session.flush()
        second = create_child_case(session, parent=parent, subject="Still more", description="", by=None, now=now)
        assert (second.owner_id, second.team_id) == (None, None)


def test_cases_without_a_contact_are_listed_until_they_have_one(desk: Any) -> None:
    silent = make(desk, external_id="T-2", customer={"external_id": "C-2", "name": "Li"})
    make(desk)
    boss = desk.supervisor()
    listed = boss.get("/api/v1/cases", params={"needs_data": True}).json()["items"]
    assert [case["id"] for case in listed] == [silent["id"]]
    path = f"/api/v1/customers/{silent['customer_id']}/contact-points"
    added = boss.post(path, json={"kind": "phone", "text": "13912345678"})
    assert (added.status_code, added.json()["masked"]) == (201, "+86 139****5678")
    twice = boss.post(path, json={"kind": "phone", "text": "+86 139-1234-5678"})
    assert (twice.status_code, twice.json()["code"]) == (409, "contact_point_exists")
    assert boss.get("/api/v1/cases", params={"needs_data": True}).json()["items"] == []


def test_an_address_is_shown_in_full_only_with_an_audit_entry(desk: Any, house: House) -> None:
    made = make(desk)
    boss, li = desk.supervisor(), desk.agent("li")
    customer = boss.get(f"/api/v1/customers/{made['customer_id']}").json()
    point = customer["contact_points"][0]["id"]
    path = f"/api/v1/customers/{made['customer_id']}/contact-points/{point}/reveal"
    refused = li.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "reveal_not_allowed")
    assert boss.get(path).json()["address"] == "+8613812345678"
    assert boss.get(path.replace(str(point), "999999")).status_code == 404
    with reading(house.sessions) as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "customer.reveal")).all()
    assert [(entry.actor_id, entry.subject_id) for entry in entries] == [(desk.ids["chief"], str(point))]
    assert "138" not in str(entries[0].details)


def test_an_upload_is_imported_and_its_bad_rows_come_back(desk: Any) -> None:
    boss = desk.supervisor()
    text = "Case number,Status,Subject,Telephone\nK1,open,Noise,13812345678\nK2,open,Noise,12\n"
    files = {"file": ("../../etc/cases.csv", text.encode("gb18030"), "text/csv")}
    answer = boss.post("/api/v1/imports", files=files)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["file"], found["created"], found["rejected"]) == ("cases.csv", 1, 1)
    assert (found["rejects"][0]["row"], found["rejects"][0]["code"]) == (3, "bad_phone")
    assert boss.post("/api/v1/imports", files=files).json()["unchanged"] == 1
    lost = boss.post("/api/v1/imports", files={"file": ("x.csv", b"Case number,Status,Subject\nK3,lost,x\n")})
    assert (lost.status_code, lost.json()["code"]) == (422, "import_unknown_status")
    profile = 'name = "p"\nsource = "p"\n[columns]\nexternal_id = "a"\nsubject = "b"\n[defaults]\nstatus = "open"\n'
    own = boss.post("/api/v1/imports", files={"file": ("x.csv", b"a,b\n1,x\n")}, data={"profile_toml": profile})
    assert own.json()["created"] == 1
    assert desk.agent().post("/api/v1/imports", files=files).status_code == 403
