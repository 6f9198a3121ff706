"""Versions of what was set up: the newest counts, the older ones can be brought back."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callback.db.tables import SetupVersion
from callback.domain.words import SetupKind

_CHUNK = 500


def document(session: Session, kind: SetupKind, key: str = "") -> dict[str, Any]:
    """The newest document; empty when nothing was ever set up."""
    query = select(SetupVersion.document).where(SetupVersion.kind == kind, SetupVersion.key == key)
    return session.scalars(query.order_by(SetupVersion.number.desc()).limit(1)).first() or {}


def newest(session: Session, kind: SetupKind, keys: Collection[str]) -> dict[str, SetupVersion]:
    """The newest version of each key that has one."""
    found: dict[str, SetupVersion] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), _CHUNK):
        last = (
            select(SetupVersion.key, func.max(SetupVersion.number).label("number"))
            .where(SetupVersion.kind == kind, SetupVersion.key.in_(wanted[start : start + _CHUNK]))
            .group_by(SetupVersion.key)
            .subquery()
        )
        query = select(SetupVersion).join(
            last, (SetupVersion.key == last.c.key) & (SetupVersion.number == last.c.number)
        )
        found |= {row.key: row for row in session.scalars(query.where(SetupVersion.kind == kind))}
    return found


def put(session: Session, rows: Sequence[dict[str, Any]]) -> bool:
    """Write them; false, and nothing written, when somebody else wrote one of the numbers first."""
    try:
        with session.begin_nested():
            if rows:
                session.execute(insert(SetupVersion), rows)
    except IntegrityError:
        return False
    return True


def one(session: Session, kind: SetupKind, key: str, number: int) -> SetupVersion | None:
    query = select(SetupVersion).where(
        SetupVersion.kind == kind, SetupVersion.key == key, SetupVersion.number == number
    )
    return session.scalars(query).one_or_none()


def numbered(session: Session, kind: SetupKind, numbers: Mapping[str, int]) -> dict[str, SetupVersion]:
    """Of each key the version of this number, where there is one."""
    found: dict[str, SetupVersion] = {}
    wanted = sorted(numbers)
    for start in range(0, len(wanted), _CHUNK):
        keys = wanted[start : start + _CHUNK]
        query = select(SetupVersion).where(
            SetupVersion.kind == kind,
            SetupVersion.key.in_(keys),
            SetupVersion.number.in_({numbers[key] for key in keys}),
        )
        found |= {row.key: row for row in session.scalars(query) if row.number == numbers[row.key]}
    return found


def history(
    session: Session, kind: SetupKind, key: str, *, before: int | None = None, limit: int
) -> Sequence[SetupVersion]:
    """The newest first, below the number `before`."""
    query = select(SetupVersion).where(SetupVersion.kind == kind, SetupVersion.key == key)
    if before is not None:
        query = query.where(SetupVersion.number < before)
    return session.scalars(query.order_by(SetupVersion.number.desc()).limit(limit)).all()


def of_act(session: Session, act: str) -> Sequence[SetupVersion]:
    return session.scalars(select(SetupVersion).where(SetupVersion.act == act).order_by(SetupVersion.id)).all()


def documents(session: Session, kind: SetupKind) -> Sequence[dict[str, Any]]:
    """Every one that ever counted."""
    return session.scalars(select(SetupVersion.document).where(SetupVersion.kind == kind)).all()
