"""Decisions: the rule, its inputs and its verdict, for every choice the system makes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from callback.db.among import among, plain
from callback.db.tables import Decision

AT_ONCE = 10_000


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


def last_rules(session: Session, callback_ids: Collection[int], *, about: str) -> dict[int, str]:
    """By which rule each of these callbacks was last decided about; one that never was is left out."""
    found: dict[int, str] = {}
    wanted = sorted(callback_ids)
    last = aliased(Decision)
    for start in range(0, len(wanted), AT_ONCE):
        newest = (
            select(func.max(last.id).label("id"))
            .where(among(session, last.callback_id, wanted[start : start + AT_ONCE]), last.about == about)
            .group_by(last.callback_id)
            .subquery()
        )
        rows = plain(session, select(Decision.callback_id, Decision.rule).join(newest, newest.c.id == Decision.id))
        found.update((callback_id, rule) for callback_id, rule in rows)
    return found
