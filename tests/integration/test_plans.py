"""Planning and assignment on both databases."""

import itertools
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from callback.db.engine import SessionFactory
from callback.db.tables import (
    Agent,
    Callback,
    Case,
    CaseHandler,
    ContactPoint,
    Customer,
    Decision,
    ShiftException,
    Slot,
)
from callback.domain.words import BlockedBy, CallbackState, CaseKind, CaseStatus, ContactState, Purpose
from callback.services.assignments import AssignmentReport, assign
from callback.services.plans import PlanReport, plan
from tests.town import add_agent, add_case, add_customer, make_unhappy

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def plan_and_assign(sessions: SessionFactory, now: datetime) -> tuple[PlanReport, AssignmentReport]:
    return plan(sessions, now=now), assign(sessions, now=now, zone=SHANGHAI)


def callbacks(sessions: SessionFactory) -> Sequence[Callback]:
    with sessions() as session:
        return session.scalars(select(Callback).order_by(Callback.id)).all()


def test_each_case_gets_the_callback_it_needs_or_a_reason(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        town = [add_customer(session, now=now) for _ in range(8)]
        closed = {"status": CaseStatus.CLOSED, "answer": "已更换光猫。", "opened_at": now - 5 * DAY}
        wanted = {
            add_case(
                session, town[0], now=now, status=CaseStatus.PENDING, answer="已修好", answered_at=now - DAY
            ).id: "answer",
            add_case(session, town[1], now=now, promised_at=now + 3 * HOUR).id: "holding",
            add_case(session, town[2], now=now, promised_at=now + 2 * DAY).id: "promise_not_due_yet",
            add_case(
                session, town[3], now=now, **closed, closed_at=now - 30 * HOUR, told_at=now - 30 * HOUR
            ).id: "survey",
            add_case(
                session, town[4], now=now, **closed, closed_at=now - 15 * DAY, told_at=now - 15 * DAY
            ).id: "survey_expired",
            add_case(session, town[5], now=now, status=CaseStatus.CLOSED, closed_at=now).id: "closed_without_answer",
            add_case(session, add_customer(session, now=now, phone=None), now=now).id: "needs_data",
        }
        unhappy = add_case(session, town[6], now=now, **closed, closed_at=now - DAY, told_at=now - DAY)
        make_unhappy(session, unhappy, at=now - HOUR)
        wanted[unhappy.id] = "second_call"
        parent = add_case(session, town[7], now=now, promised_at=now + 5 * DAY)
        child = add_case(session, town[7], now=now, parent_id=parent.id, answer="可以", answered_at=now)
        wanted |= {parent.id: "promise_not_due_yet", child.id: "follow_up"}

    report, placed = plan_and_assign(sessions, now)

    with sessions() as session:
        assert dict(session.execute(select(Case.id, Case.plan_rule)).tuples().all()) == wanted
    assert report.created == {"answer": 1, "holding": 1, "survey": 1, "second_call": 1, "follow_up": 1}
    assert placed.assigned == 5
    assert not placed.left
    for callback in callbacks(sessions):
        assert callback.state is CallbackState.ASSIGNED
        assert callback.planned_at is not None
        assert callback.planned_at >= max(now, callback.earliest_at)


def test_planning_again_changes_nothing(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        for _ in range(20):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + 2 * HOUR)
    plan_and_assign(sessions, now)
    before = [(c.id, c.version, c.agent_id, c.planned_at, c.due_at) for c in callbacks(sessions)]
    with sessions.begin() as session:
        session.execute(update(Case).values(plan_at=now))

    report, placed = plan_and_assign(sessions, now + timedelta(minutes=5))

    assert (report.unchanged, report.updated, sum(report.created.values())) == (20, 0, 0)
    assert (placed.assigned, placed.released) == (0, 0)
    assert [(c.id, c.version, c.agent_id, c.planned_at, c.due_at) for c in callbacks(sessions)] == before


def test_a_callback_that_is_not_owed_any_more_is_withdrawn(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        case = add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    plan_and_assign(sessions, now)
    with sessions.begin() as session:
        session.execute(
            update(Case).where(Case.id == case.id).values(answer="已解决", answered_at=now, plan_at=now + HOUR / 2)
        )
    plan_and_assign(sessions, now + HOUR / 2)
    holding, answer = callbacks(sessions)
    assert (holding.purpose, holding.state, holding.result) == (Purpose.HOLDING, CallbackState.CANCELLED, "withdrawn")
    assert (answer.purpose, answer.state) == (Purpose.ANSWER, CallbackState.ASSIGNED)


def test_a_second_call_goes_to_somebody_else_after_the_cool_off(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        handler = add_agent(session, "li", now=now)
        other = add_agent(session, "zhao", now=now)
        case = add_case(
            session,
            add_customer(session, now=now),
            now=now,
            status=CaseStatus.CLOSED,
            answer="好",
            closed_at=now - DAY,
            told_at=now - DAY,
        )
        session.add(CaseHandler(case_id=case.id, agent_id=handler.id, role="answered", at=now - DAY))
        make_unhappy(session, case, at=now)
        handler_id, other_id = handler.id, other.id
    plan_and_assign(sessions, now)
    (callback,) = callbacks(sessions)
    assert callback.agent_id == other_id != handler_id
    assert callback.planned_at is not None
    assert callback.planned_at >= now + 4 * HOUR


def test_when_nobody_qualifies_the_supervisor_decides_and_a_new_colleague_solves_it(
    sessions: SessionFactory, now: datetime
) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now, languages=["zh"])
        case = add_case(session, add_customer(session, now=now, language="en"), now=now, promised_at=now + HOUR)
    _, placed = plan_and_assign(sessions, now)
    assert placed.left == {"nobody_qualifies": 1}
    (callback,) = callbacks(sessions)
    assert (callback.state, callback.blocked_by) == (CallbackState.BLOCKED, BlockedBy.NOBODY_QUALIFIES)

    with sessions.begin() as session:
        add_agent(session, "mary", now=now, languages=["en"])
    _, placed = plan_and_assign(sessions, now)
    (callback,) = callbacks(sessions)
    assert (callback.state, callback.blocked_by, placed.assigned) == (CallbackState.ASSIGNED, None, 1)
    with sessions() as session:
        verdicts = session.scalars(select(Decision.verdict).where(Decision.case_id == case.id).order_by(Decision.id))
        assert list(verdicts) == ["created", "blocked", "assigned"]


def test_a_callback_without_a_number_is_blocked_until_one_is_entered(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        case = add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    plan_and_assign(sessions, now)
    for state, wanted in (
        (ContactState.DEAD, (CallbackState.BLOCKED, BlockedBy.NEEDS_DATA)),
        (ContactState.GOOD, (CallbackState.ASSIGNED, None)),
    ):
        with sessions.begin() as session:
            session.execute(update(ContactPoint).values(state=state))
            session.execute(update(Case).where(Case.id == case.id).values(plan_at=now))
        plan_and_assign(sessions, now)
        (callback,) = callbacks(sessions)
        assert (callback.state, callback.blocked_by) == wanted


def test_an_absent_agents_callbacks_find_another_place(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        first, second = add_agent(session, "li", now=now), add_agent(session, "zhao", now=now)
        for _ in range(10):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
        first_id, second_id = first.id, second.id
    plan_and_assign(sessions, now)
    assert {c.agent_id for c in callbacks(sessions)} == {first_id, second_id}
    with sessions.begin() as session:
        for ahead in range(3):
            session.add(ShiftException(agent_id=first_id, day=(now + ahead * DAY).date(), reason="ill"))
    _, placed = plan_and_assign(sessions, now)
    assert placed.released == placed.assigned == 5
    assert {c.agent_id for c in callbacks(sessions)} == {second_id}
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Slot).where(Slot.agent_id == first_id)) == 0


def test_slots_are_never_overfilled_and_what_is_too_much_waits(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now, daily_capacity=7)
        for _ in range(40):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    _, placed = plan_and_assign(sessions, now)
    assert (placed.assigned, placed.left) == (21, {"day_full": 19})
    per_slot: dict[int, int] = {}
    per_day: dict[str, int] = {}
    for callback in callbacks(sessions):
        if callback.slot_id is not None and callback.planned_at is not None:
            per_slot[callback.slot_id] = per_slot.get(callback.slot_id, 0) + 1
            day = f"{callback.planned_at.astimezone(SHANGHAI):%F}"
            per_day[day] = per_day.get(day, 0) + 1
    assert max(per_slot.values()) <= 5
    assert set(per_day.values()) == {7}


def test_one_customer_is_not_called_twice_in_one_part_of_the_day(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        add_agent(session, "zhao", now=now)
        customer = add_customer(session, now=now)
        for _ in range(4):
            add_case(session, customer, now=now, promised_at=now + HOUR)
    plan_and_assign(sessions, now)
    moments = sorted(c.planned_at.astimezone(SHANGHAI) for c in callbacks(sessions) if c.planned_at)
    assert len(moments) == 4
    by_day = {day: [m for m in moments if m.date() == day] for day in {m.date() for m in moments}}
    assert all(len(day) <= 2 for day in by_day.values())
    assert all(b - a >= 2 * HOUR for day in by_day.values() for a, b in itertools.pairwise(day))


def test_one_survey_for_a_customer_with_two_closed_cases(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        customer = add_customer(session, now=now)
        for _ in range(2):
            add_case(
                session,
                customer,
                now=now,
                status=CaseStatus.CLOSED,
                kind=CaseKind.REQUEST,
                answer="好",
                closed_at=now - DAY,
                told_at=now - DAY,
            )
    report, _ = plan_and_assign(sessions, now)
    assert report.created == {"survey": 1}
    assert report.nothing == {"surveyed_about_another_case": 1}


@pytest.mark.parametrize("planners", [8])
def test_overlapping_planners_make_each_callback_once(sessions: SessionFactory, now: datetime, planners: int) -> None:
    with sessions.begin() as session:
        for n in range(4):
            add_agent(session, f"agent{n}", now=now)
        customers = [add_customer(session, now=now) for _ in range(60)]
        for customer in customers:
            for _ in range(2):
                add_case(
                    session,
                    customer,
                    now=now,
                    status=CaseStatus.CLOSED,
                    answer="好",
                    closed_at=now - DAY,
                    told_at=now - DAY,
                )
    failures: list[BaseException] = []

    def work() -> None:
        try:
            plan_and_assign(sessions, now)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(planners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    plan_and_assign(sessions, now)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Callback)) == 60
        assert session.scalar(select(func.count(Callback.customer_id.distinct()))) == 60
        assert session.scalar(select(func.count()).where(Case.plan_at <= now)) == 0
        assert session.scalar(select(func.count()).where(Callback.state == CallbackState.ASSIGNED)) == 60
        assert session.scalar(select(func.count()).select_from(Customer)) == 60
        assert session.scalar(select(func.count()).select_from(Agent)) == 4
