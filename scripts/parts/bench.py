"""Runs one benchmark of scripts/bench_parts, or lists them all."""

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
import time
from pathlib import Path
from typing import Any

import bench_parts
from bench_parts import Bench, Figure, benching

BASELINES = Path(bench_parts.__file__).with_name("baselines.json")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Run a benchmark, or list them.")
    parser.add_argument("name", nargs="?", help="which one; without it, all are listed")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--part", help="one part of a benchmark that has several, e.g. plan --part cases")
    parser.add_argument("--small", action="store_true", help="the same code on less, for a quick look")
    parser.add_argument("--keep", action="store_true", help="keep the figures as the baseline of later runs")
    wanted = parser.parse_args()
    known = sorted(module.name for module in pkgutil.iter_modules(bench_parts.__path__) if module.name[0] != "_")
    if wanted.name is None:
        for name in known:
            print(f"{name:14} {_module(name).SUMMARY}")
        return 0
    if wanted.name not in known:
        print(f"There is no benchmark {wanted.name!r}. There are: {', '.join(known)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    with benching(small=wanted.small, part=wanted.part) as bench:
        figures: list[Figure] = _module(wanted.name).run(bench)
    size = "small" if wanted.small else "full"
    kept = json.loads(BASELINES.read_text(encoding="utf-8"))
    baseline = kept.get(f"{wanted.name}/{size}", {})
    if wanted.json:
        print(json.dumps(_as_object(wanted.name, figures, baseline, bench), ensure_ascii=False))
    else:
        _print(figures, baseline, bench, seconds=time.monotonic() - began)
    if wanted.keep:
        kept[f"{wanted.name}/{size}"] = {figure.name: round(figure.figure, 4) for figure in figures}
        BASELINES.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0 if all(figure.holds for figure in figures) else 1


def _module(name: str) -> Any:
    return importlib.import_module(f"bench_parts.{name}")


def _as_object(name: str, figures: list[Figure], baseline: dict[str, float], bench: Bench) -> dict[str, Any]:
    """The first figure is the headline; `holds` speaks for all of them."""
    parts = [
        {
            "name": one.name,
            "figure": round(one.figure, 4),
            "unit": one.unit,
            "bound": one.bound,
            "holds": one.holds,
            "baseline": baseline.get(one.name),
        }
        for one in figures
    ]
    head = {**parts[0], "name": name, "holds": all(one.holds for one in figures)}
    return {**head, "figures": parts, "notes": [*bench.notes, _machine()]}


def _print(figures: list[Figure], baseline: dict[str, float], bench: Bench, *, seconds: float) -> None:
    for note in [*bench.notes, _machine()]:
        print(note)
    for one in figures:
        verdict = "" if one.bound is None else f"{one.bound} {one.unit}  {'holds' if one.holds else 'FALLS SHORT'}"
        before = f"  (baseline {baseline[one.name]:,.4g})" if one.name in baseline else ""
        print(f"{one.name:44} {one.figure:>14,.4g} {one.unit:10} {verdict}{before}")
    print(f"took {seconds:.0f} s")


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


sys.exit(main())
