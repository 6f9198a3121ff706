"""Do-not-call lists: a CSV or XLSX of telephone numbers and e-mail addresses becomes suppressions, row by row.

A list may be nothing but a column of numbers, or have headings in either language. The same list again changes nothing.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineError
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from callback.db import suppressions as rows
from callback.db.engine import SessionFactory
from callback.db.jobs import enqueue
from callback.db.tables import Suppression, SuppressionList
from callback.domain.address import mask
from callback.domain.handle import new_handle
from callback.domain.words import SuppressionScope
from callback.errors import Invalid, NotFound
from callback.services import audit, contacts
from callback.services.imports.encoding import detect_encoding
from callback.services.imports.normalise import Reject
from callback.services.imports.rejects import RejectsFile
from callback.services.imports.tables import kind_of, open_workbook
from callback.services.suppressions import DO_NOT_CALL
from callback.texts import Language, say

CHUNK = 1_000
MOST_ROWS = 5_000_000
SHOWN = 200
"""Rejected rows that the report names."""
_HEADINGS: Mapping[str, str] = {
    heading: name
    for name, headings in {
        "address": "phone phones telephone mobile number address 电话 手机 手机号 号码 联系电话",
        "email": "email e-mail mail 邮箱 电子邮件",
        "scope": "scope channel 范围 渠道",
        "words": "reason note remark remarks source 原因 备注 来源",
    }.items()
    for heading in headings.split()
}


@dataclass(slots=True)
class ListReport:
    """What one list did."""

    file: str
    rows: int = 0
    added: int = 0
    present: int = 0
    """Suppressed already."""
    counts: Counter[str] = field(default_factory=Counter)
    """Rejected rows by code."""
    rejects: list[Reject] = field(default_factory=list)
    """The first of them."""
    kept: str | None = None
    """Handle by which all of them can be taken out."""

    @property
    def rejected(self) -> int:
        return sum(self.counts.values())


class _Refused:
    """The rows that are refused: counted, the first of them named, all of them in the file where there is one."""

    def __init__(self, report: ListReport, file: RejectsFile | None = None) -> None:
        self._report, self._file = report, file
        self._waiting: list[Reject] = []

    def add(self, reject: Reject) -> None:
        self._report.counts[reject.code] += 1
        if len(self._report.rejects) < SHOWN:
            self._report.rejects.append(reject)
        if self._file is not None:
            self._waiting.append(reject)
            if len(self._waiting) == CHUNK:
                self.write()

    def write(self) -> None:
        """What waits, into the file."""
        if self._file is not None:
            self._file.add(self._waiting)
            self._waiting = []


@dataclass(frozen=True, slots=True)
class _Entry:
    row: int
    address: str
    scope: SuppressionScope
    words: str


def import_list(
    sessions: SessionFactory,
    path: Path,
    *,
    now: datetime,
    region: str,
    scope: SuppressionScope = SuppressionScope.ALL,
    name: str | None = None,
    by: int | None = None,
    language: Language | None = None,
) -> ListReport:
    """Suppress every address of the list, in chunks of one transaction each: after a kill, read the list again.

    `region` is the country of numbers without a country code; `scope` holds for rows without their own; `name` is what
    the evidence calls the list. With a `language` the rows that were refused are kept, to be taken out in it
    (`rejects_of`). Raises `Invalid` (`do_not_call_unreadable`, `…_empty`, `…_too_long`, and what `kind_of` raises).
    """
    report = ListReport(file=name or path.name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = None if language is None else RejectsFile(path.with_suffix(".rejects.csv"), language, tell=what_to_do)
    refused = _Refused(report, file)
    entries = _entries(_table(path), report, refused, region=region, scope=scope)
    while chunk := list(islice(entries, CHUNK)):
        with sessions.begin() as session:
            _write(session, chunk, report, evidence={"list": report.file, "sha256": digest}, now=now, by=by)
    if not report.rows:
        raise Invalid("do_not_call_empty", file=report.file)
    refused.write()
    with sessions.begin() as session:
        if file is not None and file.end:
            report.kept = _keep(session, report.file, file.path.read_bytes(), by=by, now=now)
        audit.record(
            session,
            now=now,
            actor_id=by,
            action="suppression.import",
            subject_kind="suppression_list",
            subject_id=digest[:32],
            file=report.file,
            added=report.added,
            present=report.present,
            rejected=report.rejected,
        )
    return report


def _keep(session: Session, name: str, rejects: bytes, *, by: int | None, now: datetime) -> str:
    kept = SuppressionList(handle=new_handle(), file_name=name, rejects=rejects, read_by_id=by, created_at=now)
    session.add(kept)
    session.flush()
    return kept.handle


def rejects_of(session: Session, handle: str, *, by: int, now: datetime) -> tuple[str, bytes]:
    """The name of a list and its refused rows, as they were sent: numbers in full, so taking it out is on record.

    Raises `NotFound` (`suppression_list_not_found`).
    """
    query = select(SuppressionList).where(SuppressionList.handle == handle).options(undefer(SuppressionList.rejects))
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("suppression_list_not_found")
    audit.record(
        session, now=now, actor_id=by, action="suppression.rejects", subject_kind="suppression_list",
        subject_id=found.handle, file=found.file_name,
    )  # fmt: skip
    return found.file_name, found.rejects


def what_to_do(reject: Reject, language: Language) -> str:
    return say(f"suppression.reject.{reject.code}", language)


@dataclass(slots=True)
class Look:
    """What reading a list in would do; nothing was written."""

    report: ListReport
    sample: list[tuple[int, str, SuppressionScope, str]] = field(default_factory=list)
    """The first entries: row, masked address, scope, words."""


def look(session: Session, path: Path, *, region: str, scope: SuppressionScope, name: str, sample: int = 20) -> Look:
    """Go through the whole list and write nothing. Raises as `import_list` does."""
    report = ListReport(file=name)
    found = Look(report)
    seen: set[tuple[SuppressionScope, str]] = set()
    entries = _entries(_table(path), report, _Refused(report), region=region, scope=scope)
    while chunk := list(islice(entries, CHUNK)):
        for entry in chunk[: sample - len(found.sample)]:
            found.sample.append((entry.row, mask(entry.address), entry.scope, entry.words))
        fresh = {(entry.scope, entry.address) for entry in chunk} - seen
        for its in sorted({scope_ for scope_, _ in fresh}):
            addresses = {address for scope_, address in fresh if scope_ is its}
            report.added += len(addresses - rows.live_addresses(session, scope=its, addresses=addresses))
        seen |= fresh
        report.present += len(chunk)
    report.present -= report.added
    if not report.rows:
        raise Invalid("do_not_call_empty", file=report.file)
    return found


def _write(
    session: Session,
    chunk: list[_Entry],
    report: ListReport,
    *,
    evidence: Mapping[str, Any],
    now: datetime,
    by: int | None,
) -> None:
    added: list[str] = []
    for scope in sorted({entry.scope for entry in chunk}):
        of_scope = {entry.address: entry for entry in reversed(chunk) if entry.scope is scope}
        known = rows.live_addresses(session, scope=scope, addresses=of_scope.keys())
        for address, entry in of_scope.items():
            if address in known:
                continue
            told = {**evidence, "row": entry.row, "at": now.isoformat()} | (
                {"words": entry.words} if entry.words else {}
            )
            session.add(
                Suppression(
                    address=address, scope=scope, reason=DO_NOT_CALL, evidence=told, created_at=now, created_by_id=by
                )
            )
            added.append(address)
    report.added += len(added)
    report.present += len(chunk) - len(added)
    if added:
        rows.wake_cases(session, now=now, addresses=added)
        enqueue(session, "plan", queueing_lock="plan")


def _entries(
    table: Iterator[tuple[int, list[str]]],
    report: ListReport,
    refused: _Refused,
    *,
    region: str,
    scope: SuppressionScope,
) -> Iterator[_Entry]:
    columns: Mapping[int, str] | None = None
    for number, cells in table:
        if columns is None:
            columns = _columns(cells)
            if columns is not None:
                continue
            columns = {0: "address"}
        report.rows += 1
        if report.rows > MOST_ROWS:
            raise Invalid("do_not_call_too_long", file=report.file, most=MOST_ROWS)
        yield from _row(number, _named(columns, cells), refused, region=region, scope=scope)


def _named(columns: Mapping[int, str], cells: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, name in columns.items():
        if index < len(cells) and cells[index]:
            found.setdefault("address" if name == "email" and "address" not in columns.values() else name, cells[index])
    return found


def _row(
    number: int, named: Mapping[str, str], refused: _Refused, *, region: str, scope: SuppressionScope
) -> Iterable[_Entry]:
    """The addresses of one row; a bad row is reported and passed over."""

    def reject(code: str, value: str) -> tuple[()]:
        refused.add(Reject(number, "", value[:80], code))
        return ()

    written = named.get("scope", "").strip().lower()
    if written and written not in set(SuppressionScope):
        return reject("unknown_scope", written)
    found: list[str] = []
    for text in (named.get("address"), named.get("email")):
        if not text:
            continue
        try:
            drafts = contacts.emails(text) if "@" in text else contacts.phones(text, region)
        except contacts.BadContactError as error:
            return reject("bad_email" if "@" in text else "bad_phone", error.value)
        found += [draft.address for draft in drafts]
    if not found:
        return reject("no_address", "")
    its = SuppressionScope(written) if written else scope
    return [_Entry(number, address, its, named.get("words", "")[:200]) for address in found]


def _columns(cells: list[str]) -> Mapping[int, str] | None:
    """What each column holds when the first row has headings; None when it is data already."""
    named = {
        index: _HEADINGS[cell.strip().lower()] for index, cell in enumerate(cells) if cell.strip().lower() in _HEADINGS
    }
    return named if {"address", "email"} & set(named.values()) else None


def _table(path: Path) -> Iterator[tuple[int, list[str]]]:
    if kind_of(path) == "xlsx":
        yield from _workbook(path)
        return
    with path.open(encoding=detect_encoding(path), newline="") as file:
        sample = file.read(65_536)
        file.seek(0)
        delimiter = max(",;\t|", key=sample.split("\n", 1)[0].count)
        try:
            for number, cells in enumerate(csv.reader(file, delimiter=delimiter), start=1):
                if any(cell.strip() for cell in cells):
                    yield number, [cell.strip().lstrip("\ufeff") for cell in cells]
        except csv.Error as error:
            raise Invalid("do_not_call_unreadable", file=path.name, problem=str(error)) from None


def _workbook(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        sheet = open_workbook(path, unreadable="do_not_call_unreadable").get_sheet_by_index(0)
        first = (sheet.start or (0, 0))[0] + 1
        for number, cells in enumerate(sheet.iter_rows(), start=first):
            texts = [_text(cell) for cell in cells]
            if any(texts):
                yield number, texts
    except (CalamineError, IndexError) as error:
        raise Invalid("do_not_call_unreadable", file=path.name, problem=str(error) or type(error).__name__) from None


def _text(cell: Any) -> str:
    """A number that a spreadsheet keeps as a number is written without its decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
