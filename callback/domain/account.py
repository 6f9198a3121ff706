"""Who may do what: scopes, what each role may hold, what a password must be, how fast one may guess."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from callback.domain.words import Role


class Scope(StrEnum):
    """One kind of act. An endpoint asks for exactly one; a role holds some; a token holds a part of its owner's."""

    ME = "me"
    """One's own account: who am I, my password, my tokens. Every role holds it."""
    CALLBACKS_READ = "callbacks:read"
    """Agents see their own alone; supervisors all."""
    CALLBACKS_WORK = "callbacks:work"
    """Start, step through and finish one's own callbacks."""
    CALLBACKS_WRITE = "callbacks:write"
    """Move, cancel and override callbacks of others."""
    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    """Contact points and suppressions."""
    ADDRESSES_REVEAL = "addresses:reveal"
    """See a telephone number unmasked; every time is audited."""
    IMPORTS_WRITE = "imports:write"
    PLANS_WRITE = "plans:write"
    DISSATISFACTIONS_READ = "dissatisfactions:read"
    DISSATISFACTIONS_WRITE = "dissatisfactions:write"
    SCRIPTS_READ = "scripts:read"
    SCRIPTS_WRITE = "scripts:write"
    SURVEYS_READ = "surveys:read"
    SURVEYS_WRITE = "surveys:write"
    REPORTS_READ = "reports:read"
    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    SHIFTS_WRITE = "shifts:write"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    AUDIT_READ = "audit:read"


_AGENT = frozenset(
    {
        Scope.ME,
        Scope.CALLBACKS_READ,
        Scope.CALLBACKS_WORK,
        Scope.CASES_READ,
        Scope.CUSTOMERS_READ,
        Scope.ADDRESSES_REVEAL,
        Scope.SCRIPTS_READ,
        Scope.SURVEYS_READ,
    }
)
_ADMINISTRATORS_ALONE = frozenset({Scope.AGENTS_WRITE, Scope.POLICIES_WRITE, Scope.AUDIT_READ})

SCOPES_OF: Mapping[Role, frozenset[Scope]] = MappingProxyType(
    {
        Role.AGENT: _AGENT,
        Role.SUPERVISOR: frozenset(Scope) - _ADMINISTRATORS_ALONE,
        Role.ADMINISTRATOR: frozenset(Scope),
    }
)
"""What a role may do; a token never gives more."""


def effective_scopes(role: Role, token_scopes: frozenset[str] | None) -> frozenset[Scope]:
    """What a caller may do now: the role's scopes, narrowed by the token's when a token called (`None`: no token).

    Computed at every request, so taking a role away takes effect on every live session and token at once.
    """
    held = SCOPES_OF[role]
    return held if token_scopes is None else frozenset(scope for scope in held if scope.value in token_scopes)


PASSWORD_LENGTH = (10, 200)
"""Length counts more than kinds of characters (NIST SP 800-63B §5.1.1.2); the upper bound keeps hashing affordable."""

_COMMON = frozenset(
    {"password", "passw0rd", "qwertyuiop", "administrator", "callback", "letmein", "welcome", "changeme"}
)


def password_problem(password: str, *, login: str) -> str | None:
    """The code of what is wrong with a new password, or `None`."""
    shortest, longest = PASSWORD_LENGTH
    if len(password) < shortest:
        return "password_too_short"
    if len(password) > longest:
        return "password_too_long"
    plain = password.casefold().strip("0123456789!@#$%.,- ")
    if len(set(password)) < 4 or plain in _COMMON or password.isdigit() or login.casefold() == plain:
        return "password_too_easy"
    return None


class ThrottledBy(StrEnum):
    LOGIN_AND_ADDRESS = "login_and_address"
    ADDRESS = "address"
    LOGIN = "login"


LOGIN_WINDOW = timedelta(minutes=15)
LOGIN_LIMITS: Mapping[ThrottledBy, int] = MappingProxyType(
    {ThrottledBy.LOGIN_AND_ADDRESS: 5, ThrottledBy.ADDRESS: 30, ThrottledBy.LOGIN: 30}
)
"""Wrong passwords within the window. The one per login is the widest, so that a stranger elsewhere cannot lock an
agent out with a handful of tries; 30 in 15 minutes still is no way to guess ten characters."""
