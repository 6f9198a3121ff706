"""The conversation: one step of the script after the other, answers to the questionnaire, notes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db.policies import load_policy
from callback.db.tables import Attempt, Callback, Response
from callback.domain.merge import merged
from callback.domain.rules import may_reveal, rank
from callback.domain.script import Stage
from callback.domain.script import back as step_back
from callback.domain.survey import Form, Value
from callback.domain.words import AttemptState, Channel, Purpose
from callback.errors import Conflict, Invalid, NotFound, RuleBroken
from callback.services import surveys
from callback.services.attempts.sheet import CallSheet, own_attempt, sheet_of
from callback.services.attempts.walk import Walk, script_of

MOST_NOTES = 10_000
"""Characters."""
ASKS_EVERYTHING = frozenset({Purpose.SURVEY, Purpose.VISIT})
"""Calls that are about the questions."""


def step(
    session: Session,
    *,
    handle: str,
    agent_id: int,
    choice: str,
    fields: Mapping[str, Any] | None = None,
    version: int,
    now: datetime,
) -> CallSheet:
    """Take one choice of the script. What the call establishes is kept at once and drawn on when the call ends.

    Raises `NotFound`, `Conflict` (`already_finished`, `changed_meanwhile`, `callback_taken`), `RuleBroken`
    (`identity_first`), and `Invalid` for a choice or field that the script does not have here.
    """
    attempt = _open(session, handle, agent_id, version)
    walk = Walk.of(attempt)
    prepared = script_of(session, attempt, walk)
    state, _effects = prepared.step(walk.state, choice, fields)
    stage = prepared.at(state).stage
    return _moved(session, attempt, walk.moved_to(state, stage=stage, now=now), agent_id=agent_id, stage=stage, now=now)


def back(session: Session, *, handle: str, agent_id: int, version: int, now: datetime) -> CallSheet:
    """Undo the last step. Raises as `step` does."""
    attempt = _open(session, handle, agent_id, version)
    walk = Walk.of(attempt)
    prepared = script_of(session, attempt, walk)
    state, _undone = step_back(prepared.script, walk.state)
    stage = prepared.at(state).stage
    return _moved(session, attempt, walk.moved_to(state, stage=stage, now=now), agent_id=agent_id, stage=stage, now=now)


def question(session: Session, *, handle: str, agent_id: int, now: datetime) -> surveys.Step:
    """The question to ask now; the first time opens the questionnaire, the short form beside another matter.

    Raises `NotFound`, `Conflict` (`already_finished`) and `RuleBroken` (`identity_first`, `questions_forbidden`).
    """
    attempt = _open(session, handle, agent_id, None)
    return surveys.where(session, _response(session, attempt, now=now))


def answer(
    session: Session,
    *,
    handle: str,
    agent_id: int,
    question: str,
    value: Value | None = None,
    said: str | None = None,
    now: datetime,
) -> surveys.Step:
    """Keep one answer to the questionnaire; written in this transaction, so an acknowledged answer is never lost.

    `value` is exact, `said` is what came in words; neither of them skips a question that allows it. Raises as
    `question` does, and `Conflict` (`callback_taken`, `question_not_asked`, `response_closed`).
    """
    attempt = _open(session, handle, agent_id, None)
    response = _response(session, attempt, now=now)
    _keep_lease(session, attempt, agent_id=agent_id, now=now)
    return surveys.give_answer(
        session, response=response, question=question, value=value, said=said, channel=Channel.AGENT, now=now
    )


def _response(session: Session, attempt: Attempt, *, now: datetime) -> Response:
    """Questions are asked of the confirmed person alone, and of nobody who was asked lately or does not want it."""
    if not may_reveal(attempt.identity_at):
        raise RuleBroken("identity_first", rule="identity_first")
    reason = Walk.of(attempt).no_questions
    if reason is not None:
        raise RuleBroken("questions_forbidden", rule="survey_rest", reason=reason)
    callback = session.get_one(Callback, attempt.callback_id)
    form = Form.FULL if callback.purpose in ASKS_EVERYTHING else Form.SHORT
    return surveys.open_response(session, callback=callback, attempt=attempt, channel=Channel.AGENT, form=form, now=now)


def note(session: Session, *, handle: str, agent_id: int, notes: str, version: int, now: datetime) -> CallSheet:
    """Keep the agent's notes during the call. Raises as `step` does."""
    attempt = _open(session, handle, agent_id, version)
    _keep_lease(session, attempt, agent_id=agent_id, now=now)
    if not rows.move(session, attempt, {"notes": notes[:MOST_NOTES]}, version=version):
        raise Conflict("changed_meanwhile", present=attempt.version)
    session.refresh(attempt)
    return sheet_of(session, attempt, now=now)


def keep_notes(session: Session, *, handle: str, agent_id: int, notes: str, base: str, now: datetime) -> str:
    """Keep what is being typed, without touching the conversation: the page steps through the script meanwhile.

    `base` is the text that the page last knew to be kept. When another window has written since, both are kept; the
    text as it is now is given back. Raises `NotFound`, `Conflict` (`already_finished`, `callback_taken`) and `Invalid`
    (`notes_too_long`): a text is refused whole rather than cut.
    """
    attempt = rows.locked(session, handle)
    if attempt is None or attempt.agent_id != agent_id:
        raise NotFound("attempt_not_found")
    if attempt.state is AttemptState.ENDED:
        raise Conflict("already_finished")
    text = merged(base=base, mine=notes, theirs=attempt.notes)
    if len(text) > MOST_NOTES:
        raise Invalid("notes_too_long", length=len(text), limit=MOST_NOTES)
    if text != attempt.notes:
        attempt.notes = text
        session.flush()
    _keep_lease(session, attempt, agent_id=agent_id, now=now)
    return text


def keep_alive(session: Session, *, handle: str, agent_id: int, now: datetime) -> None:
    """The page is still open: the lease goes on. Raises as `step` does."""
    _keep_lease(session, _open(session, handle, agent_id, None), agent_id=agent_id, now=now)


def _open(session: Session, handle: str, agent_id: int, version: int | None) -> Attempt:
    attempt = own_attempt(session, handle, agent_id=agent_id)
    if attempt.state is AttemptState.ENDED:
        raise Conflict("already_finished")
    if version is not None and attempt.version != version:
        raise Conflict("changed_meanwhile", present=attempt.version)
    return attempt


def _keep_lease(session: Session, attempt: Attempt, *, agent_id: int, now: datetime) -> None:
    lease_until = now + load_policy(session).claim_lease
    if not rows.keep_lease(session, attempt, agent_id=agent_id, now=now, lease_until=lease_until):
        raise Conflict("callback_taken")
    session.refresh(session.get_one(Callback, attempt.callback_id))


def _moved(session: Session, attempt: Attempt, walk: Walk, *, agent_id: int, stage: Stage, now: datetime) -> CallSheet:
    _keep_lease(session, attempt, agent_id=agent_id, now=now)
    identity = walk.facts.identity
    dialled = AttemptState.CLAIMED if stage is Stage.PREPARE else AttemptState.SENT
    reached = AttemptState.CONNECTED if identity else dialled
    values = {
        "script_state": walk.to_json(),
        "identity_at": (attempt.identity_at or now) if identity else None,
        "state": max(attempt.state, reached, key=rank),
    }
    if not rows.move(session, attempt, values, version=attempt.version):
        raise Conflict("changed_meanwhile", present=attempt.version)
    session.refresh(attempt)
    return sheet_of(session, attempt, now=now)
