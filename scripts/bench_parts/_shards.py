"""Ten teams planned as jobs by two worker processes, as in a centre that has grown: from the wish to the written."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bench_parts import Bench, _town
from callback.bootstrap import House
from callback.db.jobs import enqueue
from callback.settings import Settings

TEAMS, WORKERS = 10, 2
PATIENCE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Run:
    callbacks: int
    wall: float
    workers_cpu: float
    server_cpu: float
    """0 where the system does not tell."""
    memory: float
    """MB, of the larger worker."""
    assigned: int


def run(bench: Bench, callbacks: int) -> Run:
    """One planning of so many callbacks for a hundredth of as many agents."""
    settings = bench.postgresql()
    with bench.house(settings) as house:
        _town.fill(house, callbacks=callbacks, agents=callbacks // 100, teams=TEAMS)
        with _workers(house, settings) as processes:
            before, began = server_cpu(house), time.monotonic()
            with house.sessions.begin() as session:
                enqueue(session, "plan", queueing_lock="plan")
            _wait(house, "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')", 0)
            wall, server = time.monotonic() - began, server_cpu(house) - before
            ended = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        failed = _count(house, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")
        assert failed == 0, f"{failed} jobs failed"
        assigned = _count(house, "SELECT count(*) FROM callbacks WHERE state = 'assigned'")
    cpu = sum(worker["cpu"] for worker in ended)
    return Run(callbacks, wall, cpu, server, max(worker["memory"] for worker in ended), assigned)


def exponent(runs: Sequence[Run], seconds: Callable[[Run], float]) -> float:
    """The slope of time over size on logarithmic scales (least squares)."""
    points = [(math.log(one.callbacks), math.log(seconds(one))) for one in runs]
    x, y = (sum(point[i] for point in points) / len(points) for i in range(2))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


@contextmanager
def _workers(house: House, settings: Settings) -> Iterator[list["subprocess.Popen[str]"]]:
    """Worker processes that have shown up and wait for jobs."""
    environment = {**os.environ, "CALLBACK_DATABASE_URL": settings.database_url, "CALLBACK_LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "bench_parts._worker"]
    processes = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WORKERS)
    ]
    try:
        _wait(house, "SELECT count(*) FROM procrastinate_workers", WORKERS)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _wait(house: House, question: str, wanted: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while _count(house, question) != wanted:
        assert time.monotonic() < end, question
        time.sleep(0.05)


def _count(house: House, question: str) -> int:
    with house.sessions() as session:
        return int(session.scalar(text(question)) or 0)


def server_cpu(house: House) -> float:
    """Seconds of processor time that the database server's processes have used so far; 0 where nobody tells."""
    backend = _count(house, "SELECT pg_backend_pid()")
    processes = _stats()
    if backend not in processes:
        return 0.0
    server = processes[backend][0]
    ticks = sum(own for parent, own, _ in processes.values() if parent == server)
    return (ticks + processes[server][1] + processes[server][2]) / os.sysconf("SC_CLK_TCK")


def _stats() -> dict[int, tuple[int, int, int]]:
    """Process → (its parent, its own ticks, the ticks of its children that have ended)."""
    found: dict[int, tuple[int, int, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        found[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:13])), sum(map(int, fields[13:15])))
    return found
