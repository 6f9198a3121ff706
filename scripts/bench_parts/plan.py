"""Planning: cases to callbacks to slots, read from and written to the database."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from typing import Any

from sqlalchemy import text

from bench_parts import Bench, Figure
from callback.bootstrap import House
from callback.db import bulk
from callback.db.base import Base
from callback.domain.words import CaseKind, CaseStatus, ContactKind, ContactState, Priority, Role
from callback.services.planning import plan_day

SUMMARY = "plan 100,000 cases for 500 agents, and plan them again with nothing changed"
NOW = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)
"""Nine in the morning in Shanghai, an ordinary Wednesday."""


def run(bench: Bench) -> list[Figure]:
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
