"""Messages on a colleague's callback: who leaves them, who reads them, and where they are seen."""

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.tables import AuditEntry, Callback
from callback.domain.words import Disposition
from callback.services import notes
from tests.integration.call_centre import Centre
from tests.integration.conftest import Desk, StandingClock

HTMX = {"HX-Request": "true"}


@pytest.fixture
def centre(house: House, clock: StandingClock) -> Centre:
    return Centre(house.sessions, house.settings, clock()).open()


def test_a_message_is_seen_on_the_day_of_whoever_has_the_callback_until_it_is_read(
    desk: Desk, centre: Centre, house: House
) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    handle = centre.callback(desk.ids["li"])
    left = wang.post(f"/callbacks/{handle}/messages", data={"text": " <b>rang</b> twice today "}, headers=HTMX)
    assert left.status_code == 200
    assert "The message was left." in left.headers["HX-Trigger"]
    assert "&lt;b&gt;rang&lt;/b&gt; twice today" in left.text

    day = li.get("/day").text
    assert "1 unread" in day
    assert "Wang" in day
    assert "twice today" not in day  # it may tell of the case: read in the call, once the person is confirmed
    with house.sessions() as session:
        [message] = notes.unread_of(session, desk.ids["li"])[handle].messages
        assert (message.author_name, message.read_at) == ("Wang", None)
    assert wang.post(f"/notes/{message.handle}/read", headers=HTMX).status_code == 404  # not on their callback
    for _ in range(2):  # a double click
        assert li.post(f"/notes/{message.handle}/read", headers=HTMX).status_code == 204
    assert "unread" not in li.get("/day").text
    with house.sessions() as session:
        [kept] = notes.messages_of(session, centre.look(handle).id)
        assert kept.reader_name == "Li"
        acts = session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject_id == handle).order_by(AuditEntry.id)
        ).all()
        assert acts == ["callback.message", "callback.message_read"]


def test_messages_go_along_when_the_callback_is_moved(desk: Desk, centre: Centre, house: House) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    handle = centre.callback(desk.ids["li"])
    wang.post(f"/callbacks/{handle}/messages", data={"text": "please be patient with her"}, headers=HTMX)
    with house.sessions.begin() as session:
        session.scalars(select(Callback).where(Callback.handle == handle)).one().agent_id = desk.ids["wang"]
    assert "unread" not in li.get("/day").text
    assert "1 unread" in wang.get("/day").text


def test_others_read_only_what_they_wrote_and_supervisors_all(desk: Desk, centre: Centre) -> None:
    li, wang, chief = desk.agent("li"), desk.agent("wang"), desk.supervisor()
    handle = centre.callback(desk.ids["li"])
    desk.agent("zhao").post(f"/callbacks/{handle}/messages", data={"text": "by zhao"}, headers=HTMX)
    wang.post(f"/callbacks/{handle}/messages", data={"text": "by wang"}, headers=HTMX)
    seen = {  # li has it, and reads what others wrote in the call: see test_web_attacks.py
        name: [text for text in ("by zhao", "by wang") if text in client.get(f"/callbacks/{handle}/messages").text]
        for name, client in (("li", li), ("wang", wang), ("chief", chief))
    }
    assert seen == {"li": [], "wang": ["by wang"], "chief": ["by zhao", "by wang"]}


@pytest.mark.parametrize(
    ("text", "status", "word"),
    [("  ", 422, "empty"), ("x" * 100_000, 422, "1000 are allowed"), ("a\x00b", 422, "cannot be kept")],
)
def test_what_cannot_be_kept_is_refused_with_a_word(
    desk: Desk, centre: Centre, text: str, status: int, word: str
) -> None:
    wang = desk.agent("wang")
    handle = centre.callback(None)
    refused = wang.post(f"/callbacks/{handle}/messages", data={"text": text}, headers=HTMX)
    assert refused.status_code == status
    assert word in refused.text
    assert wang.post("/callbacks/nothing/messages", data={"text": "x"}, headers=HTMX).status_code == 404


def test_nobody_writes_on_a_callback_that_is_over(desk: Desk, centre: Centre) -> None:
    wang = desk.agent("wang")
    handle = centre.callback(desk.ids["wang"])
    centre.finish(centre.talk(centre.start(handle, desk.ids["wang"]), desk.ids["wang"], "1", "1"), desk.ids["wang"],
                  Disposition.REFUSED)  # fmt: skip
    refused = wang.post(f"/callbacks/{handle}/messages", data={"text": "too late"}, headers=HTMX)
    assert refused.status_code == 409
    assert "has ended" in wang.get(f"/callbacks/{handle}/messages").text


def test_the_api_leaves_lists_and_reads_them(desk: Desk, centre: Centre) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    handle = centre.callback(desk.ids["li"])
    made = wang.post(f"/api/v1/callbacks/{handle}/notes", json={"text": "rang"}, headers={"Idempotency-Key": "k1"})
    again = wang.post(f"/api/v1/callbacks/{handle}/notes", json={"text": "rang"}, headers={"Idempotency-Key": "k1"})
    assert (made.status_code, again.json()) == (201, made.json())
    assert [one["text"] for one in wang.get(f"/api/v1/callbacks/{handle}/notes").json()] == ["rang"]
    assert li.get(f"/api/v1/callbacks/{handle}/notes").json() == []  # nobody is confirmed yet
    note = made.json()["handle"]
    assert wang.post(f"/api/v1/callbacks/notes/{note}/read").status_code == 404
    assert li.post(f"/api/v1/callbacks/notes/{note}/read").json()["reader_name"] == "Li"
