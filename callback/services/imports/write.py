"""A chunk of drafts into the database, set by set; joins the caller's transaction.

Who is there already is asked once a chunk; new rows get their keys beforehand and go in by COPY (`db/bulk.py`), so a
case, its customer and their contact points are three statements for twenty thousand rows.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session

from callback.db import imports as rows
from callback.db.bulk import allocate_ids, insert_missing, insert_rows
from callback.db.tables import Case, CaseHandler, ContactPoint, Customer, Decision, Dissatisfaction, Promise
from callback.domain.case import promise_verdict
from callback.domain.dissatisfaction import Signals, judge
from callback.domain.policy import Policy
from callback.domain.words import ContactState, DissatisfactionState, PromiseState
from callback.services.imports.changes import change_cases, change_customers
from callback.services.imports.normalise import CASE_COLUMNS, CUSTOMER_COLUMNS, LISTED, Draft, written

_CASES: Table = Case.__table__  # type: ignore[assignment]
_CUSTOMERS: Table = Customer.__table__  # type: ignore[assignment]
_CONTACTS: Table = ContactPoint.__table__  # type: ignore[assignment]
_PROMISES: Table = Promise.__table__  # type: ignore[assignment]
_HANDLERS: Table = CaseHandler.__table__  # type: ignore[assignment]
_FLAGS: Table = Dissatisfaction.__table__  # type: ignore[assignment]
_DECISIONS: Table = Decision.__table__  # type: ignore[assignment]

_RATING = CASE_COLUMNS.index("rating")
_TOLD = CASE_COLUMNS.index("told_at")
_OPENED = CASE_COLUMNS.index("opened_at")
_CLOSED = CASE_COLUMNS.index("closed_at")
_TEAM = CASE_COLUMNS.index("team_id")
_LISTS = [(CUSTOMER_COLUMNS.index(name), between) for name, between in LISTED.items()]
_SPECIAL = CUSTOMER_COLUMNS.index("special")


@dataclass(frozen=True, slots=True)
class Written:
    """How many of a chunk's drafts were what."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    dissatisfactions: int = 0


@dataclass(frozen=True, slots=True)
class Sorting:
    """A chunk's drafts beside what the database has."""

    new: list[Draft]
    changed: list[tuple[int, Draft]]
    """(case id, draft)"""
    unchanged: int


def sort_drafts(session: Session, drafts: Sequence[Draft], *, source: str) -> Sorting:
    """Which drafts are new, changed, unchanged. Reads alone."""
    known = rows.known_cases(session, source, [draft.external_id for draft in drafts])
    new = [draft for draft in drafts if draft.external_id not in known]
    changed = [
        (case.id, draft)
        for draft in drafts
        if (case := known.get(draft.external_id)) is not None and case.hash != draft.hash
    ]
    return Sorting(new, changed, len(drafts) - len(new) - len(changed))


def write_chunk(
    session: Session, drafts: Sequence[Draft], *, source: str, policy: Policy, now: datetime, fictional: bool = False
) -> Written:
    """Create what is new, change what differs, leave the rest alone; an unhappy rating raises a dissatisfaction.

    `fictional` marks the file's addresses as made up: no real carrier is ever given one.
    """
    rows.lock_source(session, source)
    sorting = sort_drafts(session, drafts, source=source)
    touched = [*sorting.new, *(draft for _, draft in sorting.changed)]
    customers = _customers(session, touched, source=source, now=now)
    _add_contacts(session, touched, customers, fictional=fictional)
    ids = _create_cases(session, sorting.new, customers.ids, source=source, now=now)
    change_cases(session, sorting.changed, customers.ids, now=now)
    cases = [*zip(ids, sorting.new, strict=True), *sorting.changed]
    _add_handlers(session, cases, now=now)
    flags = _raise_flags(
        session, cases, customers.ids, changed_ids=[i for i, _ in sorting.changed], policy=policy, now=now
    )
    return Written(len(sorting.new), len(sorting.changed), sorting.unchanged, flags)


@dataclass(frozen=True, slots=True)
class Customers:
    ids: dict[str, int]
    """Customer key → id."""
    new: frozenset[str]


def _customers(session: Session, drafts: Sequence[Draft], *, source: str, now: datetime) -> Customers:
    """Everybody whom the drafts are about; the new ones are created, the others brought up to date."""
    last = {draft.customer_key: draft for draft in drafts}
    known = rows.known_customers(session, source, list(last)) if last else {}
    new = [key for key in last if key not in known]
    ids = dict(zip(new, allocate_ids(session, _CUSTOMERS, len(new)), strict=True))
    moment = written(now)
    columns = ("id", "source", "external_id", *CUSTOMER_COLUMNS, "created_at", "updated_at")
    insert_rows(
        session,
        _CUSTOMERS,
        columns,
        ((ids[key], source, key, *_new_customer(last[key].customer), moment, moment) for key in new),
        ready=True,
    )
    change_customers(session, {known[key]: last[key].customer for key in last if key in known}, now=now)
    return Customers(known | ids, frozenset(new))


def _new_customer(values: tuple[Any, ...]) -> list[Any]:
    customer = list(values)
    customer[_SPECIAL] = customer[_SPECIAL] or 0
    for place, between in _LISTS:
        customer[place] = json.dumps(customer[place].split(between)) if customer[place] else "[]"
    return customer


def _add_contacts(session: Session, drafts: Sequence[Draft], customers: Customers, *, fictional: bool) -> None:
    """Addresses that their customers do not have yet, behind those that they have. None is taken away."""
    with_contacts = [draft for draft in drafts if draft.contacts]
    asked = {customers.ids[d.customer_key] for d in with_contacts if d.customer_key not in customers.new}
    known = rows.addresses_of(session, sorted(asked)) if asked else {}
    fresh: list[tuple[Any, ...]] = []
    good, made_up = ContactState.GOOD.value, int(fictional)
    for draft in with_contacts:
        customer_id = customers.ids[draft.customer_key]
        addresses = known.setdefault(customer_id, {})
        for kind, address, extension in draft.contacts:
            if address not in addresses:
                position = addresses[address] = max(addresses.values()) + 1 if addresses else 0
                fresh.append((customer_id, kind, address, extension, position, good, made_up))
    fresh.sort(key=itemgetter(2))  # in the order of the index by address: each of its pages is visited once
    _insert(
        session,
        _CONTACTS,
        ("customer_id", "kind", "address", "extension", "position", "state", "fictional"),
        fresh,
    )


def _create_cases(
    session: Session, drafts: Sequence[Draft], customer_ids: dict[str, int], *, source: str, now: datetime
) -> list[int]:
    """The ids of the new cases, in the order of `drafts`."""
    ids = allocate_ids(session, _CASES, len(drafts))
    moment = written(now)
    columns = (
        "id",
        "source",
        "external_id",
        "customer_id",
        *CASE_COLUMNS,
        "repromises",
        "plan_at",
        "import_hash",
        "created_at",
        "updated_at",
        "version",
    )
    made = (
        (
            *(case_id, source, draft.external_id, customer_ids[draft.customer_key]),
            *_open_promise_only(draft.case),
            # Due for planning since it was reported, not since it was read in: a try-out may move the clock back.
            *(0, min(draft.case[_OPENED], moment), draft.hash, moment, moment, 1),
        )
        for case_id, draft in zip(ids, drafts, strict=True)
    )
    insert_rows(session, _CASES, columns, made, ready=True)
    _add_promises(session, zip(ids, drafts, strict=True), now=now)
    return ids


def _open_promise_only(case: tuple[Any, ...]) -> tuple[Any, ...]:
    """`cases.promised_at` is the open promise; telling the customer settled it."""
    return case if case[_TOLD] is None else (*case[:-1], None)


def _add_promises(session: Session, cases: Iterable[tuple[int, Draft]], *, now: datetime) -> None:
    moment = written(now)
    made = []
    for case_id, draft in cases:
        due, told = draft.case[-1], draft.case[_TOLD]
        if due is not None:
            verdict = promise_verdict(due_at=_moment(due), told_at=_moment(told)) if told else PromiseState.OPEN
            made.append((case_id, due, moment, verdict.value, told))
    _insert(session, _PROMISES, ("case_id", "due_at", "made_at", "state", "settled_at"), made)


def _add_handlers(session: Session, cases: Iterable[tuple[int, Draft]], *, now: datetime) -> None:
    """Whoever the file says handled a case is on record for good: negative affinity rests on it."""
    handled = [
        {"case_id": case_id, "agent_id": draft.handler_id, "role": "took", "at": now}
        for case_id, draft in cases
        if draft.handler_id is not None
    ]
    insert_missing(session, _HANDLERS, handled)


def _raise_flags(
    session: Session,
    cases: Iterable[tuple[int, Draft]],
    customer_ids: dict[str, int],
    *,
    changed_ids: Sequence[int],
    policy: Policy,
    now: datetime,
) -> int:
    """A dissatisfaction for every unhappy rating, once a case and rating; how many."""
    unhappy = [(i, d) for i, d in cases if (d.case[_RATING] or 5) <= policy.low_score]
    if not unhappy:
        return 0
    flagged = _flagged(session, changed_ids)
    moment = written(now)
    flags: list[tuple[Any, ...]] = []
    decisions: list[tuple[Any, ...]] = []
    for case_id, draft in unhappy:
        rating = draft.case[_RATING]
        if case_id in flagged or (case_id, rating) in flagged:
            continue
        verdict = judge(Signals(scores={"import": rating}), policy)
        if verdict is None:
            continue
        evidence = [{**seen, "source": "import", "rating": rating} for seen in verdict.evidence]
        person = customer_ids[draft.customer_key]
        rule, severity = verdict.rule.value, verdict.severity.value
        state = DissatisfactionState.OPEN.value
        # The file does not say when the customer rated; the end of the case is the nearest thing to it.
        raised = min(str(draft.case[_CLOSED] or moment), str(moment))
        flags.append((case_id, person, draft.case[_TEAM], rule, severity, json.dumps(evidence), 1, state, raised, 1))
        # As of every other dissatisfaction: the verdict is what became of it, how bad it is stands beside it.
        seen = json.dumps({"rating": rating, "severity": severity})
        decisions.append((case_id, "dissatisfaction", rule, state, seen, moment))
    what = ("rule", "severity", "evidence", "failures", "state", "raised_at", "version")
    columns = ("case_id", "customer_id", "team_id", *what)
    _insert(session, _FLAGS, columns, flags)
    _insert(session, _DECISIONS, ("case_id", "about", "rule", "verdict", "inputs", "at"), decisions)
    return len(flags)


def _flagged(session: Session, case_ids: Sequence[int]) -> set[Any]:
    """Cases with a live flag, and (case, rating) of ratings that raised one before."""
    found: set[Any] = set()
    for flag in rows.flags_of(session, case_ids) if case_ids else []:
        if flag.state in rows.LIVE_FLAGS:
            found.add(flag.case_id)
        found |= {(flag.case_id, seen.get("rating")) for seen in flag.evidence if seen.get("source") == "import"}
    return found


def _insert(session: Session, table: Table, columns: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
    if values:
        insert_rows(session, table, columns, values, ready=True)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
