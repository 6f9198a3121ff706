"""The figures of the house and the retry table: what is stored, laid over the defaults of the domain."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callback.db import setups
from callback.db.tables import SetupVersion
from callback.domain import retry_table
from callback.domain.policy import Policy
from callback.domain.policy_figures import Fault, faults, unreadable
from callback.domain.retry import RetryTable
from callback.domain.words import SetupKind
from callback.errors import Invalid


def load_figures(session: Session) -> dict[str, Any]:
    """The figures that differ from the defaults, as they are stored."""
    return setups.document(session, SetupKind.POLICY)


def load_policy(session: Session) -> Policy:
    """The policy in force: the newest version; figures it lacks have their default."""
    return Policy().changed(load_figures(session))


def policy_of(figures: Mapping[str, Any]) -> Policy:
    """The policy that `figures` make. Raises `Invalid` (`policy_figure`), with every fault in `details["faults"]`."""
    if found := unreadable(figures):
        raise refused(found)
    policy = Policy().changed(dict(figures))
    if found := faults(policy):
        raise refused(found)
    return policy


def refused(found: Iterable[Fault]) -> Invalid:
    """Every fault in `details["faults"]`, for whoever says it in the reader's words."""
    told = [{"figure": fault.figure, "code": fault.code, "params": dict(fault.params)} for fault in found]
    return Invalid("policy_figure", problem="; ".join(map(str, found)) + ".", details={"faults": told})


def save_policy(session: Session, *, now: datetime, figures: dict[str, Any], by_id: int | None = None) -> Policy:
    """Make `figures` (all that shall differ from the defaults, in their stored form) the policy from now on.

    Raises `Invalid` (`policy_figure`) naming what is unknown or impossible; nothing is changed then. Pages and the API
    go through `services/policies.py`, which keeps who it was and how it is undone.
    """
    policy = policy_of(figures)
    known = setups.newest(session, SetupKind.POLICY, [""])
    number = known[""].number + 1 if known else 1
    session.add(
        SetupVersion(
            kind=SetupKind.POLICY, key="", number=number, document=figures, created_at=now, created_by_id=by_id
        )
    )
    session.flush()
    return policy


def load_retry_table(session: Session) -> RetryTable:
    """The default table, with the stored steps of a disposition in place of its default ones."""
    return retry_table.table_of(setups.document(session, SetupKind.RETRY))
