"""Unhappy → a second call by another agent in another part of the day → recovered, or failed again → the supervisor."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.tables import Appointment, AuditEntry, Callback, Decision, Dissatisfaction
from callback.domain.moment import part_of_day
from callback.domain.recovery import Finding
from callback.domain.words import (
    AppointmentState,
    CallbackState,
    Cause,
    Disposition,
    DissatisfactionState,
    PartOfDay,
    Purpose,
    Role,
    Severity,
    SubCause,
)
from callback.errors import Conflict, Invalid, RuleBroken
from callback.services import attempts, dissatisfactions, explanations
from callback.services.attempts import CallSheet
from callback.services.planning import plan_day
from callback.settings import Settings
from callback.texts import Language
from tests.integration.call_centre import REACHED, TOLD_AND_ACCEPTED, Centre

ZONE = ZoneInfo("Asia/Shanghai")
RECOVERED = (*REACHED, "1", "1", "1", ("1", {"words": "说得太慢"}), "1", "1", "1", "1", "1", "2")
FAILED = (*REACHED, "1", "1", "1", ("1", {"words": "还是一样"}), "1", "1", "1", ("2", {"words": "不接受"}), "1")


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


def not_accepted(centre: Centre, agent_id: int, case_id: int) -> CallSheet:
    """A call in which the customer does not accept the answer."""
    call = centre.start(centre.callback(agent_id, case_id=case_id), agent_id)
    call = centre.talk(call, agent_id, *TOLD_AND_ACCEPTED[:-2], "2", "2", ("1", {"words": "你们的方案我不接受"}))
    done = centre.finish(call, agent_id, Disposition.COMPLETED)
    assert done.dissatisfaction_state is DissatisfactionState.OPEN
    return call


def plan(centre: Centre, now: datetime) -> None:
    plan_day(centre.sessions, now=now, zone=ZONE, carriers=frozenset())


def second_call_of(centre: Centre, case_id: int) -> Callback:
    with centre.sessions() as session:
        return session.scalars(
            select(Callback)
            .where(Callback.case_id == case_id, Callback.purpose == Purpose.SECOND_CALL)
            .order_by(Callback.id.desc())
            .limit(1)
        ).one()


def the_flag(centre: Centre) -> Dissatisfaction:
    with centre.sessions() as session:
        return session.scalars(select(Dissatisfaction)).one()


def test_the_whole_way_to_recovery(centre: Centre, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    flag = the_flag(centre)
    assert (flag.rule, flag.severity) == ("solution_not_accepted", Severity.CRITICAL)
    assert flag.evidence[0]["part_of_day"] == "morning"

    plan(centre, now)
    callback = second_call_of(centre, case_id)
    assert (callback.state, callback.agent_id) == (CallbackState.ASSIGNED, wang)
    assert callback.planned_at is not None
    assert callback.planned_at >= now + timedelta(hours=4)
    assert part_of_day(callback.planned_at, ZONE) is not PartOfDay.MORNING

    later = callback.planned_at
    call = centre.talk(centre.start(callback.handle, wang, now=later), wang, *RECOVERED, now=later)
    done = centre.finish(call, wang, Disposition.COMPLETED, now=later)
    assert done.dissatisfaction_state is DissatisfactionState.RECOVERED
    flag = the_flag(centre)
    assert (flag.cause, flag.failures, flag.second_call_id) == ("service", 1, callback.id)
    plan(centre, later + timedelta(hours=1))
    assert second_call_of(centre, case_id).id == callback.id


def test_an_hour_that_was_agreed_is_kept_by_the_second_call(centre: Centre, now: datetime) -> None:
    """Unhappy, and call me again tomorrow at ten: by somebody else, and at ten."""
    li = centre.agent("li")
    centre.agent("wang")
    case_id = centre.case(told_at=now - timedelta(minutes=30), plan_at=now)
    handle = centre.callback(li, purpose=Purpose.SURVEY, case_id=case_id, planned_at=now + timedelta(hours=1))
    at = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
    with centre.sessions.begin() as session:
        callback = session.scalars(select(Callback).where(Callback.handle == handle)).one()
        session.add(Appointment(callback_id=callback.id, at=at, agent_id=li, created_at=now))
    centre.flag(case_id)
    plan(centre, now)
    second = second_call_of(centre, case_id)
    with centre.sessions() as session:
        (appointment,) = session.scalars(select(Appointment))
        assert (appointment.callback_id, appointment.at, appointment.agent_id) == (second.id, at, None)
        assert appointment.state is AppointmentState.OPEN
    assert centre.look(handle).state is CallbackState.CANCELLED
    assert (second.planned_at, second.state) == (at, CallbackState.ASSIGNED)


def test_failing_again_is_the_supervisors(centre: Centre, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    plan(centre, now)
    callback = second_call_of(centre, case_id)
    assert callback.planned_at is not None
    later = callback.planned_at
    call = centre.talk(centre.start(callback.handle, wang, now=later), wang, *FAILED, now=later)
    done = centre.finish(call, wang, Disposition.COMPLETED, now=later)

    assert (done.dissatisfaction_state, done.failures) == (DissatisfactionState.ESCALATED, 2)
    plan(centre, later + timedelta(days=1))
    assert second_call_of(centre, case_id).id == callback.id
    assert the_flag(centre).state is DissatisfactionState.ESCALATED


@pytest.mark.parametrize("outcome", [Disposition.BREAK_OFF, Disposition.REFUSED])
def test_a_second_call_that_is_refused_or_cut_off_goes_to_the_supervisor(
    centre: Centre, now: datetime, outcome: Disposition
) -> None:
    wang = centre.agent("wang")
    case_id = centre.case()
    centre.flag(case_id)
    call = centre.start(centre.callback(wang, case_id=case_id, purpose=Purpose.SECOND_CALL), wang)
    done = centre.finish(centre.talk(call, wang, *REACHED), wang, outcome)
    assert done.dissatisfaction_state is DissatisfactionState.ESCALATED


def test_whoever_spoke_before_may_not_start_it(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    later = now + timedelta(hours=5)
    handle = centre.callback(li, case_id=case_id, purpose=Purpose.SECOND_CALL, planned_at=later)
    with pytest.raises(RuleBroken) as refused:
        centre.start(handle, li, now=later)
    assert refused.value.params["rule"] == "negative_affinity"
    assert refused.value.details["refusals"]
    assert centre.look(handle).state is CallbackState.ASSIGNED


@pytest.mark.parametrize(
    ("after", "reason"), [(timedelta(hours=1), "cool_off"), (timedelta(days=1), "same_part_of_day_morning")]
)
def test_nobody_may_start_it_too_soon_or_at_the_same_time_of_day(
    centre: Centre, now: datetime, after: timedelta, reason: str
) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    handle = centre.callback(wang, case_id=case_id, purpose=Purpose.SECOND_CALL)
    with pytest.raises(RuleBroken) as refused:
        centre.start(handle, wang, now=now + after)
    assert reason in [each["reason"] for each in refused.value.details["refusals"]]  # type: ignore[attr-defined]


def assigned_by(centre: Centre, chief: int, reason: str | None, *, to: int, now: datetime) -> Callback:
    with centre.sessions.begin() as session:
        return dissatisfactions.assign_second_call(
            session, dissatisfaction_id=the_flag(centre).id, agent_id=to, by=chief, now=now, override_reason=reason
        )


def test_an_override_needs_a_reason_is_audited_and_lets_the_call_begin(centre: Centre, now: datetime) -> None:
    li, chief = centre.agent("li"), centre.agent("chief", role=Role.SUPERVISOR)
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    assign = partial(assigned_by, centre, chief, to=li, now=now)

    with pytest.raises(RuleBroken) as refused:
        assign(None)
    assert (refused.value.code, refused.value.params["reason"]) == ("rule_forbids_agent", "handled_case")
    callback = assign("客户点名要李")
    assert (callback.state, callback.agent_id, callback.pinned) == (CallbackState.ASSIGNED, li, True)
    assert callback.planned_at == now + timedelta(hours=4)
    with centre.sessions() as session:
        decision = session.scalars(select(Decision).where(Decision.about == "override")).one()
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "callback.override")).one()
    assert (decision.rule, decision.actor_id, decision.inputs["reason"]) == ("negative_affinity", chief, "客户点名要李")
    assert (entry.actor_id, entry.details["agent_id"]) == (chief, li)
    assert centre.start(callback.handle, li, now=now + timedelta(hours=5)).purpose is Purpose.SECOND_CALL


def test_an_override_names_and_overrules_every_rule_about_persons(centre: Centre, now: datetime) -> None:
    li, chief = centre.agent("li", languages=["en"]), centre.agent("chief", role=Role.SUPERVISOR)
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    assign = partial(assigned_by, centre, chief, to=li, now=now)

    with pytest.raises(RuleBroken) as refused:
        assign(None)
    told = refused.value.details["refusals"]
    assert isinstance(told, list)
    assert [each["reason"] for each in told] == ["agent_language", "handled_case"]
    assert "Chinese" in told[0]["sentences"]["en"]
    assert "中文" in told[0]["sentences"]["zh"]
    callback = assign("客户点名要李")
    with centre.sessions() as session:
        made = session.scalars(select(Decision.rule).where(Decision.about == "override").order_by(Decision.id)).all()
    assert made == ["language", "negative_affinity"]
    assert centre.start(callback.handle, li, now=now + timedelta(hours=5)).purpose is Purpose.SECOND_CALL


def test_moments_are_never_overridden(centre: Centre, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    chief = centre.agent("chief", role=Role.SUPERVISOR)
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    with pytest.raises(RuleBroken) as refused, centre.sessions.begin() as session:
        dissatisfactions.assign_second_call(
            session,
            dissatisfaction_id=the_flag(centre).id,
            agent_id=wang,
            by=chief,
            now=now,
            at=now + timedelta(hours=1),
            override_reason="今天必须打",
        )
    assert refused.value.code == "rule_forbids_call"


def test_after_two_failures_only_a_supervisor_makes_another_call(centre: Centre, now: datetime) -> None:
    wang, zhao = centre.agent("wang"), centre.agent("zhao")
    chief = centre.agent("chief", role=Role.SUPERVISOR)
    case_id = centre.case(told_at=now - timedelta(days=1))
    flag_id = centre.flag(case_id)
    call = centre.start(centre.callback(wang, case_id=case_id, purpose=Purpose.SECOND_CALL), wang)
    centre.finish(centre.talk(call, wang, *FAILED), wang, Disposition.COMPLETED)
    with centre.sessions.begin() as session:
        dissatisfactions.assign_second_call(session, dissatisfaction_id=flag_id, agent_id=zhao, by=chief, now=now)
    plan(centre, now)
    callback = second_call_of(centre, case_id)
    assert (callback.state, callback.agent_id) == (CallbackState.ASSIGNED, zhao)
    assert callback.planned_at is not None
    assert part_of_day(callback.planned_at, ZONE) is not PartOfDay.MORNING


def test_closing_needs_a_live_flag_and_takes_the_second_call_back(centre: Centre, now: datetime) -> None:
    wang, chief = centre.agent("wang"), centre.agent("chief", role=Role.SUPERVISOR)
    case_id = centre.case(told_at=now - timedelta(days=1))
    flag_id = centre.flag(case_id)
    handle = centre.callback(wang, case_id=case_id, purpose=Purpose.SECOND_CALL)

    def close(**found: Any) -> None:
        with centre.sessions.begin() as session:
            dissatisfactions.close(
                session, dissatisfaction_id=flag_id, finding=Finding(lesson="先道歉", **found), by=chief, now=now
            )

    for unknown in ({}, {"cause": Cause.SERVICE}):
        with pytest.raises(Invalid) as refused:
            close(**unknown)
        assert refused.value.code == "cause_missing"
    with pytest.raises(Invalid) as refused:
        close(cause=Cause.PRODUCT, sub_cause=SubCause.ATTITUDE)
    assert refused.value.code == "cause_not_of_kind"
    assert the_flag(centre).state is DissatisfactionState.OPEN
    close(sub_cause=SubCause.ATTITUDE)
    assert centre.look(handle).state is CallbackState.CANCELLED
    flag = the_flag(centre)
    assert (flag.state, flag.cause, flag.closed_by_id) == (DissatisfactionState.CLOSED, Cause.SERVICE, chief)
    with pytest.raises(Conflict):
        close(sub_cause=SubCause.ATTITUDE)


def test_the_second_call_may_be_tried_again_by_whoever_did_not_reach_the_customer(
    centre: Centre, now: datetime
) -> None:
    """Ringing in vain is not speaking: it must not use up the people who may call."""
    li, wang = centre.agent("li"), centre.agent("wang")
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    later = now + timedelta(hours=5)
    handle = centre.callback(wang, case_id=case_id, purpose=Purpose.SECOND_CALL)
    centre.finish(centre.start(handle, wang, now=later), wang, Disposition.NO_ANSWER, now=later)
    tomorrow = later + timedelta(days=1)
    centre.place(handle, wang, tomorrow)
    assert centre.start(handle, wang, now=tomorrow).callback == handle


def test_a_second_call_that_never_reached_anybody_goes_to_the_supervisor(centre: Centre, now: datetime) -> None:
    wang = centre.agent("wang")
    case_id = centre.case()
    centre.flag(case_id)
    handle = centre.callback(wang, case_id=case_id, purpose=Purpose.SECOND_CALL)
    moment, done = now, None
    for _ in range(3):
        centre.place(handle, wang, moment)
        done = centre.finish(centre.start(handle, wang, now=moment), wang, Disposition.NO_ANSWER, now=moment)
        moment = done.next_try_at or moment
    assert done is not None
    assert (done.callback_state, done.dissatisfaction_state) == (
        CallbackState.EXHAUSTED,
        DissatisfactionState.ESCALATED,
    )
    assert the_flag(centre).failures == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_decision_about_a_call_is_told_in_words(centre: Centre, now: datetime, language: Language) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    chief = centre.agent("chief", role=Role.SUPERVISOR)
    case_id = centre.case()
    first = not_accepted(centre, li, case_id)
    with centre.sessions.begin() as session:
        callback = dissatisfactions.assign_second_call(
            session,
            dissatisfaction_id=the_flag(centre).id,
            agent_id=li,
            by=chief,
            now=now,
            override_reason="客户点名",
        )
    later = now + timedelta(hours=5)
    centre.finish(centre.start(callback.handle, li, now=later), li, Disposition.BUSY, now=later)
    tomorrow = later + timedelta(days=1)
    centre.place(callback.handle, wang, tomorrow)
    call = centre.start(callback.handle, wang, now=tomorrow)
    attempts.release_expired(centre.sessions, now=tomorrow + timedelta(hours=1))
    again = centre.start(call.callback, wang, now=tomorrow + timedelta(hours=1))
    centre.finish(again, wang, Disposition.NO_ANSWER, now=tomorrow + timedelta(hours=1))
    with centre.sessions() as session:
        for handle in (first.callback, callback.handle):
            explanation = explanations.explain(session, explanations.find(session, handle), now=later)
            told = "\n".join(explanations.tell(explanation, language))
            assert not re.search(r"\b(about|verdict|decided_by|rule|retry)\.\w", told), told
