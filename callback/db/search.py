"""Customers by the end of a number, the beginning of a name, the number of a case (the indexes: `tables/search`)."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, literal_column, select, text
from sqlalchemy.orm import Session, selectinload

from callback.db.callbacks import LIVE
from callback.db.engine import is_postgresql
from callback.db.tables import Callback, Case, ContactPoint, Customer
from callback.db.tables import search as indexes

LOOKED_AT = 200
"""Matches that one look-up reads at the most; who is meant is found by typing more."""
_LAST = "\U0010ffff"


def by_number(session: Session, digits: str, *, name: str = "") -> Sequence[int]:
    """Ids of customers with a number that ends so; with `name`, of those whose name has it somewhere."""
    dialect = "postgresql" if is_postgresql(session) else "sqlite"
    query = (
        select(ContactPoint.customer_id)
        .where(text(f"contact_points.{indexes.NUMBERS}"))
        .where(literal_column(indexes.TAIL[dialect]) == digits[-4:])
    )
    if len(digits) > 4:
        query = query.where(ContactPoint.address.endswith(digits, autoescape=True))
    if name:
        query = query.join(Customer, Customer.id == ContactPoint.customer_id).where(
            func.lower(Customer.name).contains(_lower(session, name), autoescape=True)
        )
    # All who match, then some of them: with the limit inside, PostgreSQL hopes to meet enough on a walk of the table.
    hits = query.cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")
    return session.scalars(select(hits.c.customer_id).distinct().limit(LOOKED_AT)).all()


def by_name(session: Session, name: str) -> Sequence[int]:
    """Ids of customers whose name, or the last word of it, begins so. Capitals make no difference."""
    start = _lower(session, name)
    order = " USING ~<~" if is_postgresql(session) else ""
    found: dict[int, None] = {}
    for expression, among in ((indexes.NAME, "name IS NOT NULL"), (indexes.LAST_WORD, indexes.SEVERAL_WORDS)):
        query = (
            select(Customer.id)
            .where(_begins(session, literal_column(expression), start), text(among))
            # In the order of the index: nothing is sorted, and the limit ends the walk along it.
            .order_by(text(f"{expression}{order}"))
            .limit(LOOKED_AT)
        )
        found |= dict.fromkeys(session.scalars(query))
    return list(found)


def by_case(session: Session, number: str) -> Sequence[int]:
    """Ids of the customers of the cases with this number, in capitals or not."""
    written = {number, number.upper(), number.lower()}
    query = select(Case.customer_id).where(Case.external_id.in_(written)).distinct().limit(LOOKED_AT)
    return session.scalars(query).all()


def people(session: Session, ids: Collection[int]) -> Sequence[Customer]:
    return session.scalars(
        select(Customer).where(Customer.id.in_(ids)).options(selectinload(Customer.contact_points))
    ).all()


def open_callbacks(session: Session, ids: Collection[int]) -> dict[int, int]:
    """How many live callbacks each of these customers has."""
    query = (
        select(Callback.customer_id, func.count())
        .where(LIVE, Callback.customer_id.in_(ids))
        .group_by(Callback.customer_id)
    )
    rows: Sequence[Row[Any]] = session.execute(query).all()
    return {customer_id: number for customer_id, number in rows}  # noqa: C416  a Row is no tuple to mypy


def _lower(session: Session, name: str) -> str:
    """As the database lowers what is in the index: SQLite knows the letters of ASCII alone."""
    if is_postgresql(session):
        return name.lower()
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _begins(session: Session, column: ColumnElement[str], start: str) -> ColumnElement[bool]:
    """A range of the index. On PostgreSQL by the operators of its class, whatever the collation of the database."""
    if is_postgresql(session):
        return and_(column.op("~>=~", is_comparison=True)(start), column.op("~<~", is_comparison=True)(start + _LAST))
    return and_(column >= start, column < start + _LAST)
