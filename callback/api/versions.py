"""Optimistic locking: what was read must still be what is there.

A change carries the version that its author saw, in the body's `version` or in `If-Match` (an entity tag as answered in
`ETag`). Another version there: 412 for `If-Match`, 409 for the body. Neither given: 428.
"""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from callback.errors import CallbackError, Conflict

_TAG = re.compile(r'"(\d{1,10})"')


class PreconditionFailed(CallbackError):
    """`If-Match` names another version than the present one (412)."""

    status = 412


class PreconditionRequired(CallbackError):
    """A change must say which version it changes (428)."""

    status = 428


async def get_if_match(
    if_match: Annotated[str | None, Header(max_length=200, description='As answered in `ETag`: `"3"`.')] = None,
) -> int | None:
    """The version in `If-Match`; 0 (which none has) for a tag that is not ours."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    return int(found[1]) if found else 0


IfMatch = Annotated[int | None, Depends(get_if_match)]


def check_version(present: int, *, if_match: int | None, body: int | None) -> int:
    """The version that the change is based on, to be used in the UPDATE's condition too (another may be faster yet)."""
    if if_match is not None and if_match != present:
        raise PreconditionFailed("version_not_matched", present=present)
    if body is not None and body != present:
        raise Conflict("changed_meanwhile", present=present)
    if if_match is None and body is None:
        raise PreconditionRequired("version_needed")
    return present


def set_etag(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'
