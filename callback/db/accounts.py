"""Sessions, tokens and wrong passwords: the queries."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from callback.db.among import among
from callback.db.tables import Agent, ApiToken, LoginFailure, LoginSession


def agent_by_login(session: Session, login: str) -> Agent | None:
    return session.scalar(select(Agent).where(Agent.login == login))


def live_session(session: Session, secret_hash: bytes, now: datetime) -> LoginSession | None:
    """With its active agent; nothing for one that expired or was revoked."""
    return session.scalar(
        select(LoginSession)
        .join(LoginSession.agent)
        .options(joinedload(LoginSession.agent))
        .where(
            LoginSession.secret_hash == secret_hash,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            Agent.active,
        )
    )


def live_token(session: Session, secret_hash: bytes, now: datetime) -> ApiToken | None:
    """With its active agent; nothing for one that expired or was revoked."""
    return session.scalar(
        select(ApiToken)
        .join(ApiToken.agent)
        .options(joinedload(ApiToken.agent))
        .where(
            ApiToken.secret_hash == secret_hash,
            ApiToken.revoked_at.is_(None),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
            Agent.active,
        )
    )


def revoke_sessions(session: Session, agent_ids: Collection[int], *, now: datetime) -> None:
    """Log the agents out everywhere."""
    if agent_ids:
        mine = among(session, LoginSession.agent_id, agent_ids)
        session.execute(update(LoginSession).where(mine, LoginSession.revoked_at.is_(None)).values(revoked_at=now))


def revoke_tokens(session: Session, agent_ids: Collection[int], *, now: datetime) -> None:
    if agent_ids:
        mine = among(session, ApiToken.agent_id, agent_ids)
        session.execute(update(ApiToken).where(mine, ApiToken.revoked_at.is_(None)).values(revoked_at=now))


def failures(
    session: Session, *, since: datetime, login: str | None, address: str | None
) -> tuple[int, datetime | None]:
    """How many wrong passwords since then, and when the first of them was. `None` means whichever."""
    query = select(func.count(), func.min(LoginFailure.at)).where(LoginFailure.at > since)
    if login is not None:
        query = query.where(LoginFailure.login == login)
    if address is not None:
        query = query.where(LoginFailure.address == address)
    count, first = session.execute(query).one()
    return count, first


def forget_failures(session: Session, *, login: str, address: str) -> None:
    session.execute(delete(LoginFailure).where(LoginFailure.login == login, LoginFailure.address == address))


def tokens_of(session: Session, agent_id: int | None) -> Sequence[ApiToken]:
    """Live and revoked, newest first; of everybody when `agent_id` is None."""
    query = select(ApiToken).options(joinedload(ApiToken.agent)).order_by(ApiToken.id.desc())
    return session.scalars(query if agent_id is None else query.where(ApiToken.agent_id == agent_id)).all()
