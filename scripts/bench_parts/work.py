"""An agent's list and the claim of the next task, among a million callbacks on PostgreSQL."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path

import httpx2 as httpx
from sqlalchemy import func, select

from bench_parts import Bench, Figure, percentile
from bench_parts._million import AGENTS, CLAIMERS, fill
from callback.bootstrap import House
from callback.clock import utc_now
from callback.db.tables import Callback
from callback.domain.account import Scope
from callback.domain.words import CallbackState
from callback.services import tokens

SUMMARY = "an agent's list over the API, and the claim of the next task, among 1,000,000 callbacks on PostgreSQL"
LIST_REQUESTS = 1_000
PROCESSES = 4
CLAIMS_PER_SECOND = 400
"""Over all agents. A centre of 200 makes about one claim in two seconds; this is some hundred times as many."""


def run(bench: Bench) -> list[Figure]:
    callbacks, claims = (50_000, 4_000) if bench.small else (1_000_000, 100_000)
    with bench.house(bench.postgresql()) as house:
        began = time.monotonic()
        fill(house, callbacks=callbacks, claims=claims)
        bench.note(f"{callbacks:,} callbacks of {AGENTS} agents, filled in {time.monotonic() - began:.0f} s")
        return [*_lists(house), *_claims(bench, house, claims)]


def _lists(house: House) -> list[Figure]:
    """Today's list (50 lines) of one agent after another, over HTTP with a bearer token, as a page asks for it."""
    now = utc_now()
    with house.sessions.begin() as session:
        secrets = [
            tokens.create(
                session,
                agent_id=agent_id,
                name="bench",
                scopes=[Scope.CALLBACKS_READ],
                expires_at=now + timedelta(hours=1),
                now=now,
                actor_id=None,
            ).secret
            for agent_id in range(CLAIMERS + 1, AGENTS + 1)
        ]
    command = [sys.executable, "-m", "callback", "serve", "--port", "0"]
    server = subprocess.Popen(command, env=_environment(house), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://[0-9.:]+|[0-9.]+:\d+", server.stdout.readline())
        assert found is not None
        address = found[0] if found[0].startswith("http") else f"http://{found[0]}"
        one = _ask(address, list(islice(cycle(secrets), LIST_REQUESTS)))
        with ThreadPoolExecutor(4) as pool:
            parts = [list(islice(cycle(secrets[n:] + secrets[:n]), LIST_REQUESTS // 4)) for n in range(4)]
            four = [took for times in pool.map(lambda part: _ask(address, part), parts) for took in times]
    finally:
        server.terminate()
        server.wait(30)
    return [
        Figure(name="list of the day, p95", figure=percentile(one, 0.95), unit="ms", at_most=50),
        Figure(name="list of the day, p50", figure=percentile(one, 0.50), unit="ms"),
        Figure(name="list of the day, p95 with 4 asking at once", figure=percentile(four, 0.95), unit="ms"),
    ]


def _ask(address: str, secrets: list[str]) -> list[float]:
    """Milliseconds of each request; one that brings no list ends the benchmark."""
    times = []
    with httpx.Client(base_url=address, timeout=30) as client:
        for secret in secrets:
            began = time.perf_counter()
            answer = client.get("/api/v1/me/callbacks", headers={"Authorization": f"Bearer {secret}"})
            times.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
            assert answer.json()["items"], "an empty list proves nothing"
    return times[min(100, len(times) // 10) :]


def _claims(bench: Bench, house: House, claims: int) -> list[Figure]:
    """200 agents, each with a connection of their own, claim through the service the API uses; some click twice.

    "In the database" is what the server itself says that the statements of one claim took, from its log: the clients
    run on the same cores and would measure themselves.
    """
    log = _server_log(bench)
    start = log.stat().st_size if log is not None else 0
    each = CLAIMERS // PROCESSES
    command = [sys.executable, str(Path(__file__).with_name("_claimers.py"))]
    began = time.monotonic()
    runs = [
        subprocess.Popen(
            [*command, str(1 + n * each), str(each), str(claims // CLAIMERS), str(CLAIMS_PER_SECOND / PROCESSES)],
            env=_environment(house),
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    outputs = [run.communicate()[0] for run in runs]
    if any(run.returncode for run in runs):
        raise SystemExit("the claimers failed; see above")
    results = [json.loads(output) for output in outputs]
    seconds = time.monotonic() - began
    taken = Counter(claimed for result in results for claimed in result["claimed"])
    outside = [took for result in results for took in result["took"]]
    with house.sessions() as session:
        held = session.scalar(select(func.count()).where(Callback.state == CallbackState.IN_PROGRESS)) or 0
        lost = held - len(taken)
    bench.note(
        f"{sum(taken.values()):,} claims by {CLAIMERS} agents in {seconds:.0f} s, every tenth agent clicking twice"
    )
    figures = [
        Figure(name="double claims", figure=sum(n - 1 for n in taken.values()), unit="claims", at_most=0),
        Figure(name="claims made", figure=len(taken), unit="claims", at_least=claims),
        Figure(name="claimed in the database, told to nobody", figure=abs(lost), unit="claims", at_most=0),
        Figure(name="claim seen from the client, p99", figure=percentile(outside, 0.99), unit="ms"),
    ]
    if log is not None:
        inside = _in_the_database(log, start)
        figures.insert(
            0, Figure(name="claim in the database, p99", figure=percentile(inside, 0.99), unit="ms", at_most=25)
        )
        figures.insert(1, Figure(name="claim in the database, p50", figure=percentile(inside, 0.5), unit="ms"))
    return figures


def _server_log(bench: Bench) -> Path | None:
    """The log of our own server; a given one keeps its log to itself."""
    return next(iter((bench.folder / "pg").glob("log")), None) or next(iter((bench.folder / "pg").glob("*.log")), None)


_LINE = re.compile(r"claim\|(\d+)\|.*?duration: ([0-9.]+) ms(.*)")


def _in_the_database(log: Path, start: int) -> list[float]:
    """Milliseconds of each transaction: the durations of its statements, begin to commit, added up by session."""
    running: defaultdict[str, float] = defaultdict(float)
    found = []
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(start)
        for line in lines:
            match = _LINE.search(line)
            if match is None:
                continue
            running[match[1]] += float(match[2])
            if "COMMIT" in match[3]:
                found.append(running.pop(match[1]))
    return found


def _environment(house: House) -> dict[str, str]:
    return {
        **os.environ,
        "CALLBACK_DATABASE_URL": house.engine.url.render_as_string(hide_password=False),
        "CALLBACK_LOG_LEVEL": "WARNING",
        "CALLBACK_ENV_FILE": os.devnull,
        "PYTHONPATH": "scripts",
    }
