"""What may come in at all: sizes, and texts and numbers that both databases can hold.

JSON is read here once before any endpoint: PostgreSQL has no U+0000, UTF-8 has no lone surrogates, `BIGINT` ends at
2⁶³−1, and `NaN` is not JSON. Whatever an endpoint gets later can be stored.
"""

import json
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callback.api.problems import Present, as_it_is, problem

JSON_LIMIT = 2 * 1024 * 1024
UPLOAD_LIMIT = 50 * 1024 * 1024
NO_UPLOADS = ("/api/v1/carrier/", "/s/")
"""Where anybody may knock and nobody brings files: what comes there is read whole, so it is never as large as one."""
MAX_DEPTH = 64
_BIGGEST = 2**63 - 1


class Refused(ValueError):
    """`code` says what is wrong with the body."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class Intake:
    """Pure ASGI middleware; runs inside the `Edge`."""

    def __init__(self, app: ASGIApp, *, present: Present = as_it_is) -> None:
        self.app = app
        self._present = present

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _check_address(scope)
            headers = Headers(scope=scope)
            if _is_upload(headers) and not scope["path"].startswith(NO_UPLOADS):
                receive = _counted(receive, headers, UPLOAD_LIMIT)
            elif scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                body = await _read(_counted(receive, headers, JSON_LIMIT))
                if body and _is_json(headers):
                    check_json(body)
                receive = _again(body, receive)
            await self.app(scope, receive, send)
        except Refused as error:
            request = Request(scope)
            response = self._present(request, problem(request, status=error.status, code=error.code))
            await response(scope, receive, send)


def _check_address(scope: Scope) -> None:
    query: bytes = scope["query_string"]
    if "\x00" in scope["path"] or b"%00" in query or b"\x00" in query:
        raise Refused("nul_character", 400)


def _is_upload(headers: Headers) -> bool:
    return headers.get("content-type", "").lower().startswith("multipart/")


def _is_json(headers: Headers) -> bool:
    media = headers.get("content-type", "").split(";")[0].strip().lower()
    return media.endswith(("/json", "+json"))


def _counted(receive: Receive, headers: Headers, limit: int) -> Receive:
    """`receive` that refuses to bring in more than `limit` bytes, whatever `Content-Length` says."""
    told = headers.get("content-length", "0")
    if not told.isdecimal():
        raise Refused("bad_request", 400)
    if int(told) > limit:
        raise Refused("body_too_large", 413)
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise Refused("body_too_large", 413)
        return message

    return counted


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the client went away
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that tells the body once, then listens for the client going away."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def check_json(body: bytes) -> None:
    """Raises `Refused` for what is no JSON, nests too deep, or holds what a database cannot."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except Refused:
        raise
    except (ValueError, RecursionError):  # JSONDecodeError, UnicodeDecodeError and integers of thousands of digits
        raise Refused("json_malformed", 400) from None
    _check_value(document, 0)


def _refuse_constant(_name: str) -> None:
    raise Refused("json_malformed", 400)


def _check_value(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Refused("json_too_deep", 400)
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, member in value.items():
            _check_text(key)
            _check_value(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _check_value(member, depth + 1)
    elif (isinstance(value, int) and abs(value) > _BIGGEST) or (
        isinstance(value, float) and value in (float("inf"), float("-inf"))
    ):
        raise Refused("number_too_large", 422)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise Refused("nul_character", 422)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("lone_surrogate", 422) from None
