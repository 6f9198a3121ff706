"""Decisions: the rule, its inputs and its verdict, for every choice the system makes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.tables import Decision


def record(
    session: Session,
    *,
    now: datetime,
    case_id: int,
    about: str,
    rule: str,
    verdict: str,
    callback_id: int | None = None,
    actor_id: int | None = None,
    inputs: dict[str, Any] | None = None,
) -> None:
    """Keep one decision. `inputs` is JSON: what the rule looked at, so that `callback explain` can tell it later."""
    session.add(
        Decision(
            at=now,
            case_id=case_id,
            callback_id=callback_id,
            about=about,
            rule=rule,
            verdict=verdict,
            inputs=inputs or {},
            actor_id=actor_id,
        )
    )


def of_callback(session: Session, callback_id: int) -> Sequence[Decision]:
    """Oldest first."""
    return session.scalars(select(Decision).where(Decision.callback_id == callback_id).order_by(Decision.id)).all()
