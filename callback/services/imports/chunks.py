"""A file as chunks of drafts and rejects; for a large file, made in a process of its own beside the writing one."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import callback
from callback.errors import Invalid
from callback.services.imports.normalise import Draft, Normaliser, Reject, Surroundings
from callback.services.imports.profile import Profile
from callback.services.imports.tables import Fault, open_table

CHUNK = 20_000
LARGE = 40_000
"""Rows from which on a second process pays for its start."""


class Chunk(NamedTuple):
    rows_done: int
    """Data rows of the file up to the end of this chunk."""
    drafts: list[Draft]
    rejects: list[Reject]


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that a reading process has to know."""

    path: Path
    profile: Profile
    around: Surroundings
    skip: int = 0
    """Data rows that an earlier run has written."""
    size: int = CHUNK


def read_chunks(reading: Reading) -> Iterator[Chunk]:
    """The file from row `skip` on. A number that comes twice is refused the second time, skipped rows counted."""
    with open_table(reading.path, reading.profile) as table:
        normaliser = Normaliser(reading.profile, table.headings, reading.around)
        seen: dict[str, int] = {}
        drafts: list[Draft] = []
        rejects: list[Reject] = []
        done = 0
        for done, (number, cells) in enumerate(table.rows(), start=1):
            if isinstance(cells, Fault):
                if done > reading.skip:
                    rejects.append(Reject(number, "", cells.value, cells.code))
            else:
                external_id = normaliser.external_id(cells)
                first = seen.setdefault(external_id, number) if external_id else number
                if done > reading.skip:
                    if first != number:
                        outcome: Draft | Reject = normaliser.duplicate(number, cells, first)
                    else:
                        outcome = normaliser.read(number, cells)
                    (drafts if isinstance(outcome, Draft) else rejects).append(outcome)  # type: ignore[arg-type]
            if done > reading.skip and done % reading.size == 0:
                yield Chunk(done, drafts, rejects)
                drafts, rejects = [], []
        if drafts or rejects or done <= reading.skip:
            yield Chunk(max(done, reading.skip), drafts, rejects)


@contextmanager
def chunks(reading: Reading, *, beside: bool) -> Iterator[Iterator[Chunk]]:
    """The chunks; with `beside`, read and normalised in a second process, one chunk ahead of the writer."""
    if not beside:
        yield read_chunks(reading)
        return
    # A program of its own rather than `multiprocessing`, which would run the caller's main module again.
    home = str(Path(callback.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    reader = subprocess.Popen(
        [sys.executable, "-m", "callback.services.imports.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        yield _received(reader, reading)
    finally:
        reader.kill()  # it has ended by itself, unless the writer failed
        reader.communicate()


def _received(reader: subprocess.Popen[bytes], reading: Reading) -> Iterator[Chunk]:
    """Raises `Invalid`: what the reader raised, or `import_reader_died`."""
    assert reader.stdin is not None  # noqa: S101  both are pipes, see above
    assert reader.stdout is not None  # noqa: S101
    try:
        pickle.dump(reading, reader.stdin)
        reader.stdin.flush()
        while True:
            message = pickle.load(reader.stdout)  # noqa: S301  from the process that we have just started
            if message is None:
                return
            if isinstance(message[0], str):
                code, params = message
                raise Invalid(code, **params)
            done, drafts, rejects = message
            yield Chunk(done, [Draft._make(values) for values in drafts], [Reject._make(values) for values in rejects])
    except (EOFError, BrokenPipeError, pickle.UnpicklingError):
        raise Invalid("import_reader_died") from None
