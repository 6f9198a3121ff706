"""Around every request: its id, security headers, the access log, the latency figures, and the last net for errors."""

import re
import secrets
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callback.api.metrics import Metrics
from callback.api.problems import Present, as_it_is, problem
from callback.log import get_logger

log = get_logger("callback.access")

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
        "form-action 'self'; img-src 'self' data:"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Edge:
    """Pure ASGI: `BaseHTTPMiddleware` would copy every body through a queue."""

    def __init__(self, app: ASGIApp, *, owner: FastAPI, present: Present = as_it_is) -> None:
        self.app = app
        self._present = present
        self._owner = owner
        self._templates: dict[Callable[..., Any], str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id = _request_id(scope)
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(message, scope, request_id)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception as error:
                log.error("unhandled error", exc_info=error)
                if status:
                    raise  # half an answer is out: only cutting the connection tells the client
                request = Request(scope, receive)
                response = self._present(request, problem(request, status=500, code="internal_error"))
                await response(scope, receive, send_with_headers)
            finally:
                self._tell(scope, status, time.perf_counter() - started)

    def _add_headers(self, message: Message, scope: Scope, request_id: str) -> None:
        headers = MutableHeaders(scope=message)
        headers["X-Request-Id"] = request_id
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if self._owner.state.house.settings.secure_cookies:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if not scope["path"].startswith("/static/"):  # downloads too: nothing of a person stays on a shared computer
            headers.setdefault("Cache-Control", "no-store")

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        """The log line and the figures. The address is told as its template: handles and numbers stay out of both."""
        template = self._template(scope)
        kept: Metrics = self._owner.state.metrics
        kept.observe(method=scope["method"], template=template, status=status, seconds=seconds)
        log.info(
            "request",
            method=scope["method"],
            route=template,
            status=status,
            ms=round(seconds * 1000, 1),
            agent_id=scope["state"].get("agent_id"),
        )

    def _template(self, scope: Scope) -> str:
        if not self._templates:
            self._templates = {
                route.endpoint: route.path
                for route in iter_route_contexts(self._owner.routes)
                if route.endpoint is not None and route.path is not None
            }
        return self._templates.get(scope.get("endpoint"), "other")  # type: ignore[arg-type]  # None is just not found


def _request_id(scope: Scope) -> str:
    """The proxy's `X-Request-Id` when it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(text):
                return text
    return secrets.token_hex(8)
