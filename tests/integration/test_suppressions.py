"""Suppressions on both databases: evidence, taking back, do-not-call lists, and what the rules make of them."""

import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from callback.db.customers import customer_facts
from callback.db.engine import SessionFactory
from callback.db.tables import AuditEntry, Case, Suppression
from callback.domain.words import SuppressionScope
from callback.errors import Conflict, Invalid, NotFound
from callback.services import do_not_call, suppressions
from tests.town import add_case, add_customer

PHONE = "+8613912340001"


def test_saying_it_twice_is_saying_it_once_and_the_planner_looks_again(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        customer = add_customer(session, now=now, phone=PHONE)
        case = add_case(session, customer, now=now, plan_at=None)
        said: dict[str, Any] = {"scope": SuppressionScope.SMS, "reason": "opt_out_word", "evidence": {"words": "TD"}}
        first = suppressions.suppress(session, **said, now=now, address=PHONE)
        again = suppressions.suppress(session, **said, now=now + timedelta(hours=1), address=PHONE)
        assert (first.new, again.new, again.entry.id) == (True, False, first.entry.id)
        assert session.get_one(Case, case.id, populate_existing=True).plan_at == now
        assert first.entry.evidence == {"words": "TD", "at": now.isoformat()}


@pytest.mark.parametrize("evidence", [{}, {"words": ""}, {"words": None}])
def test_no_entry_without_evidence(sessions: SessionFactory, now: datetime, evidence: dict[str, Any]) -> None:
    with sessions.begin() as session, pytest.raises(Invalid, match="evidence"):
        suppressions.suppress(
            session, scope=SuppressionScope.ALL, reason="x", evidence=evidence, now=now, address=PHONE
        )


def test_start_takes_back_what_was_said_by_message_and_nothing_else(sessions: SessionFactory, now: datetime) -> None:
    later = now + timedelta(days=1)
    with sessions.begin() as session:
        customer = add_customer(session, now=now, phone=PHONE)
        entries: tuple[tuple[SuppressionScope, str, dict[str, Any]], ...] = (
            (SuppressionScope.SMS, suppressions.OPT_OUT_WORD, {"address": PHONE}),
            (SuppressionScope.SURVEY, suppressions.OPT_OUT_WORD, {"customer_id": customer.id}),
            (SuppressionScope.VOICE, "said_in_call", {"customer_id": customer.id}),
            (SuppressionScope.ALL, suppressions.DO_NOT_CALL, {"address": PHONE}),
        )
        for scope, reason, who in entries:
            suppressions.suppress(session, scope=scope, reason=reason, evidence={"words": "x"}, now=now, **who)
    with sessions.begin() as session:
        taken = suppressions.take_back(
            session, address=PHONE, customer_ids=[customer.id], evidence={"words": "START"}, now=later
        )
        assert {entry.scope for entry in taken} == {SuppressionScope.SMS, SuppressionScope.SURVEY}
        assert all(entry.lifted_evidence == {"words": "START", "at": later.isoformat()} for entry in taken)
        facts = customer_facts(session, [customer.id], now=later + timedelta(seconds=1))[customer.id]
        assert {fact.scope for fact in facts.suppressions} == {SuppressionScope.VOICE, SuppressionScope.ALL}


def test_lifting_needs_a_reason_and_happens_once(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        done = suppressions.suppress(
            session, scope=SuppressionScope.ALL, reason="x", evidence={"words": "x"}, now=now, address=PHONE
        )
        with pytest.raises(Invalid):
            suppressions.lift(session, suppression_id=done.entry.id, words="  ", by=None, now=now)
        suppressions.lift(session, suppression_id=done.entry.id, words="asked to", by=None, now=now)
        with pytest.raises(Conflict):
            suppressions.lift(session, suppression_id=done.entry.id, words="asked to", by=None, now=now)
        with pytest.raises(NotFound):
            suppressions.lift(session, suppression_id=10**9, words="asked to", by=None, now=now)


LIST = """手机号,备注,渠道
138 0013 8000,客户要求,
+8613800138001,,sms
mei@example.com,,
not a number,,
+8613800138002,,pigeon
,,
+86 138 0013 8000,twice,
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_list_with_headings(sessions: SessionFactory, now: datetime, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(LIST, encoding=encoding)
    report = do_not_call.import_list(sessions, path, now=now, region="CN")
    assert (report.rows, report.added, report.present) == (6, 3, 1)
    assert dict(report.counts) == {"bad_phone": 1, "unknown_scope": 1}
    assert [(reject.row, reject.code) for reject in report.rejects] == [(5, "bad_phone"), (6, "unknown_scope")]
    with sessions() as session:
        found = {row.address: row for row in session.scalars(select(Suppression))}
        assert set(found) == {"+8613800138000", "+8613800138001", "mei@example.com"}
        assert found["+8613800138001"].scope is SuppressionScope.SMS
        first = found["+8613800138000"]
        assert first.evidence["list"] == "list.csv"
        assert (first.evidence["row"], first.evidence["words"], len(first.evidence["sha256"])) == (2, "客户要求", 64)
    again = do_not_call.import_list(sessions, path, now=now, region="CN")
    assert (again.added, again.present, again.rejected) == (0, 4, 2)
    with sessions() as session:
        assert session.scalar(select(func.count(AuditEntry.id))) == 2


def test_a_bare_column_of_numbers_as_csv_and_as_a_workbook(
    sessions: SessionFactory, now: datetime, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_text("+8613800138000\n+8613800138001\n")
    assert do_not_call.import_list(sessions, plain, now=now, region="CN").added == 2
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Phone"])
    book.active.append([13800138001])
    book.active.append(["138-0013-8002"])
    book.save(tmp_path / "list.xlsx")
    report = do_not_call.import_list(sessions, tmp_path / "list.xlsx", now=now, region="CN")
    assert (report.rows, report.added, report.present, report.rejected) == (2, 1, 1, 0)


def test_a_list_that_is_none(sessions: SessionFactory, now: datetime, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(Invalid, match="no rows"):
        do_not_call.import_list(sessions, tmp_path / "empty.csv", now=now, region="CN")
    (tmp_path / "bad.xlsx").write_bytes(b"PK not a workbook")
    with pytest.raises(Invalid, match="cannot be read"):
        do_not_call.import_list(sessions, tmp_path / "bad.xlsx", now=now, region="CN")


def test_a_list_that_swells_is_not_unpacked(
    sessions: SessionFactory, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callback.services.imports.tables.LARGEST_SHEET", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", " " * (1 << 21))
    with pytest.raises(Invalid, match="unpacks to more than"):
        do_not_call.import_list(sessions, tmp_path / "bomb.xlsx", now=now, region="CN")


def test_a_listed_number_stops_its_holders_on_every_channel(
    sessions: SessionFactory, now: datetime, tmp_path: Path
) -> None:
    with sessions.begin() as session:
        customer = add_customer(session, now=now, phone="+8613800138000")
    (tmp_path / "list.csv").write_text("13800138000\n")
    do_not_call.import_list(sessions, tmp_path / "list.csv", now=now, region="CN")
    with sessions() as session:
        (fact,) = customer_facts(session, [customer.id], now=now)[customer.id].suppressions
        assert (fact.scope, fact.address) == (SuppressionScope.ALL, "+8613800138000")


def test_over_the_api(desk: Any) -> None:
    chief = desk.supervisor()
    body = {"address": "138 0013 8000", "scope": "sms", "words": "别再发了"}
    made = chief.post("/api/v1/suppressions", json=body)
    assert made.status_code == 201, made.text
    entry = made.json()
    assert (entry["address"], entry["reason"], entry["evidence"]["words"]) == ("+86 138****8000", "by_hand", "别再发了")
    assert entry["created_by_id"] == desk.ids["chief"]
    assert chief.post("/api/v1/suppressions", json=body).json()["id"] == entry["id"]
    assert chief.post("/api/v1/suppressions", json={"words": "x"}).json()["code"] == "suppression_nobody"
    assert chief.post("/api/v1/suppressions", json={**body, "address": "12"}).status_code == 422
    assert chief.post("/api/v1/suppressions", json={"customer_id": 999, "words": "x"}).status_code == 404
    found = chief.get("/api/v1/suppressions", params={"address": "+8613800138000", "lifted": False}).json()["items"]
    assert [one["id"] for one in found] == [entry["id"]]
    lifted = chief.post(f"/api/v1/suppressions/{entry['id']}/lift", json={"words": "客户又要"})
    assert lifted.json()["lifted_evidence"]["by"] == desk.ids["chief"]
    assert chief.post(f"/api/v1/suppressions/{entry['id']}/lift", json={"words": "x"}).status_code == 409
    assert desk.agent().post("/api/v1/suppressions", json=body).status_code == 403
    assert desk.agent().get("/api/v1/suppressions").status_code == 200


def test_a_list_over_the_api(desk: Any) -> None:
    answer = desk.supervisor().post(
        "/api/v1/suppressions/lists",
        files={"file": ("dnc.csv", b"phone\n13800138000\nrubbish\n")},
        data={"scope": "voice"},
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["file"], told["rows"], told["added"], told["rejected"]) == ("dnc.csv", 2, 1, 1)
    assert told["rejects"][0]["row"] == 3
    assert "country code" in told["rejects"][0]["what_to_do"]
