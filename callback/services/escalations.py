"""Escalation rules at work: what is too late or too bad is marked, made more urgent, and somebody is told. Once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from callback.db import decisions, setups
from callback.db import escalations as rows
from callback.db.engine import SessionFactory
from callback.db.jobs import enqueue
from callback.db.tables import EscalationNotice
from callback.domain import escalation as rules_as_data
from callback.domain.escalation import EscalationRule, Matter, is_due
from callback.domain.words import EscalationTold, SetupKind, Severity
from callback.errors import Invalid
from callback.services import policies
from callback.services.setups.record import Act, Document

AT_ONCE = 500
"""Things of one rule in one transaction; what is left is taken by the next look."""
LOOKED_AT = 5_000
"""Open ones that are asked whether they are in order by now."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look came to."""

    raised: int
    resolved: int


def rules(session: Session) -> tuple[EscalationRule, ...]:
    """The rules in force, in their order."""
    return rules_as_data.rules_of(setups.document(session, SetupKind.ESCALATION))


def document(session: Session) -> Document:
    """The rules in force as they are stored, the shipped ones too."""
    return {"rules": [rules_as_data.raw_of(rule) for rule in rules(session)]}


def check(document: Mapping[str, Any]) -> tuple[EscalationRule, ...]:
    """The rules of this document. Raises `Invalid("escalation_rules")`, with every fault in `details["faults"]`."""
    try:
        found = rules_as_data.rules_of(document)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Invalid("escalation_rules", problem=str(error), details={"faults": []}) from error
    wrong = rules_as_data.faults(found)
    if wrong:
        told = [{"rule": fault.index, "code": fault.code, "params": dict(fault.params)} for fault in wrong]
        problem = "; ".join(f"{fault.index + 1}: {fault.code}" for fault in wrong)
        raise Invalid("escalation_rules", problem=problem, details={"faults": told})
    return found


def change(
    session: Session, document: Mapping[str, Any], *, number: int | None, act: Act
) -> tuple[EscalationRule, ...]:
    """Make these the rules, for who saw version `number`. Raises `Invalid`, `Conflict("changed_meanwhile")`."""
    found = check(document)
    policies.save(session, SetupKind.ESCALATION, rules_as_data.document_of(found), number=number, act=act)
    return found


def look(sessions: SessionFactory, *, now: datetime) -> Looked:
    """Let every rule look once: one transaction each. Safe to do twice and on two machines at once."""
    with sessions.begin() as session:
        in_force = [rule for rule in rules(session) if rule.enabled]
        resolved = _resolve(session, now=now)
    raised = 0
    for rule in in_force:
        with sessions.begin() as session:
            raised += _apply(session, rule, now=now)
    return Looked(raised, resolved)


def foretell(session: Session, rule: EscalationRule, *, now: datetime) -> int:
    """For how many things this rule would fire now (at most `AT_ONCE`). Nothing is written."""
    anew = replace(rule, key="?", enabled=True)
    found = rows.candidates(session, anew, now=now, limit=AT_ONCE)
    return sum(is_due(anew, _matter(anew, row), now=now) for row in found)


def _resolve(session: Session, *, now: datetime) -> int:
    """What is in order by now is not shown any more."""
    by_trigger: defaultdict[Any, dict[int, list[int]]] = defaultdict(dict)
    for row in rows.open_by_trigger(session, limit=LOOKED_AT):
        by_trigger[row.trigger].setdefault(row.subject_id, []).append(row.id)
    over: list[int] = []
    for trigger, subjects in by_trigger.items():
        still = rows.still_so(session, trigger, list(subjects), now=now)
        over += [found for subject, ids in subjects.items() if subject not in still for found in ids]
    if over:
        rows.resolve(session, over, now=now)
    return len(over)


def _apply(session: Session, rule: EscalationRule, *, now: datetime) -> int:
    found = rows.candidates(session, rule, now=now, limit=AT_ONCE)
    due = [row for row in found if is_due(rule, _matter(rule, row), now=now)]
    if not due:
        return 0
    told = _readers(session, rule, due)
    count = 0
    urgent: list[int] = []
    for row in due:
        escalation_id = rows.raise_once(session, _values(rule, row, now=now))
        if escalation_id is None:
            continue
        count += 1
        if rule.raise_to is not None and row.callback_id is not None:
            urgent.append(row.callback_id)
        session.add_all(
            EscalationNotice(escalation_id=escalation_id, agent_id=agent_id, created_at=now)
            for agent_id in told[row.team_id]
        )
        _decide(session, rule, row, now=now)
    # Last, and by their ids: a planner that is writing has them in this order, and is waited for once.
    if rule.raise_to is not None and sum([rows.raise_priority(session, i, rule.raise_to) for i in sorted(urgent)]):
        enqueue(session, "plan", queueing_lock="plan")
    return count


def _matter(rule: EscalationRule, row: Row[Any]) -> Matter:
    return Matter(trigger=rule.trigger, since=row.since, severity=Severity(row.severity))


def _values(rule: EscalationRule, row: Row[Any], *, now: datetime) -> dict[str, Any]:
    return {
        "rule": rule.key,
        "trigger": rule.trigger,
        "subject_id": row.subject_id,
        "case_id": row.case_id,
        "callback_id": row.callback_id,
        "team_id": row.team_id,
        "since": row.since,
        "raised_at": now,
        "marked": rule.mark,
        "raised_to": rule.raise_to,
        "told": rule.told,
    }


def _readers(session: Session, rule: EscalationRule, due: Sequence[Row[Any]]) -> Mapping[int | None, Sequence[int]]:
    """Who is told, by team. A team without a leader has the supervisors told: nothing is told to nobody."""
    teams = {row.team_id for row in due}
    if rule.told is EscalationTold.NOBODY:
        return dict.fromkeys(teams, ())
    everybody = rows.supervisors(session)
    if rule.told is EscalationTold.SUPERVISORS:
        return dict.fromkeys(teams, everybody)
    leading = rows.leaders(session)
    return {team_id: leading.get(team_id or 0) or everybody for team_id in teams}


def _decide(session: Session, rule: EscalationRule, row: Row[Any], *, now: datetime) -> None:
    """Kept where there is a case to keep it with; a handover and a message of nobody have the escalation itself."""
    if row.case_id is None:
        return
    decisions.record(
        session,
        now=now,
        case_id=row.case_id,
        callback_id=row.callback_id,
        about="escalation",
        rule=f"escalation_{rule.trigger.value}",
        verdict="escalated",
        inputs={"rule": rule.key, "since": row.since.isoformat(), "raise_to": rule.raise_to},
    )
