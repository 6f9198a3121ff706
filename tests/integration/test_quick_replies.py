"""Quick replies: written, searched, retired, with pictures that are what they say."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.bootstrap import House
from callback.db.engine import SessionFactory
from callback.db.tables import AuditEntry, QuickReply
from callback.domain.account import Scope
from callback.domain.words import SetupKind
from callback.errors import Conflict, Forbidden, Invalid, NotFound
from callback.services import quick_replies
from callback.services.setups import undo
from callback.services.setups.record import Act

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x08\x08\x06\x00\x00\x00"


def _new(session: Session, now: datetime, **columns: Any) -> QuickReply:
    values = {"language": "en", "category": "Opening", "title": "Hello", "body": "Good morning, 100 % sure."} | columns
    return quick_replies.create(session, **values, by=None, now=now)


def _act(now: datetime) -> Act:
    return Act.of(now=now, actor_id=None)


def test_the_shipped_ones_are_loaded_once_in_both_languages(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        loaded = quick_replies.seed_content(session, now)
        assert quick_replies.seed_content(session, now) == 0
        chinese, english = (quick_replies.listed(session, language=one) for one in ("zh", "en"))
        assert len(chinese) == len(english) == loaded / 2
        assert [len(one.pictures) for one in chinese].count(1) == 3
        with_picture = quick_replies.listed(session, language="zh", query="序列号 背面")
        assert [one.title for one in with_picture] == ["序列号在哪里"]
        picture = quick_replies.picture_of(session, with_picture[0].pictures[0].handle)
        assert (picture.media_type, picture.width, picture.height) == ("image/png", 480, 240)


def test_search_takes_words_as_they_are(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        _new(session, now)
        _new(session, now, title="Other", body="Nothing here")
        for query, found in (("MORNING", 1), ("100 %", 1), ("%", 1), ("_", 0), ("opening hello", 1), ("", 2)):
            assert len(quick_replies.listed(session, query=query)) == found, query


def test_a_change_is_audited_and_asks_for_the_version(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        row = _new(session, now)
        changed: dict[str, Any] = {"category": "Opening", "title": "Hello", "act": _act(now)}
        quick_replies.update(session, reply_id=row.id, version=1, body="Good evening", **changed)
        with pytest.raises(Conflict):
            quick_replies.update(session, reply_id=row.id, version=1, body="Late", **changed)
        quick_replies.retire(session, reply_id=row.id, version=2, act=_act(now))
        assert quick_replies.listed(session) == ()
        assert [one.active for one in quick_replies.listed(session, active=None)] == [False]
        quick_replies.bring_back(session, reply_id=row.id, version=3, act=_act(now))
        assert quick_replies.find(session, row.id).body == "Good evening"
        entries = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_kind == "quick_reply").order_by(AuditEntry.id)
        ).all()
        assert [entry.removeprefix("quick_reply.") for entry in entries] == ["create", "update", "retire", "bring_back"]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"language": "fr"}, "quick_reply_language"),
        ({"title": "  "}, "quick_reply_text"),
        ({"body": "x" * 4_001}, "quick_reply_text"),
        ({"category": "a\x00"}, "quick_reply_text"),
    ],
)
def test_what_is_refused(sessions: SessionFactory, now: datetime, columns: dict[str, str], code: str) -> None:
    with sessions.begin() as session, pytest.raises(Invalid) as refused:
        _new(session, now, **columns)
    assert refused.value.code == code


def test_titles_do_not_repeat(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        _new(session, now)
        other = _new(session, now, language="zh")
        with pytest.raises(Conflict):
            _new(session, now, title=" Hello ")
        quick_replies.update(
            session, reply_id=other.id, version=1, category="Opening", title="Hello", body="same", act=_act(now)
        )
        with pytest.raises(NotFound):
            quick_replies.find(session, 10**9)


def test_pictures(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        row = _new(session, now)

        def add(content: bytes, description: str = "a box") -> str:
            return quick_replies.add_picture(
                session,
                reply_id=row.id,
                version=row.version,
                content=content,
                description=description,
                act=_act(now),
            ).handle

        handles = [add(PNG) for _ in range(quick_replies.MOST_PICTURES)]
        with pytest.raises(Conflict):
            add(PNG)
        quick_replies.remove_picture(session, handle=handles[0], version=row.version, act=_act(now))
        for content, description, code in (
            (b"<svg><script>alert(1)</script></svg>", "x", "picture_unknown"),
            (PNG + b"\x00" * 600_000, "x", "picture_too_big"),
            (PNG, " ", "picture_undescribed"),
        ):
            with pytest.raises(Invalid) as refused:
                add(content, description)
            assert refused.value.code == code
        with pytest.raises(NotFound):
            quick_replies.picture_of(session, handles[0])
        assert len(quick_replies.find(session, row.id).pictures) == quick_replies.MOST_PICTURES - 1


def test_agents_find_them_and_pictures_are_served_as_pictures(desk: Any, house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        row = _new(session, now, body="<b>bold</b>")
        handle = quick_replies.add_picture(
            session, reply_id=row.id, version=row.version, content=PNG, description="a box", act=_act(now)
        ).handle
    agent = desk.agent()
    text = agent.get("/quick-replies?spoken=en&q=hello").text
    assert "&lt;b&gt;bold" in text
    assert handle in text
    assert "Nothing fits" in agent.get("/quick-replies?spoken=en&q=zzz").text
    assert "no quick replies in this language" in agent.get("/quick-replies?spoken=zh").text
    served = agent.get(f"/quick-replies/pictures/{handle}")
    assert served.content == PNG
    assert served.headers["content-type"] == "image/png"
    assert served.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert agent.get("/quick-replies/pictures/" + "a" * 22).status_code == 404


def test_every_change_can_be_taken_back_and_brought_back(sessions: SessionFactory, now: datetime) -> None:
    may: dict[str, Any] = {"scopes": {Scope.SCRIPTS_WRITE}, "now": now, "actor_id": None}
    with sessions.begin() as session:
        row = _new(session, now)
        changed, pictured, emptied, retired = (_act(now) for _ in range(4))
        quick_replies.update(
            session, reply_id=row.id, version=1, category="Closing", title="Bye", body="Good night", act=changed
        )
        with pytest.raises(Forbidden):
            undo.undo(session, changed.handle, **(may | {"scopes": {Scope.AGENTS_WRITE}}))
        back, count = undo.undo(session, changed.handle, **may)
        assert (count, row.category, row.title, row.body) == (1, "Opening", "Hello", "Good morning, 100 % sure.")
        undo.undo(session, back.handle, **may)
        assert row.title == "Bye"
        picture = quick_replies.add_picture(
            session, reply_id=row.id, version=row.version, content=PNG, description="a box", act=pictured
        ).handle
        quick_replies.remove_picture(session, handle=picture, version=row.version, act=emptied)
        with pytest.raises(Conflict):
            undo.undo(session, pictured.handle, **may)
        undo.undo(session, emptied.handle, **may)
        assert [one.handle for one in quick_replies.find(session, row.id).pictures] == [picture]
        assert quick_replies.picture_of(session, picture).content == PNG
        quick_replies.retire(session, reply_id=row.id, version=row.version, act=retired)
        undo.undo(session, retired.handle, **may)
        assert row.active
        undo.restore(session, SetupKind.QUICK_REPLY, str(row.id), 1, **may)
        assert (row.title, quick_replies.find(session, row.id).pictures) == ("Hello", ())
        with pytest.raises(NotFound):
            undo.restore(session, SetupKind.QUICK_REPLY, str(row.id), 0, **may)


def test_what_is_taken_back_must_still_be_allowed(sessions: SessionFactory, now: datetime) -> None:
    may: dict[str, Any] = {"scopes": {Scope.SCRIPTS_WRITE}, "now": now, "actor_id": None}
    with sessions.begin() as session:
        row, renamed = _new(session, now), _act(now)
        quick_replies.update(
            session, reply_id=row.id, version=1, category="Opening", title="Hi", body="Good night", act=renamed
        )
        _new(session, now)
        with pytest.raises(Conflict) as refused:
            undo.undo(session, renamed.handle, **may)
        assert refused.value.code == "quick_reply_title_taken"


def test_the_page_shows_the_versions_and_offers_undo(desk: Any, house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        row = _new(session, now)
        reply_id = row.id
    chief = desk.supervisor()
    address = f"/setup/replies/{reply_id}"
    words = {"version": "1", "category": "Opening", "title": "Hello", "body": "Good evening"}
    chief.post(address, data=words, follow_redirects=False)
    page = chief.get(address).text
    assert "<del>Good morning, 100 % sure.</del> → <ins>Good evening</ins>" in page
    assert f"/setup/restore/quick_reply/1?key={reply_id}" in page
    chief.post(f"/setup/restore/quick_reply/1?key={reply_id}")
    with house.sessions() as session:
        assert quick_replies.find(session, reply_id).body == "Good morning, 100 % sure."
    assert "Good evening" not in desk.agent("plain").get(address).text, "how it was before is for whoever changes it"
