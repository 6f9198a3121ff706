"""Campaigns: a named part of the automatic contacts, started, paused, resumed and cancelled as one.

A pause acts on the next claim, and on what is claimed already within half a second (`worker/sending.py`). It acts on
what would begin a contact, and so does a cancellation: what the carrier has been given is with the customer, and a
conversation that has begun goes on to its end, but is not begun again. Whoever has answered gets the next question,
whoever says STOP the confirmation.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callback.db import campaigns as rows
from callback.db.engine import SessionFactory
from callback.db.tables import Campaign, Decision
from callback.domain.words import CampaignState, CaseKind, Channel
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit

LIVE = (CampaignState.RUNNING, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Which automatic contacts belong to it. What is left out does not matter."""

    channel: Channel | None = None
    team_id: int | None = None
    category: str | None = None
    product: str | None = None
    kind: CaseKind | None = None
    closed_from: datetime | None = None
    closed_until: datetime | None = None
    """Of the case; half-open."""

    def to_json(self) -> dict[str, Any]:
        def plain(value: Any) -> Any:
            return value.isoformat() if isinstance(value, datetime) else value

        return {name: plain(value) for name, value in asdict(self).items() if value is not None}


def create(
    session: Session, *, name: str, criteria: Criteria, by: int | None, now: datetime, paused: bool = False
) -> Campaign:
    """A new campaign with everything that fits and waits; what comes later joins it. Raises `Conflict`, `Invalid`."""
    if criteria.closed_from and criteria.closed_until and criteria.closed_from >= criteria.closed_until:
        raise Invalid("campaign_period")
    campaign = Campaign(
        name=name,
        state=CampaignState.PAUSED if paused else CampaignState.RUNNING,
        criteria=criteria.to_json(),
        created_at=now,
        created_by_id=by,
        updated_at=now,
    )
    try:
        with session.begin_nested():
            session.add(campaign)
    except IntegrityError as error:
        raise Conflict("campaign_name_taken", name=name) from error
    enrolled = rows.enrol(session, campaign, campaign.criteria, now=now)
    _audited(session, campaign, "campaign_created", by=by, now=now, enrolled=enrolled)
    return campaign


def find(session: Session, campaign_id: int) -> Campaign:
    """Raises `NotFound`."""
    campaign = rows.by_id(session, campaign_id)
    if campaign is None:
        raise NotFound("campaign_not_found")
    return campaign


def find_by_name(session: Session, name: str) -> Campaign:
    """Raises `NotFound`."""
    campaign = rows.by_name(session, name)
    if campaign is None:
        raise NotFound("campaign_not_found")
    return campaign


def pause(
    session: Session, campaign: Campaign, *, by: int | None, now: datetime, version: int | None = None
) -> Campaign:
    """Nothing of it begins any more. Pausing a paused one changes nothing.

    Raises `Conflict` (`campaign_over`, and `campaign_changed` when it is not as it was at `version`).
    """
    return _moved(session, campaign, CampaignState.PAUSED, by=by, now=now, version=version)


def resume(
    session: Session, campaign: Campaign, *, by: int | None, now: datetime, version: int | None = None
) -> Campaign:
    """Go on. Raises as `pause` does."""
    return _moved(session, campaign, CampaignState.RUNNING, by=by, now=now, version=version)


def cancel(
    session: Session, campaign: Campaign, *, by: int | None, now: datetime, version: int | None = None
) -> Campaign:
    """For good: what has not begun ends, and is not planned anew; nor is what comes back from a conversation
    (`enrol_all`). Cancelling twice changes nothing.

    Raises `Conflict` (`campaign_changed`).
    """
    if _is_over(campaign):
        return campaign
    if not rows.set_state(session, campaign, CampaignState.CANCELLED, from_states=LIVE, now=now, version=version):
        if _is_over(campaign):
            return campaign
        raise Conflict("campaign_changed", name=campaign.name)
    ended = _end_waiting(session, campaign, by=by, now=now)
    _audited(session, campaign, "campaign_cancelled", by=by, now=now, ended=ended)
    return campaign


def _end_waiting(session: Session, campaign: Campaign, *, by: int | None, now: datetime) -> int:
    """What waits in a cancelled campaign ends, with the decision; how many. Their open responses are closed with what
    was answered by the tick that looks after silent surveys (`services/reminders.py`)."""
    ended = rows.cancel_waiting(session, campaign, result="campaign_cancelled", now=now)
    session.add_all(
        Decision(
            at=now,
            case_id=case_id,
            callback_id=callback_id,
            about="end",
            rule="campaign_cancelled",
            verdict="cancelled",
            inputs={"campaign": campaign.name},
            actor_id=by,
        )
        for callback_id, case_id in ended
    )
    return len(ended)


def enrol_all(sessions: SessionFactory, *, now: datetime) -> int:
    """What has been planned since joins the campaign that it fits, the oldest campaign first; how many did.

    What has come back to wait in a cancelled one (a reminder, another try) ends: nobody would ever make it.
    """
    with sessions.begin() as session:
        for campaign in rows.cancelled_with_waiting(session):
            _end_waiting(session, campaign, by=None, now=now)
        live = session.scalars(rows.listed().where(Campaign.state.in_(LIVE)).order_by(Campaign.id)).all()
        return sum(rows.enrol(session, campaign, campaign.criteria, now=now) for campaign in live)


def _is_over(campaign: Campaign) -> bool:
    return campaign.state is CampaignState.CANCELLED


def _moved(
    session: Session,
    campaign: Campaign,
    state: CampaignState,
    *,
    by: int | None,
    now: datetime,
    version: int | None,
) -> Campaign:
    if campaign.state is state:
        return campaign  # the second of two clicks
    if not rows.set_state(session, campaign, state, from_states=LIVE, now=now, version=version):
        raise Conflict("campaign_over" if _is_over(campaign) else "campaign_changed", name=campaign.name)
    _audited(session, campaign, f"campaign_{state.value}", by=by, now=now)
    return campaign


def _audited(
    session: Session, campaign: Campaign, action: str, *, by: int | None, now: datetime, **details: object
) -> None:
    audit.record(
        session,
        now=now,
        actor_id=by,
        action=action,
        subject_kind="campaign",
        subject_id=campaign.id,
        name=campaign.name,
        **details,
    )
