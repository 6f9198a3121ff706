"""Case files into a real database: counts, repetition, changes, refusals, real files."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from callback.bootstrap import House
from callback.db.engine import reading
from callback.db.tables import (
    AuditEntry,
    Callback,
    Case,
    CaseHandler,
    ContactPoint,
    Customer,
    Decision,
    Dissatisfaction,
    ImportRun,
    Promise,
    Team,
)
from callback.domain.words import CaseStatus, ContactKind, PromiseState
from callback.errors import Invalid
from callback.services import cases, visits
from callback.services.imports.profile import Profile, load_profile
from callback.services.imports.run import Order, Summary, import_file
from callback.services.imports.template import write_template
from callback.settings import load_settings

PROFILES = Path(__file__).resolve().parents[2] / "docs" / "import-profiles"
HEADINGS = "Case number,Status,Subject,Answer,Customer number,Name,Telephone,Rating,Promised by,Handled by\n"


@pytest.fixture
def load(house: House, tmp_path: Path) -> Callable[..., Summary]:
    """`load("K1,open,…")`: imports these lines under the template's headings."""

    def run(*lines: str, headings: str = HEADINGS, **order: Any) -> Summary:
        path = tmp_path / "cases.csv"
        path.write_text(headings + "".join(line + "\n" for line in lines), encoding="utf-8")
        wanted = Order(path=path, profile=load_profile("callback"), language="en")
        return import_file(house.sessions, house.settings, replace(wanted, **order), clock=house.clock)

    return run


def only(house: House, table: Any) -> Any:
    with reading(house.sessions) as session:
        return session.scalars(select(table)).one()


def test_the_same_file_twice_changes_nothing(load: Callable[..., Summary], house: House, clock: Any) -> None:
    lines = [f"K{n},open,Noise,,C{n % 3},Wang,1381234567{n},,," for n in range(10)]
    first = load(*lines, chunk=4)
    assert (first.created, first.updated, first.unchanged, first.rejected, first.rows) == (10, 0, 0, 0, 10)
    with house.sessions.begin() as session:
        session.execute(Case.__table__.update().values(plan_at=None))  # type: ignore[attr-defined]
    clock.advance(days=1)
    second = load(*lines, chunk=4)
    assert (second.created, second.updated, second.unchanged) == (0, 0, 10)
    with reading(house.sessions) as session:
        assert session.scalar(select(func.count()).select_from(Case).where(Case.plan_at.is_not(None))) == 0
        assert session.scalar(select(func.count()).select_from(Customer)) == 3
        assert session.scalar(select(func.count()).select_from(ContactPoint)) == 10


def test_a_changed_row_is_updated_and_planned_again(load: Callable[..., Summary], house: House, clock: Any) -> None:
    load("K1,open,Noise,,C1,Wang,13812345678,,,")
    clock.advance(days=1)
    summary = load("K1,closed,Noise at night,Replaced.,C1,Wang Mei,13912345678,,,")
    assert (summary.created, summary.updated, summary.unchanged) == (0, 1, 0)
    case = only(house, Case)
    assert (case.subject, case.status, case.answer, case.version) == (
        "Noise at night",
        CaseStatus.CLOSED,
        "Replaced.",
        2,
    )
    assert (case.plan_at, case.updated_at) == (case.opened_at, clock.now)
    assert case.opened_at < clock.now, "a row without dates keeps the moment at which it was first seen"
    assert only(house, Customer).name == "Wang Mei"
    with reading(house.sessions) as session:
        addresses = session.scalars(select(ContactPoint.address).order_by(ContactPoint.position)).all()
    assert addresses == ["+8613812345678", "+8613912345678"], "known addresses stay, new ones come behind"


def test_a_row_that_names_another_team_moves_the_work_of_its_case(
    load: Callable[..., Summary], house: House, clock: Any
) -> None:
    headings = "Case number,Status,Subject,Customer number,Name,Telephone,Team\n"
    with house.sessions.begin() as session:
        session.add_all([Team(name=name, created_at=clock.now) for name in ("North", "South")])
    load("K1,open,Noise,C1,Wang,13812345678,North", headings=headings)
    with house.sessions.begin() as session:
        case = session.scalars(select(Case)).one()
        visits.arrange(
            session, case=case, earliest_at=clock.now, due_at=clock.now + timedelta(days=1), by=None, now=clock.now
        )
        north = session.scalars(select(Callback)).one().case_team_id
        assert north == case.team_id
    load("K1,open,Noise,C1,Wang,13812345678,South", headings=headings)
    assert only(house, Callback).case_team_id == only(house, Case).team_id != north


def test_what_the_house_did_is_not_taken_back(load: Callable[..., Summary], house: House, clock: Any) -> None:
    load("K1,open,Noise,,C1,Wang,,,,")
    with house.sessions.begin() as session:
        case = session.scalars(select(Case)).one()
        cases.answer_case(session, case=case, text="We replaced it.", by=None, now=clock.now)
        cases.close_case(session, case=case, by=None, now=clock.now)
        cases.mark_told(session, case=case, at=clock.now, now=clock.now)
    load("K1,open,Noise in the cellar,,C1,Wang,,,,")
    case = only(house, Case)
    assert (case.subject, case.answer, case.status) == ("Noise in the cellar", "We replaced it.", CaseStatus.CLOSED)
    assert case.told_at == clock.now


def test_a_new_answer_in_the_file_has_to_be_told_again(load: Callable[..., Summary], house: House, clock: Any) -> None:
    load("K1,closed,Noise,First answer.,C1,Wang,,,,")
    with house.sessions.begin() as session:
        cases.mark_told(session, case=session.scalars(select(Case)).one(), at=clock.now, now=clock.now)
    load("K1,closed,Noise,Second answer.,C1,Wang,,,,")
    assert only(house, Case).told_at is None


def test_promises_are_kept_as_rows(load: Callable[..., Summary], house: House, clock: Any) -> None:
    load("K1,open,Noise,,C1,Wang,,,2026-03-12 10:00,")
    due = datetime(2026, 3, 12, 2, tzinfo=UTC)
    assert (only(house, Promise).due_at, only(house, Promise).state) == (due, PromiseState.OPEN)
    assert only(house, Case).promised_at == due
    load("K1,open,Noise!,,C1,Wang,,,2026-03-12 10:00,")
    assert only(house, Promise).state is PromiseState.OPEN, "the same promise is not given twice"
    load("K1,open,Noise!,,C1,Wang,,,2026-03-13 10:00,")
    with reading(house.sessions) as session:
        states = session.scalars(select(Promise.state).order_by(Promise.id)).all()
    assert states == [PromiseState.REPLACED, PromiseState.OPEN]
    assert only(house, Case).promised_at == due + timedelta(days=1)


def test_whoever_handled_the_case_is_on_record(load: Callable[..., Summary], house: House, make_agent: Any) -> None:
    li = make_agent("li")
    load("K1,open,Noise,,C1,Wang,,,,N-li", "K2,open,Noise,,C1,Wang,,,,nobody")
    handler = only(house, CaseHandler)
    assert (handler.agent_id, handler.role) == (li, "took")
    assert only(house, Case).external_id == "K1"


def test_an_unhappy_rating_raises_one_dissatisfaction(load: Callable[..., Summary], house: House) -> None:
    lines = ["K1,closed,Noise,Done.,C1,Wang,,2,,", "K2,closed,Noise,Done.,C2,Li,,3,,", "K3,open,Noise,,C3,Zhao,,,,"]
    assert load(*lines).dissatisfactions == 1
    flag = only(house, Dissatisfaction)
    assert (flag.rule, flag.evidence[0]["source"], flag.evidence[0]["rating"]) == ("low_score", "import", 2)
    decision = only(house, Decision)
    assert (decision.about, decision.verdict) == ("dissatisfaction", "open")
    assert decision.inputs == {"rating": 2, "severity": "minor"}
    again = load("K1,closed,Noise at night,Done.,C1,Wang,,2,,", *lines[1:])
    assert (again.updated, again.dissatisfactions) == (1, 0)
    later = load("K1,closed,Noise,Done.,C1,Wang,,2,,", "K2,closed,Noise,Done.,C2,Li,,1,,")
    assert (later.updated, later.dissatisfactions) == (2, 1)


def test_bad_rows_are_named_and_good_ones_load(load: Callable[..., Summary], house: House, tmp_path: Path) -> None:
    summary = load(
        "K1,open,Noise,,C1,Wang,13812345678,,,",
        "K2,open,Noise,,C2,Li,=1+1,,,",
        "K1,open,Twice,,C3,Zhao,,,,",
        ",open,No number,,C4,Sun,,,,",
        "K5,open,One,cell,too,many,,,,,x",
        "K6,open,Noise,,C6,Qian,13912345678,,,",
    )
    assert (summary.created, summary.rejected) == (2, 4)
    text = (tmp_path / "cases.rejects.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(text.decode("utf-8-sig").splitlines()))
    assert lines[0] == ["Row", "Column", "Value", "What to do"]
    assert [line[:3] for line in lines[1:]] == [
        ["3", "Telephone", "'=1+1"],
        ["4", "Case number", "K1"],
        ["5", "Case number", ""],
        ["6", "", "x"],
    ]
    assert lines[1][3].startswith("No telephone number of CN.")
    assert lines[2][3].startswith("Row 2 has this number already")


@pytest.mark.parametrize(
    ("headings", "line", "code"),
    [
        (HEADINGS, "K2,lost,Noise,,,,,,,", "import_unknown_status"),
        (HEADINGS, "K2,,Noise,,,,,,,", "import_unknown_status"),
        ("Case number,Subject\n", "K2,Noise", "import_missing_columns"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(
    load: Callable[..., Summary], house: House, headings: str, line: str, code: str
) -> None:
    good = "K1,open,Noise,,,,,,," if headings == HEADINGS else "K1,Noise"
    with pytest.raises(Invalid) as caught:
        load(good, line, headings=headings)
    assert caught.value.code == code
    with reading(house.sessions) as session:
        for table in (Case, Customer, ImportRun, AuditEntry):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_a_dry_run_says_what_would_happen(load: Callable[..., Summary], house: House) -> None:
    load("K1,open,Noise,,C1,Wang,,,,")
    summary = load("K1,pending,Noise,,C1,Wang,,,,", "K2,open,Noise,,C1,Wang,,,,", "K3,open,,,,,,,,", dry_run=True)
    assert (summary.created, summary.updated, summary.rejected, summary.dry_run) == (1, 1, 1, True)
    assert only(house, Case).status is CaseStatus.OPEN
    assert only(house, ImportRun).state == "done"


def test_made_up_numbers_fill_what_is_missing_once(load: Callable[..., Summary], house: House) -> None:
    lines = ["K1,open,Noise,,C1,Wang,,,,", "K2,open,Noise,,C2,Li,13812345678,,,"]
    assert load(*lines).needs_data == 1
    filled = load(*lines, fictional_phones=True)
    assert (filled.fictional_phones, filled.needs_data) == (1, 0)
    assert load(*lines, fictional_phones=True).fictional_phones == 0
    with reading(house.sessions) as session:
        made_up = session.scalars(select(ContactPoint).where(ContactPoint.fictional)).one()
        assert made_up.address.startswith("+86120")


def test_made_up_numbers_are_refused_beside_a_real_carrier(load: Callable[..., Summary], house: House) -> None:
    settings = load_settings(database_url=house.settings.database_url, twilio_account_sid="AC" + "0" * 32)
    order = Order(path=Path("x.csv"), profile=load_profile("callback"), language="en", fictional_phones=True)
    with pytest.raises(Invalid) as caught:
        import_file(house.sessions, settings, order, clock=house.clock)
    assert caught.value.code == "fictional_phones_with_real_carrier"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_template_can_be_filled_in_and_imported(house: House, tmp_path: Path, language: Any) -> None:
    path = tmp_path / "template.xlsx"
    write_template(path, language)
    book = openpyxl.load_workbook(path)
    assert len(book.sheetnames) == 2
    sheet = book.worksheets[0]
    column = {str(cell.value): cell.column for cell in sheet[1]}
    words = ("Case number", "Status", "Subject", "Telephone", "Reported at")
    chinese = ("个案编号", "状态", "主题", "电话", "报告时间")
    names = words if language == "en" else chinese
    status = "pending" if language == "en" else "处理中"
    opened = datetime(2026, 3, 1, 10)  # noqa: DTZ001  a spreadsheet knows no zone
    values: tuple[Any, ...] = ("K1", status, "Noise", "13812345678", opened)
    for name, value in zip(names, values, strict=True):
        sheet.cell(row=2, column=column[name] or 0).value = value
    choices = {str(v.formula1) for v in sheet.data_validations.dataValidation}
    assert ('"open,pending,closed"' if language == "en" else '"待处理,处理中,已关闭"') in choices
    book.save(path)
    order = Order(path=path, profile=load_profile("callback"), language="en")
    assert import_file(house.sessions, house.settings, order, clock=house.clock).created == 1
    case = only(house, Case)
    assert (case.status, case.opened_at) == (CaseStatus.PENDING, datetime(2026, 3, 1, 2, tzinfo=UTC))
    assert only(house, ContactPoint).kind is ContactKind.MOBILE


def test_json_lines_are_imported(house: House, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    rows = [{"Case number": n, "Status": "open", "Subject": "噪音", "Telephone": ["13812345678"]} for n in (1, 2)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    order = Order(path=path, profile=load_profile("callback"), language="en")
    assert import_file(house.sessions, house.settings, order, clock=house.clock).created == 2
    assert only(house, Customer).external_id == "+8613812345678"


def real(shared: Path, name: str) -> tuple[Path, Profile]:
    (path,) = (shared / "data").glob(f"{name}.*")
    return path, load_profile(str(PROFILES / f"{name}.toml"))


@pytest.mark.parametrize(
    ("name", "statuses", "flags", "needs_data"),
    [
        ("tickets_en", {"open": 2819, "pending": 2881, "closed": 2769}, 1102, 0),
        ("cases_zh_open", {"pending": 4326}, 0, 4326),
        ("cases_zh_answered", {"closed": 2816}, 0, 2816),
    ],
)
def test_the_real_files_load_whole(  # noqa: PLR0917  four of them are the table above
    house: House, shared: Path, tmp_path: Path, name: str, statuses: dict[str, int], flags: int, needs_data: int
) -> None:
    path, profile = real(shared, name)
    order = Order(path=path, profile=profile, language="en", rejects=tmp_path / "rejects.csv")
    first = import_file(house.sessions, house.settings, order, clock=house.clock)
    rows = sum(statuses.values())
    assert (first.rows, first.created, first.rejected, first.needs_data) == (rows, rows, 0, needs_data)
    assert first.dissatisfactions == flags
    second = import_file(house.sessions, house.settings, order, clock=house.clock)
    assert (second.unchanged, second.dissatisfactions) == (rows, 0)
    with reading(house.sessions) as session:
        found = session.scalars(select(Case)).all()
        assert Counter(case.status.value for case in found) == statuses
        assert session.scalar(select(func.count()).select_from(Dissatisfaction)) == flags
        for case in found:
            assert "\t" not in case.subject + case.description + (case.answer or "")
            assert case.opened_at <= (case.answered_at or case.opened_at)
            assert (case.closed_at is not None) == (case.status is CaseStatus.CLOSED)
            assert (case.told_at is not None) == (name == "tickets_en" and case.status is CaseStatus.CLOSED)
