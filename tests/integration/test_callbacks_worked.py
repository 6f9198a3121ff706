"""One worked callback of each purpose, and what its end changes."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.tables import (
    Appointment,
    Case,
    CaseHandler,
    ContactPoint,
    Decision,
    Dissatisfaction,
    Promise,
    Response,
    Suppression,
)
from callback.domain.words import (
    AppointmentState,
    AttemptState,
    Attitude,
    CallbackState,
    CaseStatus,
    ContactState,
    Disposition,
    DissatisfactionState,
    HungUp,
    PromiseState,
    Purpose,
    ResponseState,
    Severity,
    SuppressionScope,
)
from callback.errors import CallbackError, Invalid, RuleBroken
from callback.settings import Settings
from tests.integration.call_centre import REACHED, TOLD_AND_ACCEPTED, Centre


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


def test_an_answer_is_told_accepted_and_asked_about(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case(promised_at=now + timedelta(hours=2))
    with centre.sessions.begin() as session:
        session.add(Promise(case_id=case_id, due_at=now + timedelta(hours=2), made_at=now - timedelta(days=1)))
    handle = centre.callback(li, case_id=case_id)

    call = centre.start(handle, li)
    assert call.node is not None
    assert call.about is None
    call = centre.talk(call, li, *TOLD_AND_ACCEPTED, "1", now=now + timedelta(minutes=1))
    assert call.about is not None
    assert call.about.answer == "维修已经完成。"
    centre.answer(call, li, {})
    call = centre.talk(call, li, "1")
    assert call.facts.disposition is Disposition.COMPLETED
    done = centre.finish(
        call,
        li,
        Disposition.COMPLETED,
        attitude=Attitude.FRIENDLY,
        hung_up_first=HungUp.CUSTOMER,
        notes="客户很满意",
        duration_s=170,
        now=now + timedelta(minutes=4),
    )

    assert (done.callback_state, done.aapor_code, done.rule) == (CallbackState.DONE, "1.1", "settled")
    assert done.dissatisfaction_id is None
    case = centre.the_case(case_id)
    assert case.told_at == now + timedelta(minutes=1)
    assert case.status is CaseStatus.CLOSED
    assert case.plan_at == now + timedelta(minutes=4)
    callback = centre.look(handle)
    assert (callback.result, callback.attempts_made, callback.finished_at) == (
        "completed",
        1,
        now + timedelta(minutes=4),
    )
    attempt = centre.attempt(call.attempt)
    assert (attempt.state, attempt.attitude, attempt.hung_up_first) == (
        AttemptState.ENDED,
        Attitude.FRIENDLY,
        HungUp.CUSTOMER,
    )
    assert (attempt.duration_s, attempt.notes, attempt.agent_id) == (170, "客户很满意", li)
    with centre.sessions() as session:
        assert session.scalars(select(Promise.state)).one() is PromiseState.KEPT
        response = session.scalars(select(Response)).one()
        assert (response.state, response.csat, response.nps) == (ResponseState.COMPLETE, 100, 10)
        assert session.scalars(select(CaseHandler.role).where(CaseHandler.agent_id == li)).all() == ["called"]
        assert {d.about for d in session.scalars(select(Decision))} >= {"end"}


def test_a_holding_call_takes_a_new_promise(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case(answer=None, answered_at=None, repromises=2)
    with centre.sessions.begin() as session:
        session.add(Promise(case_id=case_id, due_at=now, made_at=now - timedelta(days=1)))
    call = centre.start(centre.callback(li, case_id=case_id, purpose=Purpose.HOLDING), li)
    call = centre.talk(call, li, *REACHED, "1", "1", "1")

    with pytest.raises(Invalid, match="promise"):
        centre.finish(call, li, Disposition.COMPLETED)
    promise_at = now + timedelta(days=2)
    call = centre.talk(call, li, ("1", {"promise_at": promise_at.isoformat()}), "1")
    done = centre.finish(call, li, Disposition.COMPLETED)

    assert (done.callback_state, done.new_promise_at, done.too_many_promises) == (CallbackState.DONE, promise_at, True)
    case = centre.the_case(case_id)
    assert (case.promised_at, case.repromises, case.told_at) == (promise_at, 3, None)
    with centre.sessions() as session:
        states = session.scalars(select(Promise.state).order_by(Promise.id)).all()
    assert states == [PromiseState.REPLACED, PromiseState.OPEN]


def test_a_survey_is_complete_only_when_every_question_was_asked(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case(status=CaseStatus.CLOSED, closed_at=now - timedelta(days=1), told_at=now - timedelta(days=1))
    handle = centre.callback(li, case_id=case_id, purpose=Purpose.SURVEY)
    call = centre.talk(centre.start(handle, li), li, *REACHED, "1", "1", "1", "1")

    with pytest.raises(Invalid):
        centre.finish(call, li, Disposition.COMPLETED)
    centre.answer(call, li, {"attitude": 2})
    done = centre.finish(call, li, Disposition.COMPLETED)

    assert done.dissatisfaction_state is DissatisfactionState.OPEN
    with centre.sessions() as session:
        response = session.scalars(select(Response)).one()
        flag = session.scalars(select(Dissatisfaction)).one()
    assert (response.state, response.purpose) == (ResponseState.COMPLETE, Purpose.SURVEY)
    assert (flag.rule, flag.severity, flag.failures) == ("low_score", Severity.MINOR, 1)
    assert flag.evidence[0]["scores"] == {"attitude": 2}


def test_a_survey_that_is_cut_short_keeps_its_answers_and_is_not_asked_again(centre: Centre, now: datetime) -> None:
    from callback.services import attempts

    li = centre.agent("li")
    case_id = centre.case(status=CaseStatus.CLOSED, closed_at=now - timedelta(days=1), told_at=now - timedelta(days=1))
    handle = centre.callback(li, case_id=case_id, purpose=Purpose.SURVEY)
    call = centre.talk(centre.start(handle, li), li, *REACHED, "1", "1", "1", "1")
    with centre.sessions.begin() as session:
        attempts.answer(session, handle=call.attempt, agent_id=li, question="solved", value=True, now=now)
    done = centre.finish(call, li, Disposition.PARTIAL)

    assert (done.callback_state, done.aapor_code) == (CallbackState.DONE, "1.2")
    with centre.sessions() as session:
        response = session.scalars(select(Response)).one()
        assert response.state is ResponseState.PARTIAL
        assert [(a.question, a.value) for a in response.answers] == [("solved", True)]


def test_a_follow_up_tells_the_child_case(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    customer = centre.customer()
    parent = centre.case(customer)
    child = centre.case(customer, parent_id=parent, subject="停车位")
    handle = centre.callback(li, case_id=child, purpose=Purpose.FOLLOW_UP)
    call = centre.talk(centre.start(handle, li), li, *TOLD_AND_ACCEPTED, "2")
    done = centre.finish(call, li, Disposition.COMPLETED)

    assert done.callback_state is CallbackState.DONE
    assert centre.the_case(child).told_at == now
    assert centre.the_case(parent).told_at is None


def test_declined_questions_leave_a_trace_that_stops_the_next_survey(centre: Centre, now: datetime) -> None:
    from callback.db.customers import customer_facts

    li = centre.agent("li")
    case_id = centre.case()
    call = centre.talk(centre.start(centre.callback(li, case_id=case_id), li), li, *TOLD_AND_ACCEPTED, "2")
    centre.finish(call, li, Disposition.COMPLETED)
    customer = centre.the_case(case_id).customer_id
    with centre.sessions() as session:
        assert session.scalars(select(Response.state)).one() is ResponseState.EXPIRED
        assert customer_facts(session, [customer], now)[customer].last_survey_at == now


def test_a_visit(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case(
        status=CaseStatus.CLOSED, closed_at=now - timedelta(days=90), told_at=now - timedelta(days=90)
    )
    handle = centre.callback(li, case_id=case_id, purpose=Purpose.VISIT)
    call = centre.talk(centre.start(handle, li), li, *REACHED, "1", "1", "1", "2", "1")
    done = centre.finish(call, li, Disposition.COMPLETED)
    assert (done.callback_state, done.disposition) == (CallbackState.DONE, Disposition.COMPLETED)


def test_a_new_need_becomes_a_child_case_of_the_team_leader(centre: Centre, now: datetime) -> None:
    team = centre.team()
    leader = centre.agent("leader", team_id=team, leads_team=True)
    li = centre.agent("li", team_id=team)
    case_id = centre.case()
    call = centre.talk(centre.start(centre.callback(li, case_id=case_id), li), li, *TOLD_AND_ACCEPTED[:-1])
    call = centre.talk(call, li, ("3", {"need": "发票什么时候寄到？"}), "1", "1", "2")
    done = centre.finish(call, li, Disposition.COMPLETED, new_need="还想改地址")

    assert len(done.child_case_ids) == 2
    with centre.sessions() as session:
        children = session.scalars(select(Case).where(Case.parent_id == case_id).order_by(Case.id)).all()
    assert [(c.subject, c.owner_id, c.plan_at) for c in children] == [
        ("发票什么时候寄到？", leader, now),
        ("还想改地址", leader, now),
    ]


@pytest.mark.parametrize(
    ("outcome", "wait", "rule"),
    [
        (Disposition.NO_ANSWER, timedelta(hours=4), "another_part"),  # 10:00 + 3 h is noon's rest: 14:00
        (Disposition.BUSY, timedelta(minutes=15), "again"),
        (Disposition.ANSWERING_MACHINE, timedelta(hours=4), "another_part"),
        (Disposition.SWITCHED_OFF, timedelta(hours=4), "another_part"),
        (Disposition.TECHNICAL_FAILURE, timedelta(minutes=10), "again"),
    ],
)
def test_who_is_not_reached_is_tried_again_by_the_table(
    centre: Centre, now: datetime, outcome: Disposition, wait: timedelta, rule: str
) -> None:
    li = centre.agent("li")
    centre.slot(li, now)
    handle = centre.callback(li)
    done = centre.finish(centre.start(handle, li), li, outcome)

    assert (done.rule, done.next_try_at) == (rule, now + wait)
    assert done.counts is (outcome is not Disposition.TECHNICAL_FAILURE)
    callback = centre.look(handle)
    assert callback.next_try_at == now + wait
    assert callback.attempts_made == int(done.counts)
    soon = wait < timedelta(hours=1)
    assert callback.state is (CallbackState.ASSIGNED if soon else CallbackState.WAITING)
    assert callback.agent_id == (li if soon else None)
    assert callback.lease_until is None
    assert callback.claimed_by_id is None


def test_three_attempts_and_then_the_supervisor(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    moment = now
    for expected in (CallbackState.WAITING, CallbackState.WAITING, CallbackState.EXHAUSTED):
        centre.place(handle, li, moment)
        done = centre.finish(centre.start(handle, li, now=moment), li, Disposition.NO_ANSWER, now=moment)
        assert done.callback_state is expected
        moment = done.next_try_at or moment
    callback = centre.look(handle)
    assert (callback.attempts_made, callback.result, done.rule) == (3, "no_answer", "attempts_used")
    assert moment.date() > now.date()


def test_a_wrong_number_is_marked_and_the_next_one_tried_then_the_supervisor(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    centre.slot(li, now)
    customer = centre.customer(phones=["+8613800138000", "+8613900139000"])
    handle = centre.callback(li, case_id=centre.case(customer))
    done = centre.finish(centre.start(handle, li), li, Disposition.WRONG_NUMBER)
    assert (done.rule, done.next_try_at) == ("next_contact_point", now)

    call = centre.start(handle, li)
    assert centre.attempt(call.attempt).address == "+8613900139000"
    done = centre.finish(call, li, Disposition.DEAD_NUMBER)
    assert (done.rule, done.callback_state) == ("no_contact_point", CallbackState.BLOCKED)
    assert centre.look(handle).blocked_by == "needs_data"
    with centre.sessions() as session:
        states = session.scalars(select(ContactPoint.state).order_by(ContactPoint.position)).all()
    assert states == [ContactState.WRONG, ContactState.DEAD]


def test_not_convenient_makes_an_appointment_at_a_legal_moment(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    call = centre.talk(centre.start(handle, li), li, *REACHED, "1", "2")
    night = now + timedelta(hours=13)
    with pytest.raises(RuleBroken) as refused:
        centre.finish(call, li, Disposition.NOT_CONVENIENT, appointment_at=night)
    assert refused.value.code == "appointment_not_legal"
    assert centre.attempt(call.attempt).state is AttemptState.CONNECTED

    at = now + timedelta(hours=7)
    call = centre.talk(call, li, ("1", {"appointment_at": at.isoformat()}))
    done = centre.finish(call, li, Disposition.NOT_CONVENIENT, appointment_with_me=True)
    assert (done.rule, done.appointment_at) == ("appointment", at)
    with centre.sessions() as session:
        appointment = session.scalars(select(Appointment)).one()
    assert (appointment.at, appointment.agent_id, appointment.state) == (at, li, AppointmentState.OPEN)


def test_an_appointment_overrides_the_daily_count_and_is_kept(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    customer = centre.customer()
    other = centre.callback(li, case_id=centre.case(customer))
    centre.finish(centre.start(other, li), li, Disposition.NO_ANSWER)
    handle = centre.callback(li, case_id=centre.case(customer))
    at = now + timedelta(hours=5)
    centre.finish(centre.start(handle, li), li, Disposition.NOT_CONVENIENT, appointment_at=at)
    third = centre.callback(li, case_id=centre.case(customer))
    with pytest.raises(RuleBroken) as refused:
        centre.start(third, li, now=at)
    assert refused.value.params["reason"] == "day_attempts_used"

    centre.place(handle, li, at)
    call = centre.talk(centre.start(handle, li, now=at), li, *REACHED, "9", now=at)
    assert centre.attempt(call.attempt).by_appointment
    centre.finish(call, li, Disposition.BREAK_OFF, now=at)
    with centre.sessions() as session:
        assert session.scalars(select(Appointment.state)).one() is AppointmentState.KEPT


def test_a_refusal_ends_it_and_an_opt_out_is_kept_with_its_words(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case()
    handle = centre.callback(li, case_id=case_id)
    call = centre.talk(centre.start(handle, li), li, "1", "8", ("1", {"words": "别再打了"}))
    done = centre.finish(call, li, Disposition.REFUSED, opt_out=SuppressionScope.ALL)

    assert (done.callback_state, done.aapor_code) == (CallbackState.DONE, "2.112")
    with centre.sessions() as session:
        suppression = session.scalars(select(Suppression)).one()
    assert (suppression.scope, suppression.evidence["words"]) == (SuppressionScope.ALL, ["别再打了"])
    again = centre.callback(li, case_id=case_id, purpose=Purpose.SURVEY)
    with pytest.raises(RuleBroken) as refused:
        centre.start(again, li)
    assert refused.value.params["rule"] == "suppression"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Disposition.COMPLETED, "identity_first"),
        (Disposition.PARTIAL, "identity_first"),
        (Disposition.NO_RESPONSE, "outcome_not_of_a_call"),
    ],
)
def test_an_outcome_that_cannot_be_changes_nothing(centre: Centre, outcome: Disposition, code: str) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    call = centre.start(handle, li)
    with pytest.raises(CallbackError) as refused:
        centre.finish(call, li, outcome)
    assert refused.value.code == code
    assert centre.look(handle).state is CallbackState.IN_PROGRESS
    assert centre.attempt(call.attempt).state is AttemptState.CLAIMED
