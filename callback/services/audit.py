"""The audit trail: who did what to what. Append-only (the database refuses UPDATE and DELETE)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from callback.db.tables import AuditEntry


def record(
    session: Session,
    *,
    now: datetime,
    actor_id: int | None,
    action: str,
    subject_kind: str,
    subject_id: object = None,
    **details: object,
) -> None:
    """Write one entry. `details` must be JSON; no telephone numbers and no secrets in them."""
    session.add(
        AuditEntry(
            at=now,
            actor_id=actor_id,
            action=action,
            subject_kind=subject_kind,
            subject_id=None if subject_id is None else str(subject_id),
            details=details,
        )
    )


def record_each(
    session: Session,
    details: Mapping[int, Mapping[str, Any]],
    *,
    now: datetime,
    actor_id: int | None,
    action: str,
    subject_kind: str,
) -> None:
    """As `record`, for each of many subjects by id, in one statement."""
    entries = [
        {
            "at": now,
            "actor_id": actor_id,
            "action": action,
            "subject_kind": subject_kind,
            "subject_id": str(subject_id),
            "details": dict(said),
        }
        for subject_id, said in details.items()
    ]
    if entries:
        session.execute(insert(AuditEntry), entries)
