"""How far a campaign has come, how fast it goes, and when it will be finished.

A large campaign is counted by a worker every minute or so and its page shows the figures with their age; a small one is
counted when it is looked at.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.channels.protocol import SendChannel
from callback.db import campaigns as campaign_rows
from callback.db import progress as rows
from callback.db.engine import SessionFactory
from callback.db.policies import load_policy
from callback.db.tables import Campaign
from callback.domain.finishing import Finish, Stream, finish
from callback.domain.moment import calling_hours
from callback.domain.pacing import Breaker
from callback.domain.words import CallbackState, CampaignState, Channel
from callback.services.calendars import load_calendars, years_around

SMALL = 3_000
"""Contacts that are counted when somebody looks."""
FRESH = timedelta(seconds=50)
SLOW_FRESH = timedelta(minutes=5)
LARGE = 100_000
HOURS = 24
FAILURES_SHOWN = 8
HORIZON_DAYS = 14
PACE_OVER = timedelta(minutes=15)
"""The present pace is what left within this time …"""
PACE_FROM = 20
"""… if it was at least so many; else what the sender may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    at: str
    """When it begins, in UTC: `2026-03-11T02`."""
    sent: int
    answered: int
    failed: int

    @property
    def begins(self) -> datetime:
        return datetime.strptime(self.at, "%Y-%m-%dT%H").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Contacts, each counted once in every figure that it belongs to."""

    total: int = 0
    waiting: int = 0
    blocked: int = 0
    under_way: int = 0
    sent: int = 0
    delivered: int = 0
    answered: int = 0
    completed: int = 0
    unhappy: int = 0
    failed: int = 0
    unknown: int = 0
    never_sent: int = 0
    segments: float = 1.0
    """Of one contact, on the average."""
    recent: int = 0
    """What left within the last quarter of an hour."""
    hours: tuple[Hour, ...] = ()
    failures: tuple[tuple[str, int], ...] = ()
    places: tuple[tuple[str, str, str, int], ...] = field(default=())
    """What waits: channel, country, zone, how many."""
    counted_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(replace(self, counted_at=None))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], counted_at: datetime | None) -> Self:
        plain = dict(stored)
        plain["hours"] = tuple(Hour(**hour) for hour in plain["hours"])
        for name in ("failures", "places"):
            plain[name] = tuple(tuple(one) for one in plain[name])
        return cls(**plain | {"counted_at": counted_at})

    @property
    def over(self) -> bool:
        """Nothing of it is left to do."""
        return self.total > 0 and self.waiting + self.blocked + self.under_way == 0


def figures_of(session: Session, campaign: Campaign, *, now: datetime) -> Figures:
    """Counted now if it is small, else as it was counted last."""
    stored = campaign.figures
    if stored is not None and (stored["total"] > SMALL or _is_final(campaign)):
        return Figures.from_json(stored, campaign.counted_at)
    if stored is None and campaign_rows.is_larger(session, campaign.id, than=SMALL):
        return Figures(counted_at=None)
    return count(session, campaign.id, now=now)


def _is_final(campaign: Campaign) -> bool:
    counted = campaign.counted_at
    return campaign.state is CampaignState.CANCELLED and counted is not None and counted > campaign.updated_at


def count(session: Session, campaign_id: int, *, now: datetime) -> Figures:
    """Every figure, from the rows."""
    states = campaign_rows.progress(session, [campaign_id])[campaign_id]
    sent = rows.sent(session, campaign_id)
    return Figures(
        total=sum(states.values()),
        waiting=states.get(CallbackState.WAITING, 0),
        blocked=states.get(CallbackState.BLOCKED, 0),
        under_way=states.get(CallbackState.IN_PROGRESS, 0),
        sent=sent.sent,
        delivered=sent.delivered,
        answered=rows.answered(session, campaign_id),
        completed=rows.completed(session, campaign_id),
        unhappy=rows.unhappy(session, campaign_id),
        failed=sent.failed,
        unknown=sent.unknown,
        never_sent=rows.never_sent(session, campaign_id),
        segments=sent.segments / sent.sends if sent.sends else 1.0,
        recent=rows.sent_since(session, campaign_id, since=now - PACE_OVER),
        hours=_hours(session, campaign_id),
        failures=tuple(
            (code or "", count_) for code, count_ in rows.failures(session, campaign_id, limit=FAILURES_SHOWN)
        ),
        places=tuple(
            (channel.value, country, zone, count_)
            for channel, country, zone, count_ in rows.waiting(session, campaign_id)
        ),
        counted_at=now,
    )


def _hours(session: Session, campaign_id: int) -> tuple[Hour, ...]:
    """The last day on which something left."""
    last = rows.last_sent_at(session, campaign_id)
    if last is None:
        return ()
    ends = last.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    names = [f"{ends - timedelta(hours=back):%Y-%m-%dT%H}" for back in reversed(range(HOURS))]
    since = ends - timedelta(hours=HOURS - 1)
    counted = {what: rows.by_hour(session, campaign_id, what, since=since) for what in ("sent", "answered", "failed")}
    return tuple(Hour(at=name, **{what: found.get(name, 0) for what, found in counted.items()}) for name in names)


def count_all(sessions: SessionFactory, *, now: datetime) -> int:
    """Count every campaign whose figures are old, each in a transaction of its own; how many. Safe anywhere."""
    with sessions() as session:
        due = list(rows.to_count(session, before=now - FRESH))
    counted = 0
    for campaign_id in due:
        with sessions.begin() as session:
            campaign = campaign_rows.by_id(session, campaign_id)
            if campaign is None or _still_good(campaign, now):
                continue
            rows.write(session, campaign_id, count(session, campaign_id, now=now).to_json(), now=now)
            counted += 1
    return counted


def _still_good(campaign: Campaign, now: datetime) -> bool:
    """A very large one takes seconds to count: not every minute."""
    if campaign.figures is None or campaign.counted_at is None or campaign.figures["total"] < LARGE:
        return False
    return campaign.counted_at > now - SLOW_FRESH and campaign.updated_at < campaign.counted_at


# ── The pace ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One sender of the campaign: how fast it may go, and whether the carrier answers."""

    channel: Channel
    name: str
    per_minute: float
    """Contacts that it may hand over."""
    failures: int
    resting_until: datetime | None
    """The breaker is open: nothing is handed over before."""
    missing: bool = False
    """Nothing can be sent on this channel at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    per_minute: float
    measured: bool
    """Of the last quarter of an hour; else what the senders may do."""
    finish: Finish
    ways: tuple[Way, ...]


def pace(session: Session, figures: Figures, *, channels: Mapping[Channel, SendChannel], now: datetime) -> Pace:
    """How fast it goes, and when the last of what waits will have left."""
    used = sorted({Channel(channel) for channel, *_ in figures.places})
    ways = tuple(_way(session, channel, channels.get(channel), figures, now=now) for channel in used)
    possible = sum(way.per_minute for way in ways)
    measured = figures.recent >= PACE_FROM
    per_minute = figures.recent / (PACE_OVER.total_seconds() / 60) if measured else possible
    streams = _streams(session, figures, now=now)
    return Pace(
        per_minute=per_minute,
        measured=measured,
        finish=finish(streams, rate=per_minute / 60, now=now),
        ways=ways,
    )


def _way(session: Session, channel: Channel, way: SendChannel | None, figures: Figures, *, now: datetime) -> Way:
    if way is None:
        return Way(channel=channel, name="", per_minute=0.0, failures=0, resting_until=None, missing=True)
    sender = next((one for one in rows.senders(session, [channel]) if one.sender == way.sender), None)
    breaker = Breaker() if sender is None else Breaker(sender.failures, sender.open_until)
    tokens = figures.segments if channel is Channel.SMS else 1.0
    return Way(
        channel=channel,
        name=way.name,
        per_minute=60 * way.rate / max(tokens, 1.0),
        failures=breaker.failures,
        resting_until=breaker.open_until if breaker.allows(now, 1) == 0 else None,
    )


def _streams(session: Session, figures: Figures, *, now: datetime) -> list[Stream]:
    policy = load_policy(session)
    calendars = load_calendars(session, {country for _, country, _, _ in figures.places}, years_around(now))
    streams = []
    for _, country, zone_name, waiting in figures.places:
        zone = ZoneInfo(zone_name)
        hours = calling_hours(zone, calendars[country], policy)
        today = now.astimezone(zone).date()
        days = (today + timedelta(days=ahead) for ahead in range(HORIZON_DAYS))
        streams.append(Stream(waiting, tuple(window for day in days for window in hours.windows(day))))
    return streams
