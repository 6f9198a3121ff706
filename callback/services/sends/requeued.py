"""What was queued earlier is looked at again before it leaves: windows close, people opt out, campaigns are stopped."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import sends as rows
from callback.db.customers import customer_facts
from callback.db.tables import Attempt, Callback, Send
from callback.domain.facts import SuppressionFact
from callback.domain.words import CampaignState, Disposition, SendKind, SendState, SuppressionScope
from callback.services.sends.ending import end_attempt


def still_allowed(
    session: Session, sends: Sequence[Send], *, campaigns: Mapping[int, int], now: datetime
) -> frozenset[int]:
    """The ids of those that may leave now. Those that never may any more are withdrawn, with their attempt.

    What belongs to a paused campaign keeps its place. A call that rings an agent was judged when it was asked for, a
    second ago.
    """
    by_state = rows.campaigns_by_state(session)
    customers = customer_facts(session, {one.customer_id for one in sends if one.customer_id is not None}, now)
    allowed: set[int] = set()
    for send in sends:
        campaign_id = campaigns.get(send.callback_id or 0)
        suppressions = customers[send.customer_id].suppressions if send.customer_id in customers else ()
        if campaign_id in by_state[CampaignState.PAUSED]:
            continue
        if campaign_id in by_state[CampaignState.CANCELLED]:
            withdraw(session, send, rule="campaign_cancelled", now=now)
        elif send.closes_at is not None and now >= send.closes_at:
            withdraw(session, send, rule="outside_window", now=now)
        elif send.kind is not SendKind.NOTICE and _suppressed(session, send, suppressions):
            withdraw(session, send, rule="suppressed", now=now)
        else:
            allowed.add(send.id)
    return frozenset(allowed)


def _suppressed(session: Session, send: Send, suppressions: Iterable[SuppressionFact]) -> bool:
    purpose = session.get_one(Callback, send.callback_id).purpose if send.callback_id is not None else None
    stops = {SuppressionScope.ALL.value, send.channel.value, purpose.value if purpose is not None else ""}
    return any(
        fact.scope.value in stops and (fact.address in (None, send.address) or fact.scope is SuppressionScope.ALL)
        for fact in suppressions
    )


def withdraw(session: Session, send: Send, *, rule: str, now: datetime) -> None:
    """It never leaves.

    An attempt that it would have begun ends as a technical failure, which costs the customer nothing; the callback
    comes back by the retry table.
    """
    send.state, send.ended_at, send.error_code, send.lease_until = SendState.WITHDRAWN, now, rule, None
    session.flush()
    if send.attempt_id is None or send.kind not in rows.STARTS:
        return
    attempt = session.get_one(Attempt, send.attempt_id)
    gone = rule == "campaign_cancelled"
    end_attempt(
        session,
        attempt=attempt,
        disposition=Disposition.TECHNICAL_FAILURE,
        now=now,
        arrived=False,
        given_up=rule if gone else None,
    )
