"""What an invariant is, and how a database is examined."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from callback.db.base import UtcDateTime

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is broken: what, by its id inside, and what is wrong with it in figures."""

    subject: str
    detail: str = ""


Finder = Callable[[Session, datetime], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """`find` yields what breaks it. The sentence for people is `doctor.<name>`."""

    name: str
    find: Finder


@dataclass(frozen=True, slots=True)
class Examination:
    """What one invariant's query found."""

    name: str
    broken: int
    examples: Sequence[Finding]
    seconds: float

    @property
    def holds(self) -> bool:
        return self.broken == 0


def examine(session: Session, invariants: Iterable[Invariant], *, now: datetime) -> tuple[Examination, ...]:
    """Ask every invariant. Reads only; a session on SQLite may be a reading one."""
    examinations = []
    for invariant in invariants:
        began = time.perf_counter()
        found = list(invariant.find(session, now))
        seconds = time.perf_counter() - began
        examinations.append(Examination(invariant.name, len(found), tuple(found[:EXAMPLES]), seconds))
    return tuple(examinations)


def by_query(name: str, sql: str, **parameters: Any) -> Invariant:
    """An invariant whose `sql` selects a subject and a detail for everything that breaks it. `:now` may be used."""

    def find(session: Session, now: datetime) -> Iterable[Finding]:
        values: Mapping[str, Any] = {"now": now, **{key: _moment(value, now) for key, value in parameters.items()}}
        statement = text(sql)
        used = [name for name in values if f":{name}" in sql]
        moments = [bindparam(name, type_=UtcDateTime()) for name in used if isinstance(values[name], datetime)]
        rows = session.execute(statement.bindparams(*moments), {name: values[name] for name in used})
        return [Finding(str(row[0]), str(row[1])) for row in rows]

    return Invariant(name, find)


def _moment(value: Any, now: datetime) -> Any:
    """A parameter may be given as the time before now."""
    return now - value if isinstance(value, timedelta) else value
