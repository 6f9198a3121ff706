"""Pages by cursor: stable while rows come and go, and as fast on page 1,000 as on the first.

    @router.get("/cases")
    def list_cases(page: PageDep, ...) -> Page[CaseOut]:
        after = page.after("cases", datetime, int)                     # None on the first page
        rows = cases.listed(session, after=after, limit=page.limit + 1)
        return page.of(rows, CaseOut.model_validate, kind="cases", key=lambda row: (row.opened_at, row.id))

or, for a plain SELECT, `page.select(session, query, kind="teams", order=(Team.name, Team.id))`.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import Select, TypeDecorator
from sqlalchemy.orm import InstrumentedAttribute, Session

from callback.api.schemas import BIGGEST_ID
from callback.db.keyset import after_key
from callback.errors import Invalid

T = TypeVar("T")
Row = TypeVar("Row")
MAX_LIMIT = 200


class Page(BaseModel, Generic[T]):
    """One page. `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


def encode_cursor(kind: str, *values: object) -> str:
    """Opaque to clients. `kind` names the list, so that a cursor of one list is refused by another."""
    raw = json.dumps([kind, *(_plain(value) for value in values)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def decode_cursor(kind: str, cursor: str, *types: type) -> tuple[Any, ...]:
    """The values of `cursor`, of exactly these types. Raises `Invalid("bad_cursor")` for anything that we did not make.

    It is not signed: it holds a position, which gives nobody more than the list itself does.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw)
        if not isinstance(found, list) or found[:1] != [kind] or len(found) != len(types) + 1:
            raise ValueError
        return tuple(_typed(value, wanted) for value, wanted in zip(found[1:], types, strict=True))
    except (ValueError, TypeError, binascii.Error, OverflowError, RecursionError):
        raise Invalid("bad_cursor") from None


def _typed(value: object, wanted: type) -> object:
    if wanted is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment.astimezone(UTC)
    if wanted is date and isinstance(value, str):
        return date.fromisoformat(value)
    if wanted is int and type(value) is int and abs(value) <= BIGGEST_ID:
        return value
    if wanted is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]  # one of the two, as the line above says
    if wanted is str and isinstance(value, str) and "\x00" not in value:
        value.encode()
        return value
    if wanted is bool and isinstance(value, bool):
        return value
    raise ValueError("not what was asked for")


def python_type(column: InstrumentedAttribute[Any]) -> type:
    """What values of this column are in Python; a decorated type does not say so itself."""
    kind = column.type
    return (kind.impl_instance if isinstance(kind, TypeDecorator) else kind).python_type


@dataclass(frozen=True, slots=True)
class PageParams:
    limit: int
    cursor: str | None

    def after(self, kind: str, *types: type) -> tuple[Any, ...] | None:
        """The key of the last row of the page before; `None` on the first page."""
        return None if self.cursor is None else decode_cursor(kind, self.cursor, *types)

    def of(
        self, rows: Sequence[Row], show: Callable[[Row], T], *, kind: str, key: Callable[[Row], Sequence[object]]
    ) -> Page[T]:
        """A page of `rows`, of which one more than `limit` was asked for to know whether there is a next."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(
            items=[show(row) for row in shown], next_cursor=encode_cursor(kind, *key(shown[-1])) if more else None
        )

    def select(
        self,
        session: Session,
        query: Select[tuple[Row]],
        show: Callable[[Row], T],
        *,
        kind: str,
        order: Sequence[InstrumentedAttribute[Any]],
        descending: bool = False,
    ) -> Page[T]:
        """A page of a plain SELECT in the order of these columns: never null, and together unique."""
        after = self.after(kind, *(python_type(column) for column in order))
        query = after_key(query, order, after, descending=descending).limit(self.limit + 1)
        rows = session.scalars(query).all()
        return self.of(rows, show, kind=kind, key=lambda row: [getattr(row, column.key) for column in order])


async def get_page(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=1000, description="`next_cursor` of the page before.")
    ] = None,
) -> PageParams:
    return PageParams(limit=limit, cursor=cursor)


PageDep = Annotated[PageParams, Depends(get_page)]
