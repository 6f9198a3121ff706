"""Handling a complaint: what was found out about it, the six steps, the lesson, what was changed for the next try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import dissatisfactions as rows
from callback.db import stories as story_rows
from callback.db.policies import load_policy
from callback.db.slots import agents_at_work
from callback.db.tables import (
    Attempt,
    Callback,
    Dissatisfaction,
    DissatisfactionStep,
    Response,
)
from callback.domain.handle import new_handle
from callback.domain.recovery import CAUSE_OF, Contacted, Finding, ThreeChanges, three_changes
from callback.domain.rules import Refusal, who_may
from callback.domain.words import CallbackState, Channel, Purpose, RecoveryStep
from callback.errors import Conflict, Invalid, NotFound
from callback.services import audit, stories
from callback.services.hard_rules import contact_of, next_moment
from callback.texts import Language

LONGEST = 4_000


# ── What a supervisor writes down ───────────────────────────────────────────────────────────────────────────────────


def write_finding(session: Session, flag: Dissatisfaction, finding: Finding, *, by: int, now: datetime) -> None:
    """Into the flag, which the caller has locked. A cause found for the first time, or another one, is a step.

    Raises `Invalid` (`cause_not_of_kind`, `text_too_long`).
    """
    if finding.contradicts_itself:
        raise Invalid("cause_not_of_kind")
    before = (flag.cause, flag.sub_cause)
    if finding.sub_cause is not None:
        flag.cause, flag.sub_cause = CAUSE_OF[finding.sub_cause], finding.sub_cause
    elif finding.cause is not None and finding.cause is not flag.cause:
        flag.cause, flag.sub_cause = finding.cause, None
    for name in ("validity", "nature", "content"):
        if (value := getattr(finding, name)) is not None:
            setattr(flag, name, value)
    if finding.lesson is not None:
        flag.lesson = _text(finding.lesson) or None
    if (flag.cause, flag.sub_cause) != before:
        rows.add_step(session, flag, RecoveryStep.ANALYSE, by=by, now=now)


def review(
    session: Session, *, dissatisfaction_id: int, finding: Finding, by: int, now: datetime, version: int
) -> Dissatisfaction:
    """What was found out about a complaint, at any time: also after the customer was won back.

    Raises `NotFound`, `Invalid` (`cause_not_of_kind`, `text_too_long`), `Conflict` (`changed_meanwhile`).
    """
    flag = _lock(session, dissatisfaction_id, version=version)
    write_finding(session, flag, finding, by=by, now=now)
    flag.version += 1
    _audit(session, flag, "dissatisfaction.review", by=by, now=now)
    return flag


def take_step(
    session: Session, *, dissatisfaction_id: int, step: RecoveryStep, note: str, by: int, now: datetime, version: int
) -> Dissatisfaction:
    """One of the six steps was taken. Reviewing needs the cause: there is nothing to learn from what is not understood.

    Raises `NotFound`, `Invalid` (`cause_missing`, `text_too_long`), `Conflict` (`changed_meanwhile`).
    """
    flag = _lock(session, dissatisfaction_id, version=version)
    if step is RecoveryStep.REVIEW and flag.cause is None:
        raise Invalid("cause_missing")
    rows.add_step(session, flag, step, by=by, now=now, note=_text(note))
    flag.version += 1
    _audit(session, flag, "dissatisfaction.step", by=by, now=now, step=step.value)
    return flag


def share_lesson(session: Session, *, dissatisfaction_id: int, by: int, now: datetime, version: int) -> Dissatisfaction:
    """The lesson was passed on to the others. Raises `NotFound`, `Invalid` (`lesson_missing`), `Conflict`."""
    flag = _lock(session, dissatisfaction_id, version=version)
    if not flag.lesson:
        raise Invalid("lesson_missing")
    flag.lesson_shared_at = flag.lesson_shared_at or now
    flag.version += 1
    _audit(session, flag, "dissatisfaction.share_lesson", by=by, now=now)
    return flag


def _lock(session: Session, dissatisfaction_id: int, *, version: int) -> Dissatisfaction:
    flag = rows.locked(session, dissatisfaction_id)
    if flag is None:
        raise NotFound("dissatisfaction_not_found")
    if flag.version != version:
        raise Conflict("changed_meanwhile", present=flag.version)
    return flag


def _text(text: str) -> str:
    tidy = text.strip()
    if len(tidy) > LONGEST:
        raise Invalid("text_too_long", most=LONGEST)
    return tidy


def _audit(session: Session, flag: Dissatisfaction, action: str, *, by: int, now: datetime, **details: object) -> None:
    audit.record(
        session,
        now=now,
        actor_id=by,
        action=action,
        subject_kind="dissatisfaction",
        subject_id=flag.id,
        **details,
    )


# ── What is on record ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One question, before and after."""

    name: str
    question: str
    first: stories.Answered | None
    second: stories.Answered | None

    @property
    def change(self) -> int | None:
        """Points gained; None where one of the two is missing or is no figure."""
        if self.first is None or self.second is None or not self.first.is_level:
            return None
        before, after = self.first.value, self.second.value
        return None if before is None or after is None else int(after) - int(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything about one unhappy customer."""

    flag: Dissatisfaction
    story: stories.Story
    first: Callback | None
    second: Callback | None
    first_attempt: Attempt | None
    second_attempt: Attempt | None
    changes: ThreeChanges
    scores: tuple[Compared, ...]
    first_response: Response | None
    second_response: Response | None
    said: tuple[str, ...]
    """The customer's own words, as far as they were written down."""
    steps: tuple[DissatisfactionStep, ...]
    names: Mapping[int, str]


def dossier(session: Session, dissatisfaction_id: int, language: Language) -> Dossier:
    """Raises `NotFound` (`dissatisfaction_not_found`)."""
    flag = session.get(Dissatisfaction, dissatisfaction_id)
    if flag is None:
        raise NotFound("dissatisfaction_not_found")
    story = stories.of_case(session, flag.case_id)
    first = story.callbacks.get(flag.callback_id or 0)
    second = story.callbacks.get(flag.second_call_id or 0) or next(
        (c for c in reversed(list(story.callbacks.values())) if c.purpose is Purpose.SECOND_CALL), None
    )
    attempts = {callback.id: _spoken(story.attempts, callback) for callback in (first, second) if callback is not None}
    one = attempts.get(first.id) if first is not None else None
    two = attempts.get(second.id) if second is not None else None
    responses = {response.callback_id: response for response in story.responses}
    before = responses.get(first.id) if first is not None else None
    after = responses.get(second.id) if second is not None else None
    answered = [() if r is None else tuple(stories.answers(session, r, language)) for r in (before, after)]
    steps = tuple(rows.steps(session, flag.id))
    teams = rows.teams_of(session, [a.agent_id for a in (one, two) if a is not None])
    people = [step.by_id for step in steps] + [flag.closed_by_id]
    return Dossier(
        flag=flag,
        story=story,
        first=first,
        second=second,
        first_attempt=one,
        second_attempt=two,
        changes=three_changes(_contacted(one, teams), _contacted(two, teams)),
        scores=compared(*answered),
        first_response=before,
        second_response=after,
        said=_said(flag, answered),
        steps=steps,
        names={**story.names, **story_rows.names(session, people)},
    )


def _spoken(attempts: Sequence[Attempt], callback: Callback) -> Attempt | None:
    """The last attempt of the callback."""
    return next((attempt for attempt in attempts if attempt.callback_id == callback.id), None)


def _contacted(attempt: Attempt | None, teams: Mapping[int, int | None]) -> Contacted | None:
    if attempt is None:
        return None
    return Contacted(
        agent_id=attempt.agent_id,
        team_id=teams.get(attempt.agent_id or 0),
        channel=attempt.channel,
        address=attempt.address,
        part_of_day=attempt.part_of_day,
        at=attempt.started_at,
    )


def compared(first: Sequence[stories.Answered], second: Sequence[stories.Answered]) -> tuple[Compared, ...]:
    """All questions of both, side by side, in the order of the first."""
    before, after = ({answered.name: answered for answered in each} for each in (first, second))
    order = [*before, *(name for name in after if name not in before)]
    return tuple(
        Compared(
            name=name,
            question=(before.get(name) or after[name]).question,
            first=before.get(name),
            second=after.get(name),
        )
        for name in order
    )


def _said(flag: Dissatisfaction, answered: Sequence[Sequence[stories.Answered]]) -> tuple[str, ...]:
    """Free texts of both questionnaires, and the words that the lexicon stopped at."""
    texts = [one.answer for each in answered for one in each if isinstance(one.value, str) and one.answer]
    words = [str(word) for seen in flag.evidence for word in seen.get("words", ())]
    return tuple(dict.fromkeys([*texts, *(word for word in words if not any(word in text for text in texts))]))


# ── Who may make the second call ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    may: tuple[tuple[int, str], ...]
    may_not: tuple[tuple[int, str, tuple[Refusal, ...]], ...]
    next_legal: datetime | None


def callers(session: Session, flag: Dissatisfaction, second: Callback | None, *, now: datetime) -> Callers:
    """Who may make the (next) second call and who may not, and from when on anybody may."""
    live = second if second is not None and second.state.is_live else _imagined(flag, now=now)
    contact = contact_of(session, live, at=max(now, live.next_try_at or now), agent_id=None)
    policy = load_policy(session)
    agents = agents_at_work(session)
    allowed, barred = who_may(contact, policy, agents.values())
    names = story_rows.names(session, list(agents))
    return Callers(
        may=tuple((agent.id, names[agent.id]) for agent in allowed),
        may_not=tuple((agent.id, names[agent.id], refused) for agent, refused in barred),
        next_legal=next_moment(contact, policy),
    )


def _imagined(flag: Dissatisfaction, *, now: datetime) -> Callback:
    """The second call that would be made; it is in no session."""
    return Callback(
        id=0,
        handle=new_handle(),
        case_id=flag.case_id,
        customer_id=flag.customer_id,
        purpose=Purpose.SECOND_CALL,
        channel=Channel.AGENT,
        state=CallbackState.WAITING,
        earliest_at=now,
        due_at=now,
    )
