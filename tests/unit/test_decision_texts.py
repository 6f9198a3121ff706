"""A decision is read by people: whatever a service writes down as a verdict has its words in both languages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import callback
from callback.domain.words import CallbackState, DissatisfactionState
from callback.texts import LANGUAGES, catalogue

SERVICES = Path(callback.__file__).parent / "services"
NEVER_DECIDED = {CallbackState.IN_PROGRESS}
"""A call that is under way has an attempt; no decision says so."""


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def _written() -> Iterator[tuple[str, str]]:
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in ("verdict", "about"):
                yield from ((node.arg, text) for text in _texts(node.value))


def test_every_verdict_that_is_written_down_can_be_said() -> None:
    states = {("verdict", state.value) for state in (*CallbackState, *DissatisfactionState)}
    written = {*_written(), *states} - {("verdict", state.value) for state in NEVER_DECIDED}
    assert ("verdict", "nothing_shown") in written  # both arms of a choice are seen
    silent = [
        (language, f"{kind}.{word}")
        for language in LANGUAGES
        for kind, word in sorted(written)
        if f"{kind}.{word}" not in catalogue(language)
    ]
    assert not silent
