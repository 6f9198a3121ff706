"""Claiming: which contacts and messages leave now, with every hard rule asked again, written down before they leave.

One claim is one transaction over a batch: facts are read for all of its customers at once. Within a batch a customer,
and an address, comes once: the second would not see the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.channels.protocol import Outgoing, SendChannel
from callback.db import bulk
from callback.db import sends as rows
from callback.db.among import among
from callback.db.jobs import enqueue
from callback.db.tables import Attempt, Callback, Case, Decision, Send, Sender
from callback.domain import pacing
from callback.domain.carrier import LEFT_THE_QUEUE, STARTED
from callback.domain.handle import new_handle
from callback.domain.moment import part_of_day
from callback.domain.words import (
    AttemptState,
    BlockedBy,
    CallbackState,
    CampaignState,
    Channel,
    SendKind,
    SendState,
)
from callback.services.sends.compose import Compose, Text, open_responses
from callback.services.sends.judge import Fit, Judge, Wait
from callback.services.sends.requeued import still_allowed

MARGIN = timedelta(seconds=60)
"""So much before the customer's window closes nothing is handed over any more."""

OF_NO_CAMPAIGN = 0
"""The turn of the contacts that are in no campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One send in a worker's hands. After `lease_until` it is not: then others ask the carrier about it."""

    send_id: int
    attempt_id: int | None
    """Of a send that begins an attempt."""
    campaign_id: int | None
    """Of a send that begins an attempt: a conversation that has begun goes on when its campaign is stopped."""
    outgoing: Outgoing
    lease_until: datetime
    claimed_at: datetime


def claim(
    session: Session, *, way: SendChannel, now: datetime, lease: timedelta, limit: int, compose: Compose
) -> list[Claimed]:
    """Claim at most `limit` sends of one channel, as many as its sender may hand over now. Empty: nothing may leave."""
    purse = Purse.open(session, way=way, now=now)
    allowed = purse.allows(limit)
    if allowed == 0:
        return []
    claimed = _claim_queued(session, way=way, purse=purse, now=now, lease=lease, limit=allowed)
    if len(claimed) < allowed and purse.allows(1):
        batch = _Batch(session, way=way, purse=purse, now=now, lease=lease)
        claimed += batch.claim(limit=allowed - len(claimed), compose=compose)
    purse.close()
    return claimed


class Purse:
    """The sender's tokens, its breaker, and what still waits in the carrier's queue; locked for this transaction."""

    def __init__(self, row: Sender, *, rate: float, waiting: int, now: datetime) -> None:
        self._row = row
        self.rate = rate
        self.now = now
        self.waiting = waiting
        self.bucket = pacing.Bucket(row.tokens, row.refilled_at).refilled(rate=rate, now=now)
        self.breaker = pacing.Breaker(row.failures, row.open_until)
        self.turn = row.turn
        """Which campaign was served last (`pacing.deal`)."""

    @classmethod
    def open(cls, session: Session, *, way: SendChannel, now: datetime) -> "Purse":
        row = rows.locked_sender(session, channel=way.channel, sender=way.sender, tokens=pacing.full(way.rate), now=now)
        below = STARTED if way.channel is Channel.VOICE else LEFT_THE_QUEUE
        waiting = rows.handed_over(session, channel=way.channel, sender=way.sender, below=below, now=now)
        return cls(row, rate=way.rate, waiting=waiting, now=now)

    def allows(self, wanted: int) -> int:
        """How many of `wanted` may be claimed by the tokens and the breaker."""
        return self.breaker.allows(self.now, min(wanted, max(0, int(self.bucket.tokens))))

    def has_room(self, closes_at: datetime | None) -> bool:
        """Whether the carrier can still place one more before the window closes."""
        if closes_at is None:
            return True
        return pacing.room(rate=self.rate, waiting=self.waiting, now=self.now, closes=closes_at, margin=MARGIN) > 0

    def spend(self, tokens: int) -> None:
        self.bucket = self.bucket.without(tokens)
        self.waiting += tokens

    def close(self) -> None:
        """Write down what is left."""
        self._row.tokens, self._row.refilled_at = self.bucket.tokens, self.bucket.at
        self._row.turn = self.turn
        if self.breaker.open_until is not None:
            # Half open: only this one tries; the next does when its result is known, or after the rest.
            self._row.open_until = self.now + pacing.FIRST_REST


def _claim_queued(
    session: Session, *, way: SendChannel, purse: Purse, now: datetime, lease: timedelta, limit: int
) -> list[Claimed]:
    """Messages of conversations, and what was put back."""
    found = rows.queued(session, channel=way.channel, now=now, limit=limit)
    if not found:
        return []
    campaigns = rows.campaigns_of(session, {send.callback_id for send in found if send.callback_id is not None})
    allowed = still_allowed(session, found, way=way, campaigns=campaigns, has_room=purse.has_room, now=now)
    claimed = []
    for send in found:
        # An agent who has just asked to be rung is rung; the margin is for customers' windows.
        has_room = send.kind is SendKind.BRIDGE or purse.has_room(send.closes_at)
        if send.id not in allowed or not has_room or not purse.allows(1):
            continue
        purse.spend(send.segments)
        send.sender, send.carrier = send.sender or way.sender, way.name
        send.state, send.claimed_at, send.lease_until = SendState.CLAIMED, now, now + lease
        claimed.append(_claimed(send, campaigns.get(send.callback_id or 0)))
    session.flush()
    return claimed


def _claimed(send: Send, campaign_id: int | None) -> Claimed:
    assert send.lease_until is not None and send.claimed_at is not None  # noqa: PT018, S101  it has just been claimed
    return Claimed(
        send_id=send.id,
        attempt_id=send.attempt_id if send.kind in rows.STARTS else None,
        campaign_id=campaign_id if send.kind in rows.STARTS else None,
        outgoing=outgoing_of(send),
        lease_until=send.lease_until,
        claimed_at=send.claimed_at,
    )


def outgoing_of(send: Send) -> Outgoing:
    return Outgoing(
        handle=send.handle,
        kind=send.kind,
        address=send.address,
        sender=send.sender,
        body=send.body,
        subject=send.subject,
        closes_at=send.closes_at,
    )


class _Batch:
    """Due callbacks of one channel, judged together."""

    def __init__(self, session: Session, *, way: SendChannel, purse: Purse, now: datetime, lease: timedelta) -> None:
        self._session, self._way, self._purse, self._now, self._lease = session, way, purse, now, lease
        self._put_off: list[tuple[object, ...]] = []
        self._decisions: list[dict[str, object]] = []
        self._to_plan: set[int] = set()

    def claim(self, *, limit: int, compose: Compose) -> list[Claimed]:
        callbacks = self._due(limit)
        if not callbacks:
            return []
        judge = Judge(self._session, callbacks, way=self._way, has_room=self._purse.has_room, now=self._now)
        fit = self._fit(judge, callbacks)
        self._write_put_off()
        return self._write(fit, compose, expires=judge.policy.survey_expires) if fit else []

    def _due(self, limit: int) -> list[Callback]:
        """Fair between campaigns: everybody's turn comes, however long another's list is and however slow the sender.

        Whose turn it was last stands in the sender's row, which is locked: all dispatchers deal from one hand.
        """
        running = rows.campaigns_by_state(self._session)[CampaignState.RUNNING]
        streams = {
            campaign_id or OF_NO_CAMPAIGN: rows.due_callbacks(
                self._session, channel=self._way.channel, campaign_id=campaign_id, now=self._now, limit=limit
            )
            for campaign_id in (None, *running)
        }
        dealt = pacing.deal(streams, limit, after=self._purse.turn)
        if not dealt.chosen:
            return []
        # Also when it comes to nothing below: a list that has to be put off must not keep the others waiting.
        self._purse.turn = dealt.last
        locked = rows.locked_callbacks(self._session, dealt.chosen)
        return [locked[callback_id] for callback_id in dealt.chosen if callback_id in locked]

    def _fit(self, judge: Judge, callbacks: Sequence[Callback]) -> list[Fit]:
        """Those whose contact may be made; the others are put off, with the reason."""
        fit: list[Fit] = []
        seen: set[object] = set()
        for callback in callbacks:
            addresses = judge.addresses(callback)
            if seen & addresses or not self._purse.allows(1):
                continue  # in the next batch, where this one's attempt is seen
            verdict = judge.judge(callback)
            if isinstance(verdict, Wait):
                self._wait(callback, verdict)
            elif verdict is not None:
                fit.append(verdict)
                self._purse.spend(1)
                seen |= addresses
        return fit

    def _wait(self, callback: Callback, wait: Wait) -> None:
        blocked = wait.at is None
        self._put_off.append(
            (
                callback.id,
                CallbackState.BLOCKED if blocked else CallbackState.WAITING,
                BlockedBy.NO_LEGAL_MOMENT if blocked else None,
                wait.at or callback.next_try_at,
                self._now,
                callback.version + 1,
            )
        )
        self._decisions.append(
            {
                "case_id": callback.case_id,
                "callback_id": callback.id,
                "about": "channel",
                "rule": wait.rule[:64],
                "verdict": "blocked" if blocked else "not_sent",
                "inputs": {
                    "channel": callback.channel.value,
                    "not_before": wait.at.isoformat() if wait.at is not None else None,
                },
                "at": self._now,
            }
        )
        if wait.replan:
            self._to_plan.add(callback.case_id)

    def _write_put_off(self) -> None:
        columns = ("state", "blocked_by", "next_try_at", "updated_at", "version")
        bulk.update_rows(self._session, Callback.__table__, columns, self._put_off)  # type: ignore[arg-type]
        if self._decisions:
            self._session.connection().execute(Decision.__table__.insert(), self._decisions)  # type: ignore[attr-defined]
        if self._to_plan:
            self._session.query(Case).filter(among(self._session, Case.id, self._to_plan)).update(
                {Case.plan_at: self._now}, synchronize_session=False
            )
            enqueue(self._session, "plan", queueing_lock="plan")

    def _write(self, fit: Sequence[Fit], compose: Compose, *, expires: timedelta) -> list[Claimed]:
        """Callback, response, attempt and send of each, in a handful of statements."""
        session, now, way = self._session, self._now, self._way
        open_responses(
            session,
            [one.callback for one in fit],
            channel=way.channel,
            now=now,
            expires=expires,
        )
        texts = compose(session, [(one.callback, one.contact) for one in fit])
        lease_until = now + self._lease
        taken = [
            (
                one.callback.id,
                CallbackState.IN_PROGRESS,
                # The conversation goes on for days; what nobody answers is closed by its expiry.
                now + expires,
                now,
                one.callback.version + 1,
            )
            for one in fit
        ]
        columns = ("state", "lease_until", "updated_at", "version")
        bulk.update_rows(session, Callback.__table__, columns, taken)  # type: ignore[arg-type]
        attempts = [self._attempt(one, lease_until) for one in fit]
        session.add_all(attempts)
        session.flush()
        sends = [
            self._send(one, attempt, texts[one.callback.id], lease_until)
            for one, attempt in zip(fit, attempts, strict=True)
        ]
        session.add_all(sends)
        session.flush()
        for send in sends:
            if send.segments > 1:
                self._purse.spend(send.segments - 1)
        return [_claimed(send, one.callback.campaign_id) for send, one in zip(sends, fit, strict=True)]

    def _attempt(self, one: Fit, lease_until: datetime) -> Attempt:
        return Attempt(
            handle=new_handle(),
            callback_id=one.callback.id,
            case_id=one.callback.case_id,
            customer_id=one.callback.customer_id,
            contact_point_id=one.point.id,
            address=one.point.address,
            channel=one.callback.channel,
            state=AttemptState.CLAIMED,
            part_of_day=part_of_day(self._now, one.contact.customer.zone),
            started_at=self._now,
            lease_until=lease_until,
        )

    def _send(self, one: Fit, attempt: Attempt, text: Text, lease_until: datetime) -> Send:
        return Send(
            handle=new_handle(),
            kind=SendKind.CALL if one.callback.channel is Channel.VOICE else SendKind.INVITATION,
            channel=one.callback.channel,
            sender=self._way.sender,
            carrier=self._way.name,
            attempt_id=attempt.id,
            callback_id=one.callback.id,
            customer_id=one.callback.customer_id,
            address=one.point.address,
            subject=text.subject,
            body=text.body,
            segments=text.segments,
            state=SendState.CLAIMED,
            due_at=self._now,
            closes_at=one.closes_at,
            claimed_at=self._now,
            lease_until=lease_until,
            created_at=self._now,
        )
