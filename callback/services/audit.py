"""The audit trail: who did what to what. Append-only (the database refuses UPDATE and DELETE)."""

from datetime import datetime

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
