"""What was queued earlier is looked at again before it leaves: windows close, people opt out, campaigns are stopped.

Pausing and cancelling a campaign act on what would begin a contact. A conversation that has begun goes on: whoever has
answered gets the next question, and whoever has opted out the confirmation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from callback.channels.protocol import SendChannel
from callback.db import sends as rows
from callback.db.customers import customer_facts
from callback.db.tables import Attempt, Callback, Send
from callback.domain.facts import SuppressionFact
from callback.domain.words import CampaignState, Disposition, SendKind, SendState, SuppressionScope
from callback.services.sends.conversations import Conversations, HasRoom
from callback.services.sends.decided import not_sent
from callback.services.sends.ending import end_attempt
from callback.services.sends.judge import Judge
from callback.services.sends.queue import MESSAGES

ONCE_ASKED = frozenset({*rows.STARTS, SendKind.QUESTION})
"""What is not said any more when the attempt is over."""


def still_allowed(
    session: Session,
    sends: Sequence[Send],
    *,
    way: SendChannel,
    campaigns: Mapping[int, int],
    has_room: HasRoom,
    now: datetime,
) -> frozenset[int]:
    """The ids of those that may leave now. Those that never may any more are withdrawn, with their attempt.

    What would begin a contact of a paused campaign keeps its place. A call that rings an agent was judged when it was
    asked for, a second ago, and is again before the customer is rung (`click_to_call.connect`).
    """
    again = _Again(session, sends, way=way, campaigns=campaigns, has_room=has_room, now=now)
    allowed: set[int] = set()
    for send in sends:
        if again.is_paused(send):
            continue
        rule = again.rule(send)
        if rule is not None:
            withdraw(session, send, rule=rule, now=now)
        elif again.may_leave(send):
            allowed.add(send.id)
    return frozenset(allowed)


class _Again:
    """The facts of one batch of queued sends, read at once."""

    def __init__(
        self,
        session: Session,
        sends: Sequence[Send],
        *,
        way: SendChannel,
        campaigns: Mapping[int, int],
        has_room: HasRoom,
        now: datetime,
    ) -> None:
        self._session, self._campaigns, self._now = session, campaigns, now
        self._by_state = rows.campaigns_by_state(session)
        whose = {one.customer_id for one in sends if one.customer_id is not None}
        self._customers = customer_facts(session, whose, now)
        starts = [one for one in sends if one.kind in rows.STARTS]
        asked = [one for one in sends if one.kind in ONCE_ASKED]
        self._over = rows.ended_attempts(session, {one.attempt_id for one in asked if one.attempt_id is not None})
        further = [one for one in sends if one.kind in MESSAGES]
        self._talks = Conversations(session, further, customers=self._customers, has_room=has_room, now=now)
        surveys = rows.surveys_of(session, {one.callback_id for one in starts if one.callback_id is not None})
        judge = Judge(session, surveys, way=way, has_room=lambda _: True, now=now) if surveys else None
        self._stopped = {one.id: judge.stopped(one) for one in surveys} if judge is not None else {}
        self._rules: tuple[tuple[str, Callable[[Send], bool]], ...] = (
            ("campaign_cancelled", self._cancelled),
            ("attempt_over", self._is_over),
            ("overtaken", self._talks.overtaken),
            ("outside_window", self._too_late),
            ("suppressed", self._unwanted),
        )

    def is_paused(self, send: Send) -> bool:
        return send.kind in rows.STARTS and self._campaign(send) in self._by_state[CampaignState.PAUSED]

    def rule(self, send: Send) -> str | None:
        """Why it never leaves any more; None: it may."""
        return next((name for name, applies in self._rules if applies(send)), None) or self._not_owed(send)

    def may_leave(self, send: Send) -> bool:
        """Whether this is the hour for it; only what goes on with a conversation can wait for another."""
        return send.kind not in MESSAGES or self._talks.may_leave(send, opted_out=self._opted_out(send))

    # ── The rules ───────────────────────────────────────────────────────────────────────────────────────────────

    def _cancelled(self, send: Send) -> bool:
        return send.kind in rows.STARTS and self._campaign(send) in self._by_state[CampaignState.CANCELLED]

    def _campaign(self, send: Send) -> int | None:
        return self._campaigns.get(send.callback_id or 0)

    def _is_over(self, send: Send) -> bool:
        return send.kind in ONCE_ASKED and send.attempt_id in self._over

    def _too_late(self, send: Send) -> bool:
        return send.kind not in MESSAGES and send.closes_at is not None and self._now >= send.closes_at

    def _unwanted(self, send: Send) -> bool:
        return send.kind is not SendKind.NOTICE and self._opted_out(send)

    def _opted_out(self, send: Send) -> bool:
        facts = self._customers.get(send.customer_id or 0)
        return facts is not None and _suppressed(self._session, send, facts.suppressions)

    def _not_owed(self, send: Send) -> str | None:
        return self._stopped.get(send.callback_id or 0) if send.kind in rows.STARTS else None


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
    if send.attempt_id is None:
        return
    attempt = session.get_one(Attempt, send.attempt_id)
    not_sent(session, attempt, send, rule=rule, now=now)
    if send.kind not in rows.STARTS:
        return
    gone = rule == "campaign_cancelled"
    end_attempt(
        session,
        attempt=attempt,
        disposition=Disposition.TECHNICAL_FAILURE,
        now=now,
        arrived=False,
        given_up=rule if gone else None,
    )
