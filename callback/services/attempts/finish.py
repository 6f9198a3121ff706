"""The end of a call: one result, however often it is handed in, with every consequence in its transaction."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from callback.db import attempts as rows
from callback.db import callbacks as callback_rows
from callback.db.policies import load_policy
from callback.db.tables import Attempt, Callback, Response, Suppression
from callback.domain.call import fault, recovers, settles, was_handled
from callback.domain.disposition import aapor_code
from callback.domain.dissatisfaction import Signals, Verdict, judge, signals_of_answers
from callback.domain.merge import merged
from callback.domain.policy import Policy
from callback.domain.script import EffectKind, Facts
from callback.domain.words import (
    AttemptState,
    Attitude,
    CallbackState,
    Disposition,
    DissatisfactionState,
    HungUp,
    Purpose,
    ResponseState,
    Severity,
    SuppressionScope,
)
from callback.errors import CallbackError, Conflict, Invalid, NotFound, RuleBroken
from callback.services import cases, dissatisfactions, surveys
from callback.services.attempts import consequences
from callback.services.attempts.talk import MOST_NOTES
from callback.services.attempts.walk import Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """What the agent hands in at the end of a call. What the script has recorded need not be said again."""

    outcome: Disposition
    attitude: Attitude | None = None
    hung_up_first: HungUp | None = None
    notes: str | None = None
    """None keeps those that were written during the call."""
    notes_base: str | None = None
    """The text that `notes` comes from: what another window has written since stays. None: `notes` are all there is."""
    duration_s: int | None = None
    """Seconds; None takes the time since the start."""
    appointment_at: datetime | None = None
    appointment_with_me: bool = False
    new_promise_at: datetime | None = None
    """Of a holding call: by when the customer may now expect the answer."""
    new_need: str | None = None
    unhappy: bool = False
    """The agent's own judgement."""
    severity: Severity | None = None
    """How unhappy, in the agent's judgement; says `unhappy` as well."""
    opt_out: SuppressionScope | None = None
    """What the customer does not want any more."""

    def digest(self) -> str:
        """The same content has the same digest."""
        plain = json.dumps(asdict(self), default=str, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The one result of a call."""

    attempt: str
    callback: str
    callback_state: CallbackState
    disposition: Disposition
    aapor_code: str
    counts: bool
    rule: str
    """What became of the callback and why; the sentence is `retry.<rule>`."""
    next_try_at: datetime | None = None
    appointment_at: datetime | None = None
    new_promise_at: datetime | None = None
    too_many_promises: bool = False
    child_case_ids: tuple[int, ...] = ()
    dissatisfaction_id: int | None = None
    dissatisfaction_state: DissatisfactionState | None = None
    failures: int = 0
    opt_out: SuppressionScope | None = None

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=lambda value: value.isoformat()))
        return plain

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Finished":
        def moment(name: str) -> datetime | None:
            return datetime.fromisoformat(kept[name]) if kept.get(name) else None

        state, opt_out = kept.get("dissatisfaction_state"), kept.get("opt_out")
        return cls(
            **{
                **kept,
                "callback_state": CallbackState(kept["callback_state"]),
                "disposition": Disposition(kept["disposition"]),
                "next_try_at": moment("next_try_at"),
                "appointment_at": moment("appointment_at"),
                "new_promise_at": moment("new_promise_at"),
                "child_case_ids": tuple(kept["child_case_ids"]),
                "dissatisfaction_state": DissatisfactionState(state) if state else None,
                "opt_out": SuppressionScope(opt_out) if opt_out else None,
            }
        )


def finish(session: Session, *, handle: str, agent_id: int, handed_in: HandedIn, now: datetime) -> Finished:
    """Give the call its end. The same content from the same agent again gets the same answer; all else is too late.

    Raises `NotFound` (`attempt_not_found`); `Conflict` (`callback_taken` for another's call, `already_finished`);
    `RuleBroken` (`identity_first`, `appointment_not_legal`); `Invalid` for an outcome that cannot be:
    `outcome_not_of_a_call`, `outcome_contradicts_identity`, `tell_first`, `promise_first`, `acceptance_first`,
    `questionnaire_first`, `appointment_after_end`, `promise_in_the_past`, `notes_too_long`, …
    """
    attempt = rows.by_handle(session, handle)
    if attempt is None:
        raise NotFound("attempt_not_found")
    if attempt.agent_id != agent_id:
        raise Conflict("callback_taken")
    if attempt.state is AttemptState.ENDED:
        return _again(attempt, handed_in)
    walk = Walk.of(attempt)
    facts = _facts(walk, handed_in)
    purpose = session.get_one(Callback, attempt.callback_id).purpose
    _check(session, attempt, purpose, facts, handed_in)
    if not rows.end(session, attempt, _ended(attempt, walk, handed_in, now=now)):
        again = rows.by_handle(session, handle)
        assert again is not None  # noqa: S101  attempts are never deleted
        return _again(again, handed_in)
    session.refresh(attempt)
    result = _Ending(session, attempt, walk, facts, handed_in, now=now).draw()
    attempt.handed_in = {"digest": handed_in.digest(), "result": result.to_json()}
    session.flush()
    return result


def result(attempt: Attempt) -> Finished | None:
    """What came of an ended call; None while it is under way, and for one that was given up."""
    kept = attempt.handed_in or {}
    return Finished.from_json(kept["result"]) if "result" in kept else None


def offered(
    session: Session, attempt: Attempt, facts: Facts, purpose: Purpose
) -> tuple[tuple[Disposition, ...], Disposition | None]:
    """The outcomes with which this call may end now, and the one that its path suggests."""
    possible = tuple(outcome for outcome in Disposition if fault(purpose, outcome, facts) is None)
    if purpose is Purpose.SURVEY and not _all_answered(session, attempt):
        possible = tuple(outcome for outcome in possible if outcome is not Disposition.COMPLETED)
    for suggested in (facts.disposition, Disposition.PARTIAL if facts.over else None):
        if suggested in possible:
            return possible, suggested
    return possible, None


def _all_answered(session: Session, attempt: Attempt) -> bool:
    response = rows.response_of(session, attempt.callback_id)
    return response is not None and surveys.where(session, response).is_complete


def _again(attempt: Attempt, handed_in: HandedIn) -> Finished:
    kept = attempt.handed_in or {}
    if kept.get("digest") != handed_in.digest():
        raise Conflict("already_finished")
    return Finished.from_json(kept["result"])


def _facts(walk: Walk, handed_in: HandedIn) -> Facts:
    """What the script has recorded, with what the agent adds or corrects at the end."""
    facts = walk.facts
    wished = facts.appointment_at or _appointment_by_other(walk)
    return replace(
        facts,
        promise_at=handed_in.new_promise_at or facts.promise_at,
        appointment_at=handed_in.appointment_at or wished,
        refused=facts.refused or handed_in.outcome is Disposition.REFUSED,
    )


def _appointment_by_other(walk: Walk) -> datetime | None:
    """When somebody else at the telephone says the customer can be reached."""
    other = walk.state.last(EffectKind.WRONG_PERSON)
    return other.moment("appointment_at") if other is not None else None


def _check(session: Session, attempt: Attempt, purpose: Purpose, facts: Facts, handed_in: HandedIn) -> None:
    code = fault(purpose, handed_in.outcome, facts)
    if code is None and not facts.identity and (handed_in.new_promise_at or handed_in.new_need):
        code = "identity_first"
    if code is None and purpose is Purpose.SURVEY and handed_in.outcome is Disposition.COMPLETED:
        code = None if _all_answered(session, attempt) else "questionnaire_first"
    if code is None and handed_in.appointment_at and settles(purpose, handed_in.outcome, facts):
        code = "appointment_after_end"
    if code is not None:
        raise _error(code, handed_in.outcome)


def _error(code: str, outcome: Disposition) -> CallbackError:
    if code == "identity_first":
        return RuleBroken(code, rule=code)
    return Invalid(code, outcome=outcome.value)


def _ended(attempt: Attempt, walk: Walk, handed_in: HandedIn, *, now: datetime) -> dict[str, Any]:
    # What the agent says, else what the carrier measured (click-to-call), else the time since the start.
    duration = attempt.duration_s if handed_in.duration_s is None else handed_in.duration_s
    return {
        "disposition": handed_in.outcome,
        "aapor_code": aapor_code(handed_in.outcome),
        "ended_at": now,
        "duration_s": int((now - attempt.started_at).total_seconds()) if duration is None else duration,
        "attitude": handed_in.attitude,
        "hung_up_first": handed_in.hung_up_first,
        "notes": _notes(attempt, handed_in),
        "script_state": walk.to_json(with_texts=False),
    }


def _notes(attempt: Attempt, handed_in: HandedIn) -> str:
    if handed_in.notes is None:
        return attempt.notes
    if handed_in.notes_base is None:
        return handed_in.notes
    text = merged(base=handed_in.notes_base, mine=handed_in.notes, theirs=attempt.notes)
    if len(text) > MOST_NOTES:
        raise Invalid("notes_too_long", length=len(text), limit=MOST_NOTES)
    return text


class _Ending:
    """One attempt that has just got its end, and everything that follows from it."""

    def __init__(
        self, session: Session, attempt: Attempt, walk: Walk, facts: Facts, handed_in: HandedIn, *, now: datetime
    ) -> None:
        # The case before the callback: the order in which the planner locks them.
        self.case = rows.locked_case(session, attempt.case_id)
        self.callback = callback_rows.locked(session, attempt.callback_id)
        self.session, self.attempt, self.walk, self.facts = session, attempt, walk, facts
        self.handed_in, self.now = handed_in, now
        self.policy: Policy = load_policy(session)

    def draw(self) -> Finished:
        """Every consequence, in order: what was said, who was unhappy, what becomes of the callback."""
        outcome = self.handed_in.outcome
        if was_handled(outcome, self.facts):
            self._handled()
        too_many = self._promised_and_told()
        children = self._new_needs()
        self._opt_out()
        verdict = self._judge()
        if verdict is None and self.facts.accepted:
            consequences.close_accepted(self.session, self.case, by=self._agent_id, now=self.now)
        after = consequences.settle_callback(
            self.session,
            attempt=self.attempt,
            callback=self.callback,
            facts=self.facts,
            policy=self.policy,
            with_agent=self.attempt.agent_id if self.handed_in.appointment_with_me else None,
            now=self.now,
        )
        if not after.state.is_live:
            self._close_response()
        raised = self._flag(verdict, over=not after.state.is_live)
        dissatisfactions.wake_planner(self.session, self.case.id, now=self.now)
        return Finished(
            attempt=self.attempt.handle,
            callback=self.callback.handle,
            callback_state=self.callback.state,
            disposition=outcome,
            aapor_code=aapor_code(outcome),
            counts=after.counts,
            rule=after.rule,
            next_try_at=after.next_try_at,
            appointment_at=after.appointment_at,
            new_promise_at=self.facts.promise_at if self._takes_promise else None,
            too_many_promises=too_many,
            child_case_ids=children,
            dissatisfaction_id=raised.id if raised else None,
            dissatisfaction_state=raised.state if raised else None,
            failures=raised.failures if raised else 0,
            opt_out=self.handed_in.opt_out,
        )

    @property
    def _agent_id(self) -> int:
        assert self.attempt.agent_id is not None  # noqa: S101  an agent's call
        return self.attempt.agent_id

    @property
    def _takes_promise(self) -> bool:
        return self.callback.purpose is Purpose.HOLDING and self.facts.identity and self.facts.promise_at is not None

    def _handled(self) -> None:
        cases.record_handler(self.session, case_id=self.case.id, agent_id=self._agent_id, role="called", now=self.now)

    def _promised_and_told(self) -> bool:
        """What the customer has heard becomes a fact of the case. True when promises were put off too often."""
        if self.facts.told:
            consequences.tell(self.session, self.case, at=self.walk.told_at or self.now, now=self.now)
        if self._takes_promise and self.facts.promise_at is not None:
            return consequences.take_promise(
                self.session,
                self.case,
                self.callback,
                due_at=self.facts.promise_at,
                by=self._agent_id,
                policy=self.policy,
                now=self.now,
            )
        return False

    def _new_needs(self) -> tuple[int, ...]:
        needs = consequences.unanswered(self.facts) + ([self.handed_in.new_need] if self.handed_in.new_need else [])
        return consequences.new_needs(self.session, self.case, needs=needs, by=self._agent_id, now=self.now)

    def _opt_out(self) -> None:
        if self.handed_in.opt_out is None:
            return
        self.session.add(
            Suppression(
                customer_id=self.case.customer_id,
                scope=self.handed_in.opt_out,
                reason="said_in_call",
                evidence={"attempt": self.attempt.handle, "words": list(self._words()), "at": self.now.isoformat()},
                created_at=self.now,
                created_by_id=self._agent_id,
            )
        )

    def _words(self) -> tuple[str, ...]:
        """What the customer said when refusing or objecting, as the script has recorded it.

        What they told us about the past (`said`) is kept with the attempt but not judged: a second call begins by
        hearing the complaint again, and that does not make it a failure.
        """
        return tuple(
            str(effect.data["words"])
            for effect in self.walk.state.effects
            if effect.data.get("words") and effect.kind is not EffectKind.SAID
        )

    def _judge(self) -> Verdict | None:
        """Whether this contact has left the customer unhappy. Nothing is known of whoever was not the customer."""
        if not self.facts.identity:
            return None
        return judge(self._signals(self._response()), self.policy)

    def _signals(self, response: Response | None) -> Signals:
        accepted, said, severity = self.facts.accepted, self._words(), self.handed_in.severity
        unhappy = self.handed_in.unhappy or severity is not None
        if response is None:
            return Signals(accepted=accepted, agent_judgement=unhappy, agent_severity=severity, texts=said)
        definition = surveys.definition_of(self.session, response)
        answers = surveys.answers_of(response)
        return signals_of_answers(
            definition, answers, accepted=accepted, agent_judgement=unhappy, agent_severity=severity, said=said
        )

    def _response(self) -> Response | None:
        return rows.response_of(self.session, self.callback.id)

    def _close_response(self) -> None:
        """The answers get their scores. That questions were declined is on record too: nobody is asked again soon."""
        response = self._response()
        if response is None and self.facts.questionnaire is False:
            response = surveys.open_response(
                self.session, callback=self.callback, attempt=self.attempt, channel=self.attempt.channel, now=self.now
            )
        if response is not None and response.state is ResponseState.OPEN:
            surveys.close_response(self.session, response=response, now=self.now)

    def _flag(self, verdict: Verdict | None, *, over: bool) -> dissatisfactions.Raised | None:
        if verdict is not None:
            return dissatisfactions.raise_flag(
                self.session,
                callback=self.callback,
                verdict=verdict,
                part_of_day=self.attempt.part_of_day,
                now=self.now,
                by=self._agent_id,
                cause=self.facts.cause,
            )
        if self.callback.purpose is not Purpose.SECOND_CALL or not over:
            return None
        return dissatisfactions.settle_second_call(
            self.session,
            callback=self.callback,
            recovered=recovers(self.handed_in.outcome, unhappy=False),
            why=self.handed_in.outcome.value,
            cause=self.facts.cause,
            now=self.now,
            by=self._agent_id,
        )
