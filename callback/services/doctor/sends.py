"""What leaves the house and what comes back: begun once, recorded, asked about, and never left lying."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from callback.db.tables import Callback, Campaign, Send, Sender
from callback.domain.words import CampaignState, SendState
from callback.services.doctor.invariant import Finding, Invariant, by_query

PATIENCE = timedelta(minutes=15)
"""A worker looks every few seconds; what is left lying for so long has none, or one without this channel."""
QUEUE = timedelta(hours=2)
"""A reply may wait behind others at a slow sender, but not for so long."""


def _queued_go_out(session: Session, now: datetime) -> Iterable[Finding]:
    """Left out: what a paused campaign keeps, and what waits because the carrier is down (the breaker says so)."""
    statement = (
        select(Send.id, Send.due_at)
        .outerjoin(Callback, Callback.id == Send.callback_id)
        .outerjoin(Campaign, Campaign.id == Callback.campaign_id)
        .outerjoin(Sender, and_(Sender.channel == Send.channel, Sender.open_until > now - PATIENCE))
        .where(
            Send.state == SendState.QUEUED,
            Send.due_at < now - QUEUE,
            or_(Campaign.id.is_(None), Campaign.state != CampaignState.PAUSED),
            Sender.id.is_(None),
        )
    )
    return [Finding(f"send {row.id}", f"{row.due_at:%Y-%m-%d %H:%M} UTC") for row in session.execute(statement)]


SENDS: tuple[Invariant, ...] = (
    by_query(
        "begun_send_has_attempt",
        """SELECT 'send ' || s.id, s.kind FROM sends s LEFT JOIN attempts a ON a.id = s.attempt_id
        WHERE s.kind IN ('invitation', 'call', 'bridge')
          AND (a.id IS NULL OR s.callback_id IS NULL OR a.callback_id <> s.callback_id)""",
    ),
    by_query(
        "attempt_begun_once",
        """SELECT 'attempt ' || attempt_id, count(*) FROM sends
        WHERE kind IN ('invitation', 'call') GROUP BY attempt_id HAVING count(*) > 1""",
    ),
    by_query(
        "automatic_attempt_has_send",
        """SELECT 'attempt ' || a.id, a.channel FROM attempts a
        WHERE a.state <> 'ended' AND a.agent_id IS NULL AND a.channel IN ('sms', 'voice', 'email')
          AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.attempt_id = a.id AND s.kind IN ('invitation', 'call'))""",
    ),
    by_query(
        "automatic_callback_has_attempt",
        """SELECT 'callback ' || c.id, c.channel FROM callbacks c
        WHERE c.state = 'in_progress' AND c.channel IN ('sms', 'voice', 'email')
          AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.callback_id = c.id AND a.state <> 'ended')""",
    ),
    by_query(
        "question_waits_once",
        """SELECT 'attempt ' || attempt_id, count(*) FROM sends
        WHERE kind IN ('question', 'notice') AND state IN ('queued', 'claimed') AND attempt_id IS NOT NULL
        GROUP BY attempt_id, body HAVING count(*) > 1""",
    ),
    by_query(
        "sent_is_known_to_carrier",
        """SELECT 'send ' || id, state FROM sends
        WHERE state IN ('sent', 'delivered') AND (provider_id IS NULL OR sent_at IS NULL)""",
    ),
    by_query(
        "withdrawn_never_left",
        """SELECT 'send ' || id, coalesce(provider_id, provider_status) FROM sends
        WHERE state = 'withdrawn' AND (provider_id IS NOT NULL OR provider_rank > 0)""",
    ),
    by_query(
        "ended_send_has_end",
        """SELECT 'send ' || id, state FROM sends
        WHERE (state IN ('delivered', 'failed', 'withdrawn')) <> (ended_at IS NOT NULL)""",
    ),
    by_query(
        "failed_send_ends_its_attempt",
        """SELECT 'attempt ' || a.id, 'send ' || s.id FROM sends s JOIN attempts a ON a.id = s.attempt_id
        WHERE s.kind IN ('invitation', 'call') AND s.state IN ('failed', 'withdrawn') AND a.state <> 'ended'""",
    ),
    by_query(
        "unknown_is_asked_about",
        """SELECT 'send ' || id, carrier || ', ' || state FROM sends
        WHERE state IN ('claimed', 'unknown') AND lease_until < :late""",
        late=PATIENCE,
    ),
    Invariant("queued_go_out", _queued_go_out),
    by_query(
        "messages_are_read",
        "SELECT 'message ' || id, received_at FROM inbound_messages WHERE outcome = 'waiting' AND due_at < :late",
        late=PATIENCE,
    ),
)
