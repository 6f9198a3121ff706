"""A document in a form: every field is named by its place (`pages[0].elements[2].title.default`), which is also how a
fault names its place, so that each fault can stand beside its field.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Request

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,3})\]")
MOST_FIELDS = 5_000


async def fields_of(request: Request) -> list[tuple[str, str]]:
    """Every text field of the form that was sent, in order."""
    form = await request.form(max_fields=MOST_FIELDS)
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


Fields = Annotated[list[tuple[str, str]], Depends(fields_of)]


def document(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The nested document. Lists may have holes (a question that was taken out): they are closed up, in order.

    Names that are no places are left out; a name that comes twice has a list of its values.
    """
    root: dict[Any, Any] = {}
    for name, value in list(fields)[:MOST_FIELDS]:
        steps = [found[1] or int(found[2]) for found in _STEP.finditer(name)]
        if not steps or _joined(steps) != name:
            continue
        place = root
        for step in steps[:-1]:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            last = steps[-1]
            text = value.replace("\r\n", "\n")
            if last in place and not isinstance(place[last], dict):
                known = place[last]
                place[last] = [*known, text] if isinstance(known, list) else [known, text]
            else:
                place[last] = text
    closed = _closed(root)
    return closed if isinstance(closed, dict) else {}


def _joined(steps: Iterable[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _closed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [_closed(value[key]) for key in sorted(value)]
    return {str(key): _closed(inner) for key, inner in value.items()}


def moved(items: list[Any], place: int, by: int) -> None:
    """Move one member of a list; past an end it stays."""
    target = place + by
    if 0 <= place < len(items) and 0 <= target < len(items):
        items[place], items[target] = items[target], items[place]


def by_place(problems: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Sentences by place, of problems as `services.contents.refused` tells them, in one language."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(str(problem["path"]), []).append(str(problem["text"]))
    return found
