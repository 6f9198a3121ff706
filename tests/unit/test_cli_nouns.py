"""Each command finds its module, and only that is imported."""

import subprocess
import sys

import pytest
import typer

import callback.cli.commands  # noqa: F401  registers every command
from callback.cli import app
from callback.cli.nouns import MODULES


def defined_in() -> dict[str, set[str]]:
    """The first word of each command → the modules that define it and what stands below it."""
    found = {str(one.name or getattr(one.callback, "__name__", "")): {one.callback} for one in app.registered_commands}
    for group in app.registered_groups:
        below = group.typer_instance
        assert isinstance(below, typer.Typer)
        found[str(group.name)] = {one.callback for one in below.registered_commands}
    return {word: {callback.__module__ for callback in callbacks if callback} for word, callbacks in found.items()}


def test_every_command_is_where_it_is_looked_for() -> None:
    assert {word: {f"callback.cli.{name}" for name in names} for word, names in MODULES.items()} == defined_in()


@pytest.mark.parametrize("word", ["worker", "migrate"])
def test_no_command_waits_for_the_others(word: str) -> None:
    """Alone in its process, also where it is the only one that is registered."""
    program = (
        "import sys; from callback.cli import main\n"
        "try: main()\n"
        "finally: print([name for name in ('fastapi', 'callback.web', 'openpyxl') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, word, "--help"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert f"callback {word}" in told or f"-c {word}" in told
    assert told.endswith("[]\n")
