"""Case files sent over the browser: kept, told what is what, read in by a worker, and once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from callback.bootstrap import House
from callback.db.tables import Case, Upload
from callback.errors import Conflict, Invalid, NotFound
from callback.services import uploads
from callback.services.imports.guess import guess, guess_columns, guess_dates, meaning
from callback.texts import say
from callback.worker.tasks import read_upload

CSV = """id,title,state,phone,created
1,First,closed,+8613800138001,2026-03-08 14:05
2,Second,odd,+8613800138002,2026-03-09 10:00
"""
PROFILE = {
    "name": "upload",
    "source": "upload",
    "date_formats": ["%Y-%m-%d %H:%M"],
    "columns": {"external_id": "id", "subject": "title", "status": "state", "phone": "phone", "opened_at": "created"},
    "status": {"closed": "closed", "odd": "open"},
}


@pytest.fixture
def by(make_agent: Callable[..., int]) -> int:
    return make_agent("zhou")


def _received(house: House, by: int, content: str = CSV, name: str = "cases.csv") -> str:
    with house.sessions.begin() as session:
        return uploads.receive(session, file_name=name, content=content.encode(), by=by, now=house.clock()).handle


def _started(house: House, by: int, handle: str, *, dry_run: bool = False) -> int:
    with house.sessions.begin() as session:
        profile = uploads.profile_of(PROFILE)
        return uploads.start(
            session, handle=handle, profile=profile, dry_run=dry_run, language="en", by=by, now=house.clock()
        ).id


def _cases(house: House) -> int:
    with house.sessions() as session:
        return session.scalar(select(func.count()).select_from(Case)) or 0


def test_a_file_is_guessed_previewed_and_read_in_once(house: House, by: int) -> None:
    handle = _received(house, by)
    with house.sessions() as session:
        upload = uploads.find(session, handle, with_content=True)
        assert uploads.first_guess(session, upload).columns == PROFILE["columns"]
        shown = uploads.preview(
            upload,
            uploads.profile_of(PROFILE),
            sessions=house.sessions,
            settings=house.settings,
            language="en",
            now=house.clock(),
        )
    assert [row.external_id for row in shown.rows] == ["1", "2"]
    assert "13800138001" not in shown.rows[0].address
    upload_id = _started(house, by, handle)
    with pytest.raises(Conflict):
        _started(house, by, handle)
    read_upload(house, upload_id=upload_id)
    read_upload(house, upload_id=upload_id)
    assert _cases(house) == 2
    with house.sessions() as session:
        done = uploads.find(session, handle)
        assert (done.state, done.counts["created"], done.rows_done) == ("done", 2, 2)
        with pytest.raises(NotFound):
            uploads.rejects_of(session, handle, by=by, now=house.clock())
    with pytest.raises(Conflict):
        _started(house, by, handle)  # its content is gone


def test_a_try_out_writes_nothing_and_can_be_followed_by_the_real_thing(house: House, by: int) -> None:
    handle = _received(house, by)
    read_upload(house, upload_id=_started(house, by, handle, dry_run=True))
    assert _cases(house) == 0
    read_upload(house, upload_id=_started(house, by, handle))
    assert _cases(house) == 2


def test_what_a_dead_worker_left_is_gone_on_with(house: House, by: int) -> None:
    upload_id = _started(house, by, _received(house, by))
    with house.sessions.begin() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(state="running"))
    read_upload(house, upload_id=upload_id)
    assert _cases(house) == 2


def test_what_stops_a_file_is_kept_with_it_and_it_can_be_told_anew(house: House, by: int) -> None:
    handle = _received(house, by)
    with house.sessions.begin() as session:
        wrong = uploads.profile_of(PROFILE | {"status": {"closed": "closed"}})
        upload = uploads.start(
            session, handle=handle, profile=wrong, dry_run=False, language="en", by=by, now=house.clock()
        )
    read_upload(house, upload_id=upload.id)
    with house.sessions() as session:
        failed = uploads.find(session, handle)
        assert (failed.state, failed.error["code"]) == ("failed", "import_unknown_status")
    read_upload(house, upload_id=_started(house, by, handle))
    assert _cases(house) == 2


def test_refused_rows_are_kept_for_download(house: House, by: int) -> None:
    handle = _received(house, by, CSV + "3,=1+1,closed,12,2026-03-09 10:00\n")
    read_upload(house, upload_id=_started(house, by, handle))
    with house.sessions() as session:
        assert b"12" in uploads.rejects_of(session, handle, by=by, now=house.clock())


def test_refused_rows_are_told_in_the_language_of_who_sent_the_file(house: House, by: int) -> None:
    handle = _received(house, by, CSV + "3,没有日期,closed,13800138003,昨天\n")
    with house.sessions.begin() as session:
        profile = uploads.profile_of(PROFILE)
        upload = uploads.start(
            session, handle=handle, profile=profile, dry_run=False, language="zh", by=by, now=house.clock()
        )
    read_upload(house, upload_id=upload.id, language="zh")
    with house.sessions() as session:
        text = uploads.rejects_of(session, handle, by=by, now=house.clock()).decode("utf-8-sig")
    assert text.startswith(say("import.rejects.row", "zh"))
    assert "2026-03-08" in text
    assert "%Y" not in text


def test_a_number_that_stands_twice_is_seen_before_anything_is_read_in(house: House, by: int) -> None:
    handle = _received(house, by, CSV + CSV.splitlines()[1] + "\n")
    with house.sessions() as session:
        shown = uploads.preview(
            uploads.find(session, handle, with_content=True),
            uploads.profile_of(PROFILE),
            sessions=house.sessions,
            settings=house.settings,
            language="en",
            now=house.clock(),
        )
    assert (shown.looked_at, shown.faulty) == (3, 1)
    assert "row 2" in shown.rows[-1].problem.lower()


@pytest.mark.parametrize(("content", "code"), [("", "import_empty"), ("\n\n", "import_empty")])
def test_what_is_no_table_is_refused(house: House, by: int, content: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        _received(house, by, content)
    assert refused.value.code == code


def test_files_are_thrown_away_after_a_week(house: House, by: int) -> None:
    handle = _received(house, by)
    with house.sessions.begin() as session:
        assert uploads.purge(session, now=house.clock() + timedelta(days=6)) == 0
        assert uploads.purge(session, now=house.clock() + timedelta(days=8)) == 1
        with pytest.raises(NotFound):
            uploads.find(session, handle)


def test_agents_may_not_send_files(desk: Any) -> None:
    agent = desk.agent()
    answer = agent.post("/setup/import", files={"file": ("x.csv", b"id\n1\n")}, headers={"HX-Request": "true"})
    assert answer.status_code == 403


def test_headings_are_recognised_whatever_the_help_desk_calls_them() -> None:
    assert guess_columns(["Ticket ID", "Ticket Subject", "Ticket Status", "Customer Email", "Resolution"]) == {
        "external_id": "Ticket ID",
        "subject": "Ticket Subject",
        "status": "Ticket Status",
        "email": "Customer Email",
        "answer": "Resolution",
    }
    assert guess_columns(["留言编号", "留言主题", "留言时间", "答复意见", "答复时间"]) == {
        "external_id": "留言编号",
        "subject": "留言主题",
        "opened_at": "留言时间",
        "answer": "答复意见",
        "answered_at": "答复时间",
    }


def test_dates_are_recognised_by_what_reads_them_all() -> None:
    rows = [["31-05-2023 10:00"], ["01-06-2023 09:30"]]
    assert guess_dates(["created"], rows, {"opened_at": "created"}) == ("%d-%m-%Y %H:%M",)
    assert guess_dates(["created"], [["no date"]], {"opened_at": "created"}) == ("iso",)


def test_what_was_told_of_a_file_like_it_is_taken_over() -> None:
    known = {"columns": {"external_id": ["nr"]}, "date_formats": ["unix"]}
    found = guess(["nr", "title"], [["1", "A"]], known=known)
    assert (found.columns, found.date_formats) == ({"external_id": "nr"}, ("unix",))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Resolved", "closed"),
        ("Pending Customer Response", "pending"),
        ("已办结", "closed"),
        ("New", "open"),
        ("?", ""),
    ],
)
def test_statuses_are_recognised_by_their_words(text: str, status: str) -> None:
    assert meaning("status", text) == status
