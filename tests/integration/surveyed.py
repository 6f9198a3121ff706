"""A customer who is being surveyed automatically: the case is closed, the attempt has left the house."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Callback, Customer, Dissatisfaction, Response
from callback.domain.handle import new_handle
from callback.domain.rendering import FORM_OF
from callback.domain.words import (
    AttemptState,
    CallbackState,
    CaseStatus,
    Channel,
    PartOfDay,
    Purpose,
)
from callback.services import questionnaires, surveys
from tests.town import add_case, add_customer

PHONE = "+14155550123"
CENTRE = "+14155550100"


@dataclass(frozen=True)
class Surveyed:
    """Ids and handles; look rows up afresh."""

    customer: int
    case: int
    callback: int
    attempt: int
    response: int | None
    handle: str
    phone: str


def survey(
    sessions: SessionFactory,
    now: datetime,
    *,
    channel: Channel = Channel.SMS,
    phone: str = PHONE,
    opened: bool = True,
    **columns: Any,
) -> Surveyed:
    """One survey under way on `channel`, with the shipped questionnaire."""
    with sessions.begin() as session:
        questionnaires.seed_content(session, now)
        person = {"language": "en", "country": "US", "time_zone": "Asia/Shanghai", **columns}
        customer = add_customer(session, now=now, phone=phone, **person)
        days_ago = now - timedelta(days=2)
        case = add_case(
            session,
            customer,
            now=now,
            status=CaseStatus.CLOSED,
            answer="fixed",
            answered_at=days_ago,
            closed_at=days_ago,
            told_at=days_ago,
            opened_at=days_ago,
            plan_at=None,
        )
        return _under_way(session, customer, case.id, channel=channel, phone=phone, opened=opened, now=now)


def _under_way(
    session: Session, customer: Customer, case_id: int, *, channel: Channel, phone: str, opened: bool, now: datetime
) -> Surveyed:
    callback = Callback(
        handle=new_handle(),
        case_id=case_id,
        customer_id=customer.id,
        purpose=Purpose.SURVEY,
        channel=channel,
        state=CallbackState.IN_PROGRESS,
        lease_until=now + timedelta(days=3),
        priority=20,
        earliest_at=now,
        due_at=now + timedelta(days=1),
        created_at=now,
        updated_at=now,
    )
    session.add(callback)
    session.flush()
    attempt = Attempt(
        handle=new_handle(),
        callback_id=callback.id,
        case_id=case_id,
        customer_id=customer.id,
        contact_point_id=customer.contact_points[0].id,
        address=phone,
        channel=channel,
        state=AttemptState.SENT,
        part_of_day=PartOfDay.MORNING,
        started_at=now,
    )
    session.add(attempt)
    session.flush()
    response = None
    if opened:
        response = surveys.open_response(session, callback=callback, channel=channel, now=now, form=FORM_OF[channel])
        response.expires_at = now + timedelta(days=14)
        session.flush()
    return Surveyed(
        customer=customer.id,
        case=case_id,
        callback=callback.id,
        attempt=attempt.id,
        response=None if response is None else response.id,
        handle="" if response is None else response.handle,
        phone=phone,
    )


@dataclass
class Looked:
    """How things stand now."""

    callback: Callback
    attempt: Attempt
    response: Response | None
    flags: list[Dissatisfaction]
    answers: dict[str, Any]
    said: dict[str, str | None]


def look(sessions: SessionFactory, under_way: Surveyed) -> Looked:
    with sessions() as session:
        query = select(Response).where(Response.callback_id == under_way.callback)
        response = session.scalars(query).one_or_none()
        given = list(response.answers) if response else []
        flags = session.scalars(select(Dissatisfaction).where(Dissatisfaction.case_id == under_way.case)).all()
        return Looked(
            callback=session.get_one(Callback, under_way.callback),
            attempt=session.get_one(Attempt, under_way.attempt),
            response=response,
            flags=list(flags),
            answers={answer.question: answer.value for answer in given},
            said={answer.question: answer.said for answer in given},
        )
