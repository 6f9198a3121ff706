"""PostgreSQL databases for tests: cloned from a template that has the schema, and cleaned for the next test.

Cloning copies a thousand files, which takes longer than most tests; a test leaves rows in a dozen tables. A database in
which somebody is still at work, whose schema is not that of the template, or which has grown large is thrown away.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

_SHAPE = """SELECT (SELECT (count(*), max(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace)::text
     || (SELECT (count(*), max(oid)) FROM pg_trigger)::text
     || (SELECT (count(*), max(oid)) FROM pg_constraint)::text
     || (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped)
     || (SELECT string_agg(version_num, ',') FROM alembic_version)"""
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_WRITTEN = """SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0"""
_LARGEST = 4 << 20
"""Bytes of rows that are still cleaned away sooner than a clone is made."""


def with_database(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@dataclass
class Databases:
    """Clones of one template on one server."""

    server: str
    template: str
    _free: list[str] = field(default_factory=list)
    _made: list[str] = field(default_factory=list)
    _shape: dict[str, str] = field(default_factory=dict)
    _kept: frozenset[str] = frozenset()
    """Tables into which the migrations themselves write."""

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database with the schema and no rows, for this test alone."""
        name = self._free.pop() if self._free else self._clone()
        yield with_database(self.server, name)
        if self._cleaned(name):
            self._free.append(name)
        else:
            self._drop(name)

    def close(self) -> None:
        for name in list(self._made):
            self._drop(name)

    def _clone(self) -> str:
        name = f"callback_test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            copied = " STRATEGY FILE_COPY" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.template}{copied}".encode())
        self._made.append(name)
        with self._connected(name) as connection:
            self._shape[name] = _only(connection, _SHAPE)
            self._kept = self._kept or frozenset(row[0] for row in connection.execute(_WRITTEN))
        return name

    def _cleaned(self, name: str) -> bool:
        """Empty again, with its files as short and its numbers as low as in a clone; else false."""
        with suppress(psycopg.Error), self._connected(name) as connection:
            if _only(connection, _OTHERS) or _only(connection, _SHAPE) != self._shape[name]:
                return False
            written = [row[0] for row in connection.execute(_WRITTEN) if row[0] not in self._kept]
            sizes = "SELECT coalesce(sum(pg_relation_size(oid)), 0) FROM pg_class WHERE relname = ANY(%s)"
            if _only(connection, sizes, written) > _LARGEST:
                return False
            tables = sql.SQL(", ").join(map(sql.Identifier, written))
            if written:
                connection.execute("SET session_replication_role = replica")  # neither foreign keys nor append-only
                for table in written:
                    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                connection.execute(sql.SQL("VACUUM (TRUNCATE) {}").format(tables))
            connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            )
            return True
        return False

    def _drop(self, name: str) -> None:
        self._made.remove(name)
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    @contextmanager
    def _connected(self, name: str) -> Iterator[psycopg.Connection]:
        with psycopg.connect(with_database(self.server, name), autocommit=True) as connection:
            yield connection


def _only(connection: psycopg.Connection, query: str, *values: object) -> Any:
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return row[0]
