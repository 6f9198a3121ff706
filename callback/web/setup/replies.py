"""`/setup/replies`: quick replies by category and language, with pictures; written, changed, retired, brought back."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Response, UploadFile

from callback.domain.account import Scope
from callback.domain.picture import MOST_BYTES
from callback.domain.words import SetupKind
from callback.services import quick_replies
from callback.services.quick_replies import LONGEST, Reply
from callback.services.setups.record import Act
from callback.texts import Language
from callback.web.desk import Desk, at_desk
from callback.web.setup.history import history_of

router = APIRouter(prefix="/setup/replies")
Reader = Annotated[Desk, Depends(at_desk(Scope.SCRIPTS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.SCRIPTS_WRITE))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
Version = Annotated[int, Form(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form(max_length=10_000)]


@router.get("")
def index(
    desk: Reader,
    q: Annotated[str, Query(max_length=200)] = "",
    lang: Annotated[str, Query(max_length=5)] = "",
    retired: Annotated[bool, Query()] = False,
) -> Response:
    language: Language = "zh" if lang == "zh" else "en" if lang == "en" else desk.language
    with desk.reading() as session:
        found = quick_replies.listed(session, language=language, query=q, active=not retired)
    groups: dict[str, list[Reply]] = {}
    for reply in found:
        groups.setdefault(reply.category, []).append(reply)
    return desk.page(
        "setup/replies/page.html",
        groups=groups,
        query=q,
        shown_in=language,
        retired=retired,
        longest=LONGEST,
        may=Scope.SCRIPTS_WRITE in desk.me.scopes,
    )


@router.post("")
def create(
    desk: Writer,
    language: Annotated[Literal["zh", "en"], Form()],
    category: Text = "",
    title: Text = "",
    body: Text = "",
) -> Response:
    with desk.begin() as session:
        row = quick_replies.create(
            session,
            language=language,
            category=category,
            title=title,
            body=body,
            by=desk.me.agent_id,
            now=desk.now,
        )
    return desk.go(f"/setup/replies/{row.id}", said="replies_desk.made")


@router.get("/{reply_id}")
def edit(reply_id: Id, desk: Reader) -> Response:
    with desk.reading() as session:
        reply = quick_replies.find(session, reply_id)
        history = history_of(desk, session, SetupKind.QUICK_REPLY, reply_id)
    may = Scope.SCRIPTS_WRITE in desk.me.scopes
    return desk.page("setup/replies/edit.html", reply=reply, longest=LONGEST, may=may, history=history)


@router.post("/{reply_id}")
def change(
    reply_id: Id, desk: Writer, version: Version, category: Text = "", title: Text = "", body: Text = ""
) -> Response:
    act = _act(desk)
    with desk.begin() as session:
        quick_replies.update(
            session, reply_id=reply_id, version=version, category=category, title=title, body=body, act=act
        )
    return _done(desk, reply_id, act, said="replies_desk.kept")


@router.post("/{reply_id}/retire")
def retire(reply_id: Id, desk: Writer, version: Version) -> Response:
    act = _act(desk)
    with desk.begin() as session:
        row = quick_replies.retire(session, reply_id=reply_id, version=version, act=act)
    undo = f"/setup/undo/{act.handle}"
    return desk.go(f"/setup/replies?lang={row.language}", said="replies_desk.retired", undo=undo, title=row.title)


@router.post("/{reply_id}/bring-back/{version}")
def bring_back(reply_id: Id, version: Id, desk: Writer) -> Response:
    act = _act(desk)
    with desk.begin() as session:
        quick_replies.bring_back(session, reply_id=reply_id, version=version, act=act)
    return _done(desk, reply_id, act, said="replies_desk.brought_back")


@router.post("/{reply_id}/pictures")
def add_picture(reply_id: Id, desk: Writer, file: UploadFile, version: Version, description: Text = "") -> Response:
    content = file.file.read(MOST_BYTES + 1)
    act = _act(desk)
    with desk.begin() as session:
        quick_replies.add_picture(
            session, reply_id=reply_id, version=version, content=content, description=description, act=act
        )
    return _done(desk, reply_id, act, said="replies_desk.picture_added")


@router.post("/pictures/{handle}/remove")
def remove_picture(handle: Annotated[str, Path(max_length=64)], desk: Writer, version: Version) -> Response:
    act = _act(desk)
    with desk.begin() as session:
        row = quick_replies.remove_picture(session, handle=handle, version=version, act=act)
    return _done(desk, row.id, act, said="replies_desk.picture_removed")


def _act(desk: Desk) -> Act:
    return Act.of(now=desk.now, actor_id=desk.me.agent_id)


def _done(desk: Desk, reply_id: int, act: Act, *, said: str) -> Response:
    return desk.go(f"/setup/replies/{reply_id}", said=said, undo=f"/setup/undo/{act.handle}")
