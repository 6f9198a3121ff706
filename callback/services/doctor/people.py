"""Who may call whom: affinity, suppression, identity, and who works here."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from callback.db.tables import Decision
from callback.domain.disposition import spoke
from callback.domain.words import Disposition
from callback.services.doctor.invariant import Finding, Invariant, by_query

SPOKEN = tuple(disposition.value for disposition in Disposition if spoke(disposition))

_MADE_BY_HANDLER = text(
    """
    SELECT a.id, a.callback_id, a.agent_id FROM attempts a JOIN callbacks c ON c.id = a.callback_id
    WHERE c.purpose = 'second_call' AND a.agent_id IS NOT NULL AND (
        EXISTS (SELECT 1 FROM case_handlers h
                WHERE h.case_id = a.case_id AND h.agent_id = a.agent_id AND h.at < a.started_at)
        OR EXISTS (SELECT 1 FROM attempts b WHERE b.case_id = a.case_id AND b.agent_id = a.agent_id
                   AND b.started_at < a.started_at AND b.disposition IN :spoken))
    """
).bindparams(bindparam("spoken", expanding=True))

_GIVEN_TO_HANDLER = text(
    """
    SELECT c.id, c.id, c.agent_id FROM callbacks c
    WHERE c.purpose = 'second_call' AND c.agent_id IS NOT NULL AND c.state = 'assigned' AND (
        EXISTS (SELECT 1 FROM case_handlers h WHERE h.case_id = c.case_id AND h.agent_id = c.agent_id)
        OR EXISTS (SELECT 1 FROM attempts b WHERE b.case_id = c.case_id AND b.agent_id = c.agent_id
                   AND b.disposition IN :spoken))
    """
).bindparams(bindparam("spoken", expanding=True))


def _made_by_handler(session: Session, _now: datetime) -> Iterable[Finding]:
    return _not_overridden(session, session.execute(_MADE_BY_HANDLER, {"spoken": SPOKEN}).tuples(), "attempt")


def _given_to_handler(session: Session, _now: datetime) -> Iterable[Finding]:
    return _not_overridden(session, session.execute(_GIVEN_TO_HANDLER, {"spoken": SPOKEN}).tuples(), "callback")


def _not_overridden(session: Session, rows: Iterable[tuple[int, int, int]], what: str) -> Iterable[Finding]:
    """A supervisor may have overruled the rule for this agent, with a reason: that is a decision on record."""
    suspects = [tuple(row) for row in rows]
    if not suspects:
        return []
    decided = session.execute(select(Decision.callback_id, Decision.inputs).where(Decision.about == "override"))
    allowed = {(callback_id, inputs.get("agent_id")) for callback_id, inputs in decided}
    return [
        Finding(f"{what} {subject}", f"callback {callback_id}, agent {agent_id}")
        for subject, callback_id, agent_id in suspects
        if (callback_id, agent_id) not in allowed
    ]


PEOPLE: tuple[Invariant, ...] = (
    Invariant("second_call_made_by_another", _made_by_handler),
    Invariant("second_call_given_to_another", _given_to_handler),
    by_query(
        "suppressed_never_contacted",
        """SELECT 'attempt ' || a.id, s.scope FROM attempts a
        JOIN callbacks c ON c.id = a.callback_id
        JOIN suppressions s ON (s.customer_id = a.customer_id AND (s.address IS NULL OR s.address = a.address))
                            OR (s.customer_id IS NULL AND s.address = a.address)
        WHERE s.created_at < a.started_at AND (s.lifted_at IS NULL OR s.lifted_at > a.started_at)
          AND (s.scope = 'all' OR s.scope = a.channel OR (s.scope = 'survey' AND c.purpose = 'survey'))""",
    ),
    by_query(
        "identity_before_anything",
        """SELECT 'attempt ' || id, disposition FROM attempts
        WHERE channel = 'agent' AND disposition IN ('completed', 'partial') AND identity_at IS NULL""",
    ),
    by_query(
        "inactive_agents_have_no_work",
        """SELECT 'callback ' || c.id, 'agent ' || g.id FROM callbacks c JOIN agents g ON g.id = c.agent_id
        WHERE c.state IN ('assigned', 'in_progress') AND NOT g.active""",
    ),
    by_query(
        "one_call_per_agent",
        """SELECT 'agent ' || claimed_by_id, count(*) FROM callbacks
        WHERE state = 'in_progress' AND channel = 'agent' GROUP BY claimed_by_id HAVING count(*) > 1""",
    ),
)
