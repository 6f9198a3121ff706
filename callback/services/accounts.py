"""Accounts: passwords, sessions of pages, tokens of programs, and how fast one may guess."""

import functools
import hashlib
import ipaddress
import math
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from callback.db import accounts as rows
from callback.db.engine import SessionFactory, reading
from callback.db.tables import Agent, ApiToken, LoginFailure, LoginSession
from callback.domain.account import (
    LOGIN_LIMITS,
    LOGIN_WINDOW,
    Scope,
    ThrottledBy,
    effective_scopes,
    password_problem,
)
from callback.domain.words import Role
from callback.errors import Invalid, NotFound, Throttled, Unauthenticated
from callback.services import audit

TOKEN_PREFIX = "cb_"  # noqa: S105  no secret, the beginning of every one
"""Lets a secret scanner recognise a token that was committed by mistake."""

_USED_EVERY = timedelta(minutes=5)
_hasher = PasswordHasher()
"""argon2id with the library's parameters (RFC 9106, second choice: 64 MiB, 3 passes)."""
_light_hasher = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
"""For the 80 random bits of `new_password` alone, which nobody guesses however fast: thousands of them in a moment.
The first log-in replaces it by the one above."""
_LIGHT = "$argon2id$v=19$m=1024,"


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """Whom a secret belongs to, as the database says now."""

    agent_id: int
    role: Role
    login: str
    name: str
    number: str
    time_zone: str
    team_id: int | None
    languages: tuple[str, ...]
    scopes: frozenset[Scope]
    token_id: int | None = None
    session_id: int | None = None


@dataclass(frozen=True, slots=True)
class NewSession:
    """`secret` goes into the cookie and nowhere else."""

    secret: str
    session_id: int
    agent_id: int
    expires_at: datetime


def hash_of(secret: str) -> bytes:
    """A secret of 256 bits needs no slow hash: nobody guesses it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def hash_password(password: str) -> str:
    return _hasher.hash(_normal(password))


def _normal(password: str) -> str:
    """NFC, so that é typed on another keyboard is the same password (RFC 8265 §4.2)."""
    return unicodedata.normalize("NFC", password)


@functools.cache
def _nobodys_hash() -> str:
    """What an unknown login is checked against, so that it takes as long as a known one."""
    return _hasher.hash(secrets.token_urlsafe())


def set_password(agent: Agent, password: str) -> None:
    """Raises `Invalid` when it is too short or too easy. Does not log anybody out."""
    problem = password_problem(password, login=agent.login)
    if problem is not None:
        raise Invalid(problem)
    agent.password_hash = hash_password(password)


def new_password() -> str:
    """One to hand over: 80 bits in four groups, without letters and digits that are taken for each other."""
    return "-".join("".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(4))


def give_first_password(agent: Agent) -> str:
    """A new password for one of many, to be handed over; kept as a hash that costs no time."""
    password = new_password()
    agent.password_hash = _light_hasher.hash(password)
    return password


def log_in(
    sessions: SessionFactory,
    *,
    login: str,
    password: str,
    address: str,
    now: datetime,
    lifetime: timedelta,
    replaces: str | None = None,
) -> NewSession:
    """A new session for the right password. `replaces` is the secret of the browser's session until now: it is revoked.

    Raises `Unauthenticated("login_failed")`, the same for an unknown login, a wrong password and a deactivated
    account, and `Throttled`.
    """
    agent_id = check_password(sessions, login=login, password=password, address=address, now=now)
    with sessions.begin() as session:
        if replaces is not None:
            log_out(session, replaces, now=now)
        new = start_session(session, agent_id, now=now, lifetime=lifetime)
        audit.record(session, now=now, actor_id=agent_id, action="login", subject_kind="agent", subject_id=agent_id)
        return new


def check_password(sessions: SessionFactory, *, login: str, password: str, address: str, now: datetime) -> int:
    """The id of the agent whose login and password these are.

    Transactions of its own: the try is counted (and committed) before the password is looked at, so that a thousand
    tries at once are no way around the limit, and no lock is held during the hashing.
    """
    login, address = login.strip()[:120], network_of(address)
    failure_id = _count_try(sessions, login=login, address=address, now=now)
    with reading(sessions) as session:
        agent = rows.agent_by_login(session, login)
        known_hash = agent.password_hash if agent is not None and agent.active else None
    right = _matches(known_hash or _nobodys_hash(), password) and known_hash is not None
    if known_hash is not None and known_hash.startswith(_LIGHT):
        _matches(_nobodys_hash(), password)  # a light hash must not tell by its speed that there is such a login
    if agent is None or known_hash is None or not right:
        raise Unauthenticated("login_failed")
    stronger = hash_password(password) if _hasher.check_needs_rehash(known_hash) else None
    with sessions.begin() as session:
        session.execute(delete(LoginFailure).where(LoginFailure.id == failure_id))
        rows.forget_failures(session, login=login, address=address)
        if stronger is not None:
            session.execute(
                update(Agent)
                .where(Agent.id == agent.id, Agent.password_hash == known_hash)
                .values(password_hash=stronger)
            )
    return agent.id


def _matches(known_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(known_hash, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def network_of(address: str) -> str:
    """The address that is throttled: an IPv6 customer owns a /64, so all of it counts as one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _count_try(sessions: SessionFactory, *, login: str, address: str, now: datetime) -> int:
    """Count this try as a failure until it proves right. Raises `Throttled` when it is one too many."""
    with sessions.begin() as session:
        failure = LoginFailure(login=login, address=address, at=now)
        session.add(failure)
        session.flush()
    with sessions.begin() as session:
        wait = _wait(session, login=login, address=address, now=now)
        if wait is not None:
            session.execute(delete(LoginFailure).where(LoginFailure.id == failure.id))
    if wait is not None:
        raise Throttled("login_throttled", retry_after=wait, minutes=math.ceil(wait / 60))
    return failure.id


def _wait(session: Session, *, login: str, address: str, now: datetime) -> int | None:
    """Seconds until the oldest try that is one too many falls out of the window; `None` when all limits hold."""
    keys: dict[ThrottledBy, tuple[str | None, str | None]] = {
        ThrottledBy.LOGIN_AND_ADDRESS: (login, address),
        ThrottledBy.ADDRESS: (None, address),
        ThrottledBy.LOGIN: (login, None),
    }
    for by, (of_login, of_address) in keys.items():
        count, first = rows.failures(session, since=now - LOGIN_WINDOW, login=of_login, address=of_address)
        if count > LOGIN_LIMITS[by] and first is not None:
            return max(1, math.ceil((first + LOGIN_WINDOW - now).total_seconds()))
    return None


def start_session(session: Session, agent_id: int, *, now: datetime, lifetime: timedelta) -> NewSession:
    """A session with a fresh secret: what a browser brought along is never taken over (no session fixation)."""
    secret = secrets.token_urlsafe(32)
    row = LoginSession(secret_hash=hash_of(secret), agent_id=agent_id, created_at=now, expires_at=now + lifetime)
    session.add(row)
    session.flush()
    return NewSession(secret=secret, session_id=row.id, agent_id=agent_id, expires_at=row.expires_at)


def log_out(session: Session, secret: str, *, now: datetime) -> None:
    """Revoke the session of this secret; an unknown one is no error."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.secret_hash == hash_of(secret), LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def change_password(session: Session, *, agent_id: int, new: str, now: datetime, lifetime: timedelta) -> NewSession:
    """Give the agent a new password (after `check_password`): every session ends and a new one begins for this browser.

    Raises `Invalid` when it is too short or too easy.
    """
    agent = session.get(Agent, agent_id, with_for_update=True)
    if agent is None:
        raise NotFound("agent_not_found")
    set_password(agent, new)
    rows.revoke_sessions(session, [agent_id], now=now)
    audit.record(
        session, now=now, actor_id=agent_id, action="password_changed", subject_kind="agent", subject_id=agent_id
    )
    return start_session(session, agent_id, now=now, lifetime=lifetime)


def caller_by_session(sessions: SessionFactory, secret: str, *, now: datetime) -> KnownCaller | None:
    with reading(sessions) as session:
        row = rows.live_session(session, hash_of(secret), now)
        return None if row is None else _known(row.agent, token_scopes=None, session_id=row.id)


def caller_by_token(sessions: SessionFactory, secret: str, *, now: datetime) -> KnownCaller | None:
    with reading(sessions) as session:
        row = rows.live_token(session, hash_of(secret), now)
        if row is None:
            return None
        known = _known(row.agent, token_scopes=frozenset(row.scopes), token_id=row.id)
        used = row.last_used_at
    if used is None or now - used > _USED_EVERY:
        with sessions.begin() as session:
            session.execute(update(ApiToken).where(ApiToken.id == known.token_id).values(last_used_at=now))
    return known


def _known(
    agent: Agent, *, token_scopes: frozenset[str] | None, token_id: int | None = None, session_id: int | None = None
) -> KnownCaller:
    return KnownCaller(
        agent_id=agent.id,
        role=agent.role,
        login=agent.login,
        name=agent.name,
        number=agent.number,
        time_zone=agent.time_zone,
        team_id=agent.team_id,
        languages=tuple(agent.languages),
        scopes=effective_scopes(agent.role, token_scopes),
        token_id=token_id,
        session_id=session_id,
    )
