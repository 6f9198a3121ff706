"""Celery with Redis beside us: throughput, and what becomes of messages when its workers are killed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from bench_parts import Bench, Figure
from bench_parts._carrier import ROOT, THREADS, Fake, environment_of, settings_of
from bench_parts._fire import MISBEHAVIOUR, kill_some, under_fire
from callback.domain.handle import new_handle
from callback.domain.words import Channel
from callback.settings import Settings

WITHOUT = "Celery was left out: there is no redis-server on the PATH (Debian: apt-get install redis-server)"
TEXT = "How satisfied are you? 1-5"
IDLE_S = 45.0
"""Nothing new for so long: what has not come by now, does not. Longer than the visibility timeout of the queue."""


def is_there(bench: Bench) -> bool:
    """Whether the comparison can be made here; says so when not."""
    if shutil.which("redis-server") is None:
        bench.note(WITHOUT)
        return False
    return True


@contextmanager
def redis_server(bench: Bench) -> Iterator[str]:
    """A Redis of our own on a free loopback port, without persistence; gives its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = bench.folder / "redis"
    folder.mkdir(exist_ok=True)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        for _ in range(100):
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.1)
            else:
                return
    raise SystemExit("redis-server does not answer")


def throughput(bench: Bench, fake: Fake, *, count: int) -> float | None:
    """Messages a second of one worker with as many threads; None when it cannot be measured here."""
    if not is_there(bench):
        return None
    with redis_server(bench) as url:
        environment = _environment(settings_of(bench, fake.url), url)
        fake.ask("forget")
        _queue(environment, count)
        one = _worker(environment)
        try:
            return pace(fake, count)
        finally:
            one.kill()
            one.wait()


def pace(fake: Fake, count: int) -> float:
    """Messages a second from the first that arrives at the carrier to the last."""
    while (first := fake.ask("figures")["messages"]) == 0:
        time.sleep(0.05)
    began = time.monotonic()
    while fake.ask("figures")["messages"] < count:
        time.sleep(0.05)
    return float((count - first) / (time.monotonic() - began))


def compared(bench: Bench, fake: Fake, *, count: int, kills: int) -> list[Figure]:
    """The same messages, the same misbehaviour of the carrier, the same kills: ours, then Celery."""
    ours = under_fire(bench, fake, channel=Channel.SMS, count=count, kills=kills)
    if not is_there(bench):
        return ours
    with redis_server(bench) as url:
        environment = _environment(settings_of(bench, fake.url), url)
        fake.ask("forget")
        fake.ask("behaviour", **MISBEHAVIOUR)
        _queue(environment, count)
        began = time.monotonic()
        until = _Still(fake, url, count)
        killed = kill_some(lambda: _worker(environment), until=until, kills=kills, pause_s=3.0 if bench.small else 5.0)
        told = fake.ask("figures")
    bench.note(
        f"Celery: {count:,} in {until.last_news - began:.0f} s with {killed} kills; acknowledged before the task runs, "
        "as by default; what was taken and not begun comes back after 30 s (by default after an hour)"
    )
    return [
        *ours,
        Figure(name="celery: doubled", figure=told["doubles"], unit=""),
        Figure(name="celery: lost", figure=count - told["distinct"], unit=""),
        Figure(name="celery: kills", figure=killed, unit=""),
    ]


class _Still:
    """True when everything has arrived, or nothing new has for a long time."""

    def __init__(self, fake: Fake, url: str, count: int) -> None:
        self._fake, self._count = fake, count
        self._seen = -1
        self.last_news = time.monotonic()
        self._queue = redis.Redis.from_url(url)

    def __call__(self) -> bool:
        told = self._fake.ask("figures")
        if told["messages"] != self._seen:
            self._seen, self.last_news = told["messages"], time.monotonic()
        if self._queue.llen("celery") or self._queue.hlen("unacked"):
            return False
        return bool(told["distinct"] >= self._count) or time.monotonic() - self.last_news > IDLE_S


def _environment(settings: Settings, url: str) -> dict[str, str]:
    return {**environment_of(settings), "BENCH_REDIS_URL": url}


def _queue(environment: dict[str, str], count: int) -> None:
    """All of them, before a worker starts."""
    program = (
        "import json, sys\nfrom bench_parts._plain_celery import app, send\n"
        "with app.producer_pool.acquire() as producer:\n"
        "    for one in json.load(sys.stdin):\n        send.apply_async(one, producer=producer)"
    )
    wanted = [(f"+1212{number:07d}", TEXT, new_handle()) for number in range(count)]
    subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(wanted), text=True, env=environment, cwd=ROOT, check=True
    )


def _worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "celery", "-A", "bench_parts._plain_celery", "worker"]
    return subprocess.Popen(
        [*command, "--pool", "threads", "--concurrency", str(THREADS), "--loglevel", "CRITICAL"],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
