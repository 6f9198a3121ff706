"""Campaigns: which automatic contacts belong to them, and how far they have come."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Select, TextClause, func, select, text, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from callback.db.claims import callbacks_in_order, changed_one
from callback.db.tables import Callback, Campaign, Case
from callback.domain.words import CallbackState, CampaignState, Channel

_AUTOMATIC = text("callbacks.state = 'waiting' AND callbacks.channel IN ('sms', 'voice', 'email')")
NOT_BEGUN = (CallbackState.WAITING, CallbackState.BLOCKED)


def by_id(session: Session, campaign_id: int) -> Campaign | None:
    return session.get(Campaign, campaign_id, populate_existing=True)


def by_name(session: Session, name: str) -> Campaign | None:
    return session.scalars(select(Campaign).where(Campaign.name == name)).one_or_none()


def listed(state: CampaignState | None = None) -> Select[tuple[Campaign]]:
    query = select(Campaign)
    return query if state is None else query.where(Campaign.state == state)


def set_state(
    session: Session,
    campaign: Campaign,
    state: CampaignState,
    *,
    from_states: Sequence[CampaignState],
    now: datetime,
    version: int | None = None,
) -> bool:
    """False: it is in none of `from_states` any more, or no longer what was read as `version`."""
    statement = update(Campaign).where(Campaign.id == campaign.id, Campaign.state.in_(from_states))
    if version is not None:
        statement = statement.where(Campaign.version == version)
    changed = changed_one(session, statement.values(state=state, updated_at=now, version=Campaign.version + 1))
    session.refresh(campaign)
    return changed


def _fitting(criteria: Mapping[str, Any]) -> Select[tuple[int]]:
    """Ids of the cases that fit."""
    cases = select(Case.id)
    for name in ("team_id", "category", "product", "kind"):
        if criteria.get(name) is not None:
            cases = cases.where(getattr(Case, name) == criteria[name])
    if criteria.get("closed_from") is not None:
        cases = cases.where(Case.closed_at >= datetime.fromisoformat(criteria["closed_from"]))
    if criteria.get("closed_until") is not None:
        cases = cases.where(Case.closed_at < datetime.fromisoformat(criteria["closed_until"]))
    return cases


def enrol(session: Session, campaign: Campaign, criteria: Mapping[str, Any], *, now: datetime) -> int:
    """Every automatic contact that waits, is in no campaign and fits the criteria comes in; how many."""
    fits: list[ColumnElement[bool] | TextClause] = [
        _AUTOMATIC,
        Callback.campaign_id.is_(None),
        Callback.case_id.in_(_fitting(criteria)),
    ]
    if criteria.get("channel") is not None:
        fits.append(Callback.channel == criteria["channel"])
    statement = (
        update(Callback)
        .where(callbacks_in_order(*fits))
        .values(campaign_id=campaign.id, updated_at=now, version=Callback.version + 1)
        .execution_options(synchronize_session=False)
    )
    result: CursorResult[Any] = session.execute(statement)  # type: ignore[assignment]
    return result.rowcount


def would_enrol(session: Session, criteria: Mapping[str, Any], *, most: int) -> dict[Channel, int]:
    """How many would come in now by channel, among the first `most` that wait in no campaign."""
    free = select(Callback.case_id, Callback.channel).where(_AUTOMATIC, Callback.campaign_id.is_(None))
    if criteria.get("channel") is not None:
        free = free.where(Callback.channel == criteria["channel"])
    looked_at = free.limit(most).subquery()
    query = select(looked_at.c.channel, func.count()).where(looked_at.c.case_id.in_(_fitting(criteria)))
    return dict(session.execute(query.group_by(looked_at.c.channel)).tuples().all())


def known_values(session: Session, column: InstrumentedAttribute[str | None], *, looked_at: int) -> Sequence[str]:
    """What stands in this column of the newest cases, to choose from."""
    newest = select(column.label("value")).order_by(Case.id.desc()).limit(looked_at).subquery()
    query = select(newest.c.value).where(newest.c.value.is_not(None)).distinct().order_by(newest.c.value)
    return list(session.scalars(query))


def cancel_waiting(session: Session, campaign: Campaign, *, result: str, now: datetime) -> Sequence[tuple[int, int]]:
    """What has not begun ends; (callback, case) of each."""
    ended = session.execute(
        update(Callback)
        .where(callbacks_in_order(Callback.campaign_id == campaign.id, Callback.state.in_(NOT_BEGUN)))
        .values(
            state=CallbackState.CANCELLED,
            blocked_by=None,
            result=result,
            finished_at=now,
            updated_at=now,
            version=Callback.version + 1,
        )
        .returning(Callback.id, Callback.case_id)
        .execution_options(synchronize_session=False)
    )
    return [(callback_id, case_id) for callback_id, case_id in ended]


def cancelled_with_waiting(session: Session) -> Sequence[Campaign]:
    """Cancelled ones in which something automatic waits all the same."""
    waiting = select(Callback.id).where(_AUTOMATIC, Callback.campaign_id == Campaign.id)
    query = select(Campaign).where(Campaign.state == CampaignState.CANCELLED, waiting.exists())
    return session.scalars(query.order_by(Campaign.id)).all()


def progress(session: Session, campaign_ids: Sequence[int]) -> dict[int, dict[CallbackState, int]]:
    """Callbacks of each campaign by state."""
    found: dict[int, dict[CallbackState, int]] = {campaign_id: {} for campaign_id in campaign_ids}
    rows = session.execute(
        select(Callback.campaign_id, Callback.state, func.count())
        .where(Callback.campaign_id.in_(campaign_ids))
        .group_by(Callback.campaign_id, Callback.state)
    )
    for campaign_id, state, count in rows:
        if campaign_id is not None:
            found[campaign_id][state] = count
    return found


def is_larger(session: Session, campaign_id: int, *, than: int) -> bool:
    """Whether it has more than so many contacts; no more of them are looked at."""
    some = select(Callback.id).where(Callback.campaign_id == campaign_id).limit(than + 1).subquery()
    return int(session.scalar(select(func.count()).select_from(some)) or 0) > than
