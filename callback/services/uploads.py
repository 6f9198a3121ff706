"""Case files sent over the browser: received, looked at, told which column is what, read in by a worker.

The file waits in the database. A worker that is killed leaves its chunks behind and another goes on from there, as with
the command (`services/imports/run.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, undefer

from callback.clock import Clock
from callback.db.claims import changed_one
from callback.db.engine import SessionFactory
from callback.db.jobs import enqueue
from callback.db.tables import Upload
from callback.domain.address import mask
from callback.domain.handle import new_handle
from callback.errors import CallbackError, Conflict, Invalid, NotFound
from callback.services import audit
from callback.services.imports.guess import SORTED, Guess, guess, values_of
from callback.services.imports.normalise import Draft, Normaliser, Reject
from callback.services.imports.profile import BLANK, Profile
from callback.services.imports.rejects import what_to_do
from callback.services.imports.run import Order, import_file, surroundings
from callback.services.imports.tables import Fault, on_disk, open_table
from callback.settings import Settings
from callback.texts import Language

MOST_BYTES = 50 * 1024 * 1024
KEPT = timedelta(days=7)
SAMPLE = 500
"""Rows that are looked at before anything is read in."""
SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """One row of the preview as it would become a case, or why it would not."""

    row: int
    external_id: str = ""
    subject: str = ""
    status: str = ""
    opened_at: datetime | None = None
    name: str = ""
    address: str = ""
    """Masked."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    rows: tuple[ReadRow, ...]
    looked_at: int
    faulty: int
    problem: CallbackError | None = None
    """What stops the whole file."""


def receive(session: Session, *, file_name: str, content: bytes, by: int, now: datetime) -> Upload:
    """Keep a file. Raises `Invalid` (`upload_too_large`, and what `open_table` raises when it cannot be read)."""
    if len(content) > MOST_BYTES:
        raise Invalid("upload_too_large", megabytes=MOST_BYTES // 2**20)
    name = Path(file_name.replace("\\", "/")).name[:255] or "upload.csv"
    with on_disk(name, content) as path, open_table(path, BLANK) as table:
        headings = [heading for heading in table.headings if heading]
    upload = Upload(
        handle=new_handle(), file_name=name, content=content, headings=headings, uploaded_by_id=by, created_at=now
    )
    session.add(upload)
    session.flush()
    audit.record(
        session, now=now, actor_id=by, action="upload.received", subject_kind="upload", subject_id=upload.id, file=name
    )
    return upload


def find(session: Session, handle: str, *, with_content: bool = False) -> Upload:
    """Raises `NotFound` (`upload_not_found`)."""
    query = select(Upload).where(Upload.handle == handle)
    if with_content:
        query = query.options(undefer(Upload.content))
    upload = session.scalars(query).one_or_none()
    if upload is None:
        raise NotFound("upload_not_found")
    return upload


def recent(session: Session, *, limit: int = 20) -> Sequence[Upload]:
    return session.scalars(select(Upload).order_by(Upload.id.desc()).limit(limit)).all()


def rejects_of(session: Session, handle: str, *, by: int, now: datetime) -> bytes:
    """The rejects file. Telephone numbers stand in it as they were sent, unmasked, so taking it out is audited.

    Raises `NotFound` (`upload_without_rejects`).
    """
    found = session.execute(select(Upload.id, Upload.rejects).where(Upload.handle == handle)).one_or_none()
    content: bytes | None = None if found is None else found.rejects
    if found is None or content is None:
        raise NotFound("upload_without_rejects")
    audit.record(session, now=now, actor_id=by, action="upload.rejects", subject_kind="upload", subject_id=found.id)
    return content


def values_seen(upload: Upload, columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Of each sorted field that has a column: the texts in the sample and what they probably mean."""
    with on_disk(upload.file_name, _content(upload)) as path, open_table(path, BLANK) as table:
        rows = [cells for _, cells in islice(table.rows(), SAMPLE) if not isinstance(cells, Fault)]
        return {
            field: values_of(field, table.headings, rows, columns, known={})
            for field in SORTED
            if columns.get(field) in table.headings
        }


def first_guess(session: Session, upload: Upload) -> Guess:
    """Which column is probably what; a file with the same headings was told once already."""
    earlier = session.scalars(
        select(Upload).where(Upload.id != upload.id, Upload.state == "done").order_by(Upload.id.desc()).limit(50)
    )
    known: Mapping[str, Any] = next((old.profile for old in earlier if old.headings == upload.headings), {})
    with on_disk(upload.file_name, _content(upload)) as path, open_table(path, BLANK) as table:
        rows = [cells for _, cells in islice(table.rows(), SAMPLE) if not isinstance(cells, Fault)]
        return guess(table.headings, rows, known=upload.profile or known)


def profile_of(values: Mapping[str, Any]) -> Profile:
    """A profile from a form. Raises `Invalid` (`import_profile_invalid`) naming the first place that is wrong."""
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "-"
        raise Invalid("import_profile_invalid", profile="-", place=place, problem=first["msg"]) from None


def preview(
    upload: Upload, profile: Profile, *, sessions: SessionFactory, settings: Settings, language: Language, now: datetime
) -> Preview:
    """The first rows as they would be read; nothing is written. `upload.content` is loaded."""
    around = surroundings(sessions, settings, now)
    shown: list[ReadRow] = []
    first: dict[str, int] = {}
    """Number of a case → the row that has it."""
    looked_at = faulty = 0
    try:
        with on_disk(upload.file_name, _content(upload)) as path, open_table(path, profile) as table:
            normaliser = Normaliser(profile, table.headings, around)
            for number, cells in islice(table.rows(), SAMPLE):
                looked_at += 1
                if isinstance(cells, Fault):
                    found: Draft | Reject = Reject(number, "", cells.value, cells.code)
                else:
                    external_id = normaliser.external_id(cells)
                    before = first.setdefault(external_id, number) if external_id else number
                    again = before != number
                    found = normaliser.duplicate(number, cells, before) if again else normaliser.read(number, cells)
                faulty += isinstance(found, Reject)
                if len(shown) < SHOWN or (isinstance(found, Reject) and faulty <= SHOWN):
                    shown.append(_shown(found, language))
    except CallbackError as error:
        return Preview(rows=(), looked_at=0, faulty=0, problem=error)
    return Preview(rows=tuple(shown), looked_at=looked_at, faulty=faulty)


def _shown(found: Draft | Reject, language: Language) -> ReadRow:
    if isinstance(found, Reject):
        return ReadRow(row=found.row, problem=f"{found.column}: {what_to_do(found, language)}".lstrip(": "))
    subject, status, opened_at = found.case[0], found.case[7], found.case[11]
    address = found.contacts[0][1] if found.contacts else ""
    return ReadRow(
        row=found.row,
        external_id=found.external_id,
        subject=str(subject),
        status=str(status),
        opened_at=datetime.fromisoformat(str(opened_at)).replace(tzinfo=UTC),
        name=str(found.customer[0] or ""),
        address=mask(address) if address else "",
    )


def start(
    session: Session, *, handle: str, profile: Profile, dry_run: bool, language: Language, by: int, now: datetime
) -> Upload:
    """Ask a worker to read it, and to tell what is wrong in `language`; a second click changes nothing.
    Raises `Conflict`: `upload_under_way`, `upload_gone`."""
    upload = find(session, handle)
    if not changed_one(
        session,
        update(Upload)
        .where(Upload.id == upload.id, Upload.state.in_(("open", "done", "failed")), Upload.content.is_not(None))
        .values(
            state="queued",
            profile=profile.model_dump(mode="json", exclude_defaults=True),
            dry_run=dry_run,
            rows_done=0,
            rows_total=0,
            counts={},
            rejects=None,
            error={},
            finished_at=None,
        ),
    ):
        raise Conflict("upload_under_way" if upload.state in ("queued", "running") else "upload_gone")
    session.refresh(upload)
    audit.record(
        session,
        now=now,
        actor_id=by,
        action="upload.started",
        subject_kind="upload",
        subject_id=upload.id,
        dry_run=dry_run,
    )
    enqueue(session, "read_upload", {"upload_id": upload.id, "language": language})
    return upload


def read_in(sessions: SessionFactory, settings: Settings, *, upload_id: int, language: Language, clock: Clock) -> None:
    """The worker's part: read the file, keep its progress and its rejects. Safe to do twice: a case is known by its
    number, and a reading that is over is not begun again."""
    with sessions.begin() as session:
        query = select(Upload).where(Upload.id == upload_id).options(undefer(Upload.content), undefer(Upload.rejects))
        upload = session.scalars(query).one_or_none()
        if upload is None or upload.state not in ("queued", "running") or upload.content is None:
            return
        upload.state = "running"
    with on_disk(upload.file_name, upload.content) as path:
        rejects = path.with_suffix(".rejects.csv")
        if upload.rejects:
            rejects.write_bytes(upload.rejects)  # of the chunks that a killed worker has written

        def progress(done: int, total: int) -> None:
            _keep(sessions, upload_id, rows_done=done, rows_total=total, rejects=_read(rejects))

        order = Order(
            path=path,
            profile=Profile.model_validate(upload.profile),
            language=language,
            rejects=rejects,
            dry_run=upload.dry_run,
            by=upload.uploaded_by_id,
            file_name=upload.file_name,
        )
        values: dict[str, Any]
        try:
            summary = import_file(sessions, settings, order, clock=clock, progress=progress)
        except CallbackError as error:
            params = {name: str(value) for name, value in error.params.items()}
            values = {"state": "failed", "error": {"code": error.code, "params": params}}
        else:
            values = {
                "state": "done",
                "counts": summary.as_json(),
                "rows_done": summary.rows,
                "rows_total": summary.rows,
            }
            if not upload.dry_run:
                values["content"] = None
        _keep(sessions, upload_id, **values, rejects=_read(rejects), finished_at=clock())


def purge(session: Session, *, now: datetime) -> int:
    """Files that nobody read in, and what is left of those that were, after a week."""
    old = delete(Upload).where(Upload.created_at < now - KEPT).execution_options(synchronize_session=False)
    count: int = session.execute(old).rowcount  # type: ignore[attr-defined]
    return count


def _keep(sessions: SessionFactory, upload_id: int, **values: Any) -> None:
    with sessions.begin() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(**values))


def _content(upload: Upload) -> bytes:
    if upload.content is None:
        raise Conflict("upload_gone")
    return upload.content


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
