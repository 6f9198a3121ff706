"""Shipped content and what scripts and questionnaires have in common when they are saved."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callback.domain.document import Problem
from callback.errors import Invalid
from callback.texts import LANGUAGES, Language, say

CONTENT = Path(__file__).resolve().parents[1] / "content"


def shipped(folder: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every JSON document in a folder of `callback/content`, in the order of its name."""
    for path in sorted((CONTENT / folder).rglob("*.json")):
        yield path, json.loads(path.read_text(encoding="utf-8"))


def refused(code: str, problems: tuple[Problem, ...]) -> Invalid:
    """The error for a document with faults: its sentence names the first, `details["problems"]` tells all."""
    first = problems[0]
    return Invalid(
        code,
        details={
            "problems": [
                {"path": problem.path or "$", "code": problem.code}
                | {language: sentence(problem, language) for language in LANGUAGES}
                for problem in problems
            ]
        },
        place=first.path or "$",
        fault=first.code,
        count=len(problems),
    )


def sentence(problem: Problem, language: Language) -> str:
    """What is wrong, for a reader: languages by their names, not by their codes."""
    params = dict(problem.params)
    if "language" in params:
        params["language"] = say(f"content.language.{params['language']}", language)
    return say(f"content.{problem.code}", language, **params)
