"""The front door, in a browser without a window: who is let in, where they come to, what they are told."""

from typing import Any

import pytest

from callback.entrance import CSRF_HEADER, cookie_name, csrf_masked, csrf_matches, csrf_token
from tests.integration.conftest import PASSWORD


def test_nobody_sees_a_page_without_logging_in(desk: Any) -> None:
    answer = desk.anonymous().get("/?team=3", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/%3Fteam%3D3")


@pytest.mark.parametrize(
    ("next_page", "reached"), [("/me", "/me"), ("//elsewhere.test/", "/"), ("https://x.test", "/")]
)
def test_the_right_password_leads_onwards_but_never_to_another_site(desk: Any, next_page: str, reached: str) -> None:
    desk.agent("li")
    browser = desk.anonymous()
    form = {"login": "li", "password": PASSWORD, "next": next_page}
    answer = browser.post("/login", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, reached)
    assert cookie_name(desk.house.settings) in browser.cookies


def test_a_wrong_password_says_what_to_do_in_the_readers_language(desk: Any) -> None:
    desk.agent("li")
    browser = desk.anonymous()
    answer = browser.post("/login", data={"login": "li", "password": "no"}, headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 401
    assert 'lang="zh-CN"' in answer.text
    assert 'value="li"' in answer.text
    assert 'role="alert"' in answer.text


def test_agents_come_to_their_day_and_supervisors_to_the_board(desk: Any) -> None:
    assert desk.agent("li").get("/", follow_redirects=False).headers["location"] == "/day"
    assert desk.supervisor().get("/", follow_redirects=False).headers["location"] == "/board"


def test_a_page_that_was_logged_out_gets_a_new_token_and_stays(desk: Any) -> None:
    browser = desk.agent("li")
    desk.house.clock.advance(hours=13)
    lost = browser.post("/logout", headers={"HX-Request": "true"})
    assert (lost.status_code, lost.headers["hx-trigger"]) == (401, "desk:logged-out")
    form = {"login": "li", "password": PASSWORD}
    told = browser.post("/login", data=form, headers={"Accept": "application/json"}).json()
    browser.headers[CSRF_HEADER] = told["csrf"]
    assert browser.post("/logout", headers={"HX-Request": "true"}).headers["hx-redirect"] == "/login"


def test_a_problem_is_a_page_for_people_and_a_document_for_programs(desk: Any) -> None:
    browser = desk.agent("li")
    page = browser.get("/no/such/page", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    notice = browser.get("/no/such/page", headers={"HX-Request": "true"})
    assert notice.headers["hx-retarget"] == "#problem"
    assert browser.get("/api/v1/no/such").json()["code"] == "no_such_address"


def test_the_language_is_the_readers_choice(desk: Any) -> None:
    browser = desk.anonymous()
    browser.post("/language", data={"language": "zh"}, headers={"Referer": "http://callback.test/login"})
    assert 'lang="zh-CN"' in browser.get("/login").text


def test_a_token_is_written_differently_each_time_and_is_the_same() -> None:
    first, second = csrf_masked("secret"), csrf_masked("secret")
    assert first != second
    assert csrf_matches("secret", first)
    assert csrf_matches("secret", second)
    assert csrf_matches("secret", csrf_token("secret"))
    assert not csrf_matches("other", first)
    assert not csrf_matches("secret", "")
    assert not csrf_matches("secret", "ä" * 128)


def test_what_the_pages_load_is_compressed_and_kept(desk: Any) -> None:
    browser = desk.anonymous()
    page = browser.get("/login").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = browser.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert browser.get("/static/x/../survey.css").status_code == 404
    assert browser.get("/static/x/vendor").status_code == 404
