"""The editable days of the public calendars: exceptions to what the `holidays` package says."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.tables import CalendarDay
from callback.domain.words import DayKind


def days(session: Session, country: str, *, first: date, last: date) -> Sequence[CalendarDay]:
    """The edited days of `country` from `first` to `last`, in order."""
    return session.scalars(
        select(CalendarDay)
        .where(CalendarDay.country == country, CalendarDay.day.between(first, last))
        .order_by(CalendarDay.day)
    ).all()


def put(session: Session, country: str, day: date, *, kind: DayKind, name: str) -> CalendarDay:
    """Write one day, over what was written before."""
    row = session.scalars(select(CalendarDay).where(CalendarDay.country == country, CalendarDay.day == day)).first()
    if row is None:
        row = CalendarDay(country=country, day=day, kind=kind, name=name)
        session.add(row)
    row.kind, row.name = kind, name
    session.flush()
    return row


def drop(session: Session, country: str, day: date) -> bool:
    """Take one edited day back; false when there was none."""
    row = session.scalars(select(CalendarDay).where(CalendarDay.country == country, CalendarDay.day == day)).first()
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True
