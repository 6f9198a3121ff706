"""Counts of contact: what is new among the attempts, what is added up, what is read for a forecast."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, Table, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from callback.db.among import among, plain, plain_scalars
from callback.db.engine import is_postgresql
from callback.db.tables import Attempt, ContactCount, ContactPoint, ContactTrial, Customer, Dissatisfaction
from callback.domain.contact import ANSWERED, DIALLED, Arm, Cell, Tally
from callback.domain.uplift import Dials
from callback.domain.words import AttemptState, ContactKind, Disposition

COUNTS: Table = ContactCount.__table__  # type: ignore[assignment]
TRIALS: Table = ContactTrial.__table__  # type: ignore[assignment]
TELLING = tuple(disposition for disposition, answered in ANSWERED.items() if answered is not None)


@dataclass(frozen=True, slots=True)
class FirstDial:
    """The first dial of a callback, at a time that nobody had asked for."""

    customer_id: int
    cell: Cell
    reached: bool
    off: bool
    """The customer had refused or was left unhappy before: nothing is learned from them any more."""


def take_unlearned(session: Session, *, limit: int) -> tuple[int, list[FirstDial]]:
    """Mark up to `limit` ended attempts as learned in this transaction; how many there were, and what they tell.

    Attempts that another transaction is at are left to it.
    """
    waiting = select(Attempt.id).where(Attempt.state == AttemptState.ENDED, ~Attempt.learned)
    ids = list(plain_scalars(session, waiting.order_by(Attempt.id).limit(limit).with_for_update(skip_locked=True)))
    if not ids:
        return 0, []
    dials = [_dial(row) for row in plain(session, _first_dials().where(among(session, Attempt.id, ids)))]
    session.execute(
        update(Attempt).where(among(session, Attempt.id, ids)).values(learned=True),
        execution_options={"synchronize_session": False},
    )
    return len(ids), dials


def _first_dials() -> Select[Any]:
    """Later dials of a callback are to people who did not answer the first: they would make their slots look bad."""
    earlier, refusal = aliased(Attempt), aliased(Attempt)
    off = or_(
        exists().where(
            refusal.customer_id == Attempt.customer_id,
            refusal.disposition == Disposition.REFUSED,
            refusal.started_at < Attempt.started_at,
        ),
        exists().where(
            Dissatisfaction.customer_id == Attempt.customer_id, Dissatisfaction.raised_at < Attempt.started_at
        ),
    )
    return (
        select(
            Attempt.customer_id,
            ContactPoint.kind,
            Attempt.part_of_day,
            Attempt.started_at,
            Customer.time_zone,
            Attempt.disposition,
            off.label("off"),
        )
        .join(ContactPoint, ContactPoint.id == Attempt.contact_point_id)
        .join(Customer, Customer.id == Attempt.customer_id)
        .where(
            Attempt.channel.in_(DIALLED),
            Attempt.disposition.in_(TELLING),
            ~Attempt.by_appointment,
            ContactPoint.kind != ContactKind.EMAIL,
            ~exists().where(and_(earlier.callback_id == Attempt.callback_id, earlier.id < Attempt.id, earlier.counts)),
        )
    )


def _dial(row: Row[Any]) -> FirstDial:
    weekday = row.started_at.astimezone(ZoneInfo(row.time_zone)).weekday()
    cell = Cell(row.kind, row.part_of_day, weekday)
    return FirstDial(row.customer_id, cell, reached=bool(ANSWERED[row.disposition]), off=bool(row.off))


def add_counts(session: Session, tallies: Mapping[Cell, Tally]) -> None:
    """In one order everywhere, so that two who add at once do not wait for each other in a circle."""
    rows = [
        {"kind": c.kind, "part_of_day": c.part, "weekday": c.weekday, "tried": t.tried, "reached": t.reached}
        for c, t in sorted(tallies.items())
    ]
    _add(session, COUNTS, rows, keys=("kind", "part_of_day", "weekday"))


def add_trials(session: Session, tallies: Mapping[tuple[int, Arm], Tally]) -> None:
    """First dials by customer and arm."""
    rows: dict[int, dict[str, int]] = {}
    for (customer_id, arm), tally in sorted(tallies.items()):
        row = rows.setdefault(
            customer_id,
            {
                "customer_id": customer_id,
                "learned_tried": 0,
                "learned_reached": 0,
                "holdout_tried": 0,
                "holdout_reached": 0,
            },
        )
        row[f"{arm}_tried"], row[f"{arm}_reached"] = tally.tried, tally.reached
    _add(session, TRIALS, list(rows.values()), keys=("customer_id",))


def _add(session: Session, table: Table, rows: list[dict[str, Any]], *, keys: tuple[str, ...]) -> None:
    if not rows:
        return
    insert: Any = postgresql_insert(table) if is_postgresql(session) else sqlite_insert(table)
    sums = {name: table.c[name] + insert.excluded[name] for name in rows[0] if name not in keys}
    session.connection().execute(insert.on_conflict_do_update(index_elements=list(keys), set_=sums), rows)


def counts(session: Session) -> dict[Cell, Tally]:
    """Everything that was counted: at most 63 rows."""
    columns = (
        ContactCount.kind,
        ContactCount.part_of_day,
        ContactCount.weekday,
        ContactCount.tried,
        ContactCount.reached,
    )
    return {
        Cell(kind, part, weekday): Tally(tried, reached)
        for kind, part, weekday, tried, reached in plain(session, select(*columns))
    }


def arms(session: Session) -> dict[Arm, Dials]:
    """Both arms of the comparison."""
    found: dict[Arm, Dials] = {}
    for arm in Arm:
        tried, reached = getattr(ContactTrial, f"{arm}_tried"), getattr(ContactTrial, f"{arm}_reached")
        sums = (tried, reached, tried * tried, tried * reached, reached * reached)
        row = session.execute(select(func.count(), *(func.coalesce(func.sum(s), 0) for s in sums)).where(tried > 0))
        persons, all_tried, all_reached, *squares = (int(figure) for figure in row.one())
        found[arm] = Dials(all_tried, all_reached, persons, *squares)
    return found
