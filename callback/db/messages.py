"""Customers' messages: kept once, read once, and the conversation that each belongs to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from callback.db.among import among
from callback.db.bulk import insert_missing
from callback.db.claims import changed_one
from callback.db.keyset import newest
from callback.db.tables import (
    Agent,
    Attempt,
    Case,
    ContactPoint,
    Customer,
    InboundMessage,
    Questionnaire,
    Response,
    Send,
)
from callback.domain.words import Channel, ContactState, InboundOutcome, ResponseState

_WAITING = text("inbound_messages.outcome = 'waiting'")
_FOR_A_PERSON = text("needs_person AND handled_at IS NULL")
"""Word for word the conditions of the partial indexes."""


def keep(session: Session, messages: Sequence[dict[str, Any]]) -> None:
    """Write down those whose carrier's id is not known yet, to be read by a worker."""
    insert_missing(session, InboundMessage.__table__, messages)  # type: ignore[arg-type]


def waiting(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Ids of messages that may be read now. Of one customer's, the oldest alone: they are read in their order."""
    earlier = aliased(InboundMessage, name="earlier")
    before = select(earlier.id).where(
        text("earlier.outcome = 'waiting'"),
        earlier.from_address == InboundMessage.from_address,
        earlier.id < InboundMessage.id,
    )
    query = select(InboundMessage.id).where(_WAITING, InboundMessage.due_at <= now, ~before.exists())
    return list(session.scalars(query.order_by(InboundMessage.due_at, InboundMessage.id).limit(limit)))


def locked_waiting(session: Session, message_id: int) -> InboundMessage | None:
    """The message, if it still waits and nobody else is reading it."""
    query = select(InboundMessage).where(InboundMessage.id == message_id, _WAITING)
    return session.scalars(query.with_for_update(skip_locked=True)).one_or_none()


def put_off(session: Session, message_id: int, **values: Any) -> bool:
    """Change one that could not be read. False: it has been read meanwhile."""
    statement = update(InboundMessage).where(
        InboundMessage.id == message_id, InboundMessage.outcome == InboundOutcome.WAITING
    )
    return changed_one(session, statement.values(**values))


def unread_from(session: Session, addresses: Collection[str]) -> frozenset[str]:
    """Those of the addresses from which something came that nobody has read yet: it may be a STOP."""
    if not addresses:
        return frozenset()
    query = select(InboundMessage.from_address).where(_WAITING, InboundMessage.from_address.in_(addresses))
    return frozenset(session.scalars(query))


def heard_since(session: Session, customer_ids: Collection[int], *, since: datetime) -> frozenset[int]:
    """Those of the customers who have written since then."""
    if not customer_ids:
        return frozenset()
    query = select(InboundMessage.customer_id).where(
        among(session, InboundMessage.customer_id, customer_ids), InboundMessage.received_at > since
    )
    return frozenset(one for one in session.scalars(query) if one is not None)


def waits_for_a_person(session: Session, addresses: Collection[str]) -> frozenset[str]:
    """Those of the addresses from which something came that somebody has to read, and nobody has."""
    if not addresses:
        return frozenset()
    query = select(InboundMessage.from_address).where(_FOR_A_PERSON, InboundMessage.from_address.in_(addresses))
    return frozenset(session.scalars(query))


def was_asked(session: Session, address: str) -> bool:
    """Whether a survey ever went to this address by message."""
    query = select(Attempt.id).where(Attempt.address == address, Attempt.channel == Channel.SMS)
    return session.scalar(query.limit(1)) is not None


def by_provider_id(session: Session, provider_id: str) -> InboundMessage | None:
    return session.scalars(select(InboundMessage).where(InboundMessage.provider_id == provider_id)).one_or_none()


def conversation(session: Session, address: str) -> Response | None:
    """The response that is being filled in by message from this address; of several, the one begun last.

    Not by whoever has said that the number is theirs, and not the customer's.
    """
    query = (
        select(Response)
        .join(Attempt, Attempt.callback_id == Response.callback_id)
        .outerjoin(ContactPoint, ContactPoint.id == Attempt.contact_point_id)
        .where(Attempt.address == address, Attempt.channel == Channel.SMS, Response.state == ResponseState.OPEN)
        .where(or_(ContactPoint.id.is_(None), ContactPoint.state != ContactState.WRONG))
        .order_by(Attempt.started_at.desc(), Attempt.id.desc())
        .limit(1)
    )
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def outcomes(session: Session, response_id: int, question: str) -> set[InboundOutcome]:
    """What the messages about this question have come to so far."""
    query = select(InboundMessage.outcome).where(
        InboundMessage.response_id == response_id, InboundMessage.question == question
    )
    return set(session.scalars(query))


def listed(*, for_a_person: bool = False, customer_id: int | None = None) -> Select[tuple[InboundMessage]]:
    """Messages that match. The edge adds order, cursor and limit."""
    query = select(InboundMessage)
    if for_a_person:
        query = query.where(InboundMessage.needs_person, InboundMessage.handled_at.is_(None))
    return query if customer_id is None else query.where(InboundMessage.customer_id == customer_id)


# ── For the desk ────────────────────────────────────────────────────────────────────────────────────────────────────


def page(
    session: Session,
    *,
    for_a_person: bool = False,
    outcomes_in: Collection[InboundOutcome] = (),
    questions: Collection[str] | None = None,
    before: int | None,
    limit: int,
) -> tuple[Sequence[InboundMessage], int | None]:
    """The newest that match, and where the next page goes on."""
    query = listed(for_a_person=for_a_person)
    if outcomes_in:
        query = query.where(InboundMessage.outcome.in_(outcomes_in))
    if questions is not None:
        query = query.where(InboundMessage.question.in_(questions))
    return newest(session, query, InboundMessage.id, before=before, limit=limit)


def open_count(session: Session, *, most: int) -> int:
    """How many a person still has to read, at most `most`."""
    open_ones = listed(for_a_person=True).with_only_columns(InboundMessage.id).limit(most).subquery()
    return int(session.scalar(select(func.count()).select_from(open_ones)) or 0)


def customers(session: Session, ids: Collection[int]) -> dict[int, Customer]:
    return {one.id: one for one in session.scalars(select(Customer).where(Customer.id.in_(ids)))}


def agents(session: Session, ids: Collection[int]) -> dict[int, str]:
    """Names by id."""
    return dict(session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids))).tuples().all())


def definitions(session: Session, response_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The questionnaire's definition of each of these responses."""
    pairs = select(Response.id, Response.questionnaire_id).where(Response.id.in_(response_ids))
    whose = dict(session.execute(pairs).tuples().all())
    query = select(Questionnaire.id, Questionnaire.definition).where(Questionnaire.id.in_(set(whose.values())))
    found = dict(session.execute(query).tuples().all())
    return {response_id: found[questionnaire_id] for response_id, questionnaire_id in whose.items()}


def sent_to(session: Session, address: str, *, limit: int) -> Sequence[Send]:
    """The newest messages to this address, oldest first."""
    query = select(Send).where(Send.address == address, Send.channel == Channel.SMS)
    return session.scalars(query.order_by(Send.created_at.desc(), Send.id.desc()).limit(limit)).all()[::-1]


def written_from(session: Session, message: InboundMessage, *, limit: int) -> Sequence[InboundMessage]:
    """What came from the same person lately, oldest first, this message included."""
    mine = InboundMessage.id == message.id
    if message.customer_id is not None:
        mine = or_(mine, InboundMessage.customer_id == message.customer_id)
    return session.scalars(select(InboundMessage).where(mine).order_by(InboundMessage.id.desc()).limit(limit)).all()[
        ::-1
    ]


def latest_case(session: Session, customer_id: int) -> Case | None:
    query = select(Case).where(Case.customer_id == customer_id).order_by(Case.opened_at.desc(), Case.id.desc())
    return session.scalars(query.limit(1)).one_or_none()


def handle(session: Session, message_id: int, *, how: str, by: int, now: datetime) -> bool:
    """False: somebody has handled it already."""
    mine = update(InboundMessage).where(InboundMessage.id == message_id, InboundMessage.handled_at.is_(None))
    return changed_one(session, mine.values(handled_at=now, handled_by_id=by, handled_as=how))


def hand_back(session: Session, message_id: int, *, how: str, by: int) -> bool:
    """It waits for a reader again. False: it was not this person who handled it in this way."""
    mine = update(InboundMessage).where(
        InboundMessage.id == message_id,
        InboundMessage.handled_by_id == by,
        InboundMessage.handled_as == how,
        InboundMessage.needs_person,
    )
    return changed_one(session, mine.values(handled_at=None, handled_by_id=None, handled_as=None))
