"""The figures of the house and the retry table: read, checked, changed. What takes effect is a version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from callback.db import setups as rows
from callback.db.jobs import enqueue
from callback.db.policies import policy_of
from callback.domain import retry_table
from callback.domain.policy import Policy
from callback.domain.retry import RetryTable
from callback.domain.words import SetupKind
from callback.errors import Conflict, Invalid
from callback.services import audit
from callback.services.setups.record import Act, Change, Document, record


@dataclass(frozen=True, slots=True)
class Present:
    """What counts now; `number` is 0 before anybody changed anything."""

    document: Document
    number: int


def present(session: Session, kind: SetupKind) -> Present:
    found = rows.newest(session, kind, [""]).get("")
    return Present({}, 0) if found is None else Present(found.document, found.number)


def change_figures(session: Session, figures: Mapping[str, Any], *, number: int | None, act: Act) -> Policy:
    """Make `figures` (all that shall differ from the defaults) the policy, for who saw version `number`.

    Raises `Invalid("policy_figure")`, or `Conflict("changed_meanwhile")` when another version came first.
    """
    policy = policy_of(figures)
    defaults = Policy()
    different = {name: value for name, value in figures.items() if getattr(policy, name) != getattr(defaults, name)}
    save(session, SetupKind.POLICY, different, number=number, act=act)
    return policy


def check_retry(document: Mapping[str, Any]) -> RetryTable:
    """The table of this document. Raises `Invalid("retry_table")`, with every fault in `details["faults"]`."""
    try:
        table = retry_table.table_of(document)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Invalid("retry_table", problem=str(error), details={"faults": []}) from error
    found = retry_table.faults(table)
    if found:
        told = [
            {
                "disposition": fault.disposition.value,
                "step": fault.index,
                "code": fault.code,
                "params": dict(fault.params),
            }
            for fault in found
        ]
        problem = "; ".join(f"{fault.disposition.value} {fault.index + 1}: {fault.code}" for fault in found)
        raise Invalid("retry_table", problem=problem, details={"faults": told})
    return table


def change_retry(session: Session, document: Mapping[str, Any], *, number: int | None, act: Act) -> RetryTable:
    """Make this the retry table, for who saw version `number`. Raises as `change_figures` does."""
    table = check_retry(document)
    save(session, SetupKind.RETRY, retry_table.document_of(table), number=number, act=act)
    return table


def save(session: Session, kind: SetupKind, document: Document, *, number: int | None, act: Act) -> None:
    """Put a checked document of the house in force. Raises `Conflict("changed_meanwhile")`."""
    known = present(session, kind)
    if number is not None and known.number != number:
        raise Conflict("changed_meanwhile", present=known.number)
    if document == known.document:
        return
    record(session, kind, "", Change(known.document, document), act)
    audit.record(
        session,
        now=act.now,
        actor_id=act.actor_id,
        action=f"{kind.value}_changed",
        subject_kind=kind.value,
        changed=sorted(
            name for name in known.document.keys() | document.keys() if known.document.get(name) != document.get(name)
        ),
    )
    enqueue(session, "plan", queueing_lock="plan")
