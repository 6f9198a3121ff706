"""Pages are compressed; the API's answers are not: they hold the CSRF token as it is, and programs sit close by."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class Compression:
    """gzip for everything outside `/api/`. A page writes its token differently each time (`csrf_masked`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, minimum_size=1_000, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and not scope["path"].startswith("/api/")
        await (self._compressed if is_page else self._plain)(scope, receive, send)
