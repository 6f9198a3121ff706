"""Quick replies (快捷回复): prepared texts with pictures that agents read out or copy.

Every change is audited, and is a version that `services/setups` takes back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import quick_replies as rows
from callback.db.tables import QuickReply, QuickReplyPicture
from callback.domain.handle import new_handle
from callback.domain.picture import LARGEST, MOST_BYTES, PictureError, read_picture
from callback.domain.text import is_storable
from callback.domain.words import SetupKind
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit
from callback.services.contents import CONTENT
from callback.services.setups.record import Act, Change, Document, record
from callback.texts import LANGUAGES

MOST_SHOWN = 200
MOST_PICTURES = 4
LONGEST = {"category": 60, "title": 120, "body": 4_000, "description": 200}
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    handle: str
    description: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    id: int
    language: str
    category: str
    title: str
    body: str
    active: bool
    version: int
    changed_at: datetime
    pictures: tuple[Picture, ...]


def listed(
    session: Session, *, language: str | None = None, query: str = "", active: bool | None = True
) -> tuple[Reply, ...]:
    """By category and title. `query`: each of its words stands somewhere in it. `active` None: retired ones too."""
    found = rows.listed(session, language=language, words=query.split()[:8], active=active, limit=MOST_SHOWN)
    pictures = rows.pictures_of(session, [row.id for row in found])
    return tuple(_shown(row, pictures.get(row.id, ())) for row in found)


def find(session: Session, reply_id: int) -> Reply:
    """Raises `NotFound` (`quick_reply_not_found`)."""
    row = session.get(QuickReply, reply_id)
    if row is None:
        raise NotFound("quick_reply_not_found")
    return _shown(row, rows.pictures_of(session, [row.id]).get(row.id, ()))


def _shown(row: QuickReply, pictures: Sequence[object]) -> Reply:
    names = ("handle", "description", "width", "height")
    return Reply(
        id=row.id,
        language=row.language,
        category=row.category,
        title=row.title,
        body=row.body,
        active=row.active,
        version=row.version,
        changed_at=row.changed_at,
        pictures=tuple(Picture(**{name: getattr(one, name) for name in names}) for one in pictures),
    )


def create(
    session: Session, *, language: str, category: str, title: str, body: str, by: int | None, now: datetime
) -> QuickReply:
    """Raises `Invalid` (`quick_reply_language`, `quick_reply_text`) and `Conflict` (`quick_reply_title_taken`)."""
    if language not in LANGUAGES:
        raise Invalid("quick_reply_language", language=language)
    texts = _texts(category=category, title=title, body=body)
    _check_title(session, None, language=language, category=texts["category"], title=texts["title"])
    row = QuickReply(language=language, **texts, created_at=now, changed_at=now, changed_by_id=by)
    session.add(row)
    session.flush()
    act = Act.of(now=now, actor_id=by)
    _audit(session, "quick_reply.create", row, act)
    record(session, SetupKind.QUICK_REPLY, row.id, Change({}, document_of(session, row)), act)
    return row


def update(
    session: Session, *, reply_id: int, version: int, category: str, title: str, body: str, act: Act
) -> QuickReply:
    """Raises as `create` does, `NotFound`, and `Conflict` (`changed_meanwhile`)."""
    row = _locked(session, reply_id, version)
    before = document_of(session, row)
    changed = _write(session, row, category=category, title=title, body=body)
    return _changed(session, "quick_reply.update", row, before, act, before=changed)


def _write(session: Session, row: QuickReply, **given: str) -> Mapping[str, str]:
    """Other words; what stood there before, of those that differ."""
    texts = _texts(**given)
    _check_title(session, row.id, language=row.language, category=texts["category"], title=texts["title"])
    before = {name: getattr(row, name) for name in texts if getattr(row, name) != texts[name]}
    row.category, row.title, row.body = texts["category"], texts["title"], texts["body"]
    return before


def retire(session: Session, *, reply_id: int, version: int, act: Act) -> QuickReply:
    """It is offered no more. Raises `NotFound`, `Conflict` (`changed_meanwhile`)."""
    return _switch(session, reply_id, version, active=False, act=act)


def bring_back(session: Session, *, reply_id: int, version: int, act: Act) -> QuickReply:
    """The undoing of `retire`."""
    return _switch(session, reply_id, version, active=True, act=act)


def _switch(session: Session, reply_id: int, version: int, *, active: bool, act: Act) -> QuickReply:
    row = _locked(session, reply_id, version)
    before = document_of(session, row)
    row.active = active
    return _changed(session, "quick_reply.bring_back" if active else "quick_reply.retire", row, before, act)


def add_picture(
    session: Session, *, reply_id: int, version: int, content: bytes, description: str, act: Act
) -> QuickReplyPicture:
    """One more picture, at the end; what it is is read from its bytes, whatever it was called.

    Raises `Invalid` (`picture_unknown`, `picture_too_big`, `picture_too_large`, `picture_undescribed`) and `Conflict`
    (`quick_reply_pictures_full`, `changed_meanwhile`).
    """
    row = _locked(session, reply_id, version)
    before = document_of(session, row)
    try:
        found = read_picture(content)
    except PictureError as error:
        raise Invalid(error.code, most_kilobytes=MOST_BYTES // 1024, most_pixels=LARGEST) from None
    described = " ".join(description.split())
    if not described or len(described) > LONGEST["description"] or not is_storable(described):
        raise Invalid("picture_undescribed", most=LONGEST["description"])
    count, last = rows.last_position(session, row.id)
    if count >= MOST_PICTURES:
        raise Conflict("quick_reply_pictures_full", most=MOST_PICTURES)
    picture = QuickReplyPicture(
        quick_reply_id=row.id,
        position=last + 1,
        handle=new_handle(),
        media_type=found.media_type,
        description=described,
        width=found.width,
        height=found.height,
        content=content,
    )
    session.add(picture)
    _changed(session, "quick_reply.add_picture", row, before, act, picture=picture.handle)
    return picture


def remove_picture(session: Session, *, handle: str, version: int, act: Act) -> QuickReply:
    """Raises `NotFound` (`picture_not_found`), `Conflict` (`changed_meanwhile`)."""
    picture = picture_of(session, handle)
    row = _locked(session, picture.quick_reply_id, version)
    before = document_of(session, row)
    picture.shown = False
    return _changed(session, "quick_reply.remove_picture", row, before, act, picture=handle)


def document_of(session: Session, row: QuickReply) -> Document:
    """A quick reply as a version remembers it; of its pictures the handles, in their order."""
    session.flush()
    pictures = [one.handle for one in rows.pictures_of(session, [row.id]).get(row.id, ())]
    return {"category": row.category, "title": row.title, "body": row.body, "active": row.active, "pictures": pictures}


def put_back(session: Session, reply_id: int, document: Document, *, act: Act) -> QuickReply:
    """As an earlier version had it. What was just made and is taken back is retired: nothing is thrown away.

    Raises as `update` does.
    """
    row = _locked(session, reply_id)
    before = document_of(session, row)
    if document:
        _write(session, row, **{name: document[name] for name in ("category", "title", "body")})
        rows.show_pictures(session, row.id, document["pictures"])
    row.active = document.get("active", False)
    return _changed(session, "quick_reply.put_back", row, before, act)


def picture_of(session: Session, handle: str) -> QuickReplyPicture:
    """With its bytes. Raises `NotFound` (`picture_not_found`)."""
    picture = rows.picture(session, handle)
    if picture is None:
        raise NotFound("picture_not_found")
    return picture


def seed_content(session: Session, now: datetime) -> int:
    """The shipped examples, into a house that has no quick replies yet. Returns how many; again: 0."""
    if rows.anything(session):
        return 0
    loaded = 0
    folder = CONTENT / "quick_replies"
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for one in document["replies"]:
            row = create(
                session,
                language=document["language"],
                category=one["category"],
                title=one["title"],
                body=one["body"],
                by=None,
                now=now,
            )
            for picture in one.get("pictures", ()):
                add_picture(
                    session,
                    reply_id=row.id,
                    version=row.version,
                    content=(folder / "pictures" / picture["file"]).read_bytes(),
                    description=picture["description"],
                    act=Act.of(now=now, actor_id=None),
                )
            loaded += 1
    return loaded


def _texts(**texts: str) -> dict[str, str]:
    """Trimmed and sound. Raises `Invalid` (`quick_reply_text`) naming the first that is not."""
    kept = {}
    for name, given in texts.items():
        text = given.replace("\r\n", "\n").strip() if name == "body" else " ".join(given.split())
        if not text or len(text) > LONGEST[name] or not is_storable(text):
            raise Invalid("quick_reply_text", field=name, called=name, most=LONGEST[name], length=len(text))
        kept[name] = text
    return kept


def _check_title(session: Session, reply_id: int | None, *, language: str, category: str, title: str) -> None:
    if rows.same_title(session, language=language, category=category, title=title) not in (None, reply_id):
        raise Conflict("quick_reply_title_taken", title=title)


def _locked(session: Session, reply_id: int, version: int | None = None) -> QuickReply:
    row = rows.locked(session, reply_id)
    if row is None:
        raise NotFound("quick_reply_not_found")
    if version not in (None, row.version):
        raise Conflict("changed_meanwhile", present=row.version)
    return row


def _changed(
    session: Session, action: str, row: QuickReply, earlier: Document, act: Act, **details: object
) -> QuickReply:
    row.version += 1
    row.changed_at, row.changed_by_id = act.now, act.actor_id
    change = Change(earlier, document_of(session, row))
    _audit(session, action, row, act, **details)
    record(session, SetupKind.QUICK_REPLY, row.id, change, act)
    return row


def _audit(session: Session, action: str, row: QuickReply, act: Act, **details: object) -> None:
    audit.record(
        session,
        now=act.now,
        actor_id=act.actor_id,
        action=action,
        subject_kind="quick_reply",
        subject_id=row.id,
        title=row.title,
        language=row.language,
        **details,
    )
