"""One file from beginning to end: looked over, then written chunk by chunk, each chunk a transaction of its own.

The one service that commits by itself: a file of a million rows is not one transaction, and what was committed is what
a killed import goes on from.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from callback.clock import Clock
from callback.db import imports as rows
from callback.db.engine import SessionFactory, reading
from callback.db.jobs import enqueue
from callback.db.policies import load_policy
from callback.db.tables import ImportRun
from callback.errors import Conflict
from callback.services import audit
from callback.services.collector import paused_collector
from callback.services.imports import fictional
from callback.services.imports.chunks import CHUNK, LARGE, Chunk, Reading, chunks
from callback.services.imports.inspection import FileFacts, inspect_file
from callback.services.imports.normalise import Reject, Surroundings
from callback.services.imports.profile import Profile
from callback.services.imports.rejects import RejectsFile
from callback.services.imports.write import Written, sort_drafts, write_chunk
from callback.settings import Settings
from callback.texts import Language

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""

_COUNTS = ("created", "updated", "unchanged", "dissatisfactions", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be imported, and how."""

    path: Path
    profile: Profile
    language: Language
    rejects: Path | None = None
    """Default: beside the file, as `cases.rejects.csv`."""
    dry_run: bool = False
    fictional_phones: bool = False
    by: int | None = None
    file_name: str | None = None
    """As the sender called it, when `path` is a temporary file."""
    chunk: int = CHUNK
    beside: bool = True
    """Whether a large file may be read in a second process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an import did. `resumed_at` is the row count at which it took up a killed one, 0 for a fresh start."""

    file: str
    profile: str
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    dissatisfactions: int
    needs_data: int
    """Cases of the source whose customer has no contact point."""
    fictional_phones: int
    resumed_at: int
    dry_run: bool
    rejects_file: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def import_file(
    sessions: SessionFactory,
    settings: Settings,
    order: Order,
    *,
    clock: Clock,
    progress: Progress | None = None,
    on_rejects: Callable[[list[Reject]], None] | None = None,
) -> Summary:
    """Import `order.path`.

    Raises `Invalid` before anything is written when the file cannot be read, misses a column or has an unknown status
    (`import_…`), and `Conflict` (`import_running`) when another process is importing the same file.
    """
    if order.fictional_phones:
        fictional.check_allowed(settings)
    around = surroundings(sessions, settings, clock())
    facts = inspect_file(order.path, order.profile, around)
    rejects_path = order.rejects or order.path.with_name(order.path.stem + ".rejects.csv")
    state = _Import(sessions, order, facts, rejects_path, clock)
    wanted = Reading(order.path, order.profile, around, skip=state.skip, size=order.chunk)
    beside = order.beside and facts.rows - state.skip >= LARGE
    with paused_collector(when=beside) as collect, chunks(wanted, beside=beside) as found:
        for chunk in found:
            state.take(chunk)
            collect()
            if on_rejects is not None:
                on_rejects(chunk.rejects)
            if progress is not None:
                progress(chunk.rows_done, facts.rows)
    return state.finish()


def surroundings(sessions: SessionFactory, settings: Settings, now: datetime) -> Surroundings:
    """What rows are read against, besides their profile."""
    with reading(sessions) as session:
        return Surroundings(
            now=now,
            country=settings.country,
            time_zone=settings.time_zone,
            language=settings.language,
            agents=rows.agents_by_name(session),
            teams=rows.teams_by_name(session),
        )


class _Import:
    """An import under way: what is counted, and where a killed one went on."""

    def __init__(
        self, sessions: SessionFactory, order: Order, facts: FileFacts, rejects_path: Path, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._order = order
        self._facts = facts
        self._clock = clock
        self._now = clock()
        self.counts = dict.fromkeys(_COUNTS, 0)
        self._run: ImportRun | None = None
        if not order.dry_run:
            self._run = self._begin()
            self.counts |= {name: self._run.counts.get(name, 0) for name in _COUNTS}
        self.skip = self._run.rows_done if self._run else 0
        with reading(sessions) as session:
            self._policy = load_policy(session)
        kept = self._run.counts.get("rejects_end", 0) if self._run else 0
        self._rejects = RejectsFile(rejects_path, order.language, keep=kept)

    def _begin(self) -> ImportRun:
        with self._sessions.begin() as session:
            run = rows.unfinished_run(session, self._facts.fingerprint)
            if run is None:
                run = ImportRun(
                    file_name=(self._order.file_name or self._order.path.name)[:255],
                    fingerprint=self._facts.fingerprint,
                    profile=self._order.profile.name,
                    state="running",
                    rows_done=0,
                    counts={},
                    started_at=self._now,
                )
                session.add(run)
                session.flush()
                audit.record(
                    session,
                    now=self._now,
                    actor_id=self._order.by,
                    action="import.start",
                    subject_kind="import_run",
                    subject_id=run.id,
                    file=run.file_name,
                    profile=run.profile,
                )
            return run

    def take(self, chunk: Chunk) -> None:
        """Write one chunk, or with `dry_run` only say what would be written. Rejects go to disk first."""
        self._rejects.add(chunk.rejects)
        self.counts["rejected"] += len(chunk.rejects)
        source = self._order.profile.source
        if self._run is None:
            with reading(self._sessions) as session:
                sorting = sort_drafts(session, chunk.drafts, source=source)
            self._count(Written(len(sorting.new), len(sorting.changed), sorting.unchanged))
            return
        with self._sessions.begin() as session:
            written = write_chunk(
                session,
                chunk.drafts,
                source=source,
                policy=self._policy,
                now=self._now,
                fictional=self._order.profile.contacts_are_fictional,
            )
            self._count(written)
            self._advance(session, self._run, chunk.rows_done)

    def _count(self, written: Written) -> None:
        for name, number in asdict(written).items():
            self.counts[name] += number

    def _advance(self, session: Session, run: ImportRun, rows_done: int, *, finished: bool = False) -> None:
        counts = {**self.counts, "rejects_end": self._rejects.end}
        finished_at = self._clock() if finished else None
        if not rows.advance_run(session, run, rows_done=rows_done, counts=counts, finished_at=finished_at):
            raise Conflict("import_running", file=run.file_name)
        run.rows_done = rows_done

    def finish(self) -> Summary:
        order, source = self._order, self._order.profile.source
        made_up = 0
        if self._run is not None:
            if order.fictional_phones:
                made_up = self._make_up_phones(source)
            with self._sessions.begin() as session:
                self._advance(session, self._run, self._run.rows_done, finished=True)
                if self.counts["created"] or self.counts["updated"] or made_up:
                    enqueue(session, "plan", queueing_lock="plan")
        with reading(self._sessions) as session:
            needs_data = rows.needs_data_count(session, source)
        return Summary(
            file=order.file_name or str(order.path),
            profile=order.profile.name,
            rows=self._facts.rows,
            **self.counts,
            needs_data=needs_data,
            fictional_phones=made_up,
            resumed_at=self.skip,
            dry_run=order.dry_run,
            rejects_file=str(self._rejects.path) if self._rejects.end else None,
        )

    def _make_up_phones(self, source: str) -> int:
        made_up, after_id = 0, 0
        while True:
            with self._sessions.begin() as session:
                count, after_id = fictional.add_fictional_phones(session, source=source, after_id=after_id)
                made_up += count
                if not after_id:
                    if made_up:
                        rows.wake_cases_of(session, source)
                    return made_up
