"""How long calls took, added up by agent and purpose."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callback.db.among import plain
from callback.db.tables import Attempt, Callback
from callback.domain.duration import Measured
from callback.domain.words import Channel

LOOKED_BACK = timedelta(days=28)


def measured(session: Session, *, now: datetime) -> Measured:
    """Agents' calls of the last four weeks, those without an answer among them: they take time too."""
    statement = (
        select(Attempt.agent_id, Callback.purpose, func.count(), func.sum(Attempt.duration_s))
        .join(Callback, Callback.id == Attempt.callback_id)
        .where(
            Attempt.channel == Channel.AGENT,
            Attempt.agent_id.is_not(None),
            Attempt.duration_s.is_not(None),
            Attempt.started_at > now - LOOKED_BACK,
            Attempt.started_at <= now,
        )
        .group_by(Attempt.agent_id, Callback.purpose)
    )
    return {(agent_id, purpose): (n, float(total)) for agent_id, purpose, n, total in plain(session, statement)}
