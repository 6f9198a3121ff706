"""What a supervisor decides about one callback: given to somebody, cancelled, called again, laid to rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.tables import AuditEntry, Callback, Case, Decision
from callback.domain.words import BlockedBy, CallbackState, Channel, Disposition, Purpose, Role
from callback.errors import CallbackError, Conflict, Invalid, RuleBroken
from callback.services import supervision
from callback.services.planning import plan_day
from callback.settings import Settings
from tests.integration.call_centre import Centre

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


@pytest.fixture
def chief(centre: Centre) -> int:
    return centre.agent("chief", role=Role.SUPERVISOR, shifts=False)


@contextmanager
def refusing(kind: type[CallbackError], code: str) -> Iterator[None]:
    with pytest.raises(kind) as refused:
        yield
    assert refused.value.code == code


def blocked(centre: Centre, reason: BlockedBy = BlockedBy.NOBODY_QUALIFIES, **columns: object) -> str:
    return centre.callback(None, state=CallbackState.BLOCKED, blocked_by=reason, **columns)  # type: ignore[arg-type]


def assign(centre: Centre, handle: str, agent_id: int, by: int, **chosen: object) -> Callback:
    with centre.sessions.begin() as session:
        return supervision.assign(session, handle=handle, agent_id=agent_id, by=by, now=centre.now, **chosen)  # type: ignore[arg-type]


def test_what_nobody_may_do_is_given_to_somebody_with_a_reason(centre: Centre, chief: int, now: datetime) -> None:
    li = centre.agent("li", languages=["en"])
    handle = blocked(centre)
    with pytest.raises(RuleBroken) as refused:
        assign(centre, handle, li, chief, override_reason="   ")
    assert refused.value.params["reason"] == "agent_language"
    assert centre.look(handle).state is CallbackState.BLOCKED
    given = assign(centre, handle, li, chief, override_reason=" 她会说\n一点中文 ")
    assert (given.state, given.agent_id, given.pinned, given.blocked_by) == (CallbackState.ASSIGNED, li, True, None)
    with centre.sessions() as session:
        kept = session.scalars(select(Decision).where(Decision.about == "override")).one()
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "callback.override")).one()
    assert (kept.rule, kept.inputs["reason"], kept.actor_id) == ("language", "她会说 一点中文", chief)
    assert (entry.subject_id, entry.details["reason"]) == (handle, "她会说 一点中文")


def test_rules_about_moments_are_never_overruled(centre: Centre, chief: int, now: datetime) -> None:
    li = centre.agent("li")
    night = now.astimezone(ZONE).replace(hour=22, minute=0) + timedelta(days=1)
    with pytest.raises(RuleBroken) as refused:
        assign(centre, blocked(centre), li, chief, at=night, override_reason="urgent")
    assert refused.value.code == "rule_forbids_call"


def test_nothing_is_given_to_whom_it_does_not_belong(centre: Centre, chief: int, now: datetime) -> None:
    li = centre.agent("li")
    with refusing(Conflict, "callback_not_for_agents"):
        assign(centre, centre.callback(None, channel=Channel.SMS, purpose=Purpose.SURVEY), li, chief)
    with refusing(Conflict, "callback_over"):
        assign(centre, centre.callback(li, state=CallbackState.DONE, finished_at=now), li, chief)
    with refusing(Conflict, "changed_meanwhile"):
        assign(centre, centre.callback(li), li, chief, version=7)
    left = centre.agent("left", active=False)
    with refusing(RuleBroken, "rule_forbids_agent"):
        assign(centre, centre.callback(li), left, chief, override_reason="please")


def test_a_second_call_is_arranged_at_its_flag(centre: Centre, chief: int, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case()
    flag_id = centre.flag(case_id, raised_at=now - timedelta(days=1))
    handle = blocked(centre, case_id=case_id, purpose=Purpose.SECOND_CALL)
    given = assign(centre, handle, li, chief)
    with centre.sessions() as session:
        decision = session.scalars(select(Decision).where(Decision.about == "reassignment")).one()
    assert (given.agent_id, decision.inputs["dissatisfaction"]) == (li, flag_id)
    with centre.sessions.begin() as session, refusing(Conflict, "second_call_has_flag"):
        supervision.cancel(session, handle=handle, reason="no", by=chief, now=now)


def test_cancelled_needs_a_reason_and_is_not_made_anew(centre: Centre, chief: int, now: datetime) -> None:
    centre.agent("li")
    case_id = centre.case()
    handle = blocked(centre, case_id=case_id)
    with centre.sessions.begin() as session, refusing(Invalid, "decision_reason_missing"):
        supervision.cancel(session, handle=handle, reason=" \n ", by=chief, now=now)
    with centre.sessions.begin() as session:
        supervision.cancel(session, handle=handle, reason="客户已来电", by=chief, now=now)
    ended = centre.look(handle)
    assert (ended.state, ended.result, ended.finished_at) == (CallbackState.CANCELLED, "cancelled", now)
    with centre.sessions.begin() as session, refusing(Conflict, "callback_over"):
        supervision.cancel(session, handle=handle, reason="again", by=chief, now=now)
    assert planned(centre, case_id, now) == [CallbackState.CANCELLED]


def planned(centre: Centre, case_id: int, now: datetime) -> list[CallbackState]:
    """The callbacks of the case after the planner has looked at it."""
    with centre.sessions.begin() as session:
        session.get_one(Case, case_id).plan_at = now
    plan_day(centre.sessions, now=now, zone=ZONE, carriers=frozenset())
    with centre.sessions() as session:
        states = select(Callback.state).where(Callback.case_id == case_id).order_by(Callback.id)
        return list(session.scalars(states))


def exhausted(centre: Centre, case_id: int, now: datetime, **columns: object) -> str:
    return centre.callback(
        None,
        case_id=case_id,
        state=CallbackState.EXHAUSTED,
        finished_at=now,
        result=Disposition.NO_ANSWER.value,
        **columns,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("purpose", [Purpose.ANSWER, Purpose.HOLDING])
def test_what_came_to_nothing_is_called_again_by_all_the_rules(
    centre: Centre, chief: int, now: datetime, purpose: Purpose
) -> None:
    centre.agent("li")
    due = now + timedelta(hours=6)
    without_answer = {"answer": None, "answered_at": None} if purpose is Purpose.HOLDING else {}
    case_id = centre.case(promised_at=due, **without_answer)
    handle = exhausted(centre, case_id, now, purpose=purpose, due_at=due)
    assert planned(centre, case_id, now) == [CallbackState.EXHAUSTED]
    with centre.sessions.begin() as session:
        supervision.call_again(session, handle=handle, reason="客户回电说今天在家", by=chief, now=now)
    assert planned(centre, case_id, now) == [CallbackState.EXHAUSTED, CallbackState.ASSIGNED]
    with centre.sessions.begin() as session, refusing(Conflict, "callback_not_exhausted"):
        supervision.call_again(session, handle=handle, reason="twice", by=chief, now=now)


def test_what_came_to_nothing_may_rest(centre: Centre, chief: int, now: datetime) -> None:
    case_id = centre.case()
    handle = exhausted(centre, case_id, now)
    with centre.sessions.begin() as session:
        supervision.let_rest(session, handle=handle, reason="号码已注销", by=chief, now=now)
    assert (centre.look(handle).state, centre.look(handle).decided_at) == (CallbackState.EXHAUSTED, now)
    assert planned(centre, case_id, now) == [CallbackState.EXHAUSTED]
    with centre.sessions.begin() as session, refusing(Conflict, "callback_not_exhausted"):
        supervision.let_rest(session, handle=handle, reason="again", by=chief, now=now)
    second = exhausted(centre, centre.case(), now, purpose=Purpose.SECOND_CALL)
    with centre.sessions.begin() as session, refusing(Conflict, "second_call_has_flag"):
        supervision.call_again(session, handle=second, reason="again", by=chief, now=now)
