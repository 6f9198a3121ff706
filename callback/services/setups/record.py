"""Keeping versions: how it was, how it is now, who changed it and in which act."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callback.db import setups as rows
from callback.domain.handle import new_handle
from callback.domain.words import SetupKind
from callback.errors import Conflict

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing before and after."""

    before: Document
    after: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who changes something, when. All that is recorded under one `handle` is taken back together."""

    now: datetime
    actor_id: int | None
    handle: str
    restores: int | None = None

    @classmethod
    def of(cls, *, now: datetime, actor_id: int | None) -> "Act":
        return cls(now=now, actor_id=actor_id, handle=new_handle())


def record(session: Session, kind: SetupKind, key: object, change: Change, act: Act) -> None:
    """Keep one change; see `record_many`."""
    record_many(session, kind, {str(key): change}, act)


def record_many(session: Session, kind: SetupKind, changes: Mapping[str, Change], act: Act) -> None:
    """Keep what changed. What was set up in another way before (by file, by an older release) is kept first, as found.

    Raises `Conflict("changed_meanwhile")` when somebody else changes the same at this moment.
    """
    real = {key: change for key, change in changes.items() if change.before != change.after}
    known = rows.newest(session, kind, list(real))
    new: list[dict[str, Any]] = []
    for key, change in real.items():
        number = known[key].number if key in known else 0
        if change.before and (key not in known or known[key].document != change.before):
            number += 1
            new.append(_version(kind, key, number, change.before, now=act.now))
        new.append(_version(kind, key, number + 1, change.after, now=act.now, act=act))
    if not rows.put(session, new):
        raise Conflict("changed_meanwhile", present="–")


def _version(
    kind: SetupKind, key: str, number: int, document: Document, *, now: datetime, act: Act | None = None
) -> dict[str, Any]:
    return {
        "kind": kind,
        "key": key,
        "number": number,
        "document": document,
        "created_at": now,
        "act": act.handle if act else None,
        "created_by_id": act.actor_id if act else None,
        "restores": act.restores if act else None,
    }
