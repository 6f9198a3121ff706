"""What an import asks the database, for twenty thousand rows at once."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Exists, Row, Select, any_, bindparam, exists, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from callback.db.claims import changed_one
from callback.db.engine import is_postgresql
from callback.db.tables import Agent, Case, ContactPoint, Customer, Dissatisfaction, ImportRun, Promise, Team
from callback.domain.words import ContactKind, DissatisfactionState


class KnownCase(NamedTuple):
    id: int
    hash: str | None


def among(session: Session, column: InstrumentedAttribute[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """`column IN values` with one bound parameter, however many values: an array, or a JSON list on SQLite."""
    if is_postgresql(session):
        return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))


def lock_source(session: Session, source: str) -> None:
    """One import of a source writes at a time. SQLite has one writer anyway."""
    if is_postgresql(session):
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"import:{source}"})


def known_cases(session: Session, source: str, external_ids: Sequence[str]) -> dict[str, KnownCase]:
    """External id → what is there already."""
    rows = session.execute(
        select(Case.external_id, Case.id, Case.import_hash).where(
            Case.source == source, among(session, Case.external_id, external_ids)
        )
    )
    return {external_id: KnownCase(case_id, fingerprint) for external_id, case_id, fingerprint in rows}


def cases_to_change(session: Session, ids: Sequence[int]) -> dict[int, Case]:
    """The cases, locked until the transaction ends: an agent may be at work on one of them."""
    query = select(Case).where(among(session, Case.id, ids)).order_by(Case.id).with_for_update()
    return {case.id: case for case in session.scalars(query)}


def known_customers(session: Session, source: str, keys: Sequence[str]) -> dict[str, int]:
    """External id → id."""
    query = select(Customer.external_id, Customer.id).where(
        Customer.source == source, among(session, Customer.external_id, keys)
    )
    return {key: customer_id for key, customer_id in session.execute(query)}  # noqa: C416  typed, unlike dict(rows)


def customers_by_id(session: Session, ids: Sequence[int], columns: Sequence[str]) -> list[Row[Any]]:
    """(id, *columns) of each."""
    wanted = [getattr(Customer, name) for name in columns]
    return list(session.execute(select(Customer.id, *wanted).where(among(session, Customer.id, ids))))


def addresses_of(session: Session, customer_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Customer → address → position."""
    found: dict[int, dict[str, int]] = {customer_id: {} for customer_id in customer_ids}
    query = select(ContactPoint.customer_id, ContactPoint.address, ContactPoint.position).where(
        among(session, ContactPoint.customer_id, customer_ids)
    )
    for customer_id, address, position in session.execute(query):
        found[customer_id][address] = position
    return found


def promises_of(session: Session, case_ids: Sequence[int]) -> list[Promise]:
    return list(session.scalars(select(Promise).where(among(session, Promise.case_id, case_ids))))


def flags_of(session: Session, case_ids: Sequence[int]) -> list[Dissatisfaction]:
    return list(session.scalars(select(Dissatisfaction).where(among(session, Dissatisfaction.case_id, case_ids))))


def agents_by_name(session: Session) -> dict[str, int]:
    """Login and agent number → id."""
    rows = session.execute(select(Agent.id, Agent.login, Agent.number)).all()
    return {login: agent_id for agent_id, login, _ in rows} | {number: agent_id for agent_id, _, number in rows}


def teams_by_name(session: Session) -> dict[str, int]:
    return {name: team_id for team_id, name in session.execute(select(Team.id, Team.name))}


def unfinished_run(session: Session, fingerprint: str) -> ImportRun | None:
    """The run of the same file with the same profile that was killed on the way."""
    return session.scalars(
        select(ImportRun)
        .where(ImportRun.fingerprint == fingerprint, ImportRun.state == "running")
        .order_by(ImportRun.id.desc())
        .limit(1)
    ).one_or_none()


def advance_run(
    session: Session, run: ImportRun, *, rows_done: int, counts: dict[str, Any], finished_at: datetime | None
) -> bool:
    """Move the run on; false when another process has moved it since."""
    return changed_one(
        session,
        update(ImportRun)
        .where(ImportRun.id == run.id, ImportRun.state == "running", ImportRun.rows_done == run.rows_done)
        .values(
            rows_done=rows_done,
            counts=counts,
            state="done" if finished_at else "running",
            finished_at=finished_at,
        ),
    )


def without_phone(*, source: str, after_id: int = 0) -> Select[tuple[Customer]]:
    """Customers of a source who have no telephone number, by id."""
    has_phone = exists().where(ContactPoint.customer_id == Customer.id, ContactPoint.kind != ContactKind.EMAIL)
    return select(Customer).where(Customer.source == source, Customer.id > after_id, ~has_phone).order_by(Customer.id)


def needs_data_count(session: Session, source: str) -> int:
    """Cases of a source whose customer cannot be contacted."""
    query = select(func.count()).select_from(Case).join(Case.customer).where(Case.source == source, ~_has_contact())
    return session.scalar(query) or 0


def wake_cases_of(session: Session, source: str) -> None:
    """The planner looks at every case of a source again."""
    session.execute(update(Case).where(Case.source == source).values(plan_at=Case.opened_at))


def _has_contact() -> Exists:
    return exists(select(literal(1)).where(ContactPoint.customer_id == Customer.id))


LIVE_FLAGS = (DissatisfactionState.OPEN, DissatisfactionState.ESCALATED)
