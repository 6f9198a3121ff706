"""Exactly once: real workers against the fake carrier, while workers are killed and the database is restarted."""

import random
import signal
import subprocess
import time
from collections.abc import Callable

from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from bench_parts import Bench, Figure
from bench_parts import _noon as noon
from bench_parts._carrier import Fake, settings_of, worker
from bench_parts._due import seed
from callback.bootstrap import House, build
from callback.db.tables import Attempt, Send
from callback.domain.words import Channel
from callback.services.doctor import examine
from callback.services.doctor.rows import ROWS
from callback.services.doctor.sends import SENDS
from callback.settings import Settings

MISBEHAVIOUR = {
    "latency_s": 0.02,
    "lost_reply": 0.002,
    "reset": 0.002,
    "too_many": 0.005,
    "error_after_accepting": 0.002,
}
LONGEST_S = 3_600


def under_fire(bench: Bench, fake: Fake, *, channel: Channel, count: int, kills: int) -> list[Figure]:
    """Two workers send everything; one of them is killed every few seconds and another takes its place."""
    name = "sms" if channel is Channel.SMS else "calls"
    settings = _owed(bench, fake, channel=channel, count=count)
    began = time.monotonic()
    killed = _killed(settings, count, kills=kills, pause_s=1.0 if bench.small else 3.0)
    bench.note(
        f"{name}: {count:,} in {time.monotonic() - began:.0f} s with {killed} kills; the carrier lost replies, cut "
        f"connections, said 429 and 502"
    )
    figures = once_each(bench, fake, settings, count=count, name=name)
    return [*figures, Figure(name=f"{name}: kills", figure=killed, unit="", at_least=kills)]


def database_restarted(bench: Bench, fake: Fake, *, count: int) -> list[Figure]:
    """PostgreSQL is stopped and started twice in the middle of a run, while the carrier misbehaves."""
    settings = _owed(bench, fake, channel=Channel.SMS, count=count)
    workers = [worker(settings) for _ in range(2)]
    restarts = 0
    try:
        began = time.monotonic()
        for share in (0.25, 0.6):
            _wait(lambda share=share: fake.ask("figures")["messages"] >= share * count)  # type: ignore[misc]
            restarts += bench.restart_postgresql(down_s=1.0)
        with bench.house(settings) as house:
            _wait(lambda: _settled(house, count))
    finally:
        for one in workers:
            one.kill()
            one.wait()
    bench.note(f"restart: {count:,} SMS in {time.monotonic() - began:.0f} s, PostgreSQL restarted {restarts} times")
    if restarts == 0:
        bench.note("restart: the server was given, so it was not restarted")
    return once_each(bench, fake, settings, count=count, name="restart")


def _owed(bench: Bench, fake: Fake, *, channel: Channel, count: int) -> Settings:
    settings = settings_of(bench, fake.url)
    with bench.house(settings) as house:
        seed(house, channel=channel, count=count)
    fake.ask("forget")
    fake.ask("behaviour", **MISBEHAVIOUR)
    return settings


def once_each(bench: Bench, fake: Fake, settings: Settings, *, count: int, name: str) -> list[Figure]:
    """What the carrier has against what our ledger says."""
    told = fake.ask("sids")
    with bench.house(settings) as house, house.sessions() as session:
        ours = set(session.scalars(select(Send.provider_id).where(Send.provider_id.is_not(None))))
        attempts = session.scalar(select(func.count()).select_from(Attempt)) or 0
        open_ = (
            session.scalar(
                select(func.count()).select_from(Send).where(text("state IN ('queued', 'claimed', 'unknown')"))
            )
            or 0
        )
        ill = [one.name for one in examine(session, (*ROWS, *SENDS), now=noon.clock()) if not one.holds]
    if ill:
        bench.note(f"{name}: the doctor finds {', '.join(ill)}")
    return [
        Figure(name=f"{name}: doubled", figure=told["doubles"], unit="", at_most=0),
        Figure(name=f"{name}: lost", figure=count - told["distinct"], unit="", at_most=0),
        Figure(name=f"{name}: left unknown or unsent", figure=open_, unit="", at_most=0),
        Figure(name=f"{name}: not known to us", figure=len(set(told["sids"]) - ours), unit="", at_most=0),
        Figure(name=f"{name}: attempts too many", figure=attempts - count, unit="", at_most=0),
        Figure(name=f"{name}: invariants broken", figure=len(ill), unit="", at_most=0),
    ]


def _killed(settings: Settings, count: int, *, kills: int, pause_s: float) -> int:
    """Two workers until everything is sent and enough were killed; how many were."""
    house = build(settings)
    try:
        return kill_some(lambda: worker(settings), until=lambda: _settled(house, count), kills=kills, pause_s=pause_s)
    finally:
        house.close()


def kill_some(
    start: Callable[[], subprocess.Popen[bytes]], *, until: Callable[[], bool], kills: int, pause_s: float
) -> int:
    """Two of what `start` starts; every `pause_s` or so one is killed with SIGKILL and another takes its place."""
    chance = random.Random(1)
    workers = [start() for _ in range(2)]
    killed = 0
    try:
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            time.sleep(pause_s * chance.uniform(0.7, 1.3))
            if until() and killed >= kills:
                break
            if killed < kills:
                victim = workers.pop(chance.randrange(len(workers)))
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                killed += 1
                workers.append(start())
        return killed
    finally:
        for one in workers:
            one.kill()
            one.wait()


def _settled(house: House, count: int) -> bool:
    try:
        with house.sessions() as session:
            sent = session.scalar(select(func.count()).select_from(Send).where(text("state = 'sent'"))) or 0
    except OperationalError:
        return False
    return sent >= count


def _wait(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_S
    while not true():
        if time.monotonic() > end:
            raise SystemExit("it did not happen within an hour")
        time.sleep(0.1)
