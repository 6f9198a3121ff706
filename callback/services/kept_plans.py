"""Plannings as they were: kept for a dispute, where the house wants that (`KEEP_PLANS_DAYS`)."""

import zlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from callback.db.tables import KeptPlan
from callback.errors import NotFound
from callback.services import plan_files
from callback.services.problems import Answer, Problem

MOST_LOOKED_AT = 10_000
"""Plannings, to find the newest of each part."""


def keep(session: Session, problem: Problem, answer: Answer, *, now: datetime) -> None:
    """Write down what was asked and answered, in the transaction in which it becomes the plan."""
    if answer.solution is None:
        return
    text = plan_files.export(answer.asked, problem.roster, problem.policy, answer.solution)
    row = KeptPlan(
        at=now, shard=problem.shard.name, callbacks=len(answer.asked), content=zlib.compress(text.encode(), level=1)
    )
    session.add(row)


def at(session: Session, moment: datetime) -> list[tuple[datetime, str, str]]:
    """The last planning up to this moment, of each part that is planned by itself: when, which part, and the file.

    Raises `NotFound("plan_not_kept")`.
    """
    known = select(KeptPlan).where(KeptPlan.at <= moment).order_by(KeptPlan.at.desc(), KeptPlan.id.desc())
    newest: dict[str, int] = {}
    for row in session.scalars(known.limit(MOST_LOOKED_AT)):
        newest.setdefault(row.shard, row.id)
    rows = session.scalars(
        select(KeptPlan).where(KeptPlan.id.in_(newest.values())).order_by(KeptPlan.shard).options(undefer("*"))
    )
    found = [(row.at, row.shard, zlib.decompress(row.content).decode()) for row in rows]
    if not found:
        raise NotFound("plan_not_kept", moment=moment)
    return found
