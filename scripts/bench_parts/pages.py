"""Every page of the desks among a million callbacks on PostgreSQL: server time, size, and how quickly it reacts."""

import gzip
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product

import httpx2 as httpx
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

from bench_parts import Bench, Figure, percentile
from bench_parts._desks import BUSY, CHIEF, fill, logged_in
from callback.app import create_app
from callback.bootstrap import House
from callback.db.tables import Callback, Dissatisfaction
from callback.domain.words import CallbackState
from callback.entrance import CSRF_HEADER, cookie_name, csrf_token
from callback.web.assets import STATIC, asset

SUMMARY = "every page of the desks among 1,000,000 callbacks on PostgreSQL: server time, size, reaction"
REQUESTS = 40
WARM = 5
NOT_PAGES = re.compile(
    r"^/(api/|s/|static/|problems/|healthz|readyz|metrics|login|language|quick-replies|$)|export|csv|template|\.xlsx"
)
AGENTS_PAGES = ("/day", "/search", "/handover")
SLOWER = (1, 4)
"""How often the browser is slowed down: the bound is for this machine; an old office computer is shown beside it."""


def run(bench: Bench) -> list[Figure]:
    callbacks = 50_000 if bench.small else 1_000_000
    with bench.house(bench.postgresql(channels="sandbox_sms,sandbox_voice,sandbox_email")) as house:
        began = time.monotonic()
        fill(house, callbacks=callbacks)
        bench.note(f"{callbacks:,} callbacks of 500 agents, filled in {time.monotonic() - began:.0f} s")
        with _server(house) as address:
            figures = _pages(house, address)
            figures += _assets()
            figures += _reactions(house, address, bench)
    return figures


@contextmanager
def _server(house: House) -> Iterator[str]:
    environment = {
        **os.environ,
        "CALLBACK_DATABASE_URL": house.engine.url.render_as_string(hide_password=False),
        "CALLBACK_LOG_LEVEL": "WARNING",
        "CALLBACK_ENV_FILE": os.devnull,
        "CALLBACK_CHANNELS": "sandbox_sms,sandbox_voice,sandbox_email",
    }
    command = [sys.executable, "-m", "callback", "serve", "--port", "0"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"[0-9.]+:\d+", server.stdout.readline())
        assert found is not None
        yield f"http://{found[0]}"
    finally:
        server.terminate()
        server.wait(30)


def _addresses(house: House) -> dict[str, int]:
    """Every page with no number in its address, from the application's own routes; and one of each that has one."""
    found = {
        route.path: BUSY if route.path.startswith(AGENTS_PAGES) else CHIEF + 1
        for route in iter_route_contexts(create_app(house).routes)
        if route.path and "GET" in (route.methods or ()) and "{" not in route.path and not NOT_PAGES.search(route.path)
    }
    with house.sessions() as session:
        blocked = session.scalars(select(Callback.handle).where(Callback.state == CallbackState.BLOCKED).limit(1)).one()
        unhappy = session.scalars(select(Dissatisfaction.id).where(Dissatisfaction.state == "open").limit(1)).one()
    found |= {
        f"/callbacks/{blocked}": CHIEF + 1,
        f"/unhappy/{unhappy}": CHIEF + 1,
        "/board?team=3": CHIEF + 1,
        "/quick-replies?spoken=en": BUSY,
        "/search?q=1234": BUSY,
        "/search?q=Wang 41": BUSY,
        "/search?q=C-77": BUSY,
    }
    found |= {"/setup/questionnaires/1": CHIEF, "/setup/scripts/1": CHIEF}
    return found


def _pages(house: House, address: str) -> list[Figure]:
    """Page by page, one request after another: what the server takes is what is measured, not a queue."""
    times: list[float] = []
    figures = []
    largest = 0
    asked: list[tuple[str, str, int, Mapping[str, str] | None]] = [
        *((path, path, agent_id, None) for path, agent_id in sorted(_addresses(house).items())),
        *((f"search for {q}", "/search/found", BUSY, {"q": q}) for q in ("1234", "Wang 41", "C-77")),
    ]
    for name, path, agent_id, form in asked:
        cookies = {cookie_name(house.settings): logged_in(house, agent_id)}
        took, size, status = _ask(address, path, cookies, form=form)
        if status != 200:
            figures.append(Figure(name=f"{name} answers {status}", figure=status, unit="status", at_most=200))
            continue
        figures.append(Figure(name=f"{name} p95", figure=percentile(took, 0.95), unit="ms", at_most=100))
        figures.append(Figure(name=f"{name} size", figure=size / 1000, unit="kB gzip", at_most=60))
        times += took
        largest = max(largest, size)
    return [
        Figure(name="all pages p95", figure=percentile(times, 0.95), unit="ms", at_most=100),
        Figure(name="largest page", figure=largest / 1000, unit="kB gzip", at_most=60),
        *figures,
    ]


def _ask(
    address: str, path: str, cookies: Mapping[str, str], *, form: Mapping[str, str] | None = None
) -> tuple[list[float], int, int]:
    """Milliseconds of each request, bytes as they travel, status. With `form` it is sent as htmx does."""
    times, size, status = [], 0, 0
    headers = {"Accept-Encoding": "gzip"}
    if form is not None:
        headers |= {"HX-Request": "true", CSRF_HEADER: csrf_token(next(iter(cookies.values())))}
    with httpx.Client(base_url=address, timeout=60, cookies=dict(cookies)) as client:
        for number in range(REQUESTS + WARM):
            began = time.perf_counter()
            with client.stream("GET" if form is None else "POST", path, headers=headers, data=form) as answer:
                size = sum(len(part) for part in answer.iter_raw())
                status = answer.status_code
            if number >= WARM:
                times.append((time.perf_counter() - began) * 1000)
            if status != 200:
                break
    return times, size, status


def _assets() -> list[Figure]:
    """All scripts and styles of all pages together, compressed; no page loads all of them."""
    total = 0
    for folder in (STATIC, STATIC.joinpath("vendor")):
        for file in folder.iterdir():
            if file.name.endswith((".js", ".css", ".svg")):
                asset(file.name if folder is STATIC else f"vendor/{file.name}")
                total += len(gzip.compress(file.read_bytes(), 9))
    return [Figure(name="scripts and styles in all", figure=total / 1000, unit="kB gzip", at_most=250)]


_LISTEN = """() => { window.worst = 0; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.interactionId) window.worst = Math.max(window.worst, entry.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true }); }"""


def _reactions(house: House, address: str, bench: Bench) -> list[Figure]:
    """Interaction to next paint, by the browser's own event timing."""
    executable = (
        os.environ.get("CALLBACK_TEST_BROWSER")
        or subprocess.run(["scripts/parts/browser.sh"], capture_output=True, text=True, check=True).stdout.strip()
    )
    figures = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, chromium_sandbox=os.geteuid() != 0)
        bench.note(f"Chromium {browser.version}")
        pages = (("/day", BUSY), ("/board", CHIEF), ("/unhappy", CHIEF), ("/reassign", CHIEF), ("/plan", CHIEF))
        for slower, (path, agent_id) in product(SLOWER, pages):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            secret = logged_in(house, agent_id)
            context.add_cookies([{"name": cookie_name(house.settings), "value": secret, "url": address}])
            page = context.new_page()
            page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
            name = f"{path} interaction to next paint" + (f", {slower} times slower" if slower > 1 else "")
            figures.append(Figure(name=name, figure=_react(page), unit="ms", at_most=200 if slower == 1 else None))
            context.close()
        browser.close()
    return figures


def _react(page: Page) -> float:
    """The slowest answer to keys as a person presses them: through the page, the list of keys, the first box."""
    page.evaluate(_LISTEN)
    for key in ["Tab"] * 12 + ["?", "Escape"] + ["Tab"] * 4:
        page.keyboard.press(key)
        page.wait_for_timeout(60)
    boxes = page.locator("main input[type=checkbox]:visible, main select:visible, main summary:visible")
    if boxes.count():
        boxes.first.click()
    page.wait_for_timeout(500)
    worst: float = page.evaluate("window.worst")
    return worst
