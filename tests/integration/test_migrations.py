"""The migrations make the schema that the code means, on both databases, and can take it away again."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources

import psycopg
import pytest
from alembic import command
from sqlalchemy import Engine, Enum, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CheckConstraint

from callback.db.base import Base
from callback.db.engine import SessionFactory, make_engine
from callback.db.migrate import ADVISORY_LOCK, MIGRATIONS, _config, current, downgrade, head, upgrade
from callback.db.tables import Team
from callback.errors import Conflict, Unavailable
from callback.settings import Settings, load_settings

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def impatient(settings: Settings) -> Settings:
    """Gives up on a locked table after a tenth of a second."""
    return load_settings(database_url=settings.database_url, lock_timeout_ms=100)


def test_the_database_is_what_the_code_means(engine: Engine, settings: Settings) -> None:
    with engine.connect() as connection:
        assert current(connection) == head()
        connection.rollback()
        command.check(_config(connection))


def test_down_leaves_nothing_and_up_again_works(engine: Engine, settings: Settings) -> None:
    downgrade(engine, settings)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    if settings.is_postgresql:
        with engine.connect() as connection:
            left = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            types = "SELECT typname FROM pg_type WHERE typname LIKE 'procrastinate%'"
            assert connection.execute(text(f"{left} UNION ALL {types}")).all() == []
    upgrade(engine, settings)
    with engine.connect() as connection:
        assert current(connection) == head()


def test_migrating_twice_changes_nothing(engine: Engine, settings: Settings, sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        session.add(Team(name="kept", created_at=datetime(2026, 1, 1, tzinfo=UTC)))
    upgrade(engine, settings)
    with sessions() as session:
        assert session.query(Team).one().name == "kept"


def test_every_foreign_key_is_indexed(engine: Engine) -> None:
    """An index, a unique constraint or the key itself that begins with the column; partial ones only over NOT NULL."""
    inspector = inspect(engine)
    bare = []
    for table in Base.metadata.sorted_tables:
        leading = {index["column_names"][0] for index in inspector.get_indexes(table.name) if _finds_children(index)}
        leading |= {unique["column_names"][0] for unique in inspector.get_unique_constraints(table.name)}
        leading |= set(inspector.get_pk_constraint(table.name)["constrained_columns"][:1])
        bare += [
            f"{table.name}.{key['constrained_columns'][0]}"
            for key in inspector.get_foreign_keys(table.name)
            if key["constrained_columns"][0] not in leading
        ]
    assert set(bare) <= LIVE_ONLY


LIVE_ONLY = {"callbacks.agent_id"}
"""Indexed by two partial indexes that together hold what is looked up: the live ones, and the finished ones."""


def _finds_children(index: object) -> bool:
    options = index.get("dialect_options", {})  # type: ignore[attr-defined]
    where = str(options.get("postgresql_where", options.get("sqlite_where", "")))
    column = index["column_names"][0]  # type: ignore[index]
    return not where or where.strip("()") == f"{column} IS NOT NULL"


def test_every_constraint_of_the_metadata_exists(engine: Engine) -> None:
    inspector = inspect(engine)
    missing = []
    for table in Base.metadata.sorted_tables:
        there = {check["name"] for check in inspector.get_check_constraints(table.name)}
        meant = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
        missing += sorted(meant - there)
    assert missing == []


ENUMS = [
    (table.name, column.name)
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, Enum)
]


@pytest.mark.parametrize(("table", "column"), ENUMS)
def test_no_enum_column_takes_another_word(engine: Engine, table: str, column: str) -> None:
    """Checked in the database's own words: the constraint of this column lists the enum's values and nothing else."""
    meant = Base.metadata.tables[table].columns[column].type
    assert isinstance(meant, Enum)
    checks = {check["name"]: check["sqltext"] for check in inspect(engine).get_check_constraints(table)}
    sql = checks[f"ck_{table}_{meant.name}"]
    with engine.connect() as connection:
        for word in (*meant.enums, "no_such_word"):
            of = f"SELECT ({sql}) FROM (SELECT CAST(:word AS varchar(32)) AS {column}) AS t"
            assert bool(connection.execute(text(of), {"word": word}).scalar_one()) is (word in meant.enums)


VIOLATIONS = {
    "ck_agents_role": "INSERT INTO agents (login, name, number, role, languages, skills, time_zone, created_at)"
    " VALUES ('a', 'A', '1', 'king', '[]', '[]', 'UTC', '2026-01-01')",
    "ck_agents_daily_capacity": "INSERT INTO agents"
    " (login, name, number, role, languages, skills, time_zone, created_at, daily_capacity)"
    " VALUES ('a', 'A', '1', 'agent', '[]', '[]', 'UTC', '2026-01-01', -1)",
    "ck_calendar_days_kind": "INSERT INTO calendar_days (country, day, kind, name)"
    " VALUES ('CN', '2026-01-01', 'x', '')",
    "ck_setup_versions_number": "INSERT INTO setup_versions (kind, number, document, created_at)"
    " VALUES ('policy', 0, '{}', '2026-01-01')",
    "fk_slots_agent_id_agents": "INSERT INTO slots (agent_id, starts_at, ends_at)"
    " VALUES (999, '2026-01-01 08:00', '2026-01-01 09:00')",
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_constraints_refuse_bad_rows(engine: Engine, name: str) -> None:
    with engine.connect() as connection, pytest.raises(IntegrityError) as refused:
        connection.execute(text(VIOLATIONS[name]))
    assert name in str(refused.value) or "FOREIGN KEY" in str(refused.value)


@ON_POSTGRESQL
def test_procrastinate_is_the_version_that_we_migrated_to(database_url: str) -> None:
    """When this fails the library was upgraded: bring its own migrations into a new revision (see the README there)."""
    installed = (resources.files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")
    assert (MIGRATIONS / "procrastinate" / "3_10_0.sql").read_text(encoding="utf-8") == installed


@pytest.fixture
def other(settings: Settings) -> Iterator[psycopg.Connection]:
    url = make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        yield connection


@ON_POSTGRESQL
def test_a_second_migrator_waits_for_its_turn(engine: Engine, settings: Settings, other: psycopg.Connection) -> None:
    other.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
    with pytest.raises(Unavailable) as refused:
        upgrade(engine, settings, patience_s=0.3)
    assert refused.value.code == "migration_running"
    threading.Timer(0.5, lambda: other.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])).start()
    began = time.monotonic()
    upgrade(engine, settings, patience_s=30)
    assert time.monotonic() - began >= 0.4


@ON_POSTGRESQL
def test_a_busy_table_stops_the_migration_and_nothing_is_half_done(
    engine: Engine, impatient: Settings, other: psycopg.Connection
) -> None:
    other.execute("LOCK TABLE teams IN ACCESS SHARE MODE")
    with pytest.raises(Unavailable) as refused:
        downgrade(engine, impatient)
    assert refused.value.code == "migration_lock_timeout"
    other.rollback()
    with engine.connect() as connection:
        assert current(connection) == head()
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"
        assert connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar_one() == 0


@ON_SQLITE
def test_a_migration_that_breaks_links_is_taken_back(engine: Engine, settings: Settings) -> None:
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute(VIOLATIONS["fk_slots_agent_id_agents"])
        raw.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(Conflict) as refused:
        downgrade(engine, settings, "0001")
    assert refused.value.code == "migration_breaks_links"
    with engine.connect() as connection:
        assert current(connection) == head()
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_alembic_itself_works_from_the_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CALLBACK_ENV_FILE", "/dev/null")
    command.downgrade(_config(), "base")
    command.upgrade(_config(), "head")
    command.check(_config())
    engine = make_engine(settings)
    assert "callbacks" in inspect(engine).get_table_names()
    engine.dispose()
