"""Outlooks: the newest one, and throwing away those before it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from callback.db.tables import Case, Customer, Outlook


def newest(session: Session) -> Outlook | None:
    return session.scalars(select(Outlook).order_by(Outlook.at.desc(), Outlook.id.desc()).limit(1)).first()


def forget(session: Session, *, before: datetime) -> None:
    session.execute(delete(Outlook).where(Outlook.at < before), execution_options={"synchronize_session": False})


def customers_of(session: Session, case_ids: Collection[int]) -> dict[int, str | None]:
    """The name of the customer of each of these cases."""
    if not case_ids:
        return {}
    query = select(Case.id, Customer.name).join(Customer, Customer.id == Case.customer_id)
    return {row.id: row.name for row in session.execute(query.where(Case.id.in_(case_ids)))}
