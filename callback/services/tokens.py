"""Bearer tokens of programs: made, listed, revoked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import accounts as rows
from callback.db.tables import ApiToken
from callback.domain.account import SCOPES_OF, Scope
from callback.errors import Invalid, NotFound
from callback.services import agents, audit
from callback.services.accounts import TOKEN_PREFIX, hash_of


@dataclass(frozen=True, slots=True)
class NewToken:
    """`secret` is shown once; the database has its hash alone."""

    secret: str
    token: ApiToken


def create(
    session: Session,
    *,
    agent_id: int,
    name: str,
    scopes: Sequence[Scope],
    expires_at: datetime | None,
    now: datetime,
    actor_id: int | None,
) -> NewToken:
    """A token for the agent's programs.

    Raises `Invalid`: no scope, a scope that the agent's role does not hold, an expiry in the past, an inactive agent.
    """
    agent = agents.get(session, agent_id)
    if not agent.active:
        raise Invalid("agent_not_active")
    if not scopes:
        raise Invalid("token_without_scope")
    beyond = sorted(set(scopes) - SCOPES_OF[agent.role])
    if beyond:
        raise Invalid("scopes_beyond_role", scopes=", ".join(beyond), role=agent.role.value)
    if expires_at is not None and expires_at <= now:
        raise Invalid("expiry_in_past")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        name=name,
        secret_hash=hash_of(secret),
        agent=agent,
        scopes=sorted(scope.value for scope in set(scopes)),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="token_created",
        subject_kind="token",
        subject_id=token.id,
        owner_id=agent.id,
        scopes=token.scopes,
    )
    return NewToken(secret=secret, token=token)


def listed(session: Session, *, agent_id: int | None) -> Sequence[ApiToken]:
    """Live and revoked ones, newest first; of everybody without an `agent_id`."""
    return rows.tokens_of(session, agent_id)


def revoke(session: Session, token_id: int, *, owner_id: int | None, now: datetime, actor_id: int | None) -> ApiToken:
    """End a token; it stays listed. With `owner_id` only this agent's: another's does not exist for them.

    Revoking twice is no error and keeps the first moment.
    """
    token = session.get(ApiToken, token_id)
    if token is None or owner_id not in (None, token.agent_id):
        raise NotFound("token_not_found")
    if token.revoked_at is None:
        token.revoked_at = now
        session.flush()
        audit.record(
            session, now=now, actor_id=actor_id, action="token_revoked", subject_kind="token", subject_id=token_id
        )
    return token
