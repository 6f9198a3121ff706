"""Errors with a stable code, and a sentence in the reader's language that says what to do next.

The code is the contract (API clients match on it; texts live in `locale/*/errors.po` under `error.<code>`). Raise the
nearest class; the edge turns it into a problem document (RFC 9457) or a line on the terminal.
"""

from collections.abc import Mapping

from callback.texts import say


class CallbackError(Exception):
    """Base of every error that a person can act on. `params` fill the placeholders of the sentence."""

    status = 400

    def __init__(self, code: str, /, *, details: Mapping[str, object] | None = None, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params
        self.details = dict(details or {})
        """Extra members of the problem document, e.g. the list of refused callbacks."""

    def __str__(self) -> str:
        return say(f"error.{self.code}", "en", **self.params)


class Invalid(CallbackError):
    """What was sent cannot be accepted (422)."""

    status = 422


class Unauthenticated(CallbackError):
    """Nobody is logged in, or the token is wrong, expired or revoked (401)."""

    status = 401


class Forbidden(CallbackError):
    """Logged in, but not allowed (403)."""

    status = 403


class NotFound(CallbackError):
    """No such thing, or not for this reader (404)."""

    status = 404


class Conflict(CallbackError):
    """The thing has changed, is taken or is already done (409)."""

    status = 409


class RuleBroken(Conflict):
    """A hard rule forbids it. `params["rule"]` names the rule."""


class Throttled(CallbackError):
    """Too many tries (429). `params["retry_after"]` is in seconds."""

    status = 429


class Unavailable(CallbackError):
    """Something we depend on does not answer (503)."""

    status = 503
