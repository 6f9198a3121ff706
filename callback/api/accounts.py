"""Logging in and out, and one's own account."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, StringConstraints

from callback.api.schemas import Body, Out
from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.tables import Agent
from callback.domain.account import PASSWORD_LENGTH, Scope
from callback.domain.words import Role
from callback.entrance import (
    HouseDep,
    Now,
    Principal,
    caller,
    check_same_origin,
    clear_session_cookie,
    client_address,
    cookie_name,
    csrf_token,
    set_session_cookie,
)
from callback.errors import Invalid, NotFound, Unauthenticated
from callback.services import accounts

router = APIRouter(tags=["accounts"])

Login = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Password = Annotated[str, Field(min_length=1, max_length=PASSWORD_LENGTH[1], json_schema_extra={"format": "password"})]


class Credentials(Body):
    login: Login
    password: Password


class SessionOut(Out):
    agent_id: int
    expires_at: datetime
    csrf_token: str
    """Sent back as `X-CSRF-Token` with every unsafe request of this session."""


class MeOut(Out):
    agent_id: int
    login: str
    name: str
    number: str
    role: Role
    scopes: list[Scope]
    csrf_token: str | None
    """Null for a program's token, which needs none."""


class PasswordChange(Body):
    current: Password
    new: Password


def _answer(response: Response, house: House, new: accounts.NewSession) -> SessionOut:
    set_session_cookie(response, house.settings, new.secret)
    return SessionOut(agent_id=new.agent_id, expires_at=new.expires_at, csrf_token=csrf_token(new.secret))


@router.post("/sessions", status_code=201, operation_id="logIn")
def log_in(body: Credentials, request: Request, response: Response, house: HouseDep, now: Now) -> SessionOut:
    """Log in: sets the session's cookie. Too many wrong passwords: 429 with `Retry-After`."""
    check_same_origin(request, house.settings)
    new = accounts.log_in(
        house.sessions,
        login=body.login,
        password=body.password,
        address=client_address(request),
        now=now,
        lifetime=timedelta(hours=house.settings.session_hours),
        replaces=request.cookies.get(cookie_name(house.settings)),
    )
    return _answer(response, house, new)


@router.delete(
    "/sessions/current",
    status_code=204,
    operation_id="logOut",
    dependencies=[Depends(caller(Scope.ME, session_only=True))],
)
def log_out(request: Request, response: Response, house: HouseDep, now: Now) -> None:
    """Log out: the session is revoked on the server, not just forgotten by the browser."""
    with house.sessions.begin() as session:
        accounts.log_out(session, request.cookies.get(cookie_name(house.settings), ""), now=now)
    clear_session_cookie(response, house.settings)


@router.get("/me", operation_id="readMe")
def read_me(request: Request, house: HouseDep, me: Annotated[Principal, Depends(caller(Scope.ME))]) -> MeOut:
    """Who am I, and what may I do."""
    with reading(house.sessions) as session:
        agent = session.get(Agent, me.agent_id)
        if agent is None:
            raise NotFound("agent_not_found")
        secret = request.cookies.get(cookie_name(house.settings), "")
        return MeOut(
            agent_id=agent.id,
            login=agent.login,
            name=agent.name,
            number=agent.number,
            role=agent.role,
            scopes=sorted(me.scopes),
            csrf_token=csrf_token(secret) if me.token_id is None else None,
        )


@router.post("/me/password", operation_id="changeMyPassword")
def change_my_password(
    body: PasswordChange,
    request: Request,
    response: Response,
    house: HouseDep,
    now: Now,
    me: Annotated[Principal, Depends(caller(Scope.ME, session_only=True))],
) -> SessionOut:
    """Change the password: every session of mine ends and this browser gets a new one.

    Guessing the present one is throttled as in logging in.
    """
    try:
        accounts.check_password(
            house.sessions, login=me.login, password=body.current, address=client_address(request), now=now
        )
    except Unauthenticated:  # a 401 would tell the page that its session has ended
        raise Invalid("password_wrong") from None
    with house.sessions.begin() as session:
        new = accounts.change_password(
            session,
            agent_id=me.agent_id,
            new=body.new,
            now=now,
            lifetime=timedelta(hours=house.settings.session_hours),
        )
    return _answer(response, house, new)
