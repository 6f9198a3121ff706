"""The audit trail and the decisions cannot be rewritten, not even by SQL."""

from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from callback.db import decisions
from callback.db.engine import SessionFactory, is_postgresql, reading
from callback.db.tables import Case, Customer
from callback.domain.words import CaseStatus
from callback.services import audit


@pytest.fixture
def recorded(sessions: SessionFactory, now: datetime) -> None:
    """One entry in either table."""
    with sessions.begin() as session:
        customer = Customer(
            source="t", external_id="1", language="en", country="CN", time_zone="UTC", created_at=now, updated_at=now
        )
        session.add(customer)
        session.flush()
        case = Case(
            source="t",
            external_id="1",
            customer_id=customer.id,
            subject="No light",
            status=CaseStatus.OPEN,
            opened_at=now,
            created_at=now,
            updated_at=now,
        )
        session.add(case)
        session.flush()
        decisions.record(session, now=now, case_id=case.id, about="purpose", rule="as it was", verdict="yes")
        audit.record(session, now=now, actor_id=None, action="as it was", subject_kind="case", subject_id=case.id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET action = 'nothing'",
        "DELETE FROM audit_entries",
        "UPDATE decisions SET rule = 'nothing'",
        "DELETE FROM decisions",
        "TRUNCATE audit_entries",
        "TRUNCATE decisions",
    ],
)
@pytest.mark.usefixtures("recorded")
def test_what_was_recorded_stays(sessions: SessionFactory, statement: str) -> None:
    with sessions() as session:
        postgresql = is_postgresql(session)
    if statement.startswith("TRUNCATE") and not postgresql:
        statement = "DELETE FROM audit_entries WHERE 1 = 1"  # what SQLite calls its truncate optimisation
    with pytest.raises(IntegrityError, match="append_only"), sessions.begin() as session:
        session.execute(text(statement))
    with reading(sessions) as session:
        assert session.scalar(text("SELECT action FROM audit_entries")) == "as it was"
        assert session.scalar(text("SELECT rule FROM decisions")) == "as it was"
