"""The shipped scripts in a test's database: read, checked and published once in a process, then copied."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from callback.db.tables import AuditEntry, Script
from callback.services import scripts

_TABLES = (Script, AuditEntry)
_made: dict[type[Any], list[dict[str, Any]]] = {}


def seed_scripts(session: Session, now: datetime) -> None:
    """What `scripts.seed_content` leaves behind in a house without scripts; publishing takes longer than most tests."""
    if not _made:
        scripts.seed_content(session, now)
        session.flush()
        for table in _TABLES:
            columns = [column for column in table.__table__.columns if column.name != "id"]
            query = select(*columns).order_by(table.id)
            if table is AuditEntry:
                query = query.where(AuditEntry.subject_kind == "script")
            _made[table] = [dict(row) for row in session.execute(query).mappings()]
        return
    for table, rows in _made.items():
        session.execute(insert(table), [_at(row, now) for row in rows])


def _at(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {name: now if isinstance(value, datetime) else value for name, value in row.items()}
