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
from callback.services.assignments import AssignmentReport
from callback.services.optimum import OptimalAssigner
from callback.services.planning import plan_day

SUMMARY = (
    "plan 100,000 cases for 500 agents; the best plan for 100,000 and for a million callbacks, proved and compared"
)
NOW = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)
"""Nine in the morning in Shanghai, an ordinary Wednesday."""


def run(bench: Bench) -> list[Figure]:
    parts = {
        "best": _best,
        "change": _changed,
        "proof": _proved,
        "table": _compared,
        "million": _million,
        "cases": _cases_planned,
    }
    return [figure for part in bench.chosen(parts) for figure in parts[part](bench)]


def _best(bench: Bench) -> list[Figure]:
    """The best plan for callbacks that wait, and a tenth of it."""
    callbacks, agents = (10_000, 100) if bench.small else (100_000, 1_000)
    figures, tenth = (
        _planned_in_a_process(bench, callbacks=count, agents=people)
        for count, people in ((callbacks, agents), (callbacks // 10, agents // 10))
    )
    bench.note(f"best plan: {callbacks:,} callbacks, {agents:,} agents, 32 half hours each; {figures['left']} left")
    bench.note(f"load {os.getloadavg()[0]:.1f}")
    return [
        Figure(name="best plan, read and written, PostgreSQL", figure=figures["wall"], unit="s", at_most=20),
        Figure(name="its processor time, without the server's", figure=figures["cpu"], unit="s"),
        Figure(name="processor time of the server", figure=figures["server"], unit="s"),
        Figure(name="its peak memory", figure=figures["memory"], unit="MB", at_most=1_000),
        Figure(name="a tenth of it", figure=tenth["wall"], unit="s"),
        Figure(
            name="growth exponent, to here", figure=math.log10(figures["wall"] / tenth["wall"]), unit="", at_most=1.25
        ),
    ]


def _planned_in_a_process(bench: Bench, *, callbacks: int, agents: int) -> dict[str, float]:
    settings = bench.postgresql()
    with bench.house(settings) as house:
        _town.fill(house, callbacks=callbacks, agents=agents)
        before = _shards.server_cpu(house)
        figures = _in_a_process(settings.database_url, None)
        return {**figures, "server": _shards.server_cpu(house) - before}


def _changed(bench: Bench) -> list[Figure]:
    """What happens through the day, in the midst of a plan that stands."""
    callbacks, agents = (10_000, 100) if bench.small else (100_000, 1_000)
    bench.note(f"{callbacks:,} callbacks in the lists of {agents:,} agents")
    with bench.house(bench.postgresql()) as house:
        _town.fill(house, callbacks=callbacks, agents=agents)
        plan_day(house.sessions, now=NOW, zone=house.zone)
        ones = sorted((_one_changed(house, number) for number in range(5)), key=lambda one: one[0])
        absent = _replanned(house, _ABSENT, {"agent": agents // 2, "day": NOW.date()})
        late = _replanned(house, "SELECT 1", {}, minutes=5)
    for what, (took, cpu, report) in (("one agent absent", absent), ("everybody five minutes late", late)):
        bench.note(
            f"{what}: {report.released} lost their place, {report.assigned} written, {report.moved} moved"
            f" ({report.overran} for calls that ran over) in {took:.2f} s, {cpu:.2f} s of processor time"
        )
    bench.note(f"load {os.getloadavg()[0]:.1f}")
    return [
        Figure(name="one changed callback (median of 5)", figure=ones[2][0], unit="s", at_most=1),
        Figure(name="its processor time, without the server's", figure=ones[2][1], unit="s"),
        Figure(name="one agent absent", figure=absent[0], unit="s"),
        Figure(name="everybody five minutes late", figure=late[0], unit="s"),
    ]


_ABSENT = "INSERT INTO shift_exceptions (agent_id, day) VALUES (:agent, :day)"
_GONE = """UPDATE callbacks SET state='waiting', agent_id=NULL, slot_id=NULL, planned_at=NULL, version=version+1,
                                due_at=:due WHERE id=:id"""


def _one_changed(house: House, number: int) -> tuple[float, float, AssignmentReport]:
    found = _replanned(house, _GONE, {"due": NOW, "id": 5 + 7 * number})
    assert found[2].assigned >= 1, found
    return found


def _replanned(
    house: House, change: str, values: dict[str, Any], *, minutes: int = 0
) -> tuple[float, float, AssignmentReport]:
    """(seconds, processor time of this process, what it did) of the planning after a change."""
    with house.sessions.begin() as session:
        session.execute(text(change), values)
    began, used = time.monotonic(), time.process_time()
    planned = plan_day(house.sessions, now=NOW + timedelta(minutes=minutes), zone=house.zone)
    return time.monotonic() - began, time.process_time() - used, planned.callbacks


def _proved(bench: Bench) -> list[Figure]:
    """Equal to HiGHS."""
    callbacks, agents = (2_000, 20) if bench.small else (20_000, 110)
    demands, roster = _best_plan.town(callbacks, agents)
    proof = OptimalAssigner().solve(demands, roster, _best_plan.POLICY).proof
    ours = (proof.missed, proof.risky, proof.late, proof.lost)
    bound = _best_plan.best_by_highs(demands, roster)
    bench.note(f"{callbacks:,} callbacks, {agents} agents: (missed, risky, late, lost) {ours}; HiGHS: {bound}")
    return [
        Figure(
            name="tiers that differ from HiGHS",
            figure=sum(a != b for a, b in zip(ours, bound, strict=True)),
            unit="",
            at_most=0,
        )
    ]


def _compared(bench: Bench) -> list[Figure]:
    """Greedy by due time beside the best, on the same inputs, in the same run."""
    callbacks, agents = (2_000, 20) if bench.small else (20_000, 110)
    rows = _best_plan.compare(callbacks, agents)
    for line in _best_plan.table(rows):
        bench.note(line)
    thirds = zip(rows[::3], rows[1::3], rows[2::3], strict=True)
    return [
        Figure(
            name=f"promises broken more than by the better greedy, {best.capacity}",
            figure=best.broken - min(greedy.broken, dropping.broken),
            unit="",
            at_most=0,
        )
        for greedy, dropping, best in thirds
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
