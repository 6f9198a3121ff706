"""The ledger of what leaves: what is due, claimed in batches; the results written back; what has to be asked about."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from callback.db.among import among
from callback.db.bulk import insert_missing
from callback.db.claims import changed_one
from callback.db.keyset import newest
from callback.db.tables import (
    Attempt,
    Callback,
    Campaign,
    ContactPoint,
    Customer,
    InboundMessage,
    Response,
    Send,
    Sender,
)
from callback.domain.pacing import Breaker
from callback.domain.rules import states_below
from callback.domain.words import AttemptState, CallbackState, CampaignState, Channel, Purpose, SendKind, SendState

_AUTOMATIC = text("callbacks.state = 'waiting' AND callbacks.channel IN ('sms', 'voice', 'email')")
"""Word for word the condition of the partial indexes."""
_FIRST = text("callbacks.next_try_at IS NULL")
_AGAIN = text("callbacks.next_try_at IS NOT NULL")
STARTS = (SendKind.INVITATION, SendKind.CALL)
"""Kinds that begin an attempt: their failure ends it."""
REPLIES_WAIT = timedelta(hours=1)
"""So long an answer, which has no window, is taken to wait in the carrier's queue when the carrier says nothing."""


# ── The sender ──────────────────────────────────────────────────────────────────────────────────────────────────────


def locked_sender(session: Session, *, channel: Channel, sender: str, tokens: float, now: datetime) -> Sender:
    """The sender's row; nobody else spends its tokens before this transaction ends. Made at first use."""
    found = select(Sender).where(Sender.channel == channel, Sender.sender == sender).with_for_update()
    found = found.execution_options(populate_existing=True)
    row = session.scalars(found).one_or_none()
    if row is None:
        new = {"channel": channel, "sender": sender, "tokens": tokens, "refilled_at": now, "failures": 0}
        insert_missing(session, Sender.__table__, [new])  # type: ignore[arg-type]
        row = session.scalars(found).one()
    return row


def breaker_of(session: Session, *, channel: Channel, sender: str) -> Breaker:
    """The sender's breaker, read without a lock."""
    query = select(Sender.failures, Sender.open_until).where(Sender.channel == channel, Sender.sender == sender)
    row = session.execute(query).one_or_none()
    return Breaker() if row is None else Breaker(row.failures, row.open_until)


def is_sound(session: Session, *, channel: Channel, sender: str) -> bool:
    """Whether the sender's breaker has counted no failure and nobody holds it; asked without a lock."""
    query = select(Sender.failures, Sender.open_until, Sender.held_by)
    row = session.execute(query.where(Sender.channel == channel, Sender.sender == sender)).one_or_none()
    return row is not None and row.failures == 0 and row.open_until is None and row.held_by is None


def handed_over(session: Session, *, channel: Channel, sender: str, below: int, now: datetime) -> int:
    """Segments, or calls, that still wait in the carrier's own queue.

    Without those whose window has closed: the carrier has dropped them, whether it has said so or its word was lost.
    """
    total = select(func.coalesce(func.sum(Send.segments), 0)).where(
        text("sends.state = 'sent'"),
        Send.channel == channel,
        Send.provider_rank < below,
        Send.sender == sender,
        or_(Send.closes_at > now, and_(Send.closes_at.is_(None), Send.sent_at > now - REPLIES_WAIT)),
    )
    return int(session.scalar(total) or 0)


# ── What is due ─────────────────────────────────────────────────────────────────────────────────────────────────────


def campaigns_by_state(session: Session) -> dict[CampaignState, frozenset[int]]:
    """Ids of the campaigns in each state."""
    found: dict[CampaignState, set[int]] = {state: set() for state in CampaignState}
    for campaign_id, state in session.execute(select(Campaign.id, Campaign.state)):
        found[state].add(campaign_id)
    return {state: frozenset(ids) for state, ids in found.items()}


def due_callbacks(
    session: Session, *, channel: Channel, campaign_id: int | None, now: datetime, limit: int
) -> list[int]:
    """Ids of callbacks of one stream that may be tried now: those put off first, then the longest due."""
    stream = (_AUTOMATIC, Callback.channel == channel, _in_campaign(campaign_id))
    # Ordered by the campaign too, though it is one and the same: for PostgreSQL `IS NULL` names no single value, so it
    # would not see that the index has the order already, and would sort every row that waits.
    again = select(Callback.id).where(*stream, _AGAIN, Callback.next_try_at <= now)
    again = again.order_by(Callback.campaign_id, Callback.next_try_at, Callback.id)
    ids = list(session.scalars(again.limit(limit)))
    if len(ids) < limit:
        first = select(Callback.id).where(*stream, _FIRST, Callback.earliest_at <= now)
        first = first.order_by(Callback.campaign_id, Callback.earliest_at, Callback.id)
        ids += session.scalars(first.limit(limit - len(ids)))
    return ids


def _in_campaign(campaign_id: int | None) -> ColumnElement[bool]:
    return Callback.campaign_id.is_(None) if campaign_id is None else Callback.campaign_id == campaign_id


def locked_callbacks(session: Session, ids: Collection[int]) -> dict[int, Callback]:
    """Those of them that are still waiting and that nobody else has locked; with them their customers are locked.

    Nothing is ever waited for: what another transaction holds is left for the next round, so that a batch and a call of
    an agent never wait for each other in a circle.
    """
    query = select(Callback).where(among(session, Callback.id, ids), Callback.state == CallbackState.WAITING)
    query = query.with_for_update(key_share=True, skip_locked=True).execution_options(populate_existing=True)
    found = {callback.id: callback for callback in session.scalars(query)}
    customers = {callback.customer_id for callback in found.values()}
    free = set(
        session.scalars(
            select(Customer.id)
            .where(among(session, Customer.id, customers))
            .order_by(Customer.id)
            .with_for_update(key_share=True, skip_locked=True)
        )
    )
    return {id_: callback for id_, callback in found.items() if callback.customer_id in free}


def contact_points(session: Session, customer_ids: Collection[int]) -> dict[tuple[int, str], ContactPoint]:
    """By customer and address, locked as agents' calls lock them: two who share a telephone share a budget."""
    query = select(ContactPoint).where(among(session, ContactPoint.customer_id, customer_ids))
    query = query.order_by(ContactPoint.id).with_for_update(key_share=True, skip_locked=True)
    return {(point.customer_id, point.address): point for point in session.scalars(query)}


def queued(session: Session, *, channel: Channel, now: datetime, limit: int) -> Sequence[Send]:
    """Sends that wait for their turn, the longest due first, locked.

    Without those that would keep their place anyway, so that nobody else waits behind them: what would begin a contact
    of a paused campaign, and for somebody who has just written and whose words nobody has read yet: it may be a STOP.
    """
    paused = select(Callback.id).join(Campaign, Campaign.id == Callback.campaign_id)
    paused = paused.where(Callback.id == Send.callback_id, Campaign.state == CampaignState.PAUSED)
    unread = select(InboundMessage.id).where(
        text("inbound_messages.outcome = 'waiting'"), InboundMessage.from_address == Send.address
    )
    return session.scalars(
        select(Send)
        .where(text("sends.state = 'queued'"), Send.channel == channel, Send.due_at <= now)
        .where(~and_(Send.kind.in_(STARTS), paused.exists()), ~unread.exists())
        .order_by(Send.due_at, Send.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def anything_due(session: Session, *, channel: Channel, now: datetime) -> bool:
    """Whether a claim could find something: asked without a lock, so that an idle worker costs nothing."""
    running = select(Campaign.id).where(Campaign.state == CampaignState.RUNNING)
    queries: list[Select[tuple[int]]] = [
        select(Send.id).where(text("sends.state = 'queued'"), Send.channel == channel, Send.due_at <= now)
    ]
    # Each stream by itself, as the indexes have them: what is due later, a million of them, is not looked at.
    for whose in (Callback.campaign_id.is_(None), Callback.campaign_id.in_(running)):
        stream = (_AUTOMATIC, Callback.channel == channel, whose)
        queries.append(select(Callback.id).where(*stream, _AGAIN, Callback.next_try_at <= now))
        queries.append(select(Callback.id).where(*stream, _FIRST, Callback.earliest_at <= now))
    return any(session.scalar(query.limit(1)) is not None for query in queries)


def ended_attempts(session: Session, attempt_ids: Collection[int]) -> frozenset[int]:
    """Those of them that are over."""
    query = select(Attempt.id).where(among(session, Attempt.id, attempt_ids), Attempt.state == AttemptState.ENDED)
    return frozenset(session.scalars(query)) if attempt_ids else frozenset()


def surveys_of(session: Session, callback_ids: Collection[int]) -> Sequence[Callback]:
    """Surveys among them."""
    query = select(Callback).where(among(session, Callback.id, callback_ids), Callback.purpose == Purpose.SURVEY)
    return session.scalars(query).all() if callback_ids else ()


def campaigns_of(session: Session, callback_ids: Collection[int]) -> dict[int, int]:
    """The campaign of each of these callbacks that has one."""
    rows = session.execute(
        select(Callback.id, Callback.campaign_id).where(
            among(session, Callback.id, callback_ids), Callback.campaign_id.is_not(None)
        )
    )
    return {callback_id: campaign_id for callback_id, campaign_id in rows if campaign_id is not None}


# ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# Spelled out: an IN list cannot be prepared once for many rows.
_OPEN = or_(Send.state == SendState.CLAIMED, Send.state == SendState.UNKNOWN, Send.state == SendState.QUEUED)


def write_accepted(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """`send`, `attempt` (or None), `provider`: the carrier has them. What an event said already is not taken back."""
    accepted = (
        update(Send)
        .where(Send.id == bindparam("send"), or_(Send.provider_id.is_(None), Send.provider_id == bindparam("provider")))
        .values(
            provider_id=bindparam("provider"),
            state=case((_OPEN, SendState.SENT), else_=Send.state),
            sent_at=func.coalesce(
                Send.sent_at, literal(now, Send.sent_at.type)
            ),  # else SQLite keeps another zone's clock
            lease_until=None,
            asked=0,
        )
    )
    session.connection().execute(accepted, [{"send": row["send"], "provider": row["provider"]} for row in rows])
    begun = [{"attempt": row["attempt"], "provider": row["provider"]} for row in rows if row["attempt"] is not None]
    if begun:
        # From `unknown` too: this is the carrier's answer to our question, not a late event.
        sent = (
            update(Attempt)
            .where(
                Attempt.id == bindparam("attempt"),
                or_(Attempt.state == AttemptState.CLAIMED, Attempt.state == AttemptState.UNKNOWN),
            )
            .values(
                state=AttemptState.SENT,
                provider_id=bindparam("provider"),
                lease_until=None,
                version=Attempt.version + 1,
            )
        )
        session.connection().execute(sent, begun)


def move(session: Session, send_id: int, *, from_states: Collection[SendState], **values: Any) -> bool:
    """Change a send that is still in one of these states. False: it has moved on."""
    statement = update(Send).where(Send.id == send_id, Send.state.in_(from_states)).values(**values)
    return changed_one(session, statement)


def put_back(session: Session, send_id: int, **values: Any) -> bool:
    """It has certainly not left: it waits for its turn again, and so does its attempt."""
    moved = move(
        session,
        send_id,
        from_states=(SendState.CLAIMED, SendState.UNKNOWN),
        state=SendState.QUEUED,
        lease_until=None,
        **values,
    )
    if moved:
        session.execute(
            update(Attempt)
            .where(
                Attempt.id == select(Send.attempt_id).where(Send.id == send_id, Send.kind.in_(STARTS)).scalar_subquery()
            )
            .where(Attempt.state == AttemptState.UNKNOWN)
            .values(state=AttemptState.CLAIMED, version=Attempt.version + 1)
            .execution_options(synchronize_session=False)
        )
    return moved


def make_unknown(session: Session, ids: Collection[int], *, ask_at: datetime) -> None:
    """They may have left: the carrier is asked at `ask_at`, and nothing is repeated before it has answered."""
    session.execute(
        update(Send)
        .where(among(session, Send.id, ids), Send.state == SendState.CLAIMED)
        .values(state=SendState.UNKNOWN, lease_until=ask_at, asked=0)
        .execution_options(synchronize_session=False)
    )
    whose = select(Send.attempt_id).where(
        among(session, Send.id, ids), Send.state == SendState.UNKNOWN, Send.kind.in_(STARTS)
    )
    session.execute(
        update(Attempt)
        .where(Attempt.id.in_(whose), Attempt.state.in_(states_below(AttemptState.UNKNOWN)))
        .where(Attempt.state != AttemptState.CONNECTED)
        .values(state=AttemptState.UNKNOWN, lease_until=None, version=Attempt.version + 1)
        .execution_options(synchronize_session=False)
    )


# ── What has to be looked after ─────────────────────────────────────────────────────────────────────────────────────


def abandoned(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Claims whose lease ran out: their worker died, or lost its database."""
    query = (
        select(Send.id)
        .where(text("sends.state IN ('claimed', 'unknown')"), Send.state == SendState.CLAIMED, Send.lease_until < now)
        .order_by(Send.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.scalars(query))


def to_ask(session: Session, *, channel: Channel, carrier: str, now: datetime, limit: int) -> Sequence[Send]:
    """Unknown ones whose carrier may be asked now, locked."""
    query = (
        select(Send)
        .where(text("sends.state IN ('claimed', 'unknown')"), Send.state == SendState.UNKNOWN, Send.lease_until <= now)
        .where(Send.channel == channel, Send.carrier == carrier)
        .order_by(Send.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def known_ids(session: Session, address: str) -> frozenset[str]:
    """The carrier's ids of everything that we know to have gone to this address."""
    query = select(Send.provider_id).where(Send.address == address, Send.provider_id.is_not(None))
    return frozenset(one for one in session.scalars(query) if one is not None)


# ── Finding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def by_handle(session: Session, handle: str, *, lock: bool = False) -> Send | None:
    query = select(Send).where(Send.handle == handle).execution_options(populate_existing=True)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def handle_of(session: Session, provider_id: str) -> str | None:
    """Of the send that the carrier knows by this id."""
    return session.scalars(select(Send.handle).where(Send.provider_id == provider_id)).one_or_none()


def is_handing_over(session: Session, *, carrier: str) -> bool:
    """Whether one may be in the carrier's hands whose id there we do not know yet."""
    under_way = text("sends.state IN ('claimed', 'unknown')")  # word for word the condition of the partial index
    return session.scalar(select(Send.id).where(under_way, Send.carrier == carrier).limit(1)) is not None


def of_attempt(session: Session, attempt_id: int, kinds: Iterable[SendKind]) -> Send | None:
    """The newest of these kinds."""
    return session.scalars(
        select(Send)
        .where(Send.attempt_id == attempt_id, Send.kind.in_(tuple(kinds)))
        .order_by(Send.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).first()


def listed(
    *, state: SendState | None = None, channel: Channel | None = None, customer_id: int | None = None
) -> Select[tuple[Send]]:
    """Sends that match. The edge adds order, cursor and limit."""
    query = select(Send)
    if state is not None:
        query = query.where(Send.state == state)
    if channel is not None:
        query = query.where(Send.channel == channel)
    if customer_id is not None:
        query = query.where(Send.customer_id == customer_id)
    return query


def counts(session: Session) -> Sequence[Row[tuple[Channel, SendState, int]]]:
    """How many sends there are by channel and state."""
    return session.execute(
        select(Send.channel, Send.state, func.count())
        .group_by(Send.channel, Send.state)
        .order_by(literal_column("1, 2"))
    ).all()


def reached_in_writing(session: Session, callback_ids: Collection[int]) -> dict[int, int]:
    """How many written sends of each of these callbacks the carrier has accepted and not failed to deliver."""
    query = (
        select(Send.callback_id, func.count())
        .where(among(session, Send.callback_id, callback_ids), Send.kind == SendKind.INVITATION)
        .where(Send.state.in_((SendState.SENT, SendState.DELIVERED)))
        .group_by(Send.callback_id)
    )
    return {callback_id: count for callback_id, count in session.execute(query) if callback_id is not None}


def responses(session: Session, callback_ids: Collection[int]) -> dict[int, Response]:
    found = session.scalars(select(Response).where(among(session, Response.callback_id, callback_ids)))
    return {response.callback_id: response for response in found}


# ── For the desk ────────────────────────────────────────────────────────────────────────────────────────────────────


def page(
    session: Session,
    *,
    state: SendState | None,
    channel: Channel | None,
    address: str | None,
    before: int | None,
    limit: int,
) -> tuple[Sequence[Send], int | None]:
    """The newest that match, and where the next page goes on."""
    query = listed(state=state, channel=channel)
    if state in (SendState.FAILED, SendState.WITHDRAWN):
        query = query.where(text("sends.state IN ('failed', 'withdrawn')"))
    if address is not None:
        query = query.where(Send.address == address)
    return newest(session, query, Send.id, before=before, limit=limit)


def whose(session: Session, customer_ids: Collection[int]) -> dict[int, Customer]:
    found = session.scalars(select(Customer).where(among(session, Customer.id, customer_ids)))
    return {customer.id: customer for customer in found}
