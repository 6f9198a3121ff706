"""Import: a generated file into each database, validation and telephone parsing on; rows a second, and memory."""

import csv
import random
import threading
import time
from pathlib import Path

import psutil

from bench_parts import Bench, Figure
from callback.services.contacts import phones
from callback.services.imports.profile import load_profile
from callback.services.imports.run import Order, import_file
from callback.settings import Settings

SUMMARY = "1,000,000 cases from a CSV file, on SQLite and on PostgreSQL"
ROWS, SMALL_ROWS = 1_000_000, 100_000
RATE = 15_000
MEMORY_MB = 600
_SEED = 20_260_311


def run(bench: Bench) -> list[Figure]:
    rows = SMALL_ROWS if bench.small else ROWS
    path = bench.folder / "cases.csv"
    numbers = generate(path, rows)
    bench.note(
        f"{rows:,} rows, {path.stat().st_size / 2**20:.0f} MB, every row with a telephone number, half with e-mail"
    )
    figures: list[Figure] = []
    for name, settings in (("SQLite", bench.sqlite()), ("PostgreSQL", bench.postgresql())):
        figures += _import(bench, name, settings, path, rows)
    figures.append(Figure(name="parsing one telephone number", figure=_parsing(numbers), unit="µs"))
    return figures


def generate(path: Path, rows: int) -> list[str]:
    """A deterministic file as a help desk writes it: by time, one case in five of a customer seen before."""
    chance = random.Random(_SEED)
    numbers: list[str] = []
    customers = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file).writerow
        write(_HEADINGS)
        for n in range(rows):
            status = ("open", "pending", "closed")[n % 3]
            closed = status == "closed"
            again = n % 5 == 4
            customer = chance.randrange(customers) if again else customers
            customers += not again
            day, hour, minute = chance.randint(1, 28), chance.randint(8, 18), chance.randint(0, 59)
            at = f"2026-{1 + n * 2 // rows:02d}-{day:02d} {hour:02d}:{minute:02d}"
            phone = f"010-6{chance.randrange(10**7):07d}" if n % 5 == 0 else f"13{chance.randrange(10**9):09d}"
            if len(numbers) < 5_000:
                numbers.append(phone)
            write(
                (
                    f"K{n:08d}",
                    status,
                    "The pump in the cellar is loud at night",
                    _DESCRIPTIONS[n % 2],
                    "The bearing was replaced; the noise is gone." if closed else "",
                    "Heating",
                    "complaint" if n % 10 == 0 else "request",
                    ("low", "normal", "high")[n % 3],
                    chance.choice("12345555555555") if closed else "",
                    at,
                    at if closed else "",
                    f"C{customer:08d}",
                    "王女士",
                    phone,
                    f"c{customer}@example.com" if n % 2 else "",
                    "zh",
                )
            )
    return numbers


_HEADINGS = (
    *("Case number", "Status", "Subject", "Description", "Answer", "Category", "Kind", "Priority", "Rating"),
    *("Reported at", "Closed at", "Customer number", "Name", "Telephone", "E-mail", "Language"),
)
_DESCRIPTIONS = (
    "夜间水泵噪音很大，每天凌晨两点到四点持续不断，影响休息，请尽快派人查看处理。",
    "Every night between two and four it hums so loudly that nobody sleeps; please send somebody to look at it.",
)


def _import(bench: Bench, name: str, settings: Settings, path: Path, rows: int) -> list[Figure]:
    order = Order(path=path, profile=load_profile("callback"), language="en", rejects=bench.folder / f"{name}.csv")
    with bench.house(settings) as house, PeakMemory() as memory:
        cpu = _cpu()
        started = time.perf_counter()
        summary = import_file(house.sessions, house.settings, order, clock=house.clock)
        seconds = time.perf_counter() - started
        busy = _cpu() - cpu
        started = time.perf_counter()
        again = import_file(house.sessions, house.settings, order, clock=house.clock)
        repeated = time.perf_counter() - started
    if summary.created + summary.rejected != rows or again.unchanged != summary.created:
        raise AssertionError(f"{name}: {summary} then {again}")
    bench.note(f"{name}: {summary.created:,} created, {summary.rejected} rejected, {busy:.0f} s of processor time here")
    return [
        Figure(name=f"{name}: import", figure=rows / seconds, unit="rows/s", at_least=RATE),
        Figure(name=f"{name}: memory of all import processes", figure=memory.peak_mb, unit="MB", at_most=MEMORY_MB),
        Figure(name=f"{name}: the same file again", figure=rows / repeated, unit="rows/s"),
    ]


def _cpu() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _parsing(numbers: list[str]) -> float:
    started = time.perf_counter()
    for number in numbers:
        phones(number, "CN")
    return (time.perf_counter() - started) / len(numbers) * 1e6


class PeakMemory:
    """The highest sum of the resident memory of this process and its import readers, looked at ten times a second."""

    def __enter__(self) -> "PeakMemory":
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.1):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    if process is me or "python" in process.name():
                        total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.peak_mb = max(self.peak_mb, total / 2**20)
