"""Many rows at once: COPY and one UPDATE on PostgreSQL, `executemany` on SQLite. The planner writes through this."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from callback.db.among import AT_ONCE
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


def update_rows(
    session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, versioned: bool = False
) -> None:
    """Set `columns` of the row whose id comes first in each tuple: `(id, value, …)`.

    `versioned`: the row gets its next version, so that whoever has read the one before does not write over this.
    """
    if not rows:
        return
    session.flush()
    if is_postgresql(session):
        held = _hold(session, table, ["id", *columns], rows)
        more = ", version = t.version + 1" if versioned else ""
        session.execute(text(_locked(held, table) + _update_from(held, table, columns, more=more)))
        return
    change = update(table).where(table.c.id == bindparam("row_id"))
    change = change.values({name: bindparam(f"new_{name}") for name in columns})
    if versioned:
        change = change.values(version=table.c.version + 1)
    session.connection().execute(
        change,
        [{"row_id": row[0], **{f"new_{n}": v for n, v in zip(columns, row[1:], strict=True)}} for row in rows],
    )


def _update_from(held: str, table: Table, columns: Sequence[str], *, more: str = "") -> str:
    """One UPDATE of what is `_locked`, from what `_hold` has copied: arrays as parameters cost three times as much."""
    sets = ", ".join(f"{name} = v.{name}" for name in columns)
    from_held = f"FROM {held} AS v WHERE t.id = v.id AND t.id IN (SELECT id FROM locked)"  # noqa: S608 names are ours
    return f"UPDATE {table.name} AS t SET {sets}{more} {from_held}"  # noqa: S608


def _locked(held: str, table: Table, *, where: str = "true") -> str:
    """The rows in the order of their ids, as everybody locks them who changes many: two writers wait for each other
    once, instead of in a circle. Whoever only refers to a row is not kept waiting."""
    found = f"SELECT c.id FROM {table.name} AS c JOIN {held} AS h ON c.id = h.id WHERE {where}"  # noqa: S608
    return f"WITH locked AS MATERIALIZED ({found} ORDER BY c.id FOR NO KEY UPDATE OF c) "


def update_unchanged(session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> set[int]:
    """As `update_rows`, where nobody has changed the row since it was read; returns the ids of those that were set.

    The last of `columns` is `version`, and the last value of each tuple the version that follows the one that was read.
    The values are `ready` as `insert_rows` says.
    """
    if not rows:
        return set()
    session.flush()
    if is_postgresql(session):
        held = _hold(session, table, ["id", *columns], rows, ready=True)
        locked = _locked(held, table, where="c.version = h.version - 1")
        return set(session.scalars(text(f"{locked}{_update_from(held, table, columns)} RETURNING t.id")))
    # The write lock is held: nobody comes in between.
    known: dict[int, int] = {}
    for start in range(0, len(rows), AT_ONCE):
        ids = [row[0] for row in rows[start : start + AT_ONCE]]
        among_them = table.c.id.in_(bindparam("ids", expanding=True))
        found = session.connection().execute(select(table.c.id, table.c.version).where(among_them), {"ids": ids})
        known.update((row.id, row.version) for row in found)
    unchanged = [row for row in rows if known.get(row[0]) == row[-1] - 1]
    sets = ", ".join(f"{name} = ?" for name in columns)
    connection: Any = session.connection().connection
    statement = f"UPDATE {table.name} SET {sets} WHERE id = ?"  # noqa: S608 names are ours
    connection.executemany(statement, ([*row[1:], row[0]] for row in unchanged))
    return {row[0] for row in unchanged}


def _hold(
    session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, ready: bool = False
) -> str:
    """The rows by COPY into a temporary table that goes with the transaction; its name."""
    dialect = session.get_bind().dialect
    types = [f"{name} {table.c[name].type.compile(dialect)}" for name in columns]
    held = f"rows_for_{table.name}"
    session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{held}"))
    session.execute(text(f"CREATE TEMPORARY TABLE {held} ({', '.join(types)}) ON COMMIT DROP"))
    prepared: Iterable[Sequence[Any]] = rows
    if not ready:
        processors = [_processor(session, table, name) if name != "id" else None for name in columns]
        prepared = ([p(v) if p else v for p, v in zip(processors, row, strict=True)] for row in rows)
    raw: Any = session.connection().connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {held} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in prepared:
            copy.write_row(row)
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
