"""The front end's own files: served under an address that changes with their content, compressed once per process.

Everything is in the package: pages load nothing from anywhere else. What comes from other projects is in
`static/vendor/`, with its version and licence in `static/vendor/README.md`.
"""

import functools
import gzip
import hashlib
import mimetypes
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from callback.errors import NotFound

router = APIRouter(include_in_schema=False)
STATIC = resources.files("callback.web").joinpath("static")
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


@functools.cache
def _file(name: str) -> tuple[bytes, bytes, str]:
    """Content, the same compressed, media type. Raises `NotFound`."""
    part = STATIC
    for piece in name.split("/"):
        if piece in ("", ".", ".."):
            raise NotFound("no_such_address")
        part = part.joinpath(piece)
    if not part.is_file():
        raise NotFound("no_such_address")
    content = part.read_bytes()
    return content, gzip.compress(content, 9, mtime=0), mimetypes.guess_type(name)[0] or "application/octet-stream"


@functools.cache
def asset(name: str) -> str:
    """The address of a file under `static/`, as it is now."""
    return f"/static/{hashlib.sha256(_file(name)[0]).hexdigest()[:12]}/{name}"


@router.get("/static/{version}/{name:path}")
async def serve(version: str, name: Annotated[str, Path(max_length=120)], request: Request) -> Response:  # noqa: ARG001
    """One file. `version` is there to change the address; an old one gets the file as it is now."""
    content, compressed, media_type = _file(name)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(compressed, media_type=media_type, headers=_FOREVER | {"Content-Encoding": "gzip"})
    return Response(content, media_type=media_type, headers=_FOREVER)
