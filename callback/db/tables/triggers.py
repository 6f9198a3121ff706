"""Append-only tables: the database itself refuses to change or remove what was recorded, whoever asks.

The SQL of the first migration, by dialect; `scripts/schema` copies it there. Raw SQL for a driver's cursor.
"""

from collections.abc import Mapping
from types import MappingProxyType

APPEND_ONLY = ("audit_entries", "decisions")

_FUNCTION = """
CREATE OR REPLACE FUNCTION callback_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""


def _sqlite() -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER tr_{table}_no_{act.lower()} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'append_only: {table} refuses {act}'); END"
        for table in APPEND_ONLY
        for act in ("UPDATE", "DELETE")
    )


def _postgresql() -> tuple[str, ...]:
    """By statement, so that an UPDATE which meets no row is refused as well: it was not meant either way."""
    return (
        _FUNCTION,
        *(
            f"CREATE TRIGGER tr_{table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION callback_append_only()"
            for table in APPEND_ONLY
        ),
    )


CREATE: Mapping[str, tuple[str, ...]] = MappingProxyType({"sqlite": _sqlite(), "postgresql": _postgresql()})
"""After the tables are made."""

DROP: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"sqlite": (), "postgresql": ("DROP FUNCTION IF EXISTS callback_append_only()",)}
)
"""After the tables are dropped, which took their triggers along."""
