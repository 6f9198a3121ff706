"""What the agent sets during a call beside the script: how unhappy the customer is, who keeps the appointment, pauses.

Kept with the attempt, so that a reload brings it back; the end of the call draws on it. The version of the attempt is
not moved: the page is stepping through the script at the same time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db.tables import Attempt, Customer
from callback.domain.rules import may_reveal
from callback.domain.words import AttemptState, Severity
from callback.errors import Conflict, NotFound, RuleBroken
from callback.services import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The JSON of `attempts.marks`."""

    severity: Severity | None = None
    """How unhappy the customer is, in the agent's judgement; None: not unhappy."""
    with_me: bool = False
    """The appointment is kept by this agent and no other."""
    pauses: tuple[tuple[datetime, datetime | None], ...] = ()
    """When the customer waited for a note; the last one may be under way."""

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        kept = attempt.marks or {}
        severity = kept.get("severity")
        return cls(
            severity=Severity(severity) if severity else None,
            with_me=bool(kept.get("with_me")),
            pauses=tuple(
                (datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None)
                for start, end in kept.get("pauses", ())
            ),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity.value if self.severity else None,
            "with_me": self.with_me,
            "pauses": [[start.isoformat(), end.isoformat() if end else None] for start, end in self.pauses],
        }

    @property
    def paused_since(self) -> datetime | None:
        return self.pauses[-1][0] if self.pauses and self.pauses[-1][1] is None else None

    def waited(self, now: datetime) -> timedelta:
        """How long the customer has waited for notes in all."""
        return sum(((end or now) - start for start, end in self.pauses), timedelta())


def judge(session: Session, *, handle: str, agent_id: int, severity: Severity | None, now: datetime) -> Marks:
    """The agent finds the customer unhappy, or does not any more; audited.

    Raises `NotFound`, `Conflict` (`already_finished`), `RuleBroken` (`identity_first`): of whoever is not confirmed to
    be the customer nothing is known.
    """
    attempt = _locked(session, handle, agent_id)
    if not may_reveal(attempt.identity_at):
        raise RuleBroken("identity_first", rule="identity_first")
    marks = Marks.of(attempt)
    if marks.severity is not severity:
        marks = _keep(session, attempt, replace(marks, severity=severity))
        said = severity.value if severity else None
        audit.record(
            session,
            now=now,
            actor_id=agent_id,
            action="call.judge",
            subject_kind="attempt",
            subject_id=handle,
            severity=said,
        )
    return marks


def keep_with(session: Session, *, handle: str, agent_id: int, with_me: bool) -> Marks:
    """Who keeps the appointment: this agent, or anybody."""
    attempt = _locked(session, handle, agent_id)
    return _keep(session, attempt, replace(Marks.of(attempt), with_me=with_me))


def pause(session: Session, *, handle: str, agent_id: int, now: datetime) -> Marks:
    """The customer waits while a note is written. The call goes on, and so does its clock. Twice is once."""
    attempt = _locked(session, handle, agent_id)
    marks = Marks.of(attempt)
    if marks.paused_since is not None:
        return marks
    return _keep(session, attempt, replace(marks, pauses=(*marks.pauses, (now, None))))


def resume(session: Session, *, handle: str, agent_id: int, now: datetime) -> Marks:
    """The note is written."""
    attempt = _locked(session, handle, agent_id)
    marks = Marks.of(attempt)
    if marks.paused_since is None:
        return marks
    return _keep(session, attempt, replace(marks, pauses=(*marks.pauses[:-1], (marks.paused_since, now))))


def set_special(session: Session, *, handle: str, agent_id: int, special: bool, now: datetime) -> Customer:
    """A special customer is called by a person from now on, not by a machine; audited. Raises as `pause` does."""
    attempt = _locked(session, handle, agent_id)
    customer = session.get_one(Customer, attempt.customer_id)
    if customer.special is not special:
        customer.special, customer.updated_at = special, now
        audit.record(
            session,
            now=now,
            actor_id=agent_id,
            action="customer.special",
            subject_kind="customer",
            subject_id=customer.id,
            special=special,
            attempt=handle,
        )
        session.flush()
    return customer


def _locked(session: Session, handle: str, agent_id: int) -> Attempt:
    """One's own open call, locked. Raises `NotFound` (`attempt_not_found`), `Conflict` (`already_finished`)."""
    attempt = rows.locked(session, handle)
    if attempt is None or attempt.agent_id != agent_id:
        raise NotFound("attempt_not_found")
    if attempt.state is AttemptState.ENDED:
        raise Conflict("already_finished")
    return attempt


def _keep(session: Session, attempt: Attempt, marks: Marks) -> Marks:
    attempt.marks = marks.to_json()
    session.flush()
    return marks
