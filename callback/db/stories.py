"""Everything that is on record about one case, for the page that tells its story."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from callback.db.tables import (
    Agent,
    Attempt,
    AuditEntry,
    Callback,
    Decision,
    Dissatisfaction,
    InboundMessage,
    Promise,
    Response,
    Send,
)
from callback.domain.words import SendKind

MOST = 200
"""Of one kind; the newest. A case with more than that has other troubles than a long page."""


def callbacks(session: Session, case_id: int) -> Sequence[Callback]:
    return session.scalars(select(Callback).where(Callback.case_id == case_id).order_by(Callback.id)).all()


def attempts(session: Session, case_id: int) -> Sequence[Attempt]:
    query = select(Attempt).where(Attempt.case_id == case_id).order_by(Attempt.id.desc()).limit(MOST)
    return session.scalars(query).all()


def decisions(session: Session, case_id: int) -> Sequence[Decision]:
    query = select(Decision).where(Decision.case_id == case_id).order_by(Decision.id.desc()).limit(MOST)
    return session.scalars(query).all()


def promises(session: Session, case_id: int) -> Sequence[Promise]:
    query = select(Promise).where(Promise.case_id == case_id).order_by(Promise.id.desc()).limit(MOST)
    return session.scalars(query).all()


def flags(session: Session, case_id: int) -> Sequence[Dissatisfaction]:
    query = select(Dissatisfaction).where(Dissatisfaction.case_id == case_id).order_by(Dissatisfaction.id.desc())
    return session.scalars(query.limit(MOST)).all()


def responses(session: Session, case_id: int) -> Sequence[Response]:
    query = select(Response).where(Response.case_id == case_id).options(selectinload(Response.answers))
    return session.scalars(query.order_by(Response.id.desc()).limit(MOST)).all()


def messages_out(session: Session, callback_ids: Collection[int]) -> Sequence[Send]:
    query = select(Send).where(Send.callback_id.in_(callback_ids), Send.kind != SendKind.BRIDGE)
    return session.scalars(query.order_by(Send.id.desc()).limit(MOST)).all()


def messages_in(session: Session, response_ids: Collection[int]) -> Sequence[InboundMessage]:
    query = select(InboundMessage).where(InboundMessage.response_id.in_(response_ids))
    return session.scalars(query.order_by(InboundMessage.id.desc()).limit(MOST)).all()


def acts(
    session: Session, *, case_id: int, handles: Collection[str], flag_ids: Collection[int]
) -> Sequence[AuditEntry]:
    """What people did to the case, its callbacks and its flags, beyond what is kept as a decision."""
    subjects = (
        ("case", [str(case_id)]),
        ("callback", list(handles)),
        ("dissatisfaction", [str(flag_id) for flag_id in flag_ids]),
    )
    which = or_(*((AuditEntry.subject_kind == kind) & AuditEntry.subject_id.in_(ids) for kind, ids in subjects if ids))
    return session.scalars(select(AuditEntry).where(which).order_by(AuditEntry.id.desc()).limit(MOST)).all()


def names(session: Session, agent_ids: Collection[int | None]) -> dict[int, str]:
    wanted = {agent_id for agent_id in agent_ids if agent_id is not None}
    if not wanted:
        return {}
    return {row.id: row.name for row in session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(wanted)))}
