"""A house with people in it, a clock that stands still, and clients that are logged in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import structlog
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from callback.app import create_app, serve
from callback.bootstrap import House, build
from callback.db.tables import Agent
from callback.domain.words import Role
from callback.log import mask_secrets
from callback.services import accounts
from callback.services.collector import leave_out
from callback.settings import Settings

if TYPE_CHECKING:
    from tests.fake_carrier import FakeCarrier
    from tests.integration.post_office import PostOffice

PASSWORD = "correct horse battery"
BASE_URL = "http://callback.test"


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """structlog's own default draws every traceback with the locals of each frame, which takes seconds."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            mask_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    )


@pytest.fixture(scope="session", autouse=True)
def one_event_loop() -> Iterator[None]:
    """For all requests, as in a server: a loop and a thread for each of them took longer than many an answer."""
    with start_blocking_portal() as portal, mock.patch.object(TestClient, "portal", portal):
        yield


@dataclass
class StandingClock:
    """Reads `now` until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **timedelta_parts: float) -> datetime:
        """`clock.advance(hours=3)`."""
        self.now += timedelta(**timedelta_parts)
        return self.now


@pytest.fixture
def clock(now: datetime) -> StandingClock:
    return StandingClock(now)


@pytest.fixture
def house(settings: Settings, clock: StandingClock) -> Iterator[House]:
    house = build(settings, clock=clock)
    yield house
    house.close()


_applications: dict[str, FastAPI] = {}


def application(house: House, *, of: str = "desk") -> FastAPI:
    """The application of this process, on this house: laying it out takes longer than most tests.

    A test with two houses at once has two of them: `of` tells them apart.
    """
    if of not in _applications:
        _applications[of] = create_app(house)
        leave_out()  # it stays as long as the process
    serve(_applications[of], house)
    return _applications[of]


@pytest.fixture
def app(house: House) -> FastAPI:
    return application(house)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Hashing is slow on purpose; once is enough for all the people of the tests."""
    return accounts.hash_password(PASSWORD)


@pytest.fixture
def make_agent(house: House, password_hash: str) -> Callable[..., int]:
    """`make_agent("li")`, `make_agent("wang", role=Role.SUPERVISOR, skills=["billing"])` → the agent's id."""

    def make(login: str, *, role: Role = Role.AGENT, **columns: Any) -> int:
        columns = {
            "name": login.title(),
            "number": f"N-{login}",
            "languages": ["zh", "en"],
            "time_zone": "Asia/Shanghai",
            "created_at": house.clock(),
            "password_hash": password_hash,
            **columns,
        }
        with house.sessions.begin() as session:
            agent = Agent(login=login, role=role, **columns)
            session.add(agent)
            session.flush()
            return agent.id

    return make


@dataclass
class Desk:
    """Makes clients of one application: each is a browser of its own."""

    app: FastAPI
    house: House
    make_agent: Callable[..., int]
    ids: dict[str, int] = field(default_factory=dict)

    def anonymous(self, *, address: str = "192.0.2.1") -> TestClient:
        return TestClient(self.app, base_url=BASE_URL, client=(address, 50000))

    def agent(self, login: str = "li", **columns: Any) -> TestClient:
        return self.logged_in(login, role=Role.AGENT, **columns)

    def supervisor(self, login: str = "chief", **columns: Any) -> TestClient:
        return self.logged_in(login, role=Role.SUPERVISOR, **columns)

    def administrator(self, login: str = "admin", **columns: Any) -> TestClient:
        return self.logged_in(login, role=Role.ADMINISTRATOR, **columns)

    def logged_in(self, login: str, *, role: Role = Role.AGENT, **columns: Any) -> TestClient:
        """A browser of this person, who is made at first mention (`self.ids[login]`), with cookie and CSRF token.

        The session is started in the service: what the log-in itself does has its own tests, and hashing is slow.
        """
        from callback.entrance import CSRF_HEADER, cookie_name, csrf_token

        if login not in self.ids:
            self.ids[login] = self.make_agent(login, role=role, **columns)
        with self.house.sessions.begin() as session:
            new = accounts.start_session(session, self.ids[login], now=self.house.clock(), lifetime=timedelta(hours=12))
        client = self.anonymous()
        client.cookies.set(cookie_name(self.house.settings), new.secret)
        client.headers[CSRF_HEADER] = csrf_token(new.secret)
        client.headers["Accept-Language"] = "en"
        return client


@pytest.fixture
def desk(app: FastAPI, house: House, make_agent: Callable[..., int]) -> Desk:
    """Test clients: `desk.agent()`, `.supervisor()`, `.administrator()`, `.logged_in("zhao")`, `.anonymous()`."""
    return Desk(app, house, make_agent)


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator["FakeCarrier"]:
    """A fake carrier that holds every request against the carrier's description; a fault fails the test."""
    from tests.fake_carrier import FakeCarrier
    from tests.fake_carrier.description import load

    shared: Path = request.getfixturevalue("shared")
    with FakeCarrier(load(shared / "data" / "twilio_api_v2010.json")) as fake:
        yield fake
    assert not fake.faults, fake.faults


@pytest.fixture
def post(settings: Settings, fake: "FakeCarrier", clock: StandingClock) -> Iterator["PostOffice"]:
    """A house that sends messages and calls through the fake carrier."""
    from tests.fake_carrier.server import ACCOUNT, TOKEN
    from tests.integration.post_office import PUBLIC_URL, PostOffice

    with_carrier = settings.model_copy(
        update={
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": SecretStr(TOKEN),
            "twilio_from": "+15005550006",
            "twilio_api_url": fake.url,
            "twilio_segments_per_s": 1000.0,
            "twilio_calls_per_s": 100.0,
            "public_url": PUBLIC_URL,
            "send_timeout_s": 2.0,
        }
    )
    house = build(with_carrier, clock=clock)
    yield PostOffice(house, fake, clock).open()
    house.close()


@pytest.fixture
def sandbox(settings: Settings, clock: StandingClock) -> Iterator["PostOffice"]:
    """A house whose messages and calls go to the sandbox."""
    from tests.fake_carrier import FakeCarrier
    from tests.integration.post_office import PostOffice

    house = build(settings.model_copy(update={"channels": "sandbox_sms,sandbox_voice"}), clock=clock)
    yield PostOffice(house, FakeCarrier(), clock).open()
    house.close()


@pytest.fixture
def chief(sandbox: "PostOffice", password_hash: str) -> TestClient:
    """A supervisor of the house of `sandbox`."""

    def make(login: str, *, role: Role = Role.AGENT, **columns: Any) -> int:
        with sandbox.house.sessions.begin() as session:
            agent = Agent(login=login, role=role, name=login, number=login, time_zone="Asia/Shanghai")
            agent.created_at, agent.password_hash, agent.languages = sandbox.now, password_hash, ["en"]
            session.add(agent)
            session.flush()
            return agent.id

    return Desk(application(sandbox.house, of="sandbox"), sandbox.house, make).supervisor()
