"""Counts of contact: what is new among the attempts, what is added up, what is read for a forecast."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, Table, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from callback.db import bulk
from callback.db.among import among, plain, plain_scalars
from callback.db.engine import is_postgresql
from callback.db.tables import Attempt, ContactCount, ContactPair, ContactPoint, ContactTrial, Customer, Dissatisfaction
from callback.domain.contact import ANSWERED, DIALLED, PARTS, Arm, Cell, History, PairCell, PairTally, Tally
from callback.domain.uplift import Dials
from callback.domain.words import AttemptState, ContactKind, Disposition

COUNTS: Table = ContactCount.__table__  # type: ignore[assignment]
PAIRS: Table = ContactPair.__table__  # type: ignore[assignment]
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
    firsts = _first_dials().where(among(session, Attempt.id, ids)).order_by(Attempt.id)
    dials = [_dial(row) for row in plain(session, firsts)]
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


def add_pairs(session: Session, tallies: Mapping[PairCell, PairTally]) -> None:
    rows = [
        {
            "kind": cell.kind,
            "part_of_day": cell.part,
            "other_part": cell.other,
            "pairs": tally.pairs,
            "both": tally.both,
            "answered": tally.answered,
        }
        for cell, tally in sorted(tallies.items(), key=lambda item: item[0])
    ]
    _add(session, PAIRS, rows, keys=("kind", "part_of_day", "other_part"))


@dataclass(slots=True)
class Trial:
    """One customer's first dials so far."""

    arms: dict[Arm, Tally]
    history: History


def lock_trials(session: Session, customer_ids: Iterable[int]) -> dict[int, Trial]:
    """The trials of these customers, begun where there is none, locked for this transaction."""
    ids = sorted(set(customer_ids))
    bulk.insert_missing(session, TRIALS, [{"customer_id": customer_id} for customer_id in ids])
    mine = select(ContactTrial).where(among(session, ContactTrial.customer_id, ids)).order_by(ContactTrial.customer_id)
    return {
        row.customer_id: Trial(
            {arm: Tally(getattr(row, f"{arm}_tried"), getattr(row, f"{arm}_reached")) for arm in Arm},
            History(tuple((getattr(row, f"{part}_tried"), getattr(row, f"{part}_reached")) for part in PARTS)),
        )
        for row in plain(session, mine.with_only_columns(*TRIALS.c).with_for_update())
    }


def write_trials(session: Session, trials: Mapping[int, Trial]) -> None:
    """What `lock_trials` gave, brought up to date."""
    if not trials:
        return
    values = [
        {
            "key": customer_id,
            **{f"new_{arm}_tried": tally.tried for arm, tally in trial.arms.items()},
            **{f"new_{arm}_reached": tally.reached for arm, tally in trial.arms.items()},
            **{f"new_{part}_tried": pair[0] for part, pair in zip(PARTS, trial.history.parts, strict=True)},
            **{f"new_{part}_reached": pair[1] for part, pair in zip(PARTS, trial.history.parts, strict=True)},
        }
        for customer_id, trial in trials.items()
    ]
    names = [name.removeprefix("new_") for name in values[0] if name != "key"]
    change = update(TRIALS).where(TRIALS.c.customer_id == bindparam("key"))
    session.connection().execute(change.values({name: bindparam(f"new_{name}") for name in names}), values)


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


def pairs(session: Session) -> dict[PairCell, PairTally]:
    """Every pair that was counted: at most 27 rows."""
    columns = (ContactPair.kind, ContactPair.part_of_day, ContactPair.other_part)
    sums = (ContactPair.pairs, ContactPair.both, ContactPair.answered)
    return {PairCell(*row[:3]): PairTally(*row[3:]) for row in plain(session, select(*columns, *sums))}


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
