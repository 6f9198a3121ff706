"""Customers with an automatic survey each that is due now, for the benchmarks of sending."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bench_parts import _noon as noon
from callback.bootstrap import House
from callback.db import bulk
from callback.db.tables import Callback, Case, ContactPoint, Customer
from callback.domain.handle import new_handle
from callback.domain.words import CallbackState, CaseKind, CaseStatus, Channel, ContactKind, Priority, Purpose
from callback.services import questionnaires


def seed(house: House, *, channel: Channel, count: int, now: datetime | None = None) -> None:
    """`count` customers with a survey each that is due; all of them are awake by the benchmark's clock."""
    now = now or noon.clock()
    with house.sessions.begin() as session:
        questionnaires.seed_content(session, now)
        ids = {
            table: bulk.allocate_ids(session, table.__table__, count)  # type: ignore[attr-defined]
            for table in (Customer, Case, Callback)
        }
        whose = list(zip(ids[Customer], ids[Case], ids[Callback], strict=True))
        _insert(session, Customer, _customers(whose, now))
        _insert(session, ContactPoint, _points(whose))
        _insert(session, Case, _cases(whose, now))
        _insert(session, Callback, _callbacks(whose, now, channel))
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


Whose = Sequence[tuple[int, int, int]]


def _insert(session: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    bulk.insert_rows(session, table.__table__, list(rows[0]), (list(row.values()) for row in rows))


def _customers(whose: Whose, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "id": customer,
            "source": "bench",
            "external_id": f"K{customer}",
            "name": "Ann Smith",
            "language": "en",
            "country": "US",
            "time_zone": "America/New_York",
            "special": False,
            "consents": ["sms", "voice"],
            "created_at": now,
            "updated_at": now,
        }
        for customer, _, _ in whose
    ]


def _points(whose: Whose) -> list[dict[str, Any]]:
    return [
        {
            "customer_id": customer,
            "kind": ContactKind.PHONE,
            "address": f"+1212{customer:07d}",
            "position": 0,
            "fictional": False,
        }
        for customer, _, _ in whose
    ]


def _cases(whose: Whose, now: datetime) -> list[dict[str, Any]]:
    closed = now - timedelta(days=2)
    return [
        {
            "id": case,
            "source": "bench",
            "external_id": f"C{case}",
            "customer_id": customer,
            "subject": "The lift stops",
            "description": "",
            "answer": "Repaired.",
            "kind": CaseKind.REQUEST,
            "priority": Priority.NORMAL,
            "status": CaseStatus.CLOSED,
            "opened_at": closed - timedelta(days=2),
            "answered_at": closed,
            "closed_at": closed,
            "told_at": closed,
            "created_at": now,
            "updated_at": now,
        }
        for customer, case, _ in whose
    ]


def _callbacks(whose: Whose, now: datetime, channel: Channel) -> list[dict[str, Any]]:
    return [
        {
            "id": callback,
            "handle": new_handle(),
            "case_id": case,
            "customer_id": customer,
            "purpose": Purpose.SURVEY,
            "channel": channel,
            "state": CallbackState.WAITING,
            "priority": 20,
            "earliest_at": now - timedelta(hours=1),
            "due_at": now + timedelta(hours=8),
            "created_at": now,
            "updated_at": now,
        }
        for customer, case, callback in whose
    ]
