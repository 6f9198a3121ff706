"""Cases: reported, worked on, answered, told.

Whatever changes what a case needs wakes the planner (`plan_at = now`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import cases as rows
from callback.db.claims import changed_one
from callback.db.jobs import enqueue
from callback.db.tables import Agent, Case, CaseHandler, Customer, Promise
from callback.domain.case import CaseTimes, promise_verdict, settled
from callback.domain.handle import new_handle
from callback.domain.words import CaseKind, CaseStatus, Priority, PromiseState
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit

HOUSE = "callback"
"""`source` of what was made here and not imported."""

EDITABLE = frozenset(
    {"subject", "description", "category", "product", "kind", "priority", "required_skill", "team_id", "owner_id"}
)
"""What `update_case` may change; status, answer and promise have verbs of their own."""


def find_case(session: Session, case_id: int) -> Case:
    """Raises `NotFound` (`case_not_found`)."""
    case = rows.by_id(session, case_id)
    if case is None:
        raise NotFound("case_not_found", case=case_id)
    return case


def create_case(
    session: Session,
    *,
    now: datetime,
    customer: Customer,
    subject: str,
    description: str = "",
    source: str = HOUSE,
    external_id: str | None = None,
    status: CaseStatus = CaseStatus.OPEN,
    kind: CaseKind = CaseKind.REQUEST,
    priority: Priority = Priority.NORMAL,
    category: str | None = None,
    product: str | None = None,
    required_skill: str | None = None,
    team_id: int | None = None,
    owner_id: int | None = None,
    parent: Case | None = None,
    opened_at: datetime | None = None,
    promised_at: datetime | None = None,
    answer: str | None = None,
    by: int | None = None,
) -> Case:
    """A new case. `by` is the agent who took it and is kept as its handler.

    Raises `Conflict` (`case_exists`) when the source already has this external id.
    """
    external_id = external_id or new_handle()
    if rows.by_external_id(session, source=source, external_id=external_id) is not None:
        raise Conflict("case_exists", source=source, external_id=external_id)
    answered_at = now if answer else None
    times = settled(CaseTimes(opened_at or now, answered_at), status, closing_implies_telling=False)
    case = Case(
        source=source,
        external_id=external_id,
        customer_id=customer.id,
        parent_id=parent.id if parent else None,
        team_id=team_id,
        owner_id=owner_id,
        subject=subject,
        description=description,
        answer=answer or None,
        category=category,
        product=product,
        kind=kind,
        priority=priority,
        status=status,
        required_skill=required_skill,
        opened_at=times.opened_at,
        answered_at=times.answered_at,
        closed_at=times.closed_at,
        plan_at=now,
        created_at=now,
        updated_at=now,
    )
    session.add(case)
    session.flush()
    if by is not None:
        record_handler(session, case_id=case.id, agent_id=by, role="took", now=now)
    if owner_id is not None:
        record_handler(session, case_id=case.id, agent_id=owner_id, role="owned", now=now)
    if promised_at is not None:
        promise(session, case=case, due_at=promised_at, by=by, now=now)
    _wake_planner(session)
    return case


def create_child_case(
    session: Session,
    *,
    parent: Case,
    subject: str,
    description: str,
    by: int | None,
    now: datetime,
    promised_at: datetime | None = None,
) -> Case:
    """A new need heard in a call about `parent`, owned by the team leader.

    The leader of the parent's team, else of the calling agent's team, else any supervisor, else nobody: an ownerless
    child is still listed. Its answer makes the `follow_up` callback.
    """
    caller = session.get(Agent, by) if by is not None else None
    teams = [parent.team_id, caller.team_id if caller else None]
    owner = next((leader for team in teams if (leader := rows.leader_of(session, team))), None)
    owner = owner or rows.any_supervisor(session)
    return create_case(
        session,
        now=now,
        customer=parent.customer,
        subject=subject,
        description=description,
        status=CaseStatus.PENDING,
        kind=parent.kind,
        priority=parent.priority,
        category=parent.category,
        product=parent.product,
        required_skill=parent.required_skill,
        team_id=next((team for team in teams if team is not None), None),
        owner_id=owner.id if owner else None,
        parent=parent,
        promised_at=promised_at,
        by=by,
    )


def update_case(
    session: Session,
    *,
    case: Case,
    changes: Mapping[str, Any],
    by: int | None,
    now: datetime,
    version: int | None = None,
) -> Case:
    """Change some of `EDITABLE`. With `version`, only if nobody changed the case since it was read.

    Raises `Invalid` (`case_field_fixed`) for any other field and `Conflict` (`case_changed`).
    """
    fixed = sorted(set(changes) - EDITABLE)
    if fixed:
        raise Invalid("case_field_fixed", fields=", ".join(fixed))
    _change(session, case, now=now, version=version, values=changes)
    if "team_id" in changes:
        rows.move_to_team(session, case.id, changes["team_id"])
    if changes.get("owner_id") is not None:
        record_handler(session, case_id=case.id, agent_id=changes["owner_id"], role="owned", now=now)
    _audit(session, "case.update", case, by=by, now=now, fields=sorted(changes))
    return case


def answer_case(
    session: Session, *, case: Case, text: str, by: int | None, now: datetime, version: int | None = None
) -> Case:
    """The answer was found: the customer is owed it from now on (an answer or, for a child case, a follow-up callback).

    The customer has not been told this answer, so an earlier `told_at` is taken back when the answer differs.
    Raises `Invalid` (`answer_empty`) and `Conflict` (`case_changed`).
    """
    text = text.strip()
    if not text:
        raise Invalid("answer_empty")
    known = case.answer == text
    values: dict[str, Any] = {"answer": text, "told_at": case.told_at if known else None}
    if not known or case.answered_at is None:
        values["answered_at"] = now
    _change(session, case, now=now, version=version, values=values)
    if by is not None:
        record_handler(session, case_id=case.id, agent_id=by, role="answered", now=now)
    _audit(session, "case.answer", case, by=by, now=now)
    return case


def close_case(session: Session, *, case: Case, by: int | None, now: datetime, version: int | None = None) -> Case:
    """Closed: nothing more will be done. Raises `Conflict` (`case_closed` when it was before, `case_changed`)."""
    if case.status is CaseStatus.CLOSED:
        raise Conflict("case_closed", case=case.id)
    values = {"status": CaseStatus.CLOSED, "closed_at": now, "answered_at": case.answered_at or now}
    _change(session, case, now=now, version=version, values=values)
    _audit(session, "case.close", case, by=by, now=now)
    return case


def reopen_case(session: Session, *, case: Case, by: int | None, now: datetime, version: int | None = None) -> Case:
    """Being worked on again: the old answer did not settle it, so a new one has to be found and told.

    The old answer stays readable until it is replaced. Raises `Conflict` (`case_not_closed`, `case_changed`).
    """
    if case.status is not CaseStatus.CLOSED:
        raise Conflict("case_not_closed", case=case.id)
    values = {"status": CaseStatus.PENDING, "closed_at": None, "answered_at": None, "told_at": None}
    _change(session, case, now=now, version=version, values=values)
    _audit(session, "case.reopen", case, by=by, now=now)
    return case


def mark_told(session: Session, *, case: Case, at: datetime, now: datetime) -> Case:
    """The customer learned the answer `at` this moment; the open promise is kept or broken.

    Telling twice changes nothing.
    """
    if case.told_at is not None:
        return case
    given = rows.open_promise(session, case.id)
    if given is not None:
        given.state = promise_verdict(due_at=given.due_at, told_at=at)
        given.settled_at = now
    _change(session, case, now=now, values={"told_at": at, "promised_at": None})
    return case


def promise(
    session: Session, *, case: Case, due_at: datetime, by: int | None, now: datetime, in_holding_call: bool = False
) -> Promise:
    """The customer was told to expect an answer by `due_at`; an open promise is replaced.

    In a holding call that is counted (`repromises`).

    Raises `Invalid` (`promise_in_the_past`).
    """
    if due_at <= now and in_holding_call:
        raise Invalid("promise_in_the_past")
    given = rows.open_promise(session, case.id)
    if given is not None:
        given.state, given.settled_at = PromiseState.REPLACED, now
        session.flush()  # the old one is closed before the new one is opened: one open promise a case
    made = Promise(case_id=case.id, due_at=due_at, made_at=now, made_by_id=by, state=PromiseState.OPEN)
    session.add(made)
    repromises = case.repromises + 1 if in_holding_call else case.repromises
    _change(session, case, now=now, values={"promised_at": due_at, "repromises": repromises})
    return made


def record_handler(session: Session, *, case_id: int, agent_id: int, role: str, now: datetime) -> None:
    """Keep that the agent handled the case. Negative affinity rests on it, so it is never taken back."""
    session.flush()
    if not rows.handled_as(session, case_id=case_id, agent_id=agent_id, role=role):
        session.add(CaseHandler(case_id=case_id, agent_id=agent_id, role=role, at=now))
        session.flush()


def _change(
    session: Session, case: Case, *, now: datetime, values: Mapping[str, Any], version: int | None = None
) -> None:
    """Write `values` if the case still has the version that was read, and wake the planner."""
    expected = case.version if version is None else version
    statement = (
        update(Case)
        .where(Case.id == case.id, Case.version == expected)
        .values(**values, plan_at=now, updated_at=now, version=expected + 1)
    )
    if not changed_one(session, statement):
        raise Conflict("case_changed", case=case.id)
    session.refresh(case)
    _wake_planner(session)


def _wake_planner(session: Session) -> None:
    enqueue(session, "plan", queueing_lock="plan")


def _audit(session: Session, action: str, case: Case, *, by: int | None, now: datetime, **details: object) -> None:
    audit.record(session, now=now, actor_id=by, action=action, subject_kind="case", subject_id=case.id, **details)
