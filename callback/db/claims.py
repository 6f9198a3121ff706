"""At most once: a state changes by a conditional UPDATE that must change exactly one row, on every database. Whoever
changes many locks them in the order of their ids."""

from typing import Any

from sqlalchemy import ColumnElement, CursorResult, TextClause, Update, select
from sqlalchemy.orm import Session

from callback.db.tables import Callback


def changed_one(session: Session, statement: Update) -> bool:
    """Run `statement`; true when it changed exactly one row, false when another was faster.

    Raises `AssertionError` when it changed several: the condition did not name one row.
    """
    session.flush()
    result: CursorResult[Any] = session.execute(statement.execution_options(synchronize_session=False))  # type: ignore[assignment]
    assert result.rowcount <= 1, f"{statement} changed {result.rowcount} rows"  # noqa: S101
    return result.rowcount == 1


def callbacks_in_order(*conditions: ColumnElement[bool] | TextClause) -> ColumnElement[bool]:
    """The condition of an UPDATE of many callbacks: it locks them by their ids, as the planner does, so that two who
    change many wait for each other once, instead of in a circle."""
    found = select(Callback.id).where(*conditions).order_by(Callback.id).with_for_update(key_share=True)
    return Callback.id.in_(found)  # no CTE: of a statement that begins with one SQLite's driver does not count the rows
