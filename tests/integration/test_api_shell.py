"""What every endpoint gets from the shell: problem documents, pages, idempotency, versions, health, figures."""

import json
import threading
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import select, text

from callback.api.idempotency import OnceDep
from callback.app import create_app
from callback.bootstrap import House, build
from callback.db.engine import is_postgresql, reading
from callback.db.tables import IdempotencyKey, Team
from callback.domain.account import Scope
from callback.entrance import HouseDep, Now, Principal, caller
from callback.errors import RuleBroken
from callback.settings import Settings

PROBLEM = "application/problem+json"


def test_a_problem_document_has_its_shape_in_the_readers_language(desk: Any) -> None:
    answer = desk.anonymous().get("/api/v1/me", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.1"})
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["content-language"] == "zh-CN"
    document = answer.json()
    assert document == {
        "type": "/problems/not_logged_in",
        "title": "请先登录",
        "status": 401,
        "detail": document["detail"],
        "code": "not_logged_in",
        "request_id": answer.headers["x-request-id"],
    }
    assert "尚未登录" in document["detail"]


def test_the_type_of_a_problem_explains_it(desk: Any) -> None:
    client = desk.anonymous()
    assert "Log in" in client.get("/problems/not_logged_in", headers={"Accept-Language": "en"}).json()["detail"]
    page = client.get("/problems/not_logged_in", headers={"Accept": "text/html", "Accept-Language": "zh"})
    assert "尚未登录" in page.text
    assert client.get("/problems/<script>").json()["code"] in {"problem_not_known", "no_such_address"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "no_such_address"),
        ("GET", "/api/v1/me/", 404, "no_such_address"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/api/v1/agents?cursor=%00", 400, "nul_character"),
        ("GET", "/api/v1/agents/%00", 400, "nul_character"),
        ("GET", "/api/v1/agents?limit=0", 422, "invalid_request"),
        ("GET", "/api/v1/agents?limit=201", 422, "invalid_request"),
        ("GET", "/api/v1/agents?cursor=xyz", 422, "bad_cursor"),
        ("GET", "/api/v1/agents?team_id=9223372036854775808", 422, "invalid_request"),
        ("GET", f"/api/v1/agents/{'9' * 5000}", 422, "invalid_request"),
        ("GET", "/api/v1/agents/0", 422, "invalid_request"),
        ("GET", "/api/v1/agents/7777", 404, "agent_not_found"),
        ("GET", "/api/v1/agents/1/shifts?since=9999-12-31", 422, "invalid_request"),
        ("GET", "/api/v1/agents/1/shifts?since=2026-01-02&until=2026-01-01", 422, "period_not_valid"),
        ("GET", "/api/v1/audit?since=2026-01-01T00:00:00", 422, "invalid_request"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(desk: Any, method: str, path: str, status: int, code: str) -> None:
    answer = desk.administrator().request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "json_malformed"),
        (b'{"name": NaN}', 400, "json_malformed"),
        (b'{"name": "\\u0000"}', 422, "nul_character"),
        (b'{"name": "\\ud800"}', 422, "lone_surrogate"),
        (b'{"name": 99999999999999999999}', 422, "number_too_large"),
        (b"[" * 500 + b"]" * 500, 400, "json_too_deep"),
        (b'{"name": "' + b"x" * (2 * 1024 * 1024) + b'"}', 413, "body_too_large"),
        (b"", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
    ],
)
def test_a_body_that_cannot_be_kept_is_a_problem(desk: Any, content: bytes, status: int, code: str) -> None:
    boss = desk.administrator()
    answer = boss.post("/api/v1/teams", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert boss.get("/api/v1/teams").json()["items"] == []


def test_a_body_without_a_length_is_counted_too(desk: Any) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    answer = desk.administrator().post("/api/v1/teams", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_each_wrong_member_is_pointed_at_in_the_readers_language(desk: Any) -> None:
    body = {"login": "x", "name": "", "languages": ["zh", "fr"], "daily_capacity": "many", "a/b~c": 1}
    english = desk.administrator().post("/api/v1/agents", json=body).json()["errors"]
    found = {error["pointer"]: error["code"] for error in english}
    assert found == {
        "#/name": "string_too_short",
        "#/number": "missing",
        "#/languages/1": "literal_error",
        "#/daily_capacity": "int_parsing",
        "#/a~1b~0c": "extra_forbidden",
    }
    chinese = desk.administrator().post("/api/v1/agents", json=body, headers={"Accept-Language": "zh"}).json()
    assert {error["detail"] for error in chinese["errors"] if error["code"] == "missing"} == {"此项必填。"}


@pytest.fixture
def broken(house: House) -> FastAPI:
    """The application with endpoints that fail in ways that ours should not."""
    app = create_app(house)
    me = Annotated[Principal, Depends(caller(Scope.ME))]

    @app.get("/fails")
    def fails(me: me) -> None:
        raise RuntimeError("the password is hunter2")

    @app.get("/api/v1/rule")
    def rule(me: me) -> None:
        raise RuleBroken("version_not_matched", present=3, details={"refused": [1, 2]})

    @app.get("/api/v1/overflow")
    def overflow(me: me, house: HouseDep) -> None:
        with house.sessions.begin() as session:
            session.scalar(select(Team).where(Team.id == 2**70))

    @app.get("/api/v1/busy")
    def busy(me: me, house: HouseDep) -> None:
        with house.sessions.begin() as session:
            session.execute(text("SELECT * FROM a_table_that_is_not_there"))

    return app


def test_our_own_failure_tells_nothing_but_its_number(broken: FastAPI, desk: Any, capsys: Any) -> None:
    desk.app = broken
    page = desk.agent().get("/fails", headers={"Accept": "text/html", "X-Request-Id": "from-the-proxy-1"})
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "from-the-proxy-1" in page.text
    assert "hunter2" not in page.text
    headers = {"Accept": "application/json", "X-Request-Id": "from-the-proxy-1"}
    answer = desk.agent().get("/fails", headers=headers)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "from-the-proxy-1"
    assert "hunter2" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_errors_bring_their_members(broken: FastAPI, desk: Any) -> None:
    desk.app = broken
    document = desk.agent().get("/api/v1/rule").json()
    assert document["status"] == 409
    assert document["params"] == {"present": 3}
    assert document["refused"] == [1, 2]


def test_a_value_that_the_database_refuses_is_no_failure_of_ours(broken: FastAPI, desk: Any) -> None:
    desk.app = broken
    answer = desk.agent().get("/api/v1/overflow")
    assert (answer.status_code, answer.json()["code"]) == (422, "value_out_of_range")


def test_a_request_id_that_could_forge_a_log_is_replaced(desk: Any) -> None:
    answer = desk.anonymous().get("/healthz", headers={"X-Request-Id": "x y\tz{}"})
    assert answer.headers["x-request-id"] != "x y\tz{}"


def test_a_list_is_walked_to_its_end_without_a_gap_while_rows_come(desk: Any) -> None:
    boss = desk.administrator()
    names = [f"Team {number:02}" for number in range(7)]
    for name in names:
        boss.post("/api/v1/teams", json={"name": name})
    seen: list[str] = []
    path = "/api/v1/teams?limit=3"
    while True:
        page = boss.get(path).json()
        seen += [team["name"] for team in page["items"]]
        if page["next_cursor"] is None:
            break
        boss.post("/api/v1/teams", json={"name": f"Team 00{len(seen)}"})  # sorts before: must shift nothing
        path = f"/api/v1/teams?limit=3&cursor={page['next_cursor']}"
    assert seen == names


def test_the_newest_first_list_is_walked_too(desk: Any) -> None:
    boss = desk.administrator()
    for number in range(5):
        boss.post("/api/v1/teams", json={"name": f"T{number}"})
    first = boss.get("/api/v1/audit?limit=3&action=team_created").json()
    second = boss.get(f"/api/v1/audit?limit=3&action=team_created&cursor={first['next_cursor']}").json()
    ids = [int(entry["subject_id"]) for entry in first["items"] + second["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    assert second["next_cursor"] is None


def test_asking_twice_is_asking_once(desk: Any, house: House) -> None:
    boss = desk.administrator()
    key = {"Idempotency-Key": "wish-1"}
    first = boss.post("/api/v1/teams", json={"name": "North"}, headers=key)
    again = boss.post("/api/v1/teams", json={"name": "North"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = boss.post("/api/v1/teams", json={"name": "South"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = boss.post("/api/v1/agents", json={"login": "x", "name": "x", "number": "x"}, headers=key)
    assert elsewhere.json()["code"] == "idempotency_key_reused"
    with reading(house.sessions) as session:
        assert session.scalars(select(Team.name)).all() == ["North"]


def test_a_key_is_its_owners_alone(desk: Any) -> None:
    key = {"Idempotency-Key": "wish-1"}
    assert desk.administrator("one").post("/api/v1/teams", json={"name": "North"}, headers=key).status_code == 201
    answer = desk.administrator("two").post("/api/v1/teams", json={"name": "North"}, headers=key)
    assert answer.json()["code"] == "team_name_taken"


def test_a_request_that_failed_may_be_repeated_with_its_key(desk: Any, house: House) -> None:
    boss = desk.administrator()
    key = {"Idempotency-Key": "wish-1"}
    body = {"login": "li", "name": "Li", "number": "1", "time_zone": "Mars/Olympus"}
    assert boss.post("/api/v1/agents", json=body, headers=key).json()["code"] == "zone_not_known"
    with reading(house.sessions) as session:
        assert session.scalars(select(IdempotencyKey)).all() == []
    assert boss.post("/api/v1/agents", json={**body, "time_zone": "Asia/Urumqi"}, headers=key).status_code == 201


def test_a_secret_is_not_kept_for_the_replay(desk: Any, house: House) -> None:
    boss = desk.administrator()
    key = {"Idempotency-Key": "wish-1"}
    body = {"name": "program", "scopes": ["me"]}
    first = boss.post("/api/v1/tokens", json=body, headers=key).json()
    again = boss.post("/api/v1/tokens", json=body, headers=key).json()
    assert first["secret"].startswith("cb_")
    assert again == {**first, "secret": None}
    with reading(house.sessions) as session:
        kept = session.scalars(select(IdempotencyKey)).one()
        assert first["secret"] not in json.dumps(kept.body)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "é"])
def test_a_key_must_be_a_key(desk: Any, key: str) -> None:
    answer = desk.administrator().post(
        "/api/v1/teams", json={"name": "North"}, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 422


def test_two_at_once_with_one_key_make_one(house: House, desk: Any) -> None:
    """The second either waits for the first (SQLite) or is told that it is still running (PostgreSQL)."""
    app = create_app(house)
    inside, go_on = threading.Event(), threading.Event()

    @app.post("/api/v1/slow")
    def slow(me: Annotated[Principal, Depends(caller(Scope.ME))], house: HouseDep, now: Now, once: OnceDep) -> str:
        with house.sessions.begin() as session:

            def make() -> str:
                inside.set()
                go_on.wait(10)
                session.add(Team(name="Made", created_at=now))
                return "made"

            return once.run(session, me, make, now=now)

    desk.app = app
    first_client, second_client = desk.agent(), desk.agent()
    answers: dict[str, Any] = {}

    def call(name: str, client: Any) -> None:
        answers[name] = client.post("/api/v1/slow", headers={"Idempotency-Key": "k"})

    first = threading.Thread(target=call, args=("first", first_client))
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=call, args=("second", second_client))
    second.start()
    with house.sessions() as session:
        postgresql = is_postgresql(session)
    if postgresql:
        second.join(10)
        assert answers["second"].json()["code"] == "request_in_progress"
    go_on.set()
    first.join(10)
    second.join(10)
    assert answers["first"].status_code == 200
    again = first_client.post("/api/v1/slow", headers={"Idempotency-Key": "k"})
    assert (again.json(), again.headers["idempotency-replayed"]) == ("made", "true")
    with reading(house.sessions) as session:
        assert len(session.scalars(select(Team.id)).all()) == 1


def test_healthy_and_ready(desk: Any) -> None:
    client = desk.anonymous()
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.json() == {"status": "ok"}, ready.text


def test_not_ready_with_another_schema(desk: Any, house: House) -> None:
    with house.sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = desk.anonymous().get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "schema_not_at_head")


def test_not_ready_without_the_database(settings: Settings) -> None:
    from fastapi.testclient import TestClient

    away = settings.model_copy(update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    house = build(away)
    client = TestClient(create_app(house))
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    answer = client.get("/api/v1/me", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    house.close()


def test_metrics_ask_for_their_token(settings: Settings, clock: Any) -> None:
    from fastapi.testclient import TestClient
    from pydantic import SecretStr

    house = build(settings.model_copy(update={"metrics_token": SecretStr("s3cret")}), clock=clock)
    client = TestClient(create_app(house))
    assert client.get("/metrics").json()["code"] == "metrics_token_wrong"
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    house.close()


def test_metrics_tell_routes_by_their_template(desk: Any) -> None:
    desk.administrator().get("/api/v1/agents/4711")
    figures = desk.anonymous().get("/metrics").text
    assert 'callback_request_seconds_count{method="GET",route="/api/v1/agents/{agent_id}",status="4xx"} 1.0' in figures
    assert "agents/4711" not in figures  # the figures themselves may have any digits
    assert 'callback_callbacks{state="waiting"} 0.0' in figures
    assert "callback_overdue 0.0" in figures
    assert "callback_jobs_waiting " in figures


def test_every_answer_has_its_security_headers(desk: Any) -> None:
    for path in ("/healthz", "/api/v1/me", "/nothing"):
        headers = desk.anonymous().get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert desk.anonymous().get("/api/v1/me").headers["cache-control"] == "no-store"


def test_behind_tls_the_cookie_is_bound_to_it(settings: Settings, clock: Any, make_agent: Any) -> None:
    from fastapi.testclient import TestClient

    make_agent("li")
    house = build(settings.model_copy(update={"secure_cookies": True}), clock=clock)
    client = TestClient(create_app(house), base_url="https://callback.test")
    answer = client.post("/api/v1/sessions", json={"login": "li", "password": "correct horse battery"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-callback_session=")
    assert "; Secure" in cookie
    assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"]
    assert client.get("/api/v1/me").status_code == 200
    house.close()
