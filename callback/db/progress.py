"""How far a campaign has come: the counts behind its figures. Each reads the campaign's own rows alone."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select, text, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from callback.db.engine import is_postgresql
from callback.db.sends import STARTS
from callback.db.tables import Answer, Callback, Campaign, Customer, Dissatisfaction, Response, Send, Sender
from callback.domain.words import CallbackState, CampaignState, Channel, ResponseState, SendState


def _sends(campaign_id: int, *columns: Any) -> Select[Any]:
    mine = select(*columns).select_from(Callback).join(Send, Send.callback_id == Callback.id)
    return mine.where(Callback.campaign_id == campaign_id, Send.kind.in_(STARTS))


def _responses(campaign_id: int, *columns: Any) -> Select[Any]:
    mine = select(*columns).select_from(Callback).join(Response, Response.callback_id == Callback.id)
    return mine.where(Callback.campaign_id == campaign_id)


def sent(session: Session, campaign_id: int) -> Row[Any]:
    """Contacts of which something left, arrived, failed; and the segments that they took."""

    def whose(condition: Any) -> Any:
        return func.count(func.distinct(case((condition, Callback.id))))

    return session.execute(
        _sends(
            campaign_id,
            whose(Send.sent_at.is_not(None)).label("sent"),
            whose(or_(Send.state == SendState.DELIVERED, Response.id.is_not(None))).label("delivered"),
            whose(Send.state == SendState.FAILED).label("failed"),
            whose(Send.state == SendState.UNKNOWN).label("unknown"),
            func.count().label("sends"),
            func.coalesce(func.sum(Send.segments), 0).label("segments"),
        ).outerjoin(
            Response,
            (Response.callback_id == Callback.id) & Response.state.in_((ResponseState.COMPLETE, ResponseState.PARTIAL)),
        )
    ).one()


def failures(session: Session, campaign_id: int, *, limit: int) -> Sequence[Row[Any]]:
    """The carrier's codes with how often each came, the most frequent first."""
    count = func.count()
    query = _sends(campaign_id, Send.error_code, count).where(Send.state == SendState.FAILED)
    return session.execute(query.group_by(Send.error_code).order_by(count.desc()).limit(limit)).all()


def answered(session: Session, campaign_id: int) -> int:
    """Contacts of which at least one question was answered."""
    query = _responses(campaign_id, func.count(func.distinct(Response.id))).join(
        Answer, Answer.response_id == Response.id
    )
    return int(session.scalar(query) or 0)


def completed(session: Session, campaign_id: int) -> int:
    query = _responses(campaign_id, func.count()).where(Response.state == ResponseState.COMPLETE)
    return int(session.scalar(query) or 0)


def unhappy(session: Session, campaign_id: int) -> int:
    mine = select(func.count()).select_from(Callback).join(Dissatisfaction, Dissatisfaction.callback_id == Callback.id)
    return int(session.scalar(mine.where(Callback.campaign_id == campaign_id)) or 0)


def never_sent(session: Session, campaign_id: int) -> int:
    """Ended without anything having left."""
    left = select(Send.id).where(Send.callback_id == Callback.id, Send.sent_at.is_not(None))
    over = (CallbackState.CANCELLED, CallbackState.EXHAUSTED)
    query = select(func.count()).where(Callback.campaign_id == campaign_id, Callback.state.in_(over), ~left.exists())
    return int(session.scalar(query) or 0)


def waiting(session: Session, campaign_id: int) -> Sequence[Row[Any]]:
    """What waits, by channel and by the customer's country and zone."""
    places = (Callback.channel, Customer.country, Customer.time_zone)
    query = select(*places, func.count()).join(Customer, Customer.id == Callback.customer_id)
    query = query.where(Callback.campaign_id == campaign_id, Callback.state == CallbackState.WAITING)
    return session.execute(query.group_by(*places)).all()


def last_sent_at(session: Session, campaign_id: int) -> datetime | None:
    found: datetime | None = session.scalar(_sends(campaign_id, func.max(Send.sent_at)))
    return found


def by_hour(session: Session, campaign_id: int, what: str, *, since: datetime) -> dict[str, int]:
    """How many were `sent`, `failed` or `answered` in each hour from `since` on, by its beginning (`2026-03-11T02`)."""
    if what == "answered":
        mine = _responses(campaign_id, func.min(Answer.answered_at).label("at"))
        first = mine.join(Answer, Answer.response_id == Response.id).group_by(Response.id).subquery()
        hour = _hour(session, first.c.at)
        query = select(hour, func.count()).where(first.c.at >= since)
    elif what == "failed":
        hour = _hour(session, Send.ended_at)
        query = _sends(campaign_id, hour, func.count()).where(Send.ended_at >= since, Send.state == SendState.FAILED)
    else:
        hour = _hour(session, Send.sent_at)
        query = _sends(campaign_id, hour, func.count()).where(Send.sent_at >= since)
    return {str(at): int(count) for at, count in session.execute(query.group_by(text("1")))}


def _hour(session: Session, column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Any:
    if is_postgresql(session):
        return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24')
    return func.strftime("%Y-%m-%dT%H", column)


def sent_since(session: Session, campaign_id: int, *, since: datetime) -> int:
    query = _sends(campaign_id, func.count()).where(Send.sent_at >= since)
    return int(session.scalar(query) or 0)


def senders(session: Session, channels: Collection[Channel]) -> Sequence[Sender]:
    """The senders of these channels, the last used first."""
    query = select(Sender).where(Sender.channel.in_(channels)).order_by(Sender.refilled_at.desc())
    return session.scalars(query).all()


def to_count(session: Session, *, before: datetime) -> Sequence[int]:
    """Campaigns whose figures are older than `before`; of a cancelled one, those from before it was."""
    old = or_(Campaign.counted_at.is_(None), Campaign.counted_at < before)
    live = or_(
        Campaign.state != CampaignState.CANCELLED,
        Campaign.counted_at.is_(None),
        Campaign.counted_at < Campaign.updated_at,
    )
    return session.scalars(select(Campaign.id).where(old, live).order_by(Campaign.id)).all()


def write(session: Session, campaign_id: int, figures: dict[str, Any], *, now: datetime) -> None:
    """Not a change of the campaign: its version stays."""
    session.execute(
        update(Campaign).where(Campaign.id == campaign_id).values(figures=figures, counted_at=now),
        execution_options={"synchronize_session": False},
    )
