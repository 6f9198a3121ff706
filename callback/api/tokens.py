"""Bearer tokens of programs. Made in a session alone: a stolen token makes no other."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from callback.api.idempotency import OnceDep
from callback.api.schemas import Body, BodyId, Moment, Name, Out, PathId
from callback.db.engine import reading
from callback.db.tables import ApiToken
from callback.domain.account import Scope
from callback.domain.words import Role
from callback.entrance import HouseDep, Now, Principal, caller
from callback.errors import Forbidden
from callback.services import tokens

router = APIRouter(tags=["tokens"])

InSession = Annotated[Principal, Depends(caller(Scope.ME, session_only=True))]


class TokenOut(Out):
    id: int
    name: str
    agent_id: int
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class NewTokenOut(TokenOut):
    secret: str | None
    """Shown this once; null when the request is repeated with its `Idempotency-Key`."""


class TokenList(Out):
    items: list[TokenOut]


class NewTokenBody(Body):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: Moment | None = None
    agent_id: BodyId | None = Field(default=None, description="Whose; null: mine. Another's: administrators alone.")


@router.get("/tokens", operation_id="listTokens")
def list_tokens(house: HouseDep, me: InSession, everybody: bool = False) -> TokenList:
    """My tokens, newest first; `everybody` for administrators."""
    if everybody and me.role != Role.ADMINISTRATOR:
        raise Forbidden("role_not_allowed", role=me.role.value)
    with reading(house.sessions) as session:
        found = tokens.listed(session, agent_id=None if everybody else me.agent_id)
        return TokenList(items=[TokenOut.model_validate(token) for token in found])


@router.post("/tokens", status_code=201, operation_id="createToken")
def create_token(body: NewTokenBody, house: HouseDep, now: Now, me: InSession, once: OnceDep) -> NewTokenOut:
    """A token with scopes that the owner's role holds. Its secret is in this answer and nowhere else."""
    owner_id = body.agent_id or me.agent_id
    if owner_id != me.agent_id and me.role != Role.ADMINISTRATOR:
        raise Forbidden("role_not_allowed", role=me.role.value)

    with house.sessions.begin() as session:

        def make() -> NewTokenOut:
            new = tokens.create(
                session,
                agent_id=owner_id,
                name=body.name,
                scopes=body.scopes,
                expires_at=body.expires_at,
                now=now,
                actor_id=me.agent_id,
            )
            return _show(new.token, new.secret)

        return once.run(session, me, make, now=now, hide=frozenset({"secret"}))


def _show(token: ApiToken, secret: str) -> NewTokenOut:
    return NewTokenOut(**TokenOut.model_validate(token).model_dump(), secret=secret)


@router.delete("/tokens/{token_id}", status_code=204, operation_id="revokeToken")
def revoke_token(token_id: PathId, house: HouseDep, now: Now, me: InSession) -> None:
    """End a token at once. Administrators may end everybody's."""
    owner_id = None if me.role == Role.ADMINISTRATOR else me.agent_id
    with house.sessions.begin() as session:
        tokens.revoke(session, token_id, owner_id=owner_id, now=now, actor_id=me.agent_id)
