"""Logging in and out, passwords, and how fast one may guess."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from callback.bootstrap import House
from callback.db.engine import SessionFactory, reading
from callback.db.tables import Agent, AuditEntry, LoginFailure, LoginSession
from callback.domain.account import LOGIN_LIMITS, LOGIN_WINDOW, ThrottledBy
from callback.domain.words import Role
from callback.entrance import CSRF_HEADER
from callback.errors import Throttled, Unauthenticated
from callback.services import accounts

PASSWORD = "correct horse battery"


@pytest.fixture
def fast_hasher(monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """Guessing hundreds of times must not take minutes; what is tested is the counting."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "_hasher", hasher)
    accounts._nobodys_hash.cache_clear()
    return hasher


def _log_in(client: Any, login: str = "li", password: str = PASSWORD) -> Any:
    return client.post("/api/v1/sessions", json={"login": login, "password": password})


def test_logging_in_gives_a_session_that_works(desk: Any, make_agent: Any, house: House) -> None:
    make_agent("li")
    browser = desk.anonymous()
    answer = _log_in(browser)
    assert answer.status_code == 201, answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    me = browser.get("/api/v1/me").json()
    assert me["login"] == "li"
    assert me["role"] == Role.AGENT
    assert me["csrf_token"] == answer.json()["csrf_token"]
    with reading(house.sessions) as session:
        kept = session.scalars(select(LoginSession.secret_hash)).one()
        assert browser.cookies["callback_session"].encode() not in kept
        assert session.scalars(select(AuditEntry.action)).all() == ["login"]


def test_logging_out_ends_the_session_on_the_server(desk: Any) -> None:
    browser = desk.agent()
    secret = browser.cookies["callback_session"]
    assert browser.delete("/api/v1/sessions/current").status_code == 204
    browser.cookies.set("callback_session", secret)
    assert browser.get("/api/v1/me").json()["code"] == "session_not_valid"


def test_a_session_that_was_put_into_the_browser_is_not_taken_over(desk: Any, make_agent: Any) -> None:
    """Session fixation: whatever secret the browser brings, logging in makes a new one and ends the old one."""
    make_agent("li")
    attacker = desk.agent("mallory")
    planted = attacker.cookies["callback_session"]
    victim = desk.anonymous()
    victim.cookies.set("callback_session", planted)
    answer = _log_in(victim)
    fresh = answer.headers["set-cookie"].split(";")[0].removeprefix("callback_session=")
    assert fresh != planted
    assert attacker.get("/api/v1/me").json()["code"] == "session_not_valid"


def test_another_site_cannot_log_a_browser_in(desk: Any, make_agent: Any) -> None:
    make_agent("li")
    body = {"login": "li", "password": PASSWORD}
    answer = desk.anonymous().post("/api/v1/sessions", json=body, headers={"Origin": "https://evil.example"})
    assert answer.json()["code"] == "csrf_failed"
    form = desk.anonymous().post("/api/v1/sessions", data=body)
    assert form.status_code == 422


def test_unknown_wrong_and_deactivated_look_the_same(desk: Any, make_agent: Any) -> None:
    make_agent("li")
    make_agent("gone", active=False)
    make_agent("program", password_hash=None)
    answers = [
        _log_in(desk.anonymous(), login, password).json()
        for login, password in (("nobody", PASSWORD), ("li", "wrong"), ("gone", PASSWORD), ("program", PASSWORD))
    ]
    assert {(answer["status"], answer["code"], answer["detail"]) for answer in answers} == {
        (401, "login_failed", answers[0]["detail"])
    }


def test_every_login_costs_one_look_at_a_password(
    house: House, make_agent: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown login takes as long as a known one: exactly one hash is checked for either."""
    make_agent("li")
    looked: list[str] = []
    real = accounts._matches

    def counted(known: str, password: str) -> bool:
        looked.append(known)
        return real(known, password)

    monkeypatch.setattr(accounts, "_matches", counted)
    for login in ("li", "nobody"):
        with pytest.raises(Unauthenticated):
            accounts.check_password(house.sessions, login=login, password="wrong", address="192.0.2.1", now=now)
    assert len(looked) == 2
    parameters = {known.rsplit("$", 2)[0] for known in looked}
    assert len(parameters) == 1


def test_guessing_is_slowed_down_for_one_login_from_one_address(
    desk: Any, make_agent: Any, clock: Any, fast_hasher: PasswordHasher
) -> None:
    make_agent("li", password_hash=fast_hasher.hash(PASSWORD))
    limit = LOGIN_LIMITS[ThrottledBy.LOGIN_AND_ADDRESS]
    browser = desk.anonymous()
    for _ in range(limit):
        assert _log_in(browser, password="wrong").status_code == 401
        clock.advance(seconds=10)
    answer = _log_in(browser)
    assert (answer.status_code, answer.json()["code"]) == (429, "login_throttled")
    wait = int(answer.headers["retry-after"])
    assert wait == (LOGIN_WINDOW - timedelta(seconds=10 * limit)).total_seconds()
    assert _log_in(desk.anonymous(address="198.51.100.7")).status_code == 201, "somebody else is not locked out"
    clock.advance(seconds=wait)
    assert _log_in(browser).status_code == 201


def test_guessing_one_login_from_everywhere_is_slowed_down(
    house: House, make_agent: Any, now: datetime, fast_hasher: PasswordHasher
) -> None:
    make_agent("li", password_hash=fast_hasher.hash(PASSWORD))
    for number in range(LOGIN_LIMITS[ThrottledBy.LOGIN]):
        with pytest.raises(Unauthenticated):
            accounts.check_password(
                house.sessions, login="li", password="wrong", address=f"198.51.100.{number}", now=now
            )
    with pytest.raises(Throttled):
        accounts.check_password(house.sessions, login="li", password=PASSWORD, address="203.0.113.1", now=now)


def test_guessing_many_logins_from_one_network_is_slowed_down(
    house: House, now: datetime, fast_hasher: PasswordHasher
) -> None:
    """An IPv6 customer has 2⁶⁴ addresses; they count as one."""
    for number in range(LOGIN_LIMITS[ThrottledBy.ADDRESS]):
        with pytest.raises(Unauthenticated):
            accounts.check_password(
                house.sessions, login=f"login{number}", password="wrong", address=f"2001:db8::{number:x}", now=now
            )
    with pytest.raises(Throttled):
        accounts.check_password(house.sessions, login="another", password="x", address="2001:db8::ffff:1", now=now)


def test_guessing_at_the_same_time_is_no_way_around_the_limit(
    house: House, make_agent: Any, now: datetime, fast_hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agent("li", password_hash=fast_hasher.hash(PASSWORD))
    looked = 0
    lock = threading.Lock()

    def never(_known: str, _password: str) -> bool:
        nonlocal looked
        with lock:
            looked += 1
        return False

    monkeypatch.setattr(accounts, "_matches", never)

    def guess() -> None:
        with pytest.raises((Unauthenticated, Throttled)):
            accounts.check_password(house.sessions, login="li", password="guess", address="192.0.2.1", now=now)

    threads = [threading.Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < looked <= LOGIN_LIMITS[ThrottledBy.LOGIN_AND_ADDRESS]
    with reading(house.sessions) as session:
        assert session.scalar(select(func.count()).select_from(LoginFailure)) == looked


def test_the_right_password_forgets_the_wrong_ones(
    desk: Any, make_agent: Any, fast_hasher: PasswordHasher, house: House
) -> None:
    make_agent("li", password_hash=fast_hasher.hash(PASSWORD))
    browser = desk.anonymous()
    for _ in range(3):
        for _ in range(LOGIN_LIMITS[ThrottledBy.LOGIN_AND_ADDRESS] - 1):
            assert _log_in(browser, password="wrong").status_code == 401
        assert _log_in(browser).status_code == 201
    with reading(house.sessions) as session:
        assert session.scalars(select(LoginFailure.id)).all() == []


def test_a_weaker_hash_is_made_strong_at_the_next_log_in(
    house: House, make_agent: Any, now: datetime, sessions: SessionFactory
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    agent_id = make_agent("li", password_hash=weak)
    accounts.check_password(house.sessions, login="li", password=PASSWORD, address="192.0.2.1", now=now)
    with reading(sessions) as session:
        strong = session.scalars(select(Agent.password_hash).where(Agent.id == agent_id)).one()
    assert strong is not None
    assert strong != weak
    assert not PasswordHasher().check_needs_rehash(strong)
    accounts.check_password(house.sessions, login="li", password=PASSWORD, address="192.0.2.1", now=now)


def test_the_same_letters_are_the_same_password(house: House, make_agent: Any, now: datetime) -> None:
    """é as one character and as e with an accent: another keyboard, not another password."""
    make_agent("li", password_hash=accounts.hash_password("caf\u00e9 caf\u00e9 caf\u00e9"))
    accounts.check_password(
        house.sessions, login="li", password="cafe\u0301 cafe\u0301 cafe\u0301", address="192.0.2.1", now=now
    )


def test_changing_the_password_ends_every_other_session(desk: Any, make_agent: Any) -> None:
    make_agent("li")
    desk.ids["li"] = 1
    here, elsewhere = desk.anonymous(), desk.anonymous()
    here.headers[CSRF_HEADER] = _log_in(here).json()["csrf_token"]
    _log_in(elsewhere)
    change = {"current": PASSWORD, "new": "another horse battery"}
    answer = here.post("/api/v1/me/password", json=change)
    assert answer.status_code == 200, answer.text
    assert elsewhere.get("/api/v1/me").json()["code"] == "session_not_valid"
    assert here.get("/api/v1/me").status_code == 200
    assert _log_in(desk.anonymous()).status_code == 401
    assert _log_in(desk.anonymous(), password=change["new"]).status_code == 201


def test_the_present_password_is_asked_for_and_guessing_it_is_throttled(desk: Any, fast_hasher: PasswordHasher) -> None:
    browser = desk.agent("li", password_hash=fast_hasher.hash(PASSWORD))
    body = {"current": "wrong", "new": "another horse battery"}
    codes = [browser.post("/api/v1/me/password", json=body).json()["code"] for _ in range(6)]
    assert codes == ["password_wrong"] * 5 + ["login_throttled"]


def test_a_new_password_must_be_a_good_one(desk: Any, fast_hasher: PasswordHasher) -> None:
    browser = desk.agent("li", password_hash=fast_hasher.hash(PASSWORD))
    answer = browser.post("/api/v1/me/password", json={"current": PASSWORD, "new": "short"})
    assert (answer.status_code, answer.json()["code"]) == (422, "password_too_short")


def test_a_garbled_hash_is_a_wrong_password_not_an_error(desk: Any, make_agent: Any) -> None:
    make_agent("li", password_hash="not a hash")
    assert _log_in(desk.anonymous()).status_code == 401
