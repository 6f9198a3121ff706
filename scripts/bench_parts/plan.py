"""Planning: cases to callbacks to slots, read from and written to the database."""

import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from typing import Any

from sqlalchemy import text

from bench_parts import Bench, Figure, _shards, _town
from bench_parts import _best as _best_plan
from callback.bootstrap import House
from callback.db import bulk
from callback.db.base import Base
from callback.domain.words import CaseKind, CaseStatus, ContactKind, ContactState, Priority, Role
from callback.services.optimum import OptimalAssigner
from callback.services.planning import plan_day

SUMMARY = (
    "plan 100,000 cases for 500 agents; the best plan for 100,000 and for a million callbacks, proved and compared"
)
NOW = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)
"""Nine in the morning in Shanghai, an ordinary Wednesday."""


def run(bench: Bench) -> list[Figure]:
    parts = {"best": _best, "proof": _proved, "million": _million, "cases": _cases_planned}
    return [figure for part in bench.chosen(parts) for figure in parts[part](bench)]


def _best(bench: Bench) -> list[Figure]:
    """The best plan for callbacks that wait, and one changed callback in the midst of it."""
    callbacks, agents = (10_000, 100) if bench.small else (100_000, 1_000)
    with bench.house(bench.postgresql()) as house:
        _town.fill(house, callbacks=callbacks, agents=agents)
    figures = _in_a_process(house.settings.database_url, None)
    bench.note(f"best plan: {callbacks:,} callbacks, {agents:,} agents, 32 half hours each; {figures['left']} left")
    with bench.house(house.settings) as again:
        ones = [_one_changed(again, number) for number in range(5)]
    small = bench.postgresql()
    with bench.house(small) as house:
        _town.fill(house, callbacks=callbacks // 10, agents=agents // 10)
    tenth = _in_a_process(small.database_url, None)
    return [
        Figure(name="best plan, read and written, PostgreSQL", figure=figures["wall"], unit="s", at_most=20),
        Figure(name="its processor time, without the server's", figure=figures["cpu"], unit="s"),
        Figure(name="its peak memory", figure=figures["memory"], unit="MB", at_most=1_000),
        Figure(name="one changed callback (median of 5)", figure=sorted(ones)[2], unit="s", at_most=1),
        Figure(name="a tenth of it", figure=tenth["wall"], unit="s"),
        Figure(
            name="growth exponent, to here", figure=math.log10(figures["wall"] / tenth["wall"]), unit="", at_most=1.25
        ),
    ]


def _one_changed(house: House, number: int) -> float:
    gone = "state='waiting', agent_id=NULL, slot_id=NULL, planned_at=NULL, version=version+1"
    with house.sessions.begin() as session:
        session.execute(
            text(f"UPDATE callbacks SET {gone}, due_at=:due WHERE id=:id"), {"due": NOW, "id": 5 + 7 * number}
        )
    began = time.monotonic()
    planned = plan_day(house.sessions, now=NOW, zone=house.zone)
    assert planned.callbacks.assigned >= 1, planned
    return time.monotonic() - began


def _proved(bench: Bench) -> list[Figure]:
    """Equal to HiGHS, and greedy beside it."""
    callbacks, agents = (2_000, 20) if bench.small else (20_000, 110)
    demands, roster = _best_plan.town(callbacks, agents)
    proof = OptimalAssigner().solve(demands, roster, _best_plan.POLICY).proof
    ours = (proof.missed, proof.late, proof.lost)
    bound = _best_plan.best_by_highs(demands, roster)
    bench.note(f"{callbacks:,} callbacks, {agents} agents: (missed, late, lost) {ours}; HiGHS: {bound}")
    for line in _best_plan.table(callbacks, agents):
        bench.note(line)
    return [
        Figure(
            name="tiers that differ from HiGHS",
            figure=sum(a != b for a, b in zip(ours, bound, strict=True)),
            unit="",
            at_most=0,
        )
    ]


def _million(bench: Bench) -> list[Figure]:
    """Ten teams as jobs for two workers, at three sizes."""
    sizes = (2_000, 6_000, 20_000) if bench.small else (10_000, 100_000, 1_000_000)
    runs = [_shards.run(bench, size) for size in sizes]
    for one in runs:
        bench.note(
            f"ten shards, {_shards.WORKERS} workers: {one.callbacks:>9,} callbacks, {one.assigned:>9,} placed in "
            f"{one.wall:.1f} s; processor time {one.workers_cpu:.1f} s, the server's {one.server_cpu:.1f} s; "
            f"load {os.getloadavg()[0]:.1f}"
        )
    largest = runs[-1]
    return [
        Figure(name="a million in ten shards, two workers", figure=largest.wall, unit="s", at_most=200),
        Figure(name="processor time of the workers", figure=largest.workers_cpu, unit="s"),
        Figure(name="processor time of the server", figure=largest.server_cpu, unit="s"),
        Figure(name="peak memory of a worker", figure=largest.memory, unit="MB", at_most=1_000),
        Figure(
            name="growth exponent, the smallest to here",
            figure=_shards.exponent(runs, lambda one: one.wall),
            unit="",
            at_most=1.1,
        ),
        Figure(
            name="the same of the processor time",
            figure=_shards.exponent(runs, lambda one: one.workers_cpu + one.server_cpu),
            unit="",
        ),
    ]


def _in_a_process(url: str, team: int | None) -> dict[str, float]:
    """One planning in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "bench_parts._planner", str(team or 0)]
    environment = {**os.environ, "CALLBACK_DATABASE_URL": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _cases_planned(bench: Bench) -> list[Figure]:
    """From cases to callbacks to slots, on both databases."""
    cases, agents = (5_000, 50) if bench.small else (100_000, 500)
    bench.note(f"{cases:,} cases (a quarter answered, a quarter with a promise due, half closed), {agents} agents")
    figures: list[Figure] = []
    for name, settings in (("SQLite", bench.sqlite()), ("PostgreSQL", bench.postgresql())):
        with bench.house(settings) as house:
            fill(house, cases=cases, agents=agents)
            first, planned = _timed(house)
            again, second = _timed(house)
        assert sum(planned.cases.created.values()) == cases, planned
        assert second.cases.looked_at == second.callbacks.assigned == 0, second
        bench.note(f"{name}: {planned.callbacks.assigned:,} placed, left {dict(planned.callbacks.left)}")
        figures += [
            Figure(name=f"plan, {name}", figure=first, unit="s", at_most=30),
            Figure(name=f"plan again, nothing changed, {name}", figure=again, unit="s", at_most=5),
            Figure(name=f"cases per second, {name}", figure=cases / first, unit="1/s"),
        ]
    return figures


def _timed(house: House) -> tuple[float, Any]:
    began = time.monotonic()
    planned = plan_day(house.sessions, now=NOW, zone=house.zone)
    return time.monotonic() - began, planned


def fill(house: House, *, cases: int, agents: int) -> None:
    """A centre with `agents` at work 09–12 and 14–20 every day, and as many customers as cases."""
    chance = random.Random(20260311)
    with house.sessions.begin() as session:
        for table, columns, rows in (
            ("agents", _AGENT, _agents(agents)),
            ("shifts", ("agent_id", "weekday", "starts", "ends"), _shifts(agents)),
            ("customers", _CUSTOMER, _customers(cases)),
            ("contact_points", _CONTACT, _contacts(cases)),
            ("cases", _CASE, _cases(cases, chance)),
        ):
            bulk.insert_rows(session, Base.metadata.tables[table], columns, rows)
        if house.settings.is_postgresql:
            for table in ("agents", "customers", "cases"):
                session.execute(text(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"))
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


_AGENT = (
    "id", "login", "name", "number", "role", "languages", "skills", "daily_capacity", "time_zone", "active",
    "leads_team", "created_at", "version",
)  # fmt: skip
_CUSTOMER = (
    "id", "source", "external_id", "name", "language", "country", "time_zone", "special", "consents", "created_at",
    "updated_at",
)  # fmt: skip
_CONTACT = ("customer_id", "kind", "address", "position", "state", "fictional")
_CASE = (
    "id", "source", "external_id", "customer_id", "subject", "description", "answer", "kind", "priority", "status",
    "opened_at", "answered_at", "closed_at", "told_at", "promised_at", "repromises", "plan_at", "created_at",
    "updated_at", "version",
)  # fmt: skip


def _agents(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        languages = ["zh"] if n % 3 else ["zh", "en"]
        who = (n, f"agent{n}", f"Agent {n}", f"{n:05d}", Role.AGENT, languages, [])
        yield (*who, 80, "Asia/Shanghai", True, False, NOW, 1)


def _shifts(count: int) -> Iterator[tuple[Any, ...]]:
    for agent_id in range(1, count + 1):
        for day in range(7):
            yield agent_id, day, wall(9), wall(12)
            yield agent_id, day, wall(14), wall(20)


def _customers(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        language = "en" if n % 5 == 0 else "zh"
        yield n, "bench", str(n), f"客户{n}", language, "CN", "Asia/Shanghai", False, [], NOW, NOW


def _contacts(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        yield n, ContactKind.MOBILE, f"+861390{n:07d}", 0, ContactState.GOOD, True


def _cases(count: int, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        opened = NOW - timedelta(days=4, minutes=chance.randrange(5_000))
        kind = CaseKind.COMPLAINT if n % 10 == 3 else CaseKind.REQUEST
        priority = Priority.HIGH if n % 7 == 0 else Priority.NORMAL
        answered = closed = told = promised = None
        status, answer = CaseStatus.PENDING, None
        if n % 4 == 0:
            answered, answer = NOW - timedelta(minutes=chance.randrange(3_600)), "已处理"
        elif n % 4 == 1:
            promised = NOW + timedelta(minutes=chance.randrange(600))
        else:
            answered = closed = told = NOW - timedelta(hours=chance.randrange(24, 200))
            status, answer = CaseStatus.CLOSED, "已处理"
        who = (n, "bench", str(n), n, "宽带掉线", "每晚八点断线", answer, kind, priority, status)
        yield (*who, opened, answered, closed, told, promised, 0, NOW, NOW, NOW, 1)
