"""Many rows at once: COPY and one UPDATE on PostgreSQL, `executemany` on SQLite. The planner writes through this."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from callback.db.engine import is_postgresql


def allocate_ids(session: Session, table: Table, count: int) -> list[int]:
    """`count` unused primary keys, so that rows that refer to each other can be written without asking back.

    PostgreSQL draws them from the sequence. On SQLite the caller holds the write lock (`BEGIN IMMEDIATE`).
    """
    if count == 0:
        return []
    if is_postgresql(session):
        sequence = f"{table.name}_id_seq"
        statement = text("SELECT nextval(CAST(:sequence AS regclass)) FROM generate_series(1, :count)")
        return list(session.scalars(statement, {"sequence": sequence, "count": count}))
    last = session.scalar(select(func.max(table.c.id))) or 0
    return list(range(last + 1, last + 1 + count))


def insert_rows(
    session: Session, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, ready: bool = False
) -> None:
    """Insert plain tuples in the order of `columns`. A conflict is an error; nothing is silently dropped.

    `ready`: the values are numbers, None and text that both drivers take as they are (moments as
    `2026-03-11 02:00:00.000000` in UTC, JSON as text, 0 and 1 for no and yes), which saves a call for each value.
    """
    prepared: Iterable[Sequence[Any]] = rows
    if not ready:
        processors = [_processor(session, table, column) for column in columns]
        prepared = ([p(v) if p else v for p, v in zip(processors, row, strict=True)] for row in rows)
    names = ", ".join(columns)
    session.flush()
    if is_postgresql(session):
        raw: Any = session.connection().connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in prepared:
                copy.write_row(row)
        return
    connection: Any = session.connection().connection
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", prepared)  # noqa: S608 names are ours


def update_rows(session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Set `columns` of the row whose id comes first in each tuple: `(id, value, …)`."""
    if not rows:
        return
    session.flush()
    if is_postgresql(session):
        _update_from_copy(session, table, columns, rows)
        return
    change = update(table).where(table.c.id == bindparam("row_id"))
    change = change.values({name: bindparam(f"new_{name}") for name in columns})
    session.connection().execute(
        change,
        [{"row_id": row[0], **{f"new_{n}": v for n, v in zip(columns, row[1:], strict=True)}} for row in rows],
    )


def _update_from_copy(session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The rows by COPY into a temporary table, then one UPDATE: arrays as parameters cost three times as much."""
    held = _hold(session, table, ["id", *columns], rows)
    sets = ", ".join(f"{name} = v.{name}" for name in columns)
    session.execute(text(f"UPDATE {table.name} AS t SET {sets} FROM {held} AS v WHERE t.id = v.id"))  # noqa: S608 names are ours


def _hold(session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The rows by COPY into a temporary table that goes with the transaction; its name."""
    dialect = session.get_bind().dialect
    types = [f"{name} {table.c[name].type.compile(dialect)}" for name in columns]
    held = f"rows_for_{table.name}"
    session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{held}"))
    session.execute(text(f"CREATE TEMPORARY TABLE {held} ({', '.join(types)}) ON COMMIT DROP"))
    processors = [_processor(session, table, name) if name != "id" else None for name in columns]
    raw: Any = session.connection().connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {held} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([p(v) if p else v for p, v in zip(processors, row, strict=True)])
    return held


def insert_missing_rows(session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """As `insert_missing`, for thousands of plain tuples; what is not in `columns` gets the database's default."""
    if not rows:
        return
    names = ", ".join(columns)
    session.flush()
    if is_postgresql(session):
        held = _hold(session, table, columns, rows)
        into = f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {held} ON CONFLICT DO NOTHING"  # noqa: S608
        session.execute(text(into))
        return
    insert_missing(session, table, [dict(zip(columns, row, strict=True)) for row in rows])


def insert_missing(session: Session, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that a unique constraint does not refuse; the others are there already."""
    if not rows:
        return
    if is_postgresql(session):
        session.connection().execute(postgresql_insert(table).on_conflict_do_nothing(), rows)
    else:
        session.connection().execute(sqlite_insert(table).on_conflict_do_nothing(), rows)


def _processor(session: Session, table: Table, column: str) -> Any:
    """What turns a Python value into what the driver takes, as SQLAlchemy itself would (times, JSON, enums)."""
    return table.c[column].type.dialect_impl(session.get_bind().dialect).bind_processor(session.get_bind().dialect)
