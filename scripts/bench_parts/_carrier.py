"""The fake carrier of the tests as a process of its own, and real workers beside it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench_parts import Bench
from callback.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, TOKEN = "AC" + "0" * 32, "fake-auth-token"
CENTRE = "+15005550006"
PUBLIC_URL = "https://callback.example"
THREADS = 16


class Fake:
    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/_fake/{path}", json.dumps(body).encode(), method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def carrier() -> Iterator[Fake]:
    """The fake carrier; stopped at the end."""
    program = (
        "from tests.fake_carrier import FakeCarrier; import time\n"
        "with FakeCarrier() as fake:\n    print(fake.url, flush=True)\n    time.sleep(100_000)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Fake(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()


def settings_of(bench: Bench, carrier_url: str, **more: object) -> Settings:
    """Settings of a new PostgreSQL database with that carrier, which takes as much as it is given."""
    wanted: dict[str, object] = {
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_from": CENTRE,
        "twilio_api_url": carrier_url,
        "twilio_segments_per_s": 100_000,
        "twilio_calls_per_s": 100_000,
        "public_url": PUBLIC_URL,
        "send_threads": THREADS,
        "send_timeout_s": 3,
        "send_lease_s": 10,
    }
    return bench.postgresql(**(wanted | more))


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a process with the same settings."""
    names = ("database_url", "public_url", "send_threads", "send_timeout_s", "send_lease_s", "log_level")
    names += ("twilio_account_sid", "twilio_from", "twilio_api_url", "twilio_segments_per_s", "twilio_calls_per_s")
    told = {f"CALLBACK_{name.upper()}": str(getattr(settings, name)) for name in names}
    told |= {"CALLBACK_TWILIO_AUTH_TOKEN": TOKEN, "CALLBACK_ENV_FILE": os.devnull}
    return {**os.environ, **told, "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"}


def worker(
    settings: Settings, what: str = "make_dispatchers(house)", *, clock: str = "noon.clock", counted: bool = False
) -> subprocess.Popen[bytes]:
    """A worker process with these of a real worker's threads and nothing else, since nothing else is to be done.

    `counted`: it counts what it asks of the database, and says so at SIGTERM.
    """
    program = _WORKER.format(what=what, clock=clock, counted="count(house)" if counted else "")
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment_of(settings),
        cwd=ROOT,
        stdout=subprocess.PIPE if counted else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


_WORKER = """
import time
import bench_parts._noon as noon
from bench_parts._counting import count
from callback.bootstrap import build
from callback.clock import utc_now
from callback.settings import load_settings
from callback.worker.reading import Reader
from callback.worker.sending import make_dispatchers
house = build(load_settings(), clock={clock})
{counted}
for one in {what}:
    one.start()
time.sleep(100_000)
"""


def _wait_for(address: str) -> None:
    """Until somebody listens: the address is known a little earlier."""
    host, port = address.split(":")
    for _ in range(600):
        with socket.socket() as tried:
            if tried.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody listens at {address}")


@contextmanager
def server(settings: Settings, *command: str) -> Iterator[str]:
    """`callback serve` (or another program that prints its address) on a free port; gives the address."""
    program = command or (sys.executable, "-m", "callback", "serve", "--port", "0")
    process = subprocess.Popen(program, env=environment_of(settings), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"[0-9.]+:\d+", line)
        if found is None:
            raise SystemExit(f"the server did not start: {line!r}")
        _wait_for(found[0])
        yield f"http://{found[0]}"
    finally:
        process.terminate()
        process.wait(40)
