"""The quick way through a row: nearly all are clean text already, which is seen once for the row, not once a cell."""

from collections.abc import Mapping, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any

from callback.services.imports.fields import Said
from callback.services.imports.tables import Cells
from callback.services.imports.values import paragraphs

_BETWEEN = "|"


class QuickRow:
    """Reads rows of text that need no cleaning, but for long texts. Any other row is left to `Normaliser`."""

    def __init__(
        self,
        said_in: Sequence[tuple[str, int]],
        limits: Mapping[str, int],
        empty: frozenset[str],
        long: frozenset[str],
    ) -> None:
        """`said_in`: field and column, `limits`: characters a field may have, `empty`: texts that say nothing."""
        names = [name for name, _ in said_in]
        short = [(name, index) for name, index in said_in if name not in long]
        # A field with two columns needs the rule of which counts; one column alone would not come as a tuple.
        self._usable = len(set(names)) == len(names) and len(short) > 1
        self._names = tuple(name for name, _ in short)
        self._cells = itemgetter(*[index for _, index in short]) if self._usable else None
        self._long = [(name, index, limits[name]) for name, index in said_in if name in long]
        self._limits = [(place, limits[name]) for place, (name, _) in enumerate(short) if name in limits]
        self._least = min((limit for _, limit in self._limits), default=0)
        self._empty = empty

    def read(self, cells: Cells) -> Said | None:
        """Field → text, without the fields that say nothing; None for a row that has to be cleaned or refused."""
        if self._cells is None:
            return None
        texts: tuple[Any, ...] = self._cells(cells)
        try:
            row = _BETWEEN.join(texts)
        except TypeError:
            return None  # a spreadsheet's numbers and dates
        if not row.isprintable() or _has_blanks(row) or not self._fits(texts):
            return None
        said: Said = dict(compress(zip(self._names, texts, strict=True), texts))
        if not all(_add_long(said, name, cells[index], limit) for name, index, limit in self._long):
            return None
        return {name: text for name, text in said.items() if text not in self._empty} if self._empty else said

    def _fits(self, texts: tuple[Any, ...]) -> bool:
        return max(map(len, texts)) <= self._least or all(len(texts[place]) <= limit for place, limit in self._limits)


def _add_long(said: Said, name: str, cell: Any, limit: int) -> bool:
    """Whether a long text could be taken over; line breaks are kept in it."""
    if not cell:
        return bool(cell == "")
    if not isinstance(cell, str) or len(text := paragraphs(cell)) > limit:
        return False
    if text:
        said[name] = text
    return True


def _has_blanks(row: str) -> bool:
    """Two blanks in a row, or one at either end of a cell."""
    return " " in row and (
        "  " in row or f"{_BETWEEN} " in row or f" {_BETWEEN}" in row or row[0] == " " or row[-1] == " "
    )
