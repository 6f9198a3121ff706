"""What a form brought: read field by field, every fault told at its field in the reader's language.

fields = Fields(desk, form)
name = fields.text("name", most=120)
if fields.faults:
    return desk.fragment("setup/teams/form.html", status=422, fields=fields, ...)
"""

import math
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.datastructures import FormData

from callback.errors import CallbackError
from callback.web.desk import Desk

_SEPARATORS = re.compile(r"[,;，；、\n\r]+")


async def _read(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_fields=10_000) as form:
        yield form


Form = Annotated[FormData, Depends(_read)]
"""The fields of the request; to be asked for behind the desk, so that a stranger's form is not read."""


PathId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Fields:
    """Values as they were typed, and what is wrong with them."""

    def __init__(self, desk: Desk, form: Mapping[str, object] | None = None, **present: object) -> None:
        """`present` stands in where the form (of a page that is opened) has nothing."""
        self._desk = desk
        self._form = form
        self._present = present
        self.faults: dict[str, str] = {}

    def shown(self, name: str) -> str:
        """What the field shows: what was typed, else what is there."""
        if isinstance(self._form, FormData):
            return str(self._form.get(name) or "")[:5_000]
        value = self._present.get(name)
        return "" if value is None else str(value)

    def on(self, name: str, value: str = "1") -> bool:
        """Whether a box is ticked."""
        if isinstance(self._form, FormData):
            return value in self._form.getlist(name)
        present = self._present.get(name)
        return value in present if isinstance(present, list | tuple | frozenset | set) else bool(present)

    def fault(self, name: str, code: str, **params: object) -> None:
        """The first fault of a field is the one that is shown."""
        self.faults.setdefault(name, self._desk.say(code, **params))

    def text(self, name: str, *, most: int, needed: bool = True) -> str:
        value = self.raw(name).strip()
        if not value and needed:
            self.fault(name, "setup_desk.needed")
        elif len(value) > most:
            self.fault(name, "setup_desk.too_long", most=most, length=len(value))
            value = value[:most]
        return value

    def raw(self, name: str) -> str:
        return str((self._form or {}).get(name) or "").replace("\x00", "")

    def words(self, name: str, *, most: int, longest: int) -> tuple[str, ...]:
        """Several words, separated as people separate them; each once."""
        found = dict.fromkeys(part.strip() for part in _SEPARATORS.split(self.raw(name)) if part.strip())
        if len(found) > most:
            self.fault(name, "setup_desk.too_many", most=most)
        long = next((word for word in found if len(word) > longest), None)
        if long is not None:
            self.fault(name, "setup_desk.word_too_long", word=long[:20] + "…", most=longest)
        return tuple(found) if name not in self.faults else ()

    def number(self, name: str, *, low: float, high: float, whole: bool = True) -> float:
        try:
            value = float(self.raw(name).strip().replace(",", ".") or "nan")
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (whole and value != int(value)):
            self.fault(name, "setup_desk.not_whole" if whole else "setup_desk.not_a_number")
            return low
        if not low <= value <= high:
            self.fault(name, "setup_desk.out_of_bounds", low=f"{low:g}", high=f"{high:g}")
        return int(value) if whole else value

    def one_of(self, name: str, allowed: Iterable[str]) -> str:
        value = self.raw(name)
        if value not in allowed:
            self.fault(name, "setup_desk.choose")
        return value

    def several(self, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        return tuple(value for value in allowed if self.on(name, value))

    def identity(self, name: str) -> int | None:
        """The id of a row; None for "none"."""
        value = self.raw(name)
        if not value:
            return None
        if not value.isdecimal() or len(value) > 18:
            self.fault(name, "setup_desk.choose")
            return None
        return int(value)

    def ids(self, name: str, *, most: int) -> list[int]:
        values = self._form.getlist(name) if isinstance(self._form, FormData) else []
        return [int(str(value)) for value in values[:most] if str(value).isdecimal() and len(str(value)) <= 18]

    def day(self, name: str) -> date | None:
        try:
            found = date.fromisoformat(self.raw(name))
        except ValueError:
            self.fault(name, "setup_desk.not_a_day")
            return None
        if not 1970 <= found.year < 2200:
            self.fault(name, "setup_desk.not_a_day")
            return None
        return found

    @contextmanager
    def telling(self, places: Mapping[str, str], *, otherwise: str | None = None) -> Iterator[None]:
        """An error whose code is in `places` becomes the fault of that field; `otherwise` takes every other."""
        try:
            yield
        except CallbackError as error:
            place = places.get(error.code, otherwise)
            if place is None:
                raise
            self.faults.setdefault(place, self._desk.say(f"error.{error.code}", **error.params))
