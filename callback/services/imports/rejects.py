"""The rejects file: which rows did not load, and what to do about each. CSV that a spreadsheet opens as it is."""

import csv
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from callback.errors import Invalid
from callback.services.imports.normalise import Reject
from callback.texts import Language, say

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_HEADINGS = ("row", "column", "value", "what_to_do")
_BOM = b"\xef\xbb\xbf"


class RejectsFile:
    """Written beside the chunks: `end` is stored with each of them, so that a restart goes on where the last one ended.

    The file appears with the first reject; an import without rejects leaves none behind. The values are the reader's
    own (telephone numbers too, unmasked): without them nobody can put the row right.
    """

    def __init__(
        self, path: Path, language: Language, *, keep: int = 0, tell: Callable[[Reject, Language], str] | None = None
    ) -> None:
        """`keep` bytes of a file that is there already belong to chunks that were written; the rest is cut off.

        `tell` says what to do about a reject; left out: as of a case file.
        """
        self.path = path
        self._language = language
        self._tell = tell or what_to_do
        self.end = 0
        try:
            if keep and path.is_file() and path.stat().st_size >= keep:
                os.truncate(path, keep)
                self.end = keep
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise Invalid("import_rejects_unwritable", file=str(path), problem=error.strerror or "") from None

    def add(self, rejects: Sequence[Reject]) -> None:
        """Append these; on disk when this returns. Raises `Invalid` (`import_rejects_unwritable`)."""
        if not rejects:
            return
        try:
            with self.path.open("ab") as file:
                if self.end == 0:
                    file.write(_BOM + self._lines([[say(f"import.rejects.{c}", self._language) for c in _HEADINGS]]))
                file.write(self._lines([self._row(reject) for reject in rejects]))
                file.flush()
                os.fsync(file.fileno())
                self.end = file.tell()
        except OSError as error:
            raise Invalid("import_rejects_unwritable", file=str(self.path), problem=error.strerror or "") from None

    def _row(self, reject: Reject) -> list[str]:
        return [str(reject.row), reject.column, reject.value, self._tell(reject, self._language)]

    @staticmethod
    def _lines(rows: Sequence[Sequence[str]]) -> bytes:
        text = io.StringIO()
        csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
        return text.getvalue().encode("utf-8", "replace")


def what_to_do(reject: Reject, language: Language) -> str:
    return say(f"import.reject.{reject.code}", language, value=reject.value, more=reject.more)


def harmless(cell: str) -> str:
    """A spreadsheet must not take somebody's input for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
