"""What one more agent would bring: kept from each planning, asked by the worker, shown on the page."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from callback.bootstrap import House
from callback.db.engine import SessionFactory
from callback.db.policies import save_policy
from callback.db.shards import EVERYTHING
from callback.db.tables import Agent, Callback, PlanProof, Team
from callback.services import gains
from callback.services.planning import plan_day, shards
from callback.worker import tasks
from tests.integration.conftest import Desk
from tests.town import add_agent, fill

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
HALF_AN_HOUR = ((time(10), time(10, 30)),)


def short_of_one(sessions: SessionFactory, now: datetime) -> None:
    """Room for five of eight, and all are due within the hour."""
    with sessions.begin() as session:
        add_agent(session, "li", now=now, hours=HALF_AN_HOUR, days=range(2, 3))
    fill(sessions, now, cases=8)
    plan_day(sessions, now=now, zone=SHANGHAI)


def proof(sessions: SessionFactory) -> PlanProof:
    with sessions() as session:
        return session.scalars(select(PlanProof)).one()


def test_what_a_planning_proves_is_kept_though_nobody_looks_at_its_report(house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        add_agent(session, "li", now=house.clock(), hours=HALF_AN_HOUR, days=range(2, 3))
    fill(house.sessions, house.clock(), cases=8)
    tasks.plan(house)
    kept = proof(house.sessions)
    assert (kept.shard, kept.at) == ("all", house.clock())
    assert kept.bottlenecks[0]["languages"] == ["en", "zh"]
    assert (kept.gains, kept.gains_at) == ([], None)


def test_the_worker_asks_what_one_more_agent_would_bring(desk: Desk, house: House, now: datetime) -> None:
    chief = desk.supervisor()
    short_of_one(house.sessions, now)
    before = chief.get("/plan/findings").text
    assert "at most (priority" in before or "最多价值" in before
    tasks.ask_gains(house)
    kept = proof(house.sessions)
    gain = {"languages": ["en", "zh"], "skills": [], "like": "Li", "in_time": 3, "placed": 3}
    assert (kept.gains, kept.gains_at) == ([gain], house.clock())
    with house.sessions() as session:
        rows = gains.newest(session, [EVERYTHING])
        told = {language: gains.tell(rows, language, SHANGHAI, now=now) for language in ("en", "zh")}
    assert told["en"] == [
        "One more agent like Li (English, Chinese, the same hours): due times kept more: 3; callbacks placed more: 3."
    ]
    page = chief.get("/plan/findings").text
    assert told["en"][0] in page or told["zh"][0] in page


def test_it_is_not_asked_again_at_once_and_forgotten_when_nobody_is_lacking(house: House, now: datetime) -> None:
    short_of_one(house.sessions, now)
    tasks.ask_gains(house)
    with house.sessions.begin() as session:
        add_agent(session, "zhao", now=now, hours=HALF_AN_HOUR, days=range(2, 3))
    plan_day(house.sessions, now=now + MINUTE, zone=SHANGHAI)
    tasks.ask_gains(house)
    assert proof(house.sessions).gains, "asked a moment ago"
    later = now + 15 * MINUTE
    gains.ask_all(house.sessions, now=later, zone=SHANGHAI, shards=[EVERYTHING])
    kept = proof(house.sessions)
    assert (kept.gains, kept.bottlenecks, kept.gains_at) == ([], [], later)


def test_a_planning_of_one_call_does_not_forget_what_the_one_before_it_lacked(
    sessions: SessionFactory, now: datetime
) -> None:
    short_of_one(sessions, now)
    lacked = proof(sessions).bottlenecks
    assert lacked
    with sessions.begin() as session:
        session.execute(update(Callback).where(Callback.agent_id.is_(None)).values(next_try_at=now + 30 * HOUR))
    fill(sessions, now, cases=1, due=60 * HOUR)
    plan_day(sessions, now=now + MINUTE, zone=SHANGHAI)
    assert lacked[0] in proof(sessions).bottlenecks
    with sessions() as session:
        assert gains.tell([proof(sessions)], "en", SHANGHAI, now=now + 2 * HOUR) == [], "what is past is not told"
        assert session.scalars(select(PlanProof)).all()


def test_who_is_scarce_is_asked_for_in_the_team_that_lacks_them(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        save_policy(session, now=now, figures={"plan_by_team": True})
        teams = [Team(name=name, created_at=now) for name in ("north", "south")]
        session.add_all(teams)
        session.flush()
        north, south = (team.id for team in teams)
        add_agent(session, "li", now=now, hours=HALF_AN_HOUR, days=range(2, 3), team_id=north, skills=["law"])
        add_agent(session, "zhao", now=now, team_id=south)
    fill(sessions, now, cases=8, team_id=north)
    fill(sessions, now, cases=2, team_id=south)
    plan_day(sessions, now=now, zone=SHANGHAI)
    parts = shards(sessions)
    gains.ask_all(sessions, now=now, zone=SHANGHAI, shards=parts)
    with sessions() as session:
        found = {row.shard: [gain["like"] for gain in row.gains] for row in gains.newest(session, parts)}
        assert found[f"team-{north}"] == ["Li"]
        assert found.get(f"team-{south}", []) == []
        assert gains.newest(session, [EVERYTHING]) == []


def test_nobody_is_hired_like_somebody_who_has_left(sessions: SessionFactory, now: datetime) -> None:
    short_of_one(sessions, now)
    with sessions.begin() as session:
        session.execute(update(Agent).values(active=False))
    gains.ask_all(sessions, now=now, zone=SHANGHAI, shards=[EVERYTHING])
    assert proof(sessions).gains == []
