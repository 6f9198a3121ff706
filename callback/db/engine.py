"""Engines and sessions for both databases: the one place that knows how they differ."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from callback.errors import Invalid
from callback.settings import Settings

SessionFactory = sessionmaker[Session]
_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql+psycopg"})


def make_engine(settings: Settings) -> Engine:
    """An engine for `settings.database_url`, not opened yet. Raises `Invalid` (`database_url`, `database_folder`)."""
    url = _url(settings)
    if settings.is_postgresql:
        return create_engine(
            settings.database_url,
            pool_size=settings.pool_size,
            max_overflow=settings.pool_size,
            pool_pre_ping=True,
            json_deserializer=_read_json,
            hide_parameters=True,  # an error's text goes into logs, where no number and no name belongs
            connect_args={"options": "-c timezone=UTC", "application_name": "callback"},
        )
    if url.database and url.database != ":memory:":
        folder = Path(url.database).expanduser().resolve().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Invalid("database_folder", folder=str(folder), reason=error.strerror or "") from error
    engine = create_engine(
        settings.database_url, connect_args={"timeout": 30}, json_deserializer=_read_json, hide_parameters=True
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _url(settings: Settings) -> URL:
    """Never repeated in the error: there may be a password in it."""
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        raise Invalid("database_url") from None
    if url.drivername not in _DRIVERS:
        raise Invalid("database_url")
    return url


def _read_json(raw: str | bytes) -> Any:
    """Most lists of a customer are empty, and a hundred thousand customers are read at once."""
    return [] if raw in {b"[]", "[]"} else json.loads(raw)


def _configure_sqlite(connection: Any, _record: Any) -> None:
    """WAL, enforced foreign keys, and transactions under SQLAlchemy's control instead of the driver's."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    """Take the write lock at the start: a reader that turns writer later would fail with SQLITE_BUSY at once.

    A session that only reads says so with `execution_options(readonly=True)`.
    """
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def make_session_factory(engine: Engine, *, queue: object | None = None) -> SessionFactory:
    """Sessions on `engine`. `queue` (see `db/jobs.py`) carries what they enqueue."""
    return sessionmaker(engine, expire_on_commit=False, info={"queue": queue})


@contextmanager
def reading(sessions: SessionFactory) -> Iterator[Session]:
    """A session that only reads; on SQLite it does not wait for writers."""
    with sessions() as session:
        session.connection(execution_options={"readonly": True})
        yield session


def is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
