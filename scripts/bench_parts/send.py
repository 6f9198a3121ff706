"""Sending: every message exactly once, whatever is killed or restarted; and what the ledger costs.

The fake carrier of the tests runs as a process of its own, workers as processes that are killed with SIGKILL.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from bench_parts import Bench, Figure, _celery
from bench_parts._carrier import THREADS, Fake, carrier, settings_of, worker
from bench_parts._due import seed
from bench_parts._fire import database_restarted, under_fire
from bench_parts._scale import claims_among, four_workers
from callback.channels.protocol import Outgoing
from callback.channels.twilio import TwilioSms
from callback.domain.handle import new_handle
from callback.domain.words import Channel, SendKind
from callback.settings import Settings

SUMMARY = "SMS and calls through a fake carrier, workers killed: once each; throughput; Celery beside it; scale"
LATENCY_S = 0.1
"""How long the carrier takes for one request: its own published figure for the API is about that."""


def run(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    with carrier() as fake:
        for part in bench.chosen(PARTS):
            figures += PARTS[part](bench, fake)
        faults = fake.ask("figures")["faults"]
    return [*figures, Figure(name="faults that the carrier found", figure=len(faults), unit="", at_most=0)]


def _sms(bench: Bench, fake: Fake) -> list[Figure]:
    count, kills = (1_500, 5) if bench.small else (36_000, 50)
    return under_fire(bench, fake, channel=Channel.SMS, count=count, kills=kills)


def _calls(bench: Bench, fake: Fake) -> list[Figure]:
    count, kills = (100, 3) if bench.small else (2_000, 10)
    return under_fire(bench, fake, channel=Channel.VOICE, count=count, kills=kills)


def _restart(bench: Bench, fake: Fake) -> list[Figure]:
    return database_restarted(bench, fake, count=600 if bench.small else 6_000)


def _compared(bench: Bench, fake: Fake) -> list[Figure]:
    count, kills = (600, 3) if bench.small else (6_000, 12)
    return _celery.compared(bench, fake, count=count, kills=kills)


def _workers(bench: Bench, fake: Fake) -> list[Figure]:
    return four_workers(bench, fake, count=2_000 if bench.small else 100_000)


def _claims(bench: Bench, _fake: Fake) -> list[Figure]:
    return claims_among(bench, sizes=(5_000, 50_000) if bench.small else (10_000, 100_000, 1_000_000))


# ── Throughput ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _throughput(bench: Bench, fake: Fake) -> list[Figure]:
    """The bare client in as many threads, then one dispatcher, then one Celery worker: the same carrier, one run."""
    count = 400 if bench.small else 4_000
    fake.ask("forget")
    fake.ask("behaviour", latency_s=LATENCY_S, lost_reply=0, reset=0, too_many=0, error_after_accepting=0)
    settings = settings_of(bench, fake.url)
    bare = _bare(settings, count)
    ours = _ours(bench, fake, settings, count)
    plain = _celery.throughput(bench, fake, count=count)
    bench.note(
        f"throughput: {count:,} messages, {THREADS} threads, the carrier takes {LATENCY_S * 1000:.0f} ms: "
        f"bare client {bare:.0f}/s, one dispatcher {ours:.0f}/s"
        + (f", one Celery worker {plain:.0f}/s" if plain is not None else "")
    )
    figures = [
        Figure(name="throughput of the bare client", figure=ours / bare, unit="", at_least=0.8),
        Figure(name="dispatcher", figure=ours, unit="1/s"),
        Figure(name="bare client", figure=bare, unit="1/s"),
    ]
    return figures if plain is None else [*figures, Figure(name="celery worker", figure=plain, unit="1/s")]


def _ours(bench: Bench, fake: Fake, settings: Settings, count: int) -> float:
    with bench.house(settings) as house:
        seed(house, channel=Channel.SMS, count=count)
    fake.ask("forget")
    one = worker(settings)
    try:
        return _celery.pace(fake, count)
    finally:
        one.kill()
        one.wait()


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


PARTS: Mapping[str, Callable[[Bench, Fake], list[Figure]]] = {
    "sms": _sms,
    "calls": _calls,
    "restart": _restart,
    "throughput": _throughput,
    "celery": _compared,
    "workers": _workers,
    "claims": _claims,
}
