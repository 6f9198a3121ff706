"""Agents call while planners plan and leases run out: nobody waits for ever, nothing is lost, nothing happens twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Callback, Case
from callback.domain.words import AttemptState, Disposition
from callback.services import attempts
from callback.services.attempts import HandedIn
from callback.services.planning import plan_day
from callback.settings import Settings
from tests.integration.call_centre import Centre

AGENTS, CALLS_EACH, PLANNERS = 5, 6, 2


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


def test_calls_planners_and_leases_at_the_same_time(centre: Centre, now: datetime) -> None:
    agents = [centre.agent(f"agent{n}") for n in range(AGENTS)]
    for number in range(AGENTS * CALLS_EACH):
        case_id = centre.case(centre.customer(phones=[f"+8613800{number:06}"]), plan_at=now)
        centre.callback(agents[number % AGENTS], case_id=case_id)
    outcomes = (Disposition.NO_ANSWER, Disposition.BUSY, Disposition.REFUSED, Disposition.TECHNICAL_FAILURE)

    def work(agent_id: int) -> int:
        made = 0
        for turn in range(CALLS_EACH):
            with centre.sessions.begin() as session:
                call = attempts.start_next(session, agent_id=agent_id, now=now, settings=centre.settings)
            if call is None:
                return made
            handed_in = HandedIn(outcome=outcomes[turn % len(outcomes)])
            with centre.sessions.begin() as session:
                attempts.finish(session, handle=call.attempt, agent_id=agent_id, handed_in=handed_in, now=now)
            made += 1
        return made

    def plan(_number: int) -> int:
        for _ in range(4):
            plan_day(centre.sessions, now=now, zone=ZoneInfo("Asia/Shanghai"), carriers=frozenset())
            attempts.release_expired(centre.sessions, now=now)
        return 0

    with ThreadPoolExecutor(AGENTS + PLANNERS) as threads:
        jobs = [threads.submit(work, agent_id) for agent_id in agents]
        jobs += [threads.submit(plan, number) for number in range(PLANNERS)]
        made = sum(job.result(timeout=120) for job in jobs)

    with centre.sessions() as session:
        ended = session.scalar(select(func.count()).where(Attempt.state == AttemptState.ENDED))
        every = session.scalar(select(func.count()).select_from(Attempt))
        callbacks = session.scalar(select(func.count()).select_from(Callback))
        cases = session.scalar(select(func.count()).select_from(Case))
        counted = session.execute(
            select(Callback.attempts_made, func.count(Attempt.id).filter(Attempt.counts))
            .outerjoin(Attempt, Attempt.callback_id == Callback.id)
            .group_by(Callback.id)
        ).all()
    assert made == ended == every
    assert made >= AGENTS * CALLS_EACH // 2
    assert callbacks == cases
    assert all(kept == real for kept, real in counted)
