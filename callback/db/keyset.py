"""Keyset pagination: the rows after a known one, in a stable order, by the index that has that order."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

S = TypeVar("S", bound=Select[Any])
R = TypeVar("R")


def after_key(
    query: S, order: Sequence[InstrumentedAttribute[Any]], key: Sequence[Any] | None, *, descending: bool = False
) -> S:
    """`query` in this order, from behind the row whose values of `order` are `key`.

    The columns must never be null and must be unique together (end with the id).
    """
    query = query.order_by(*(column.desc() if descending else column for column in order))
    if key is None:
        return query
    here = tuple_(*(literal(value, column.type) for value, column in zip(key, order, strict=True)))
    columns = tuple_(*order)
    return query.where(columns < here if descending else columns > here)


def newest(
    session: Session, query: Select[tuple[R]], key: InstrumentedAttribute[int], *, before: int | None, limit: int
) -> tuple[Sequence[R], int | None]:
    """The newest rows of `query`, from behind the one whose `key` is `before`; and where the next page goes on."""
    if before is not None:
        query = query.where(key < before)
    found = session.scalars(query.order_by(key.desc()).limit(limit + 1)).all()
    shown = found[:limit]
    return shown, getattr(shown[-1], key.key) if len(found) > limit else None
