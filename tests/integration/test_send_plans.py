"""What a dispatcher asks all the time is answered by an index in its order, however many rows wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from callback.bootstrap import House
from callback.db import messages
from callback.db import sends as rows
from callback.db.engine import is_postgresql
from callback.domain.words import Channel

Asked = list[tuple[str, Any]]


@contextmanager
def _noted(house: House) -> Iterator[Asked]:
    asked: Asked = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    event.listen(house.engine, "before_cursor_execute", note)
    yield asked
    event.remove(house.engine, "before_cursor_execute", note)


def _plans(session: Session, asked: Asked) -> list[str]:
    """How the database would answer; an empty table is read whole unless that is forbidden."""
    explain = "EXPLAIN QUERY PLAN "
    if is_postgresql(session):
        explain = "EXPLAIN "
        for way in ("seqscan", "bitmapscan"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    connection = session.connection()
    return [
        "\n".join(str(tuple(row)) for row in connection.exec_driver_sql(explain + statement, parameters))
        for statement, parameters in asked
    ]


@pytest.mark.parametrize("campaign_id", [None, 7])
def test_due_callbacks_come_from_the_index_in_its_order(house: House, campaign_id: int | None) -> None:
    """A sort would read every row that waits: a million of them, for the first hundred."""
    with house.sessions() as session:
        session.connection()
        with _noted(house) as asked:
            rows.due_callbacks(session, channel=Channel.SMS, campaign_id=campaign_id, now=house.clock(), limit=96)
            rows.anything_due(session, channel=Channel.SMS, now=house.clock())
        assert len(asked) == 7
        for plan in _plans(session, asked):
            assert "ix_callbacks_automatic" in plan or "ix_sends_queued" in plan, plan
            assert "Sort" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan


def test_what_waits_to_be_read_comes_from_its_own_index(house: House) -> None:
    """Never through all that was ever read."""
    with house.sessions() as session:
        session.connection()
        with _noted(house) as asked:
            messages.waiting(session, now=house.clock(), limit=50)
            messages.unread_from(session, ["+12125550001"])
            messages.waits_for_a_person(session, ["+12125550001"])
        due, unread, for_a_person = _plans(session, asked)
        assert "ix_inbound_messages_for_a_person" in for_a_person, for_a_person
        assert "ix_inbound_messages_due" in due, due
        assert "ix_inbound_messages_unread" in due, due
        assert "TEMP B-TREE" not in due, due
        assert "ix_inbound_messages_unread" in unread, unread
