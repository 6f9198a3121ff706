"""Who may call what: every route declares it, and nobody gets around it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from callback.api.openapi import asked_of
from callback.domain.account import SCOPES_OF, Scope
from callback.domain.words import Role
from callback.entrance import CSRF_HEADER

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),  # asks for its own token when one is set
    ("GET", "/problems/{code}"),
    ("POST", "/api/v1/sessions"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/s/{handle}"),  # the link itself is the key
    ("POST", "/s/{handle}"),
    ("GET", "/s/{handle}/unsubscribe"),
    ("POST", "/s/{handle}/unsubscribe"),  # one click in the customer's mail program
    ("GET", "/s/-/survey.css"),
    ("GET", "/static/{version}/{name:path}"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/language"),
}
"""Everything else asks who is calling."""
SIGNED = "/api/v1/carrier/"
"""What carriers call back: believed by their signature alone."""


def _routes(app: FastAPI) -> Iterator[tuple[str, str, Any]]:
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, route.path or "", route


def _filled(path: str) -> str:
    """Any value will do: who is calling is asked before it is looked at."""
    return re.sub(r"\{[^}]+\}", "1", path)


def test_every_route_declares_who_may_call_it(app: FastAPI) -> None:
    undeclared = {(method, path) for method, path, route in _routes(app) if asked_of(route) is None}
    assert {(method, path) for method, path in undeclared if not path.startswith(SIGNED)} == PUBLIC


def test_what_carriers_call_is_refused_without_their_signature(app: FastAPI, desk: Any) -> None:
    signed = [(method, path) for method, path, _ in _routes(app) if path.startswith(SIGNED)]
    assert len(signed) >= 5
    for method, path in signed:
        answer = desk.anonymous().request(
            method, re.sub(r"\{[^}]+\}", "a" * 22, path), data={"CallStatus": "completed"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "carrier_signature"), (method, path)


def test_nobody_gets_in_without_logging_in(app: FastAPI, desk: Any) -> None:
    anonymous = desk.anonymous()
    anonymous.headers["Accept"] = "application/json"
    for method, path, _route in _routes(app):
        if (method, path) in PUBLIC or path.startswith(SIGNED):
            continue
        answer = anonymous.request(method, _filled(path), json={})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in"), (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_agent_is_refused_what_only_others_may(app: FastAPI, desk: Any) -> None:
    agent = desk.agent()
    agent.headers["Accept"] = "application/json"
    refused = 0
    for method, path, route in _routes(app):
        asked = asked_of(route)
        if asked is None or (asked.scope in SCOPES_OF[Role.AGENT] and not asked.roles):
            continue
        if asked.roles and Role.AGENT in asked.roles:
            continue
        answer = agent.request(method, _filled(path), json={})
        assert (answer.status_code, answer.json()["code"]) in {(403, "scope_missing"), (403, "role_not_allowed")}, path
        refused += 1
    assert refused > 5


@pytest.fixture
def token_for(desk: Any) -> Callable[..., Any]:
    """`token_for(client, "me")`: a client that carries a token made in that client's session."""

    def make(client: Any, *scopes: str) -> Any:
        made = client.post("/api/v1/tokens", json={"name": "program", "scopes": list(scopes)})
        assert made.status_code == 201, made.text
        program = desk.anonymous()
        program.headers["Authorization"] = f"Bearer {made.json()['secret']}"
        return program

    return make


def test_a_token_does_what_its_scopes_say_and_no_more(desk: Any, token_for: Any) -> None:
    program = token_for(desk.supervisor(), "agents:read")
    assert program.get("/api/v1/agents").status_code == 200
    assert program.get("/api/v1/me").json()["code"] == "scope_missing"
    assert program.get("/api/v1/audit").json()["code"] == "scope_missing"


def test_nobody_makes_a_token_with_more_than_their_role(desk: Any) -> None:
    body = {"name": "mine", "scopes": ["agents:write"]}
    assert desk.supervisor().post("/api/v1/tokens", json=body).json()["code"] == "scopes_beyond_role"
    body = {"name": "hers", "scopes": ["me"], "agent_id": desk.ids["chief"]}
    assert desk.agent().post("/api/v1/tokens", json=body).json()["code"] == "role_not_allowed"


def test_a_token_makes_no_other_and_changes_no_password(desk: Any, token_for: Any) -> None:
    program = token_for(desk.administrator(), *Scope)
    for method, path in (("POST", "/tokens"), ("GET", "/tokens"), ("DELETE", "/tokens/1"), ("POST", "/me/password")):
        answer = program.request(method, f"/api/v1{path}", json={})
        assert answer.json()["code"] == "session_required", path


def test_a_token_goes_before_a_cookie(desk: Any, token_for: Any) -> None:
    """A cookie that happens to come along must not lend its rights to a weaker token."""
    program = token_for(desk.administrator(), "me")
    mixed = desk.administrator()
    mixed.headers["Authorization"] = program.headers["Authorization"]
    assert mixed.get("/api/v1/audit").json()["code"] == "scope_missing"
    mixed.headers["Authorization"] = "Bearer nonsense"
    assert mixed.get("/api/v1/me").json()["code"] == "token_not_valid"


def test_a_revoked_or_expired_token_is_refused(desk: Any, clock: Any) -> None:
    boss = desk.administrator()
    until = (clock.now).replace(hour=4).isoformat()
    made = boss.post("/api/v1/tokens", json={"name": "short", "scopes": ["me"], "expires_at": until}).json()
    program = desk.anonymous()
    program.headers["Authorization"] = f"Bearer {made['secret']}"
    assert program.get("/api/v1/me").status_code == 200
    clock.advance(hours=3)
    assert program.get("/api/v1/me").json()["code"] == "token_not_valid"
    made = boss.post("/api/v1/tokens", json={"name": "long", "scopes": ["me"]}).json()
    program.headers["Authorization"] = f"Bearer {made['secret']}"
    assert program.get("/api/v1/me").status_code == 200
    assert boss.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert program.get("/api/v1/me").json()["code"] == "token_not_valid"


def test_another_agents_token_does_not_exist(desk: Any) -> None:
    made = desk.agent("li").post("/api/v1/tokens", json={"name": "mine", "scopes": ["me"]}).json()
    assert desk.agent("wang").delete(f"/api/v1/tokens/{made['id']}").json()["code"] == "token_not_found"
    assert desk.agent("wang").get("/api/v1/tokens").json() == {"items": []}
    assert desk.administrator().delete(f"/api/v1/tokens/{made['id']}").status_code == 204


def test_losing_a_role_takes_effect_with_the_next_request(desk: Any, token_for: Any) -> None:
    boss, chief = desk.administrator(), desk.supervisor()
    program = token_for(chief, "me", "agents:read")
    assert program.get("/api/v1/agents").status_code == 200
    changed = boss.patch(f"/api/v1/agents/{desk.ids['chief']}", json={"role": "agent", "version": 1})
    assert changed.status_code == 200, changed.text
    assert chief.get("/api/v1/me").json()["code"] == "session_not_valid"
    assert program.get("/api/v1/agents").json()["code"] == "scope_missing"
    assert program.get("/api/v1/me").json()["role"] == "agent"


def test_a_deactivated_agent_is_out_and_stays_out(desk: Any, token_for: Any) -> None:
    boss, agent = desk.administrator(), desk.agent()
    program = token_for(agent, "me")
    path = f"/api/v1/agents/{desk.ids['li']}"
    assert boss.patch(path, json={"active": False, "version": 1}).status_code == 200
    assert boss.patch(path, json={"active": True, "version": 2}).status_code == 200
    assert agent.get("/api/v1/me").json()["code"] == "session_not_valid"
    assert program.get("/api/v1/me").json()["code"] == "token_not_valid"


def test_a_session_ends_by_itself(desk: Any, clock: Any) -> None:
    agent = desk.agent()
    clock.advance(hours=12)
    assert agent.get("/api/v1/me").json()["code"] == "session_not_valid"


@pytest.mark.parametrize(
    "headers",
    [
        {CSRF_HEADER: ""},
        {CSRF_HEADER: "0" * 64},
        {CSRF_HEADER: "é"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://callback.test.evil.example"},
    ],
)
def test_what_another_site_made_a_browser_send_is_refused(desk: Any, headers: dict[str, str]) -> None:
    agent = desk.agent()
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = agent.post("/api/v1/tokens", json={"name": "x", "scopes": ["me"]}, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert agent.get("/api/v1/tokens").json() == {"items": []}


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin", "Origin": "http://callback.test"}, {"Origin": "http://127.0.0.1:8000"}],
)
def test_our_own_pages_may(desk: Any, headers: dict[str, str]) -> None:
    answer = desk.agent().post("/api/v1/tokens", json={"name": "x", "scopes": ["me"]}, headers=headers)
    assert answer.status_code == 201


def test_a_csrf_token_is_good_for_its_own_session_alone(desk: Any) -> None:
    mine, hers = desk.agent("li"), desk.agent("wang")
    hers.headers[CSRF_HEADER] = mine.headers[CSRF_HEADER]
    assert hers.post("/api/v1/tokens", json={"name": "x", "scopes": ["me"]}).json()["code"] == "csrf_failed"


def test_a_csrf_token_with_blanks_in_it_is_none(desk: Any) -> None:
    agent = desk.agent()
    agent.headers[CSRF_HEADER] = "aa  " + "aa" * 62  # as long as a masked one, with an odd number of bytes
    assert agent.post("/api/v1/tokens", json={"name": "x", "scopes": ["me"]}).json()["code"] == "csrf_failed"


def test_nobody_sets_what_they_may_not(desk: Any) -> None:
    """Mass assignment: unknown members are refused, not ignored."""
    boss = desk.administrator()
    body = {"login": "x", "name": "x", "number": "9", "id": 1, "password_hash": "y", "version": 9, "created_at": "now"}
    errors = boss.post("/api/v1/agents", json=body).json()["errors"]
    assert {error["pointer"] for error in errors} == {"#/id", "#/password_hash", "#/version", "#/created_at"}
    assert {error["code"] for error in errors} == {"extra_forbidden"}
