"""A large centre for the benchmarks of the plan: agents, customers, cases and callbacks that wait."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from typing import Any

from sqlalchemy import text

from callback.bootstrap import House
from callback.db import bulk
from callback.db.base import Base
from callback.db.policies import save_policy
from callback.domain.words import (
    CallbackState,
    CaseKind,
    CaseStatus,
    Channel,
    ContactKind,
    ContactState,
    Priority,
    Purpose,
    Role,
)

NOW = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)
"""Nine in the morning in Shanghai, an ordinary Wednesday."""
DAYS = 2
"""Sixteen half hours a day, 09–12 and 14–19: 32 slots for each agent."""
PURPOSES = (
    *((Purpose.SURVEY, 30),) * 8, *((Purpose.ANSWER, 70),) * 5, *((Purpose.HOLDING, 80),) * 5,
    (Purpose.SECOND_CALL, 90), (Purpose.FOLLOW_UP, 70),
)  # fmt: skip


def fill(house: House, *, callbacks: int, agents: int, teams: int = 0) -> None:
    """`callbacks` that wait, for as many customers, and `agents` at work; in `teams` equal teams."""
    with house.sessions.begin() as session:
        save_policy(session, now=NOW, figures={"planning_horizon_days": DAYS, "plan_by_team": teams > 0})
        rows: tuple[tuple[str, tuple[str, ...], Iterator[tuple[Any, ...]]], ...] = (
            ("teams", ("id", "name", "created_at"), ((n, f"team {n}", NOW) for n in range(1, teams + 1))),
            ("agents", AGENT, _agents(agents, teams)),
            ("shifts", ("agent_id", "weekday", "starts", "ends"), _shifts(agents)),
            ("customers", CUSTOMER, _customers(callbacks)),
            ("contact_points", CONTACT, _contacts(callbacks)),
            ("cases", CASE, _cases(callbacks, agents, teams)),
            ("callbacks", CALLBACK, _callbacks(callbacks)),
        )
        for table, columns, values in rows:
            bulk.insert_rows(session, Base.metadata.tables[table], columns, values)
        if house.settings.is_postgresql:
            for table in ("teams", "agents", "customers", "cases", "callbacks"):
                session.execute(text(f"SELECT setval('{table}_id_seq', (SELECT coalesce(max(id), 1) FROM {table}))"))
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


AGENT = (
    "id", "login", "name", "number", "role", "team_id", "languages", "skills", "daily_capacity", "time_zone", "active",
    "leads_team", "created_at", "version",
)  # fmt: skip
CUSTOMER = (
    "id", "source", "external_id", "name", "language", "country", "time_zone", "special", "consents", "created_at",
    "updated_at",
)  # fmt: skip
CONTACT = ("customer_id", "kind", "address", "position", "state", "fictional")
CASE = (
    "id", "source", "external_id", "customer_id", "subject", "description", "kind", "priority", "status", "opened_at",
    "repromises", "owner_id", "team_id", "created_at", "updated_at", "version",
)  # fmt: skip
CALLBACK = (
    "id", "handle", "case_id", "customer_id", "purpose", "channel", "state", "priority", "earliest_at", "due_at",
    "attempts_made", "pinned", "created_at", "updated_at", "version",
)  # fmt: skip


def _agents(count: int, teams: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        languages = ["zh"] if n % 3 else ["zh", "en"]
        team = 1 + (n - 1) * teams // count if teams else None
        who = (n, f"agent{n}", f"Agent {n}", f"{n:06d}", Role.AGENT, team, languages, [])
        yield (*who, 80, "Asia/Shanghai", True, False, NOW, 1)


def _shifts(count: int) -> Iterator[tuple[Any, ...]]:
    for agent_id in range(1, count + 1):
        for day in range(7):
            yield agent_id, day, wall(9), wall(12)
            yield agent_id, day, wall(14), wall(19)


def _customers(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        language = "en" if n % 5 == 0 else "zh"
        yield n, "bench", str(n), f"客户{n}", language, "CN", "Asia/Shanghai", False, [], NOW, NOW


def _contacts(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        kind = ContactKind.LANDLINE if n % 4 == 0 else ContactKind.MOBILE
        yield n, kind, f"+8613{n:09d}", 0, ContactState.GOOD, True


def _cases(count: int, agents: int, teams: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        team = 1 + (n - 1) * teams // count if teams else None
        owner = 1 + n % agents if n % 2 else None
        who = (n, "bench", str(n), n, "宽带掉线", "每晚八点断线", CaseKind.REQUEST, Priority.NORMAL, CaseStatus.PENDING)
        yield (*who, NOW - timedelta(days=4), 0, owner, team, NOW, NOW, 1)


def _callbacks(count: int) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(20260311)
    for n in range(1, count + 1):
        purpose, priority = PURPOSES[n % len(PURPOSES)]
        due = NOW + timedelta(minutes=chance.randrange(-300, 3_000))
        who = (n, f"bench{n:027d}", n, n, purpose, Channel.AGENT, CallbackState.WAITING)
        yield (*who, priority, NOW - timedelta(hours=1), due, 0, False, NOW, NOW, 1)
