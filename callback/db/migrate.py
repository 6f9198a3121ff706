"""Bring a database to the schema of this version, and back. Safe on a live PostgreSQL.

One migrator at a time (advisory lock; a second one waits and says so), and no migration waits long for a table lock:
while it waited, everybody else would queue up behind it. On SQLite the whole migration is one transaction.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg.errors
from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import JSON, Connection, Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.elements import False_, True_

import callback
from callback.db.base import Base, UtcDateTime
from callback.db.tables import Agent
from callback.db.tables.search import PREFIX
from callback.errors import Conflict, Invalid, Unavailable
from callback.log import get_logger
from callback.settings import Settings

log = get_logger(__name__)

MIGRATIONS = Path(callback.__file__).resolve().parent.parent / "migrations"
ADVISORY_LOCK = 0x43_61_6C_6C
"""Any fixed number will do ("Call"); it must never change between versions."""


def upgrade(engine: Engine, settings: Settings, revision: str = "head", *, patience_s: float = 600) -> None:
    """Migrate up to `revision`. Raises `Unavailable` when another migrator or a busy table does not let go in time."""
    with engine.connect() as connection, _known(connection), prepared(connection, settings, patience_s=patience_s):
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, settings: Settings, revision: str = "base", *, patience_s: float = 600) -> None:
    """Migrate down to `revision`; `base` removes every table and every row in it."""
    with engine.connect() as connection, _known(connection), prepared(connection, settings, patience_s=patience_s):
        command.downgrade(_config(connection), revision)


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None when it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The revision that this version of the code expects."""
    return _scripts().get_current_head()


def configure(connection: Connection) -> dict[str, Any]:
    """Alembic's options for `connection`: what is compared, what is left alone, how types are written."""
    sqlite = connection.dialect.name == "sqlite"
    return {
        "target_metadata": Base.metadata,
        "include_name": include_name,
        "render_item": render_item,
        "render_as_batch": sqlite,
        "transactional_ddl": True,
        "compare_server_default": compare_server_default,
    }


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Procrastinate's tables are its own: our migrations apply its schema, but do not compare it.

    Nor are indexes over expressions compared: each database gives them back in words of its own.
    """
    name = name or ""
    return not (kind == "table" and name.startswith("procrastinate_")) and not (
        kind == "index" and name.startswith(PREFIX)
    )


def compare_server_default(
    context: MigrationContext,
    _found: Any,
    _meant: Any,
    found: str | None,
    _default: Any,
    meant: str | None,
) -> bool | None:
    """True when they differ. On SQLite Alembic takes an empty text for a difference; elsewhere it compares itself."""
    if context.dialect.name != "sqlite":
        return None
    return (found or "").strip("'()\"") != (meant or "").strip("'()\"") or (found is None) != (meant is None)


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Migrations are frozen: they name plain types that mean the same on both databases, not classes of ours."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), False_ | True_):
        return "sa.true()" if isinstance(item.arg, True_) else "sa.false()"
    return False


@contextmanager
def _known(connection: Connection) -> Iterator[None]:
    """Alembic has one error for every revision that it cannot find: the database's own, or the one asked for."""
    present = current(connection)
    connection.rollback()
    if present is not None and present not in {one.revision for one in _scripts().walk_revisions()}:
        raise Unavailable("schema_unknown", present=present)
    try:
        yield
    except CommandError as error:
        raise Invalid("revision_unknown") from error


@contextmanager
def prepared(connection: Connection, settings: Settings, *, patience_s: float = 600) -> Iterator[None]:
    """Around a migration: locks and limits on PostgreSQL, foreign keys out of the way of table rebuilds on SQLite."""
    around = _prepared_postgresql if connection.dialect.name == "postgresql" else _prepared_sqlite
    with around(connection, settings, patience_s):
        yield


@contextmanager
def _prepared_postgresql(connection: Connection, settings: Settings, patience_s: float) -> Iterator[None]:
    _take_turn(connection, patience_s)
    try:
        connection.execute(text(f"SET lock_timeout = {settings.lock_timeout_ms:d}"))
        connection.commit()
        yield
        connection.commit()
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise Unavailable("migration_lock_timeout", ms=settings.lock_timeout_ms) from error
        raise
    finally:
        connection.rollback()
        connection.execute(text("RESET lock_timeout"))
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()


def _take_turn(connection: Connection, patience_s: float) -> None:
    """Wait until no other migrator is at work. Polls, because a blocked session would keep a snapshot open."""
    end = time.monotonic() + patience_s
    waiting = False
    while True:
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}).scalar_one()
        connection.commit()
        if taken:
            return
        if not waiting:
            log.warning("another migration is running on this database; waiting for it")
            waiting = True
        if time.monotonic() >= end:
            raise Unavailable("migration_running", seconds=int(patience_s))
        time.sleep(0.2)


@contextmanager
def _prepared_sqlite(connection: Connection, _settings: Settings, _patience_s: float) -> Iterator[None]:
    """Rebuilding a table drops the old one, which enforced foreign keys would turn into deleted children."""
    raw = connection.connection.driver_connection
    assert raw is not None  # noqa: S101
    raw.execute("PRAGMA foreign_keys=OFF")
    connection.begin()
    try:
        yield
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise Conflict("migration_breaks_links", table=broken[0][0], rows=len(broken))
        connection.commit()
    finally:
        connection.rollback()
        raw.execute("PRAGMA foreign_keys=ON")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


assert Agent.metadata is Base.metadata  # noqa: S101  the tables must be imported, or a comparison would drop them all
