"""At most once: a state changes by a conditional UPDATE that must change exactly one row, on every database."""

from typing import Any

from sqlalchemy import CursorResult, Update
from sqlalchemy.orm import Session


def changed_one(session: Session, statement: Update) -> bool:
    """Run `statement`; true when it changed exactly one row, false when another was faster.

    Raises `AssertionError` when it changed several: the condition did not name one row.
    """
    session.flush()
    result: CursorResult[Any] = session.execute(statement.execution_options(synchronize_session=False))  # type: ignore[assignment]
    assert result.rowcount <= 1, f"{statement} changed {result.rowcount} rows"  # noqa: S101
    return result.rowcount == 1
