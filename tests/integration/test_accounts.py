"""Logging in and out, as a browser sees it."""

from typing import Any

from callback.domain.words import Role


def test_logging_in_gives_a_session_that_works(desk: Any, make_agent: Any) -> None:
    make_agent("li")
    browser = desk.anonymous()
    answer = browser.post("/api/v1/sessions", json={"login": "li", "password": "correct horse battery"})
    assert answer.status_code == 201, answer.text
    assert "HttpOnly" in answer.headers["set-cookie"]
    me = browser.get("/api/v1/me").json()
    assert me["login"] == "li"
    assert me["role"] == Role.AGENT
    assert me["csrf_token"] == answer.json()["csrf_token"]


def test_logging_out_ends_the_session_on_the_server(desk: Any) -> None:
    browser = desk.agent()
    secret = browser.cookies["callback_session"]
    assert browser.delete("/api/v1/sessions/current").status_code == 204
    browser.cookies.set("callback_session", secret)
    assert browser.get("/api/v1/me").json()["code"] == "session_not_valid"
