"""A killed import goes on where it was: a real process, a real SIGKILL, on both databases."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from callback.bootstrap import House
from callback.clock import utc_now
from callback.db.engine import reading
from callback.db.tables import Case, ContactPoint, Customer, Dissatisfaction, ImportRun
from callback.errors import Conflict
from callback.services.imports import run as importing
from callback.services.imports.profile import load_profile
from callback.services.imports.run import Order, Summary, import_file

ROWS = 4_500
CHUNK = 100
BAD_EVERY = 90

PROGRAM = """
import sys
from pathlib import Path
from callback.bootstrap import build
from callback.services.imports import run as importing
from callback.services.imports.profile import load_profile
from callback.services.imports.run import Order, import_file

importing.LARGE = 1_000  # with the second, reading process

if __name__ == "__main__":
    house = build()
    order = Order(path=Path(sys.argv[1]), profile=load_profile("callback"), language="en", chunk=int(sys.argv[2]))
    tell = lambda done, _: print(done, flush=True)
    import_file(house.sessions, house.settings, order, clock=house.clock, progress=tell)
"""


@pytest.fixture
def big_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Read beside the writer, as a file of ten times its length would be."""
    monkeypatch.setattr(importing, "LARGE", 1_000)
    path = tmp_path / "big.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file).writerow
        write(["Case number", "Status", "Subject", "Customer number", "Telephone", "Rating"])
        for n in range(ROWS):
            phone = "12" if n % BAD_EVERY == 7 else f"138{n:08d}"
            write([f"K{n}", "closed", "Noise", f"C{n // 2}", phone, "2" if n % 10 == 0 else "5"])
    return path


@pytest.fixture
def program(tmp_path: Path, big_file: Path, house: House) -> Iterator[subprocess.Popen[str]]:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    environment = {**os.environ, "CALLBACK_DATABASE_URL": house.settings.database_url, "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(
        [sys.executable, str(script), str(big_file), str(CHUNK)], stdout=subprocess.PIPE, text=True, env=environment
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def finish(house: House, path: Path) -> Summary:
    order = Order(path=path, profile=load_profile("callback"), language="en", chunk=CHUNK)
    return import_file(house.sessions, house.settings, order, clock=utc_now)


def test_a_killed_import_goes_on_where_it_was(
    house: House, program: subprocess.Popen[str], big_file: Path, tmp_path: Path
) -> None:
    assert program.stdout is not None
    for line in program.stdout:
        if int(line) >= 5 * CHUNK:
            break
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    with reading(house.sessions) as session:
        run = session.scalars(select(ImportRun)).one()
    assert run.state == "running"
    assert 5 * CHUNK <= run.rows_done < ROWS, "killed on the way"
    # What a crash between the rejects file and the commit leaves behind: a row too many in the file.
    rejects = tmp_path / "big.rejects.csv"
    with rejects.open("ab") as file:
        file.write(b"999999,left over,from the killed one,\r\n")

    summary = finish(house, big_file)

    bad = len(range(7, ROWS, BAD_EVERY))
    assert summary.resumed_at == run.rows_done
    assert (summary.created, summary.updated, summary.unchanged) == (ROWS - bad, 0, 0)
    assert (summary.rejected, summary.dissatisfactions) == (bad, ROWS // 10)
    with rejects.open(newline="", encoding="utf-8-sig") as file:
        rows = [line[0] for line in csv.reader(file)]
    assert rows[1:] == [str(n + 2) for n in range(7, ROWS, BAD_EVERY)], "each bad row once, none left over"
    with reading(house.sessions) as session:
        counts = [
            session.scalar(select(func.count()).select_from(table))
            for table in (Case, Customer, ContactPoint, Dissatisfaction)
        ]
        numbers = session.scalars(select(Case.external_id)).all()
    assert len(set(numbers)) == len(numbers) == counts[0] == ROWS - bad
    assert counts[2:] == [ROWS - bad, ROWS // 10]
    again = finish(house, big_file)
    assert (again.unchanged, again.created, again.resumed_at) == (ROWS - bad, 0, 0)


def test_two_processes_do_not_import_the_same_file_at_once(
    house: House, program: subprocess.Popen[str], big_file: Path
) -> None:
    """Whoever finds that the other has moved on stops; nothing is there twice."""
    assert program.stdout is not None
    program.stdout.readline()
    stopped = False
    try:
        finish(house, big_file)
    except Conflict as error:
        stopped = error.code == "import_running"
    deadline = time.monotonic() + 120
    while program.poll() is None and time.monotonic() < deadline:
        program.stdout.readline()
    assert stopped or program.returncode != 0
    with reading(house.sessions) as session:
        numbers = session.scalars(select(Case.external_id)).all()
    assert len(numbers) == len(set(numbers)) == ROWS - len(range(7, ROWS, BAD_EVERY))
