"""The agent's day and the supervisor's decisions through the API."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from callback.bootstrap import House
from callback.domain.words import CallbackState, Purpose
from tests.integration.call_centre import Centre


@pytest.fixture
def centre(house: House, now: datetime) -> Centre:
    return Centre(house.sessions, house.settings, now).open()


def ok(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def take(client: TestClient, call: dict[str, Any], *choices: str | tuple[str, dict[str, str]]) -> dict[str, Any]:
    for choice in choices:
        key, fields = choice if isinstance(choice, tuple) else (choice, {})
        body = {"choice": key, "fields": fields, "version": call["version"]}
        call = ok(client.post(f"/api/v1/attempts/{call['attempt']}/steps", json=body))
    return call


def start(client: TestClient, handle: str) -> dict[str, Any]:
    started = ok(client.post(f"/api/v1/callbacks/{handle}/start"))
    call: dict[str, Any] = ok(client.get(f"/api/v1/attempts/{started['attempt']}"))
    return call


def test_the_list_is_in_calling_order_masked_and_says_why(desk: Any, centre: Centre, now: datetime) -> None:
    li = desk.agent("li")
    mine = desk.ids["li"]
    late = centre.callback(mine, planned_at=now + timedelta(hours=5), next_try_at=now + timedelta(hours=5))
    urgent = centre.callback(mine, priority=90)
    left_over = centre.callback(mine, planned_at=now - timedelta(days=1), due_at=now - timedelta(hours=1))
    centre.callback(mine, planned_at=now + timedelta(days=1))
    centre.callback(centre.agent("wang"))
    ordinary = centre.callback(mine, priority=10)

    body = ok(li.get("/api/v1/me/callbacks"))
    assert [item["handle"] for item in body["items"]] == [left_over, urgent, ordinary, late]
    first = body["items"][0]
    assert (first["overdue"], first["why"], first["waits_until"]) == (True, "answer", None)
    assert first["address"] == "+86 138****8000"
    assert body["items"][3]["why"] == "retry"
    assert body["items"][3]["waits_until"] == (now + timedelta(hours=5)).isoformat().replace("+00:00", "Z")
    assert "电梯" not in str(body)

    pages, cursor = [], None
    while True:
        page = ok(li.get("/api/v1/me/callbacks", params={"limit": 1} | ({"cursor": cursor} if cursor else {})))
        pages += [item["handle"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == [left_over, urgent, ordinary, late]


def test_an_empty_list_says_why(desk: Any, centre: Centre, now: datetime) -> None:
    li = desk.agent("li")
    assert ok(li.get("/api/v1/me/callbacks"))["empty_because"] == "nothing_owed"
    centre.callback(None)
    body = ok(li.get("/api/v1/me/callbacks"))
    assert (body["empty_because"], body["empty_text"][:7]) == ("not_placed_yet", "Nothing")
    done = centre.callback(desk.ids["li"], state=CallbackState.DONE, finished_at=now, result="completed")
    assert done
    centre.callback(desk.ids["li"], planned_at=now + timedelta(days=2))
    body = ok(li.get("/api/v1/me/callbacks"))
    assert (body["empty_because"], body["finished_today"]) == ("all_done", 1)
    assert body["next_planned_at"] == (now + timedelta(days=2)).isoformat().replace("+00:00", "Z")


def test_a_call_from_next_to_finished(desk: Any, centre: Centre, clock: Any) -> None:
    li = desk.agent("li")
    handle = centre.callback(desk.ids["li"])
    key = {"Idempotency-Key": "one"}
    started = ok(li.post("/api/v1/me/callbacks/next", headers=key))
    assert started["callback"] == handle
    assert ok(li.post("/api/v1/me/callbacks/next", headers=key)) == started
    call = ok(li.get(f"/api/v1/attempts/{started['attempt']}"))
    assert (call["about"], call["node"]["stage"]) == (None, "prepare")
    assert [choice["key"] for choice in call["node"]["choices"]][:2] == ["1", "2"]

    early = li.post(f"/api/v1/attempts/{call['attempt']}/answers", json={"question": "solved", "value": True})
    assert ok(early, 409)["code"] == "identity_first"
    call = take(li, call, "1", "1")
    assert call["about"]["answer"] == "维修已经完成。"
    call = ok(li.post(f"/api/v1/attempts/{call['attempt']}/back", json={"version": call["version"]}))
    assert call["about"] is None
    call = take(li, call, "1", "1", "1", "1", "1", "1", "1", "1")

    asked = ok(li.post(f"/api/v1/attempts/{call['attempt']}/questions"))
    assert asked["question"]["name"] == "solved"
    wrong = ok(li.post(f"/api/v1/attempts/{call['attempt']}/answers", json={"question": "solved", "value": 1}))
    assert wrong["invalid"] == "answer_not_a_choice"
    answers = {"solved": True, "accepted": True, "attitude": 5, "speed": 4, "recommend": 9, "improve": None}
    for name, value in answers.items():
        body = {"question": name, "value": value}
        asked = ok(li.post(f"/api/v1/attempts/{call['attempt']}/answers", json=body))
    assert asked["complete"]
    call = take(li, call, "1")
    noted = ok(li.put(f"/api/v1/attempts/{call['attempt']}/notes", json={"notes": "都好", "version": call["version"]}))
    assert noted["notes"] == "都好"
    clock.advance(minutes=3)
    body = {"outcome": "completed", "attitude": "warm", "hung_up_first": "customer"}
    done = ok(li.post(f"/api/v1/attempts/{call['attempt']}/finish", json=body))
    assert (done["callback_state"], done["aapor_code"]) == ("done", "1.1")
    assert done["rule_text"] != "retry.settled"
    assert ok(li.post(f"/api/v1/attempts/{call['attempt']}/finish", json=body)) == done
    other = ok(li.post(f"/api/v1/attempts/{call['attempt']}/finish", json=body | {"attitude": "cold"}), 409)
    assert other["code"] == "already_finished"
    ended = ok(li.get(f"/api/v1/attempts/{call['attempt']}"))
    assert (ended["state"], ended["notes"], ended["duration_s"], ended["node"]) == ("ended", "都好", 180, None)
    listed = ok(li.get("/api/v1/attempts"))["items"]
    assert [(one["handle"], one["disposition"]) for one in listed] == [(call["attempt"], "completed")]


def test_agents_see_and_touch_their_own_work_alone(desk: Any, centre: Centre) -> None:
    li, wang, chief = desk.agent("li"), desk.agent("wang"), desk.supervisor()
    handle = centre.callback(desk.ids["li"])
    call = start(li, handle)
    address = f"/api/v1/attempts/{call['attempt']}"
    assert ok(wang.get(address), 404)["code"] == "attempt_not_found"
    assert ok(wang.get(f"/api/v1/callbacks/{handle}"), 404)["code"] == "callback_not_found"
    step = {"choice": "1", "version": call["version"]}
    assert ok(wang.post(f"{address}/steps", json=step), 404)["code"] == "attempt_not_found"
    assert ok(wang.post(f"/api/v1/callbacks/{handle}/start"), 409)["code"] == "callback_taken"
    assert ok(wang.post(f"{address}/finish", json={"outcome": "busy"}), 409)["code"] == "callback_taken"
    assert ok(wang.get("/api/v1/callbacks"))["items"] == []
    assert ok(wang.get("/api/v1/callbacks", params={"agent_id": desk.ids["li"]}))["items"] == []
    assert ok(wang.get("/api/v1/attempts"))["items"] == []
    assert ok(wang.get("/api/v1/dissatisfactions"), 403)
    assert [c["handle"] for c in ok(chief.get("/api/v1/callbacks", params={"state": "in_progress"}))["items"]] == [
        handle
    ]
    assert ok(chief.get(address))["attempt"] == call["attempt"]
    assert desk.anonymous().get("/api/v1/me/callbacks").status_code == 401


def test_a_forbidden_call_says_the_rule_the_moment_and_the_sentence(desk: Any, centre: Centre, clock: Any) -> None:
    li = desk.agent("li")
    handle = centre.callback(desk.ids["li"])
    clock.advance(hours=13)
    li = desk.logged_in("li")
    problem = ok(li.post(f"/api/v1/callbacks/{handle}/start"), 409)
    assert (problem["code"], problem["params"]["rule"]) == ("rule_forbids_call", "window")
    assert problem["next_legal_moment"] == "2026-03-12T01:00:00+00:00"
    assert problem["refusals"][0]["sentences"]["zh"] != problem["refusals"][0]["sentences"]["en"]


def test_a_supervisor_decides_about_an_unhappy_customer(desk: Any, centre: Centre, now: datetime) -> None:
    desk.agent("li")
    chief = desk.supervisor()
    li = desk.ids["li"]
    case_id = centre.case()
    flag_id = centre.flag(case_id)
    with centre.sessions.begin() as session:
        from callback.services.cases import record_handler

        record_handler(session, case_id=case_id, agent_id=li, role="answered", now=now)

    listed = ok(chief.get("/api/v1/dissatisfactions"))["items"]
    assert [(one["id"], one["age_hours"], one["severity"]) for one in listed] == [(flag_id, 24.0, "minor")]
    address = f"/api/v1/dissatisfactions/{flag_id}"
    response = chief.get(address)
    assert response.headers["etag"] == '"1"'
    body: dict[str, Any] = {"agent_id": li}
    assert chief.post(f"{address}/second-call", json=body).status_code == 428
    refused = ok(chief.post(f"{address}/second-call", json=body | {"version": 1}), 409)
    assert (refused["code"], refused["params"]["reason"]) == ("rule_forbids_agent", "handled_case")
    body |= {"version": 1, "override_reason": "客户要求"}
    headers = {"Idempotency-Key": "second"}
    callback = ok(chief.post(f"{address}/second-call", json=body, headers=headers))
    assert (callback["agent_id"], callback["state"], callback["purpose"]) == (li, "assigned", Purpose.SECOND_CALL)
    assert ok(chief.post(f"{address}/second-call", json=body, headers=headers)) == callback
    assert ok(chief.post(f"{address}/second-call", json=body), 409)["code"] == "changed_meanwhile"
    closed = ok(chief.post(f"{address}/close", json={"cause": "service", "sub_cause": "attitude", "version": 2}))
    assert (closed["state"], closed["sub_cause"]) == ("closed", "attitude")
    assert ok(chief.get("/api/v1/dissatisfactions"))["items"] == []
    assert len(ok(chief.get("/api/v1/dissatisfactions", params={"state": "closed"}))["items"]) == 1
