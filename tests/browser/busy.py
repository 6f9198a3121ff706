"""A busy morning: what the sample centre looks like after some calls, with something of everything on the board."""

from datetime import datetime, timedelta
from itertools import cycle

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.engine import reading
from callback.db.tables import (
    Agent,
    Answer,
    Attempt,
    Callback,
    Dissatisfaction,
    DissatisfactionStep,
    Questionnaire,
    Response,
)
from callback.domain.disposition import aapor_code
from callback.domain.handle import new_handle
from callback.domain.words import (
    AttemptState,
    BlockedBy,
    CallbackState,
    Cause,
    Channel,
    Disposition,
    DissatisfactionState,
    PartOfDay,
    Purpose,
    RecoveryStep,
    ResponseState,
)
from callback.services import outlooks
from tests.browser.conftest import Site

ENDS = cycle([Disposition.COMPLETED, Disposition.NO_ANSWER, Disposition.COMPLETED, Disposition.BUSY])


def look_ahead(site: Site) -> None:
    """What the worker does every five minutes."""
    with reading(site.house.sessions) as session:
        seen = outlooks.see(session, now=site.clock(), zone=site.house.zone)
    with site.house.sessions.begin() as session:
        outlooks.keep(session, seen)


def busy_morning(site: Site) -> None:
    """Calls that ended and calls under way; callbacks that wait for a decision, one of each kind."""
    with site.house.sessions.begin() as session:
        rows = session.scalars(
            select(Callback)
            .where(Callback.state == CallbackState.ASSIGNED, Callback.channel == Channel.AGENT)
            .order_by(Callback.id)
        ).all()
        stack = list(rows)
        for nth in range(22):
            _ended(session, site, stack.pop(), minutes_ago=5 * nth + 2)
        for login, minutes in (("limin", 2), ("wangqiang", 4), ("grace", 7)):
            _calling(session, site, stack.pop(), login=login, minutes=minutes)
        for reason in (BlockedBy.NOBODY_QUALIFIES, BlockedBy.NO_LEGAL_MOMENT, BlockedBy.NEEDS_DATA):
            _block(stack.pop(), reason)
        exhausted = next(row for row in reversed(stack) if row.purpose is Purpose.ANSWER)
        exhausted.state, exhausted.finished_at, exhausted.slot_id = CallbackState.EXHAUSTED, site.clock(), None
        exhausted.result = Disposition.NO_ANSWER.value
    look_ahead(site)


def _ended(session: Session, site: Site, callback: Callback, *, minutes_ago: int) -> None:
    end = site.clock() - timedelta(minutes=minutes_ago)
    disposition = next(ENDS)
    session.add(_attempt(callback, AttemptState.ENDED, end, disposition=disposition))
    if disposition is Disposition.COMPLETED:
        callback.state, callback.finished_at, callback.slot_id = CallbackState.DONE, end, None
        callback.result = disposition.value
        questionnaire = session.scalars(select(Questionnaire).limit(1)).one()
        session.add(
            Response(
                handle=new_handle(),
                callback_id=callback.id,
                case_id=callback.case_id,
                customer_id=callback.customer_id,
                questionnaire_id=questionnaire.id,
                channel=Channel.AGENT,
                purpose=callback.purpose,
                state=ResponseState.COMPLETE,
                csat=100.0 if minutes_ago % 3 else 25.0,
                nps=10 if minutes_ago % 3 else 4,
                started_at=end,
                completed_at=end,
            )
        )


def _calling(session: Session, site: Site, callback: Callback, *, login: str, minutes: int) -> None:
    agent = session.scalars(select(Agent).where(Agent.login == login)).one()
    callback.state, callback.agent_id, callback.claimed_by_id = CallbackState.IN_PROGRESS, agent.id, agent.id
    callback.lease_until = site.clock() + timedelta(minutes=30)
    session.add(_attempt(callback, AttemptState.CLAIMED, site.clock() - timedelta(minutes=minutes)))


def _block(callback: Callback, reason: BlockedBy) -> None:
    callback.state, callback.blocked_by = CallbackState.BLOCKED, reason
    callback.agent_id = callback.slot_id = callback.planned_at = None


def _attempt(
    callback: Callback, state: AttemptState, at: datetime, *, disposition: Disposition | None = None
) -> Attempt:
    return Attempt(
        handle=new_handle(),
        callback_id=callback.id,
        case_id=callback.case_id,
        customer_id=callback.customer_id,
        channel=Channel.AGENT,
        agent_id=callback.agent_id,
        state=state,
        disposition=disposition,
        aapor_code=aapor_code(disposition) if disposition else None,
        part_of_day=PartOfDay.MORNING,
        started_at=at,
        ended_at=at if disposition else None,
    )


def unhappy_customer(site: Site) -> int:
    """A customer who was unhappy in the survey and after the second call too; the flag."""
    with site.house.sessions.begin() as session:
        flag = session.scalars(select(Dissatisfaction).order_by(Dissatisfaction.raised_at)).first()
        assert flag is not None
        second = session.scalars(
            select(Callback).where(Callback.case_id == flag.case_id, Callback.purpose == Purpose.SECOND_CALL)
        ).one()
        limin, wangqiang = (
            session.scalars(select(Agent).where(Agent.login == who)).one() for who in ("limin", "wangqiang")
        )
        first = Callback(
            handle=new_handle(),
            case_id=flag.case_id,
            customer_id=flag.customer_id,
            purpose=Purpose.SURVEY,
            channel=Channel.AGENT,
            priority=20,
            earliest_at=flag.raised_at,
            due_at=flag.raised_at,
            agent_id=limin.id,
            created_at=flag.raised_at,
            updated_at=flag.raised_at,
        )
        session.add(first)
        second.agent_id = wangqiang.id
        later = flag.raised_at + timedelta(hours=6)
        for callback, at, scores, words in (
            (first, flag.raised_at, (2, 1, 3), "修了三次还是老样子，每次都让我再等等。"),
            (second, later, (4, 2, 3), "态度好多了，可是机器还没修好。"),
        ):
            callback.state, callback.finished_at, callback.slot_id = CallbackState.DONE, at, None
            callback.result = Disposition.COMPLETED.value
            session.flush()
            attempt = _attempt(callback, AttemptState.ENDED, at, disposition=Disposition.COMPLETED)
            attempt.part_of_day = PartOfDay.MORNING if callback is first else PartOfDay.AFTERNOON
            attempt.address = "+8613800138000"
            session.add(attempt)
            _answered(session, callback, at, scores, words)
        flag.callback_id, flag.second_call_id, flag.failures = first.id, second.id, 2
        flag.state, flag.cause = DissatisfactionState.ESCALATED, Cause.PRODUCT
        flag.evidence = [
            {"rule": "low_score", "scores": {"speed": 1, "attitude": 2}, "of": 5, "at": flag.raised_at.isoformat()},
            {"rule": "free_text", "words": ["老样子"], "at": flag.raised_at.isoformat()},
            {"rule": "problem_not_solved", "solved": False, "at": later.isoformat()},
        ]
        for step, who, at in (
            (RecoveryStep.LISTEN, limin, flag.raised_at),
            (RecoveryStep.ANALYSE, wangqiang, later),
            (RecoveryStep.TELL, wangqiang, later),
        ):
            session.add(DissatisfactionStep(dissatisfaction_id=flag.id, step=step, at=at, by_id=who.id))
        return flag.id


def _answered(session: Session, callback: Callback, at: datetime, scores: tuple[int, ...], words: str) -> None:
    questionnaire = session.scalars(select(Questionnaire).limit(1)).one()
    response = Response(
        handle=new_handle(),
        callback_id=callback.id,
        case_id=callback.case_id,
        customer_id=callback.customer_id,
        questionnaire_id=questionnaire.id,
        channel=Channel.AGENT,
        purpose=callback.purpose,
        state=ResponseState.COMPLETE,
        csat=100 * sum(score >= 4 for score in scores) / len(scores),
        started_at=at,
        completed_at=at,
    )
    session.add(response)
    session.flush()
    given: dict[str, object] = {"solved": False, **dict(zip(("attitude", "speed", "product"), scores, strict=True))}
    for question, value in {**given, "improve": words}.items():
        session.add(
            Answer(response_id=response.id, question=question, value=value, channel=Channel.AGENT, answered_at=at)
        )
