"""What a send costs the database: statements by message with four workers, and claims among more and more rows."""

import json
import signal
import statistics
import time
from datetime import timedelta

from sqlalchemy import func, select, text

from bench_parts import Bench, Figure, percentile
from bench_parts import _noon as noon
from bench_parts._carrier import Fake, settings_of, worker
from bench_parts._due import seed
from bench_parts._fire import once_each
from callback.bootstrap import House
from callback.channels.protocol import Accepted
from callback.db.tables import Send
from callback.domain.words import Channel
from callback.services import sends
from callback.services.sends import Result
from callback.services.sends.compose import texts_of

WORKERS = 4
BATCH = 96
"""As many as a dispatcher with 16 threads claims at once."""
CLAIMS = 20


def four_workers(bench: Bench, fake: Fake, *, count: int) -> list[Figure]:
    """All due attempts through four workers that count what they ask of the database."""
    settings = settings_of(bench, fake.url)
    with bench.house(settings) as house:
        seed(house, channel=Channel.SMS, count=count)
    fake.ask("forget")
    fake.ask("behaviour", latency_s=0.0, lost_reply=0, reset=0, too_many=0, error_after_accepting=0)
    workers = [worker(settings, counted=True) for _ in range(WORKERS)]
    began = time.monotonic()
    try:
        with bench.house(settings) as house:
            while not _all_sent(house, count):
                time.sleep(0.2)
        seconds = time.monotonic() - began
    finally:
        told = []
        for one in workers:
            one.send_signal(signal.SIGTERM)
        for one in workers:
            out, _ = one.communicate(timeout=60)
            told.append(json.loads(out.decode().strip().splitlines()[-1]))
    trips, statements = sum(one["trips"] for one in told), sum(one["statements"] for one in told)
    bench.note(f"{count:,} due attempts, {WORKERS} workers: {seconds:.0f} s, {count / seconds:.0f}/s")
    return [
        Figure(name="four workers: round trips per send", figure=trips / count, unit=""),
        Figure(name="four workers: statements per send", figure=statements / count, unit=""),
        Figure(name="four workers: sends", figure=count / seconds, unit="1/s"),
        *once_each(bench, fake, settings, count=count, name="four workers"),
    ]


def _all_sent(house: House, count: int) -> bool:
    with house.sessions() as session:
        return (session.scalar(select(func.count()).select_from(Send).where(text("state = 'sent'"))) or 0) >= count


def claims_among(bench: Bench, *, sizes: tuple[int, ...]) -> list[Figure]:
    """The time of one claim (and its record) of a full batch, the waiting rows growing."""
    settings = settings_of(bench, "http://127.0.0.1:9")
    figures, medians, there = [], [], 0
    with bench.house(settings) as house:
        for size in sizes:
            began = time.monotonic()
            seed(house, channel=Channel.SMS, count=size - there)
            bench.note(f"{size:,} rows waiting; filled in {time.monotonic() - began:.0f} s")
            times = _claim_times(house)
            there = size - (CLAIMS + 2) * BATCH
            medians.append(statistics.median(times))
            figures += [
                Figure(name=f"claim of {BATCH} among {size:,}, p50", figure=medians[-1], unit="ms"),
                Figure(name=f"claim of {BATCH} among {size:,}, p95", figure=percentile(times, 0.95), unit="ms"),
            ]
    growth = medians[-1] / medians[0]
    return [Figure(name=f"claim time, {sizes[-1]:,} against {sizes[0]:,}", figure=growth, unit="times"), *figures]


def _claim_times(house: House) -> list[float]:
    """Milliseconds of each claim; the first two are not counted."""
    way, compose, times = house.channels[Channel.SMS], texts_of(house.settings), []
    for _ in range(CLAIMS + 2):
        now = noon.clock()
        began = time.perf_counter()
        with house.sessions.begin() as session:
            claimed = sends.claim(session, way=way, now=now, lease=timedelta(minutes=5), limit=BATCH, compose=compose)
        times.append((time.perf_counter() - began) * 1000)
        if len(claimed) != BATCH:
            raise SystemExit(f"{len(claimed)} claimed instead of {BATCH}")
        with house.sessions.begin() as session:
            accepted = [Result(one, accepted=Accepted(f"SM{one.send_id:032d}", "queued")) for one in claimed]
            sends.record(session, accepted, way=way, now=now, settle=timedelta(minutes=1))
    return times[2:]
