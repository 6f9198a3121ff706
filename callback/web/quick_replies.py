"""Quick replies as agents have them: a list that is searched, and the pictures. They are written in the set-up."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from callback.domain.account import Scope
from callback.services import quick_replies
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Reader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_READ))]
Handle = Annotated[str, Path(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get("/quick-replies")
def listed(
    desk: Reader,
    spoken: Literal["zh", "en"],
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Those of one language in which every word stands."""
    with desk.reading() as session:
        found = quick_replies.listed(session, language=spoken, query=q)
    return desk.fragment("quick_replies/list.html", replies=found, spoken=spoken, query=q.strip())


@router.get("/quick-replies/pictures/{handle}")
def picture(handle: Handle, desk: Reader) -> Response:
    """The bytes as what they were found to be, and nothing a browser could take for a document."""
    with desk.reading() as session:
        found = quick_replies.picture_of(session, handle)
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": "inline",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(found.content, media_type=found.media_type, headers=headers)
