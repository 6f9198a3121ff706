"""What the API and the pages ask for alike: the house, the moment, who is calling, and whether they may.

    @router.get("/cases/{case_id}")
    def read_case(case_id: PathId, house: HouseDep, me: CasesReader) -> CaseOut: ...

    CasesReader = Annotated[Principal, Depends(caller(Scope.CASES_READ))]

The caller is read from the database at every request: a role taken away, a person deactivated, a token revoked takes
effect with the next request.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from callback.bootstrap import House
from callback.domain.account import Scope
from callback.domain.words import Role
from callback.errors import Forbidden, NotFound, Unauthenticated
from callback.services import accounts
from callback.settings import Settings
from callback.texts import LANGUAGES, Language, language_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
LANGUAGE_CHOSEN = "callback_language"
"""What a reader chose on a page; holds nothing secret, and outlives the session."""

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A program's token, from `callback token create`."
)
_cookie = APIKeyCookie(
    name="callback_session",
    auto_error=False,
    scheme_name="session",
    description=f"A page's session, from `POST /api/v1/sessions`. Unsafe requests also carry `{CSRF_HEADER}`.",
)


async def get_house(request: Request) -> House:  # async: nothing to wait for, so not worth a thread
    house: House = request.app.state.house
    return house


HouseDep = Annotated[House, Depends(get_house)]


async def get_now(house: HouseDep) -> datetime:
    return house.clock()


Now = Annotated[datetime, Depends(get_now)]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `scopes` is what they may do in this request; `token_id` is None for a page's session."""

    agent_id: int
    role: Role
    login: str
    name: str
    number: str
    time_zone: str
    team_id: int | None
    language: Language
    scopes: frozenset[Scope]
    token_id: int | None = None
    session_id: int | None = None

    @property
    def supervises(self) -> bool:
        """May see and move the work of others."""
        return self.role in (Role.SUPERVISOR, Role.ADMINISTRATOR)


def language_wanted(request: Request, own: Language) -> Language:
    """What was chosen on a page before, else `Accept-Language`, else the reader's own.

    The choice goes before the header for errors too, else a page in one language told its errors in the browser's.
    Programs have no such cookie.
    """
    chosen = request.cookies.get(LANGUAGE_CHOSEN)
    return language_of(chosen if chosen in LANGUAGES else request.headers.get("accept-language"), own)


async def get_language(request: Request, house: HouseDep) -> Language:
    """What the reader wants to read, else their own, else the house's."""
    return language_wanted(request, getattr(request.state, "language", house.settings.language))


LanguageDep = Annotated[Language, Depends(get_language)]


class CallerDependency:
    """Lets a request in when its caller holds `scope` (and, when `roles` are given, has one of them)."""

    def __init__(self, scope: Scope, roles: frozenset[Role], *, session_only: bool) -> None:
        self.scope = scope
        self.roles = roles
        self.session_only = session_only

    def __call__(
        self,
        request: Request,
        house: HouseDep,
        now: Now,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
        _cookie_scheme: Annotated[str | None, Depends(_cookie)],  # for the document; the name depends on the settings
    ) -> Principal:
        me = authenticate(request, house=house, now=now, token=bearer.credentials if bearer else None)
        if self.session_only and me.token_id is not None:
            raise Forbidden("session_required")
        if self.scope not in me.scopes:
            raise Forbidden("scope_missing", scope=self.scope.value)
        if self.roles and me.role not in self.roles:
            raise Forbidden("role_not_allowed", role=me.role.value)
        return me


def caller(scope: Scope | str, *roles: Role, session_only: bool = False) -> CallerDependency:
    """`Depends(caller(Scope.CASES_READ))`: the declaration of who may call an endpoint.

    `session_only` shuts programs' tokens out (passwords, making tokens). An unknown scope raises
    `ValueError` at import.
    """
    return CallerDependency(Scope(scope), frozenset(roles), session_only=session_only)


def authenticate(request: Request, *, house: House, now: datetime, token: str | None) -> Principal:
    """Who sent this request. A bearer token goes before the cookie.

    Raises `Unauthenticated`, or `Forbidden("csrf_failed")` for what another site made a browser send.
    """
    secret = None if token is not None else request.cookies.get(cookie_name(house.settings))
    if token is None and secret is None:
        raise Unauthenticated("not_logged_in")
    if token is not None:
        found = accounts.caller_by_token(house.sessions, token, now=now)
    else:
        found = accounts.caller_by_session(house.sessions, secret or "", now=now)
    if found is None:
        raise Unauthenticated("token_not_valid" if token is not None else "session_not_valid")
    if secret is not None and request.method not in SAFE_METHODS:
        check_same_origin(request, house.settings)
        if not csrf_matches(secret, request.headers.get(CSRF_HEADER, "")):
            raise Forbidden("csrf_failed")
    language = next((spoken for spoken in LANGUAGES if spoken in found.languages[:1]), house.settings.language)
    request.state.language = language
    request.state.agent_id = found.agent_id
    request.state.time_zone = found.time_zone
    return Principal(
        agent_id=found.agent_id,
        role=found.role,
        login=found.login,
        name=found.name,
        number=found.number,
        time_zone=found.time_zone,
        team_id=found.team_id,
        language=language_wanted(request, language),
        scopes=found.scopes,
        token_id=found.token_id,
        session_id=found.session_id,
    )


def csrf_token(secret: str) -> str:
    """What a page sends back in a header (or a form field): derived from the session's secret, so nothing is kept."""
    return hashlib.sha256(b"csrf:" + secret.encode()).hexdigest()


def csrf_masked(secret: str) -> str:
    """The same token, written differently each time: a page is compressed, and its length must not betray the token."""
    token = bytes.fromhex(csrf_token(secret))
    mask = secrets.token_bytes(len(token))
    return (mask + bytes(a ^ b for a, b in zip(mask, token, strict=True))).hex()


def csrf_matches(secret: str, given: str) -> bool:
    """Whether `given` is the token of this session, plain or masked."""
    plain = csrf_token(secret)
    if len(given) == 2 * len(plain):
        try:
            both = bytes.fromhex(given)
        except ValueError:
            return False
        half = len(both) // 2  # blanks among the digits count for nothing, so there may be fewer bytes
        given = bytes(a ^ b for a, b in zip(both[:half], both[half:], strict=False)).hex()
    return hmac.compare_digest(plain.encode(), given.encode())


def address_parts(address: str) -> SplitResult:
    """Of an address that the other side sent; of what is no address (`http://[`) nothing."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def client_address(request: Request) -> str:
    """Of the other side; behind a proxy uvicorn fills in what the trusted proxy says (`--forwarded-allow-ips`)."""
    return request.client.host if request.client else "unknown"


def check_same_origin(request: Request, settings: Settings) -> None:
    """Refuse an unsafe request that another site made a browser send.

    Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`; a program sends neither and is judged by its token.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("csrf_failed")
    origin = request.headers.get("origin")
    if origin is None:
        return
    sent = address_parts(origin)
    public = urlsplit(settings.public_url)
    here = request.headers.get("host", "")
    if (sent.scheme, sent.netloc) != (public.scheme, public.netloc) and (not here or sent.netloc != here):
        raise Forbidden("csrf_failed")


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds the cookie to this host and to TLS; browsers refuse the prefix without TLS."""
    return "__Host-callback_session" if settings.secure_cookies else "callback_session"


def set_session_cookie(response: Response, settings: Settings, secret: str) -> None:
    response.set_cookie(
        cookie_name(settings),
        secret,
        max_age=settings.session_hours * 3600,
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(response: Response, settings: Settings) -> None:
    response.delete_cookie(
        cookie_name(settings), path="/", secure=settings.secure_cookies, httponly=True, samesite="lax"
    )


def own_or_supervisor(me: Principal, owner_id: int | None, code: str) -> None:
    """Agents see their own work alone. Somebody else's does not exist for them: raises `NotFound(code)`."""
    if not me.supervises and owner_id != me.agent_id:
        raise NotFound(code)
