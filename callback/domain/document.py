"""Reading JSON that a person wrote: every fault is collected with its place, none is guessed away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callback.domain.text import is_storable


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: its place (`pages[0].elements[2].visibleIf`), its stable code, and what its sentence needs."""

    path: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


class DocumentError(Exception):
    """A document that cannot be accepted, with all its faults."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.path}: {problem.code}" for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Reader:
    """A JSON object at a place. An absent or wrong member adds a problem and reads as the fallback."""

    value: Mapping[str, Any]
    path: str
    problems: list[Problem]

    def complain(self, name: str, code: str, /, **params: Any) -> None:
        self.problems.append(Problem(self.at(name), code, params))

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def only(self, *names: str) -> None:
        """Refuse every member that is not among `names`: what is not understood must not look as if it were."""
        for name in self.value:
            if name not in names:
                self.complain(str(name), "unknown_property", property=str(name))

    def text(self, name: str, *, limit: int, required: bool = True, fallback: str = "") -> str:
        """A string of at most `limit` characters that is not blank."""
        value = self.value.get(name)
        if value is None and not required:
            return fallback
        if not isinstance(value, str) or not value.strip() or not is_storable(value):
            self.complain(name, "text_expected")
            return fallback
        if len(value) > limit:
            self.complain(name, "too_long", limit=limit, length=len(value))
            return fallback
        return value

    def flag(self, name: str, *, fallback: bool = False) -> bool:
        value = self.value.get(name, fallback)
        if not isinstance(value, bool):
            self.complain(name, "flag_expected")
            return fallback
        return value

    def integer(self, name: str, *, low: int, high: int, fallback: int) -> int:
        """A whole number from `low` to `high`; `fallback` when it is absent."""
        value = self.value.get(name, fallback)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.complain(name, "number_expected", low=low, high=high)
            return fallback
        return value

    def items(self, name: str, *, limit: int, required: bool = True) -> list[tuple[str, Any]]:
        """The members of a list, each with its place."""
        value = self.value.get(name)
        if value is None and not required:
            return []
        if not isinstance(value, list) or (required and not value):
            self.complain(name, "list_expected")
            return []
        if len(value) > limit:
            self.complain(name, "too_many", limit=limit, length=len(value))
            return []
        return [(f"{self.at(name)}[{index}]", member) for index, member in enumerate(value)]

    def objects(self, name: str, *, limit: int, required: bool = True) -> list["Reader"]:
        """The members of a list that must all be objects."""
        found = []
        for path, member in self.items(name, limit=limit, required=required):
            reader = reader_of(member, path, self.problems)
            if reader is not None:
                found.append(reader)
        return found


def reader_of(value: Any, path: str, problems: list[Problem]) -> Reader | None:
    """A reader for `value`, or nothing and a problem when it is not an object."""
    if not isinstance(value, Mapping):
        problems.append(Problem(path, "object_expected"))
        return None
    return Reader(value, path, problems)
