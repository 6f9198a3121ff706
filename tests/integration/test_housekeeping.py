"""What is done by the clock: overdue promises break once, and what has served its time goes."""

from datetime import datetime, timedelta

from sqlalchemy import select

from callback.db.engine import SessionFactory, is_postgresql
from callback.db.jobs import TableQueue
from callback.db.tables import Agent, Case, Customer, IdempotencyKey, Job, LoginFailure, LoginSession, Move, Promise
from callback.domain.words import CaseStatus, MoveKind, PromiseState
from callback.services import housekeeping


def _case(now: datetime, *, plan_at: datetime | None) -> Case:
    customer = Customer(
        source="t", external_id="1", language="zh", country="CN", time_zone="UTC", created_at=now, updated_at=now
    )
    figures = {"source": "t", "external_id": "1", "subject": "Lamp", "status": CaseStatus.PENDING}
    return Case(**figures, customer=customer, opened_at=now, plan_at=plan_at, created_at=now, updated_at=now)


def test_a_promise_breaks_once_and_wakes_its_case(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        case = _case(now, plan_at=now + timedelta(days=2))
        session.add(case)
        session.flush()
        session.add(Promise(case_id=case.id, due_at=now, made_at=now - timedelta(days=1)))
    with sessions.begin() as session:
        assert housekeeping.break_promises(session, now=now - timedelta(seconds=1)) == 0
        assert housekeeping.break_promises(session, now=now) == 1
        assert housekeeping.break_promises(session, now=now) == 0
    with sessions() as session:
        kept = session.scalars(select(Promise)).one()
        assert (kept.state, kept.settled_at) == (PromiseState.BROKEN, now)
        assert session.scalars(select(Case.plan_at)).one() == now


def test_an_earlier_look_at_the_case_stays(sessions: SessionFactory, now: datetime) -> None:
    earlier = now - timedelta(hours=1)
    with sessions.begin() as session:
        case = _case(now, plan_at=earlier)
        session.add(case)
        session.flush()
        session.add(Promise(case_id=case.id, due_at=now, made_at=earlier))
        assert housekeeping.break_promises(session, now=now) == 1
        session.refresh(case)
        assert case.plan_at == earlier


def test_only_what_has_served_its_time_goes(sessions: SessionFactory, now: datetime) -> None:
    day = timedelta(days=1)
    with sessions.begin() as session:
        agent = Agent(login="li", name="Li", number="1", languages=["zh"], time_zone="UTC", created_at=now)
        session.add(agent)
        session.flush()
        for n, age in enumerate((2 * day, timedelta(hours=1))):
            session.add(LoginFailure(login=f"old{n}", address="::1", at=now - age))
            key = {"agent_id": agent.id, "key": str(n), "request_hash": "x"}
            session.add(IdempotencyKey(**key, status=201, created_at=now - age))
        undone = {"undone_at": now, "undone_by_id": agent.id}
        for n, (age, more) in enumerate(((8 * day, {}), (8 * day, undone), (6 * day, {}), (6 * day, undone))):
            session.add(Move(kind=MoveKind.REASSIGN, at=now - age, actor_id=agent.id, reason=str(n), **more))
        for n, expired in enumerate((now - 31 * day, now - day)):
            secret = bytes([n]) * 32
            session.add(
                LoginSession(secret_hash=secret, agent_id=agent.id, created_at=now - 40 * day, expires_at=expired)
            )
        for n, (failed, days) in enumerate(((False, 2), (True, 2), (True, 8), (False, 0))):
            session.add(Job(task=str(n), due_at=now, done_at=now - days * day, failed=failed))
        session.add(Job(task="waiting", due_at=now - 30 * day))
    with sessions.begin() as session:
        gone = housekeeping.purge(session, now=now)
        assert {name: gone[name] for name in ("login_sessions", "login_failures", "idempotency_keys")} == {
            "login_sessions": 1,
            "login_failures": 1,
            "idempotency_keys": 1,
        }
        if not is_postgresql(session):
            assert gone["jobs"] == 2
            assert set(session.scalars(select(Job.task))) == {"1", "3", "waiting"}
        else:
            assert gone["procrastinate_jobs"] == 0
        assert session.scalars(select(LoginFailure.login)).one() == "old1"
        assert gone["moves"] == 2
        assert set(session.scalars(select(Move.reason))) == {"2", "3"}


def test_broken_promises_ask_for_planning(sessions: SessionFactory, now: datetime) -> None:
    sessions.configure(info={"queue": TableQueue(lambda: now)} if _is_sqlite(sessions) else {})
    with sessions.begin() as session:
        case = _case(now, plan_at=None)
        session.add(case)
        session.flush()
        session.add(Promise(case_id=case.id, due_at=now, made_at=now))
        housekeeping.break_promises(session, now=now)
        asked = session.scalars(select(Job.task)).all()
    assert asked == (["plan"] if _is_sqlite(sessions) else [])


def _is_sqlite(sessions: SessionFactory) -> bool:
    with sessions() as session:
        return not is_postgresql(session)
