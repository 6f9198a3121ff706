"""The desks in a real browser: the sample centre on SQLite behind a real server, at a moment that stands still.

    def test_my_day(site: Site, look: Look) -> None:
        page = site.open("/day", login="limin", language="zh", width=PHONE)
        look(page, "day")

`look` holds what is true of every page (nothing overflows, no raw code, no word of the other language, no violation of
WCAG 2.2 AA) and keeps a picture. What the browser complains of, and every request to anywhere else, fails the test.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
import structlog
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from callback.bootstrap import House, build
from callback.db.tables import Agent
from callback.entrance import cookie_name
from callback.services import accounts, samples
from callback.services.agents import by_login
from callback.services.housekeeping import break_promises
from callback.services.planning import plan_day
from callback.settings import Settings, load_settings
from callback.web.desk import LANGUAGE_COOKIE
from tests.browser.looking import AT_REST, Look, look_at
from tests.integration.conftest import StandingClock, application

DESKTOP, PHONE = 1440, 390
expect.set_options(timeout=20_000)
_HEIGHTS = {DESKTOP: 900, PHONE: 844}
_NAMES = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge",
)  # fmt: skip


def find_browser() -> str:
    """A Chromium of this machine: `CALLBACK_TEST_BROWSER`, else the first on the path. `scripts/test` installs one."""
    named = os.environ.get("CALLBACK_TEST_BROWSER")
    found = named or next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("no Chromium found: run scripts/parts/browser.sh, or name one in CALLBACK_TEST_BROWSER")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    arguments = [
        "--no-first-run",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--force-prefers-reduced-motion",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=arguments, chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


def _settings(path: Path) -> Settings:
    return load_settings(
        database_url=f"sqlite:///{path}",
        company="Harbour Home",
        centre="Service Centre",
        department="Customer Care",
        company_zh="海港家居",
        centre_zh="客户服务中心",
        department_zh="客服部",
        channels="sandbox_sms,sandbox_voice,sandbox_email",
    )


@pytest.fixture(scope="session")
def sample_database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample centre, planned: made once, copied for each test."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    shutil.copy(sqlite_template, path)
    clock = StandingClock(SAMPLE_NOW)
    house = build(_settings(path), clock=clock)
    samples.load(house.sessions, house.settings, clock=clock)
    with house.sessions.begin() as session:
        break_promises(session, now=clock())
    plan_day(house.sessions, now=clock(), zone=house.zone, carriers=house.carriers)
    house.close()
    return path


SAMPLE_NOW = datetime.fromisoformat("2026-03-11T10:00:00+08:00")
"""A Wednesday morning in Shanghai."""


@dataclass
class Site:
    """The running site of one test: its house, its clock, and browsers that are logged in."""

    house: House
    clock: StandingClock
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()
    """Parts of complaints that a test expects, e.g. the browser's own word about a 409."""
    _pages: list[Page] = field(default_factory=list)

    def open(
        self,
        path: str,
        *,
        login: str | None = None,
        language: Literal["en", "zh"] = "en",
        width: int = DESKTOP,
    ) -> Page:
        """A new browser window (with cookies of its own) of this person, at this address, at rest.

        What a page asks for by itself is answered before a test goes on: a test that ends the log-in at once would else
        sometimes be asked for the password before it has touched anything.
        """
        context = self.browser.new_context(
            viewport={"width": width, "height": _HEIGHTS[width]},
            has_touch=width == PHONE,
            locale="zh-CN" if language == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        context.set_default_timeout(30_000)  # a busy machine is slow, not wrong
        context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": self.url}])
        if login is not None:
            context.add_cookies(
                [{"name": cookie_name(self.house.settings), "value": self._secret(login), "url": self.url}]
            )
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._asked)
        page.goto(self.url + path)
        page.wait_for_function(AT_REST)
        self._pages.append(page)
        return page

    def _secret(self, login: str) -> str:
        with self.house.sessions.begin() as session:
            agent = by_login(session, login)
            return accounts.start_session(session, agent.id, now=self.clock(), lifetime=timedelta(hours=12)).secret

    def agent(self, login: str) -> Agent:
        with self.house.sessions() as session:
            return by_login(session, login)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"request to elsewhere: {request.url}")

    def close(self) -> None:
        for page in self._pages:
            page.context.close()


def _serve(house: House) -> tuple[uvicorn.Server, threading.Thread, str]:
    config = uvicorn.Config(application(house), host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    waited = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < waited, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    return server, thread, f"http://127.0.0.1:{port}"


@pytest.fixture
def site(sample_database: Path, tmp_path: Path, browser: Browser) -> Iterator[Site]:
    path = tmp_path / "site.db"
    shutil.copy(sample_database, path)
    clock = StandingClock(SAMPLE_NOW)
    house = build(_settings(path), clock=clock)
    server, thread, url = _serve(house)
    site = Site(house=house, clock=clock, url=url, browser=browser)
    yield site
    site.close()
    server.should_exit = True
    thread.join(timeout=10)
    house.close()
    left = [told for told in site.complaints if not any(part in told for part in site.forgiven)]
    assert not left, left


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Look:
    return look_at


BOTH = pytest.mark.parametrize("language", ["en", "zh"])
WIDTHS = pytest.mark.parametrize("width", [DESKTOP, PHONE])


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """structlog's own default draws every traceback with the locals of each frame."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    )
