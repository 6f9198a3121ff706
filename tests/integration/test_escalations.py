"""Escalation rules at work, on both databases: once for each thing, and over when it is in order."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from callback.db import escalations as rows
from callback.db.engine import SessionFactory, reading
from callback.db.tables import (
    Callback,
    Case,
    Decision,
    Dissatisfaction,
    Escalation,
    EscalationNotice,
    Handover,
    InboundMessage,
    Promise,
)
from callback.domain.escalation import DEFAULT_RULES, EscalationRule
from callback.domain.words import (
    BlockedBy,
    CallbackState,
    EscalationTold,
    EscalationTrigger,
    HandoverState,
    InboundOutcome,
    PromiseState,
    Role,
    Severity,
)
from callback.errors import Conflict, Invalid
from callback.services import escalations
from callback.services.escalations import Looked
from callback.services.plans import plan
from callback.services.setups.record import Act
from callback.settings import Settings
from tests.integration.call_centre import Centre

HOUR = timedelta(hours=1)


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


def promise(centre: Centre, case_id: int, due_at: datetime, state: PromiseState = PromiseState.OPEN) -> None:
    with centre.sessions.begin() as session:
        settled = None if state is PromiseState.OPEN else due_at
        session.add(
            Promise(case_id=case_id, due_at=due_at, made_at=centre.now - 24 * HOUR, state=state, settled_at=settled)
        )


def found(centre: Centre) -> list[tuple[str, bool]]:
    """The rules that fired, and whether it is over."""
    with reading(centre.sessions) as session:
        return [
            (e.rule, e.resolved_at is not None) for e in session.scalars(select(Escalation).order_by(Escalation.id))
        ]


def told(centre: Centre) -> set[int]:
    with reading(centre.sessions) as session:
        return set(session.scalars(select(EscalationNotice.agent_id)))


def test_a_promise_about_to_break_is_more_urgent_once_and_stays_so(centre: Centre) -> None:
    agent = centre.agent("li")
    case_id = centre.case(promised_at=centre.now + HOUR / 2)
    handle = centre.callback(agent, case_id=case_id)
    promise(centre, case_id, centre.now + HOUR / 2)
    assert escalations.look(centre.sessions, now=centre.now) == Looked(raised=1, resolved=0)
    assert escalations.look(centre.sessions, now=centre.now + timedelta(minutes=1)) == Looked(raised=0, resolved=0)
    assert found(centre) == [("promise_soon", False)]
    with reading(centre.sessions) as session:
        callback = session.scalars(select(Callback).where(Callback.handle == handle)).one()
        decision = session.scalars(select(Decision).where(Decision.about == "escalation")).one()
    assert (callback.priority, callback.priority_floor) == (90, 90)
    assert (decision.rule, decision.callback_id) == ("escalation_promise_due", callback.id)
    # The planner looks at the case again, and goes no lower.
    with centre.sessions.begin() as session:
        session.execute(update(Callback).values(priority=10))
        session.execute(update(Case).values(plan_at=centre.now))
    plan(centre.sessions, now=centre.now, carriers=frozenset())
    with reading(centre.sessions) as session:
        assert session.scalars(select(Callback.priority).where(Callback.handle == handle)).one() == 90


def test_a_promise_that_breaks_is_told_to_the_leader_and_is_over_when_the_customer_knows(centre: Centre) -> None:
    team = centre.team()
    leader = centre.agent("leader", team_id=team, leads_team=True)
    centre.agent("chief", role=Role.SUPERVISOR)
    case_id = centre.case(team_id=team)
    promise(centre, case_id, centre.now - HOUR, PromiseState.BROKEN)
    escalations.look(centre.sessions, now=centre.now)
    assert found(centre) == [("promise_broken", False)]
    assert told(centre) == {leader}
    with centre.sessions.begin() as session:
        session.get_one(Case, case_id).told_at = centre.now
    assert escalations.look(centre.sessions, now=centre.now + HOUR) == Looked(raised=0, resolved=1)
    assert found(centre) == [("promise_broken", True)]


def test_a_team_without_a_leader_has_its_supervisors_told(centre: Centre) -> None:
    team = centre.team()
    chief = centre.agent("chief", role=Role.SUPERVISOR)
    gone = centre.agent("gone", team_id=team, leads_team=True, active=False)
    promise(centre, centre.case(team_id=team), centre.now - HOUR, PromiseState.BROKEN)
    escalations.look(centre.sessions, now=centre.now)
    assert told(centre) == {chief}
    assert gone not in told(centre)


@pytest.mark.parametrize(
    ("severity", "hours", "rules"),
    [
        (Severity.MINOR, 23, []),
        (Severity.MINOR, 24, ["unhappy_old"]),
        (Severity.CRITICAL, 2, ["unhappy_critical"]),
        (Severity.CRITICAL, 30, ["unhappy_critical", "unhappy_old"]),
    ],
)
def test_unhappy_customers_by_severity_and_age(
    centre: Centre, severity: Severity, hours: int, rules: list[str]
) -> None:
    centre.agent("chief", role=Role.SUPERVISOR)
    flag = centre.flag(centre.case(), raised_at=centre.now - hours * HOUR, severity=severity)
    escalations.look(centre.sessions, now=centre.now)
    assert [rule for rule, _ in found(centre)] == rules
    with centre.sessions.begin() as session:
        session.get_one(Dissatisfaction, flag).state = "recovered"  # type: ignore[assignment]
    escalations.look(centre.sessions, now=centre.now)
    assert all(over for _, over in found(centre))


def test_what_is_blocked_again_is_told_again(centre: Centre) -> None:
    centre.agent("chief", role=Role.SUPERVISOR)
    blocked: dict[str, Any] = {"state": CallbackState.BLOCKED, "blocked_by": BlockedBy.NOBODY_QUALIFIES}
    handle = centre.callback(None, **blocked, updated_at=centre.now - 5 * HOUR)
    escalations.look(centre.sessions, now=centre.now)
    assert found(centre) == [("blocked", False)]

    def become(at: datetime, **values: Any) -> None:
        with centre.sessions.begin() as session:
            table: Any = Callback.__table__
            session.execute(table.update().where(Callback.handle == handle).values(updated_at=at, **values))

    become(centre.now, state=CallbackState.WAITING, blocked_by=None)
    escalations.look(centre.sessions, now=centre.now + HOUR)
    assert found(centre) == [("blocked", True)]
    become(centre.now + HOUR, **blocked)
    escalations.look(centre.sessions, now=centre.now + 2 * HOUR)
    assert len(found(centre)) == 1
    escalations.look(centre.sessions, now=centre.now + 5 * HOUR)
    assert [found_ for found_ in found(centre) if found_[0] == "blocked"] == [("blocked", True), ("blocked", False)]


def test_overdue_calls_handovers_and_messages(centre: Centre) -> None:
    chief = centre.agent("chief", role=Role.SUPERVISOR)
    li, wang = centre.agent("li"), centre.agent("wang")
    centre.callback(li, due_at=centre.now - 8 * HOUR)
    with centre.sessions.begin() as session:
        session.add(
            Handover(
                handle="h" * 22,
                from_id=li,
                to_id=wang,
                day=centre.now.date(),
                state=HandoverState.GIVEN,
                updated_at=centre.now,
                given_at=centre.now - 3 * HOUR,
            )
        )
        message: dict[str, Any] = {
            "provider_id": "m1",
            "from_address": "+8613800138000",
            "to_address": "+15005550006",
            "text": "?",
            "received_at": centre.now - 3 * HOUR,
            "outcome": InboundOutcome.LEFT_TO_PERSON,
            "needs_person": True,
        }
        session.add(InboundMessage(**message))
    escalations.look(centre.sessions, now=centre.now)
    assert sorted(rule for rule, _ in found(centre)) == ["handover", "message", "overdue"]
    assert told(centre) == {chief}
    with reading(centre.sessions) as session:
        assert len(rows.marked(session, limit=10)) == 3
        mine = rows.notices(session, chief, unread_since=centre.now, limit=10)
        assert rows.unread(session, chief, most=99) == len(mine) == 3
    with centre.sessions.begin() as session:
        assert rows.read(session, chief, now=centre.now, up_to=mine[1].id) == 2
        assert rows.unread(session, chief, most=99) == 1


def test_two_workers_at_one_moment_fire_once(centre: Centre) -> None:
    centre.agent("chief", role=Role.SUPERVISOR)
    for _ in range(5):
        centre.callback(None, due_at=centre.now - 9 * HOUR)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            escalations.look(centre.sessions, now=centre.now)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [rule for rule, _ in found(centre)] == ["overdue"] * 5
    with reading(centre.sessions) as session:
        assert len(session.scalars(select(EscalationNotice)).all()) == 5


def test_rules_are_changed_checked_and_switched_off(centre: Centre) -> None:
    chief = centre.agent("chief", role=Role.SUPERVISOR)
    act = Act.of(now=centre.now, actor_id=chief)
    quiet: dict[str, Any] = {"rules": []}
    with centre.sessions.begin() as session:
        assert escalations.rules(session) == DEFAULT_RULES
        with pytest.raises(Invalid):
            escalations.change(session, {"rules": [{"key": "x"}]}, number=0, act=act)
        wrong = {"key": "x", "trigger": "overdue", "after_minutes": 5, "mark": False}
        with pytest.raises(Invalid) as refused:
            escalations.change(session, {"rules": [wrong]}, number=0, act=act)
        assert refused.value.details["faults"] == [{"rule": 0, "code": "does_nothing", "params": {}}]
        assert escalations.change(session, quiet, number=0, act=act) == ()
    centre.callback(None, due_at=centre.now - 9 * HOUR)
    assert escalations.look(centre.sessions, now=centre.now) == Looked(raised=0, resolved=0)
    with centre.sessions.begin() as session, pytest.raises(Conflict):
        escalations.change(session, {}, number=0, act=Act.of(now=centre.now, actor_id=chief))


def test_what_a_rule_would_do_is_told_and_not_done(centre: Centre) -> None:
    centre.callback(None, due_at=centre.now - 2 * HOUR)
    rule = EscalationRule(key="mine", trigger=EscalationTrigger.OVERDUE, after=HOUR, told=EscalationTold.SUPERVISORS)
    with reading(centre.sessions) as session:
        assert escalations.foretell(session, rule, now=centre.now) == 1
        assert escalations.foretell(session, rule, now=centre.now - HOUR - HOUR / 2) == 0
    assert found(centre) == []
