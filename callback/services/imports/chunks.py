"""A file as chunks of drafts and rejects; for a large file, made in a process of its own beside the writing one."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

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
    """The chunks; with `beside`, read and normalised in a second process, at most one chunk ahead of the writer."""
    if not beside:
        yield read_chunks(reading)
        return
    context = multiprocessing.get_context("spawn")  # a fork would take the database connections along
    receiving, sending = context.Pipe(duplex=False)
    reader = context.Process(target=_send_chunks, args=(reading, sending), name="import-reader", daemon=True)
    reader.start()
    sending.close()
    try:
        yield _received(receiving)
    finally:
        receiving.close()
        reader.join(timeout=5)
        if reader.is_alive():
            reader.kill()
            reader.join()


def _send_chunks(reading: Reading, pipe: Connection) -> None:
    """In the reading process. A writer that has gone away (killed, failed) ends it quietly."""
    with suppress(BrokenPipeError, KeyboardInterrupt):
        try:
            for chunk in read_chunks(reading):
                # Plain tuples: named ones cost the pickler a call each.
                pipe.send((chunk.rows_done, [tuple(d) for d in chunk.drafts], [tuple(r) for r in chunk.rejects]))
            pipe.send(None)
        except Invalid as error:
            pipe.send((error.code, error.params))
        finally:
            pipe.close()


def _received(pipe: Connection) -> Iterator[Chunk]:
    while True:
        try:
            message = pipe.recv()
        except EOFError:
            raise Invalid("import_reader_died") from None
        if message is None:
            return
        if isinstance(message[0], str):
            code, params = message
            raise Invalid(code, **params)
        done, drafts, rejects = message
        yield Chunk(done, [Draft._make(values) for values in drafts], [Reject._make(values) for values in rejects])
