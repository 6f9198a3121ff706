"""That something does not leave is a decision about its callback's channel, kept in one form."""

from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import decisions
from callback.db.tables import Attempt, Send


def not_sent(
    session: Session,
    attempt: Attempt,
    send: Send,
    *,
    rule: str,
    now: datetime,
    not_before: datetime | None = None,
    **evidence: str,
) -> None:
    """`not_before`: when it is tried again; None: not at all. `evidence`: what else the rule looked at."""
    decisions.record(
        session,
        now=now,
        case_id=attempt.case_id,
        callback_id=attempt.callback_id,
        about="channel",
        rule=rule,
        verdict="not_sent",
        inputs={
            "channel": send.channel.value,
            "not_before": None if not_before is None else not_before.isoformat(),
            "send": send.handle,
            **evidence,
        },
    )
