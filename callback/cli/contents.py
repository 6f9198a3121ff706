"""What the commands for scripts and questionnaires share: reading a JSON file, and telling every fault in it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callback.cli.common import complaints
from callback.domain.text import is_storable
from callback.errors import Invalid
from callback.texts import Language

MAX_BYTES = 2_000_000


def read_json(path: Path) -> Any:
    """The JSON in a file. Raises `Invalid` (`content_file_unreadable`, `content_file_not_json`)."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Invalid("content_file_unreadable", path=path, reason=error.strerror or "") from None
    if len(raw) > MAX_BYTES:
        raise Invalid("content_file_unreadable", path=path, reason=f"> {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("content_file_not_json", path=path, reason=str(error)) from None
    if not is_storable(json.dumps(found, ensure_ascii=False)):
        raise Invalid("content_file_not_json", path=path, reason="U+0000 / surrogate")
    return found


def member(document: Any, name: str, path: Path) -> Any:
    """One member of a content file. Raises `Invalid("content_file_member_missing")`."""
    if not isinstance(document, dict) or name not in document:
        raise Invalid("content_file_member_missing", path=path, name=name)
    return document[name]


@contextmanager
def telling_faults(language: Language) -> Iterator[None]:
    """Print every fault with its place before the error's own sentence ends the command."""
    try:
        yield
    except Invalid as error:
        problems = error.details.get("problems")
        for problem in problems if isinstance(problems, list) else []:
            complaints.print(f"{problem['path']}: {problem[language]}", markup=False, highlight=False, soft_wrap=True)
        raise
