"""A busy morning: what the sample centre looks like after some calls, with something of everything on the board."""

from datetime import timedelta
from itertools import cycle

from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db.engine import reading
from callback.db.tables import Agent, Attempt, Callback, Questionnaire, Response
from callback.domain.disposition import aapor_code
from callback.domain.handle import new_handle
from callback.domain.words import (
    AttemptState,
    BlockedBy,
    CallbackState,
    Channel,
    Disposition,
    PartOfDay,
    Purpose,
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


def _attempt(callback: Callback, state: AttemptState, at: object, *, disposition: Disposition | None = None) -> Attempt:
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
