"""Plannings as they were: kept for a dispute, where the house wants that (`KEEP_PLANS_DAYS`)."""

import zlib
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from callback.db.shards import EVERYTHING
from callback.db.tables import KeptPlan
from callback.errors import NotFound
from callback.services import plan_files
from callback.services.problems import Answer, Problem


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
    until = select(KeptPlan.shard, func.max(KeptPlan.id).label("id")).where(KeptPlan.at <= moment)
    newest = dict(session.execute(until.group_by(KeptPlan.shard)).tuples().all())
    if not newest:
        raise NotFound("plan_not_kept", moment=moment)
    # Planned at once or by teams: what was kept before the last change from one to the other does not count any more.
    whole = newest.pop(EVERYTHING.name, 0)
    counts = {number for number in newest.values() if number > whole} or {whole}
    plans = select(KeptPlan).where(KeptPlan.id.in_(counts)).order_by(KeptPlan.shard).options(undefer("*"))
    return [(row.at, row.shard, zlib.decompress(row.content).decode()) for row in session.scalars(plans)]
