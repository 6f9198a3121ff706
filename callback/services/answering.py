"""An answer on a channel without an agent: kept at once, judged at once, and the end when nothing is left to ask.

Everything here locks in one order, as the end of a call does: the attempt with its case, then the response.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import attempts as attempt_rows
from callback.db import decisions
from callback.db import dissatisfactions as flag_rows
from callback.db.claims import changed_one
from callback.db.policies import load_policy
from callback.db.tables import Attempt, Callback, Customer, Response
from callback.domain.dissatisfaction import Verdict, judge, signals_of_answers
from callback.domain.moment import part_of_day
from callback.domain.survey import Value
from callback.domain.words import CallbackState, Channel, ContactState, Disposition
from callback.services import dissatisfactions, surveys
from callback.services.sends.ending import end_attempt

_BETWEEN_TRIES = (CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.BLOCKED)


@dataclass(frozen=True, slots=True)
class Taken:
    """Where the response stands after an answer."""

    step: surveys.Step
    unhappy: bool
    """What was answered so far makes a second call; the words of goodbye say so."""


def lock(session: Session, response: Response) -> Attempt | None:
    """The open attempt of the response's callback, if any, locked with the case."""
    attempt = attempt_rows.lock_open(session, response.callback_id)
    if attempt is None:
        attempt_rows.locked_case(session, response.case_id)
    return attempt


def take(
    session: Session,
    *,
    response: Response,
    channel: Channel,
    now: datetime,
    question: str,
    value: Value | None,
    said: str | None = None,
) -> Taken:
    """Keep one answer (None skips), raise the flag if it makes the customer unhappy, and close what is complete.

    Raises as `surveys.give_answer` does.
    """
    attempt = lock(session, response)
    return take_locked(
        session,
        response=response,
        attempt=attempt,
        channel=channel,
        now=now,
        question=question,
        value=value,
        said=said,
        is_locked=False,
    )


def take_locked(
    session: Session,
    *,
    response: Response,
    attempt: Attempt | None,
    channel: Channel,
    now: datetime,
    question: str,
    value: Value | None,
    said: str | None = None,
    is_locked: bool = True,
) -> Taken:
    """As `take`, for a caller who has locked everything already: the attempt, its case, and the response."""
    kept = said if value is not None else None  # words that skip are no answer
    step = surveys.give_answer(
        session,
        response=response,
        channel=channel,
        now=now,
        question=question,
        value=value,
        said=kept,
        is_locked=is_locked,
    )
    if step.invalid is not None:
        return Taken(step, unhappy=False)
    unhappy = _judge(session, step.response, now=now)
    if step.is_complete:
        close(session, response=step.response, attempt=attempt, disposition=Disposition.COMPLETED, now=now)
    return Taken(step, unhappy)


def close(
    session: Session, *, response: Response, attempt: Attempt | None, disposition: Disposition, now: datetime
) -> None:
    """The conversation is over. An agent's call that is under way goes on: its end is the agent's to record."""
    if attempt is not None:
        if attempt.agent_id is None:
            end_attempt(session, attempt=attempt, disposition=disposition, now=now)
        return
    _close_between_tries(session, response, disposition=disposition, now=now)


def wrong_address(session: Session, *, response: Response, attempt: Attempt | None, rule: str, now: datetime) -> bool:
    """Somebody else has the number, or the link: as an agent's call to a wrong number ends.

    The number is marked, the next one is tried, else the supervisor looks for another. `rule` says how we know. False:
    the person has answered or confirmed before, or an agent has them on the telephone; then it proves nothing.
    """
    answered = any(value is not None for value in surveys.answers_of(response).values())
    by_agent = attempt is not None and attempt.agent_id is not None
    known = not (answered or by_agent or response.confirmed_at is not None)
    decisions.record(
        session,
        now=now,
        case_id=response.case_id,
        callback_id=response.callback_id,
        about="channel",
        rule=rule,
        verdict="wrong_address" if known else "nothing_shown",
    )
    if not known:
        return False
    if attempt is not None:
        return end_attempt(session, attempt=attempt, disposition=Disposition.WRONG_NUMBER, now=now)
    # Between two tries: the last one has its end already; its number is not tried again.
    last = attempt_rows.last_of(session, response.callback_id)
    if last is not None and last.contact_point_id is not None:
        attempt_rows.mark_contact(session, last.contact_point_id, ContactState.WRONG)
    dissatisfactions.wake_planner(session, response.case_id, now=now)
    return True


def _close_between_tries(session: Session, response: Response, *, disposition: Disposition, now: datetime) -> None:
    """Answered after the last try had ended: the duty is done, and nothing more is sent."""
    surveys.close_response(session, response=response, now=now)
    statement = (
        update(Callback)
        .where(Callback.id == response.callback_id, Callback.state.in_(_BETWEEN_TRIES))
        .values(
            state=CallbackState.DONE,
            blocked_by=None,
            result=disposition.value,
            slot_id=None,
            finished_at=now,
            updated_at=now,
            version=Callback.version + 1,
        )
    )
    if changed_one(session, statement):
        decisions.record(
            session,
            now=now,
            case_id=response.case_id,
            callback_id=response.callback_id,
            about="end",
            rule="settled",
            verdict=CallbackState.DONE.value,
            inputs={"disposition": disposition.value, "response": response.id},
        )
    dissatisfactions.wake_planner(session, response.case_id, now=now)


def is_unhappy(session: Session, response: Response) -> bool:
    """Whether the answers so far call for a second call."""
    return _verdict(session, response) is not None


def _verdict(session: Session, response: Response) -> Verdict | None:
    definition = surveys.definition_of(session, response)
    return judge(signals_of_answers(definition, surveys.answers_of(response)), load_policy(session))


def _judge(session: Session, response: Response, *, now: datetime) -> bool:
    """Raise the flag with what is new since the last answer. True when the customer is unhappy."""
    verdict = _verdict(session, response)
    if verdict is None:
        return False
    callback = session.get_one(Callback, response.callback_id)
    flag = flag_rows.live_flag(session, response.case_id)
    known = [] if flag is None else [seen for seen in flag.evidence if seen.get("callback") == callback.handle]
    new = tuple(seen for seen in verdict.evidence if not any(seen.items() <= one.items() for one in known))
    if new:
        zone = ZoneInfo(session.get_one(Customer, response.customer_id).time_zone)
        dissatisfactions.raise_flag(
            session,
            callback=callback,
            verdict=Verdict(verdict.rule, verdict.severity, new),
            part_of_day=part_of_day(now, zone),
            now=now,
            by=None,
        )
        dissatisfactions.wake_planner(session, response.case_id, now=now)
    return True
