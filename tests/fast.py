"""What makes no test weaker and all of them faster."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import Engine, create_engine

MEMORY = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
ROOM = 4 << 30
"""Bytes that must be free: more than the databases of two processes take up at any one time."""


@cache
def fast_folder() -> Path:
    """Where files go that nobody wants tomorrow: in memory when there is much of it, else wherever such files go."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
        return MEMORY
    return Path(tempfile.gettempdir())


@contextmanager
def share_compiled_statements() -> Iterator[None]:
    """Each test has an engine of its own, and each engine would compile the same few hundred statements again.

    Compiled statements are kept by dialect, so all engines on one kind of database get the dialect of the first.
    """
    first: dict[str, Engine] = {}

    def create(url: str, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        known = first.setdefault(engine.dialect.name, engine)
        engine.dialect, engine._compiled_cache = known.dialect, known._compiled_cache
        return engine

    with mock.patch("callback.db.engine.create_engine", create):
        yield
