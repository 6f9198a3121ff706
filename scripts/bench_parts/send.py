"""Sending under fire: every message exactly once, whatever is killed; and what the ledger costs beside the bare client.

The fake carrier of the tests runs as a process of its own, workers as processes that are killed with SIGKILL.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from bench_parts import Bench, Figure
from callback.bootstrap import House
from callback.channels.protocol import Outgoing
from callback.channels.twilio import TwilioSms
from callback.db import bulk
from callback.db.tables import Attempt, Callback, Case, ContactPoint, Customer, Send
from callback.domain.handle import new_handle
from callback.domain.words import CallbackState, CaseKind, CaseStatus, Channel, ContactKind, Priority, Purpose, SendKind
from callback.services import questionnaires
from callback.settings import Settings

SUMMARY = "SMS and calls through a fake carrier, workers killed: once each; throughput beside the bare client"
ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, TOKEN = "AC" + "0" * 32, "fake-auth-token"
THREADS = 16
LATENCY_S = 0.1
"""How long the carrier takes for one request: its own published figure for the API is about that."""


def run(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    sms, calls, kills = (1_500, 100, 5) if bench.small else (36_000, 2_000, 50)
    with carrier() as fake:
        figures += _under_fire(bench, fake, channel=Channel.SMS, count=sms, kills=kills)
        figures += _under_fire(bench, fake, channel=Channel.VOICE, count=calls, kills=min(kills, 10))
        figures += _throughput(bench, fake, count=400 if bench.small else 4_000)
    return figures


# ── Exactly once ────────────────────────────────────────────────────────────────────────────────────────────────────


def _under_fire(bench: Bench, fake: Fake, *, channel: Channel, count: int, kills: int) -> list[Figure]:
    """Two workers send everything; one of them is killed every few seconds and another takes its place."""
    settings = settings_of(bench, fake.url)
    with bench.house(settings) as house:
        seed(house, channel=channel, count=count)
    fake.ask("forget")
    fake.ask("behaviour", latency_s=0.02, lost_reply=0.002, reset=0.002, too_many=0.005, error_after_accepting=0.002)
    began = time.monotonic()
    killed = _work(
        settings, until=lambda house: _settled(house, count), kills=kills, pause_s=1.0 if bench.small else 3.0
    )
    seconds = time.monotonic() - began
    told = fake.ask("sids")
    with bench.house(settings) as house, house.sessions() as session:
        ours = set(session.scalars(select(Send.provider_id).where(Send.provider_id.is_not(None))))
        attempts = session.scalar(select(func.count()).select_from(Attempt)) or 0
    theirs = set(told["sids"])
    name = "sms" if channel is Channel.SMS else "calls"
    bench.note(
        f"{name}: {count} in {seconds:.0f} s with {killed} kills; the carrier lost replies, cut connections, "
        f"said 429 and 502; {told['requests']}"
    )
    return [
        Figure(name=f"{name}_duplicates", figure=told["doubles"], unit="", at_most=0),
        Figure(name=f"{name}_lost", figure=count - len(theirs), unit="", at_most=0),
        Figure(name=f"{name}_not_known_to_us", figure=len(theirs - ours), unit="", at_most=0),
        Figure(name=f"{name}_attempts_too_many", figure=attempts - count, unit="", at_most=0),
        Figure(name=f"{name}_kills", figure=killed, unit="", at_least=kills),
    ]


def _settings(bench: Bench, fake: Fake) -> Settings:
    return bench.postgresql(
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_from="+15005550006",
        twilio_api_url=fake.url,
        twilio_segments_per_s=100_000,
        twilio_calls_per_s=100_000,
        public_url="https://callback.example",
        send_threads=THREADS,
        send_timeout_s=3,
        send_lease_s=10,
    )


def _settled(house: House, count: int) -> bool:
    with house.sessions() as session:
        sent = session.scalar(select(func.count()).select_from(Send).where(text("state = 'sent'"))) or 0
    return sent >= count


def _work(settings: Settings, *, until: Any, kills: int, pause_s: float) -> int:
    """Two workers until it is done; returns how many were killed."""
    chance = random.Random(1)
    workers = [worker(settings) for _ in range(2)]
    killed = 0
    from callback.bootstrap import build

    house = build(settings)
    try:
        deadline = time.monotonic() + 3600
        while time.monotonic() < deadline:
            time.sleep(pause_s * chance.uniform(0.7, 1.3))
            done = until(house)
            if done and killed >= kills:
                return killed
            if killed < kills:
                victim = workers.pop(chance.randrange(len(workers)))
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                killed += 1
                workers.append(worker(settings))
        return killed
    finally:
        house.close()
        for worker in workers:
            worker.kill()
            worker.wait()


def worker(settings: Settings) -> subprocess.Popen[bytes]:
    """A real worker process: only the dispatchers, since nothing else is to be done here."""
    program = (
        "import time\nfrom callback.bootstrap import build\nfrom callback.settings import load_settings\n"
        "from callback.worker.sending import make_dispatchers\n"
        "import bench_parts._noon as noon\nhouse = build(load_settings(), clock=noon.clock)\n"
        "[one.start() for one in make_dispatchers(house)]\ntime.sleep(100_000)"
    )
    names = ("database_url", "public_url", "send_threads", "send_timeout_s", "send_lease_s")
    names += ("twilio_account_sid", "twilio_from", "twilio_api_url", "twilio_segments_per_s", "twilio_calls_per_s")
    environment = {f"CALLBACK_{name.upper()}": str(getattr(settings, name)) for name in names}
    environment |= {"CALLBACK_TWILIO_AUTH_TOKEN": TOKEN, "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


# ── Throughput ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _throughput(bench: Bench, fake: Fake, *, count: int) -> list[Figure]:
    """The bare client in as many threads, then one dispatcher, against the same carrier in the same run."""
    fake.ask("forget")
    fake.ask("behaviour", latency_s=LATENCY_S, lost_reply=0, reset=0, too_many=0, error_after_accepting=0)
    settings = settings_of(bench, fake.url)
    bare = _bare(settings, count)
    with bench.house(settings) as house:
        seed(house, channel=Channel.SMS, count=count)
    statements = _count_statements(settings)
    fake.ask("forget")
    worker = worker(settings)
    try:
        while fake.ask("figures")["messages"] == 0:
            time.sleep(0.05)
        began = time.monotonic()
        first = fake.ask("figures")["messages"]
        while fake.ask("figures")["messages"] < count:
            time.sleep(0.05)
        ours = (count - first) / (time.monotonic() - began)
    finally:
        worker.kill()
        worker.wait()
    bench.note(
        f"throughput: {count} messages, {THREADS} threads, the carrier takes {LATENCY_S * 1000:.0f} ms: "
        f"bare client {bare:.0f}/s, one dispatcher {ours:.0f}/s"
    )
    return [
        Figure(name="throughput_of_bare_client", figure=ours / bare, unit="", at_least=0.8),
        Figure(name="dispatcher_per_s", figure=ours, unit="1/s"),
        Figure(name="bare_client_per_s", figure=bare, unit="1/s"),
        Figure(name="statements_per_send", figure=statements, unit=""),
    ]


def _bare(settings: Settings, count: int) -> float:
    """The client library by itself: no rules, no record, nothing remembered."""
    way = TwilioSms(settings)
    now = datetime.now(UTC)
    outgoing = [
        Outgoing(
            handle=new_handle(),
            kind=SendKind.INVITATION,
            address=f"+1212{number:07d}",
            sender=way.sender,
            body="How satisfied are you? 1-5",
        )
        for number in range(count)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda one: way.send(one, now=now), outgoing[:THREADS]))
        began = time.monotonic()
        list(pool.map(lambda one: way.send(one, now=now), outgoing))
        return count / (time.monotonic() - began)


def _count_statements(settings: Settings) -> float:
    """SQL statements of a claim and a record of one full batch, by message."""
    from sqlalchemy import event

    from bench_parts import _noon as noon
    from callback.bootstrap import build
    from callback.channels.protocol import Accepted
    from callback.services import sends
    from callback.services.sends import Result
    from callback.services.sends.compose import texts_of

    house = build(settings, clock=noon.clock)
    executed: list[int] = []

    def count(_connection: Any, _cursor: Any, _statement: str, parameters: Any, _context: Any, many: bool) -> None:
        executed.append(
            len(parameters) if many and isinstance(parameters, list) else 1
        )  # one for each row, although they travel together

    event.listen(house.engine, "before_cursor_execute", count)
    way = house.channels[Channel.SMS]
    with house.sessions() as session:  # rolled back at the end: nothing has left
        claimed = sends.claim(
            session,
            way=way,
            now=house.clock(),
            lease=timedelta(seconds=60),
            limit=4 * THREADS,
            compose=texts_of(settings),
        )
        results = [Result(one, accepted=Accepted(f"SM{one.send_id:032d}", "queued")) for one in claimed]
        sends.record(session, results, way=way, now=house.clock(), settle=timedelta(seconds=30))
        session.rollback()
    house.close()
    return sum(executed) / len(claimed)


