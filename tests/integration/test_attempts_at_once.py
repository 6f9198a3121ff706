"""At most once, whoever clicks and however many at a time; threads on both databases."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Callback, Case, CaseHandler, Decision, Suppression
from callback.domain.words import (
    AttemptState,
    CallbackState,
    Disposition,
    Purpose,
    SuppressionScope,
)
from callback.errors import CallbackError, Conflict, RuleBroken
from callback.services import attempts
from callback.services.attempts import CallSheet, HandedIn
from callback.settings import Settings
from tests.integration.call_centre import REACHED, TOLD_AND_ACCEPTED, Centre


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


def all_at_once(*acts: Callable[[], object]) -> list[str]:
    """Run these together; each gives `ok` or the code of its error."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        barrier.wait()
        try:
            act()
        except CallbackError as error:
            return str(error.params.get("reason", error.code))
        return "ok"

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def test_one_agent_clicking_eight_times_starts_one_attempt(centre: Centre) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    assert all_at_once(*[lambda: centre.start(handle, li)] * 8) == ["ok"] * 8
    with centre.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 1


def test_next_asked_for_eight_times_at_once_is_one_call(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    for _ in range(8):
        centre.callback(li)

    def start_next() -> None:
        with centre.sessions.begin() as session:
            attempts.start_next(session, agent_id=li, now=now, settings=centre.settings)

    assert all_at_once(*[start_next] * 8) == ["ok"] * 8
    with centre.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 1
        under_way = select(func.count()).where(Callback.state == CallbackState.IN_PROGRESS)
        assert session.scalar(under_way) == 1


def test_another_agent_gets_a_conflict(centre: Centre) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    handle = centre.callback(li)
    centre.start(handle, li)
    with pytest.raises(Conflict) as refused:
        centre.start(handle, wang)
    assert refused.value.code == "callback_taken"


def test_the_budget_holds_when_eight_agents_call_one_customer_at_once(centre: Centre) -> None:
    """Eight callbacks of one customer: two attempts a day are allowed, so two start and six are refused."""
    customer = centre.customer()
    work = [(agent, centre.callback(agent, case_id=centre.case(customer))) for agent in _agents(centre, 8)]
    results = all_at_once(*[lambda who=agent, what=handle: centre.start(what, who) for agent, handle in work])
    assert Counter(results) == {"ok": 2, "day_attempts_used": 6}


def test_the_budget_holds_over_a_shared_telephone(centre: Centre) -> None:
    shared = "+8613700137000"
    customers = [centre.customer(phones=[shared, f"+86138001380{n:02}"]) for n in range(6)]
    work = [
        (agent, centre.callback(agent, case_id=centre.case(customer)))
        for agent, customer in zip(_agents(centre, 6), customers, strict=True)
    ]
    results = all_at_once(*[lambda who=agent, what=handle: centre.start(what, who) for agent, handle in work])
    assert Counter(results) == {"ok": 2, "day_attempts_used": 4}


def _agents(centre: Centre, number: int) -> list[int]:
    return [centre.agent(f"agent{n}") for n in range(number)]


def test_finishing_eight_times_at_once_is_one_result(centre: Centre) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    call = centre.start(handle, li)
    same = [lambda: centre.finish(call, li, Disposition.NO_ANSWER, notes="没人接")] * 8
    assert all_at_once(*same) == ["ok"] * 8
    callback = centre.look(handle)
    assert (callback.attempts_made, callback.state) == (1, CallbackState.WAITING)
    with centre.sessions() as session:
        ends = session.scalars(select(Decision.verdict).where(Decision.about == "retry")).all()
    assert ends == ["waiting"]


def test_two_different_ends_at_once_are_one_result_and_conflicts(centre: Centre) -> None:
    li = centre.agent("li")
    call = centre.start(centre.callback(li), li)
    outcomes = (Disposition.NO_ANSWER, Disposition.BUSY, Disposition.SWITCHED_OFF, Disposition.TECHNICAL_FAILURE)
    results = all_at_once(*[lambda end=outcome: centre.finish(call, li, end) for outcome in outcomes])
    assert Counter(results) == {"ok": 1, "already_finished": 3}
    recorded = centre.attempt(call.attempt).disposition
    assert recorded is outcomes[results.index("ok")]


def test_the_same_end_again_gets_the_same_answer_and_another_agent_a_conflict(centre: Centre, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    call = centre.talk(centre.start(centre.callback(li), li), li, *TOLD_AND_ACCEPTED, "2")
    first = centre.finish(call, li, Disposition.COMPLETED, notes="好", new_need="发票")
    again = centre.finish(call, li, Disposition.COMPLETED, notes="好", new_need="发票", now=now + timedelta(minutes=5))
    assert again == first
    for agent, notes, code in ((li, "不好", "already_finished"), (wang, "好", "callback_taken")):
        with pytest.raises(Conflict) as refused:
            centre.finish(call, agent, Disposition.COMPLETED, notes=notes, new_need="发票")
        assert refused.value.code == code
    with centre.sessions() as session:
        assert session.scalar(select(func.count()).where(Case.parent_id.is_not(None))) == 1


def test_one_call_at_a_time(centre: Centre) -> None:
    li = centre.agent("li")
    first, second = centre.callback(li), centre.callback(li)
    centre.start(first, li)
    with pytest.raises(Conflict) as refused:
        centre.start(second, li)
    assert (refused.value.code, refused.value.params["callback"]) == ("other_call_under_way", first)


def test_a_step_from_an_old_screen_is_a_conflict_and_of_two_at_once_one_counts(centre: Centre) -> None:
    li = centre.agent("li")
    call = centre.start(centre.callback(li), li)
    results = all_at_once(*[lambda: centre.talk(call, li, "1")] * 4)
    assert Counter(results) == {"ok": 1, "changed_meanwhile": 3}
    with pytest.raises(Conflict):
        centre.talk(call, li, "1")


# ── Identity first ──────────────────────────────────────────────────────────────────────────────────────────────────


def said(call: CallSheet) -> str:
    return repr(call)


def test_nothing_of_the_case_is_on_the_screen_before_the_person_is_confirmed(centre: Centre) -> None:
    li = centre.agent("li")
    secret = ("极其机密的主题", "极其机密的描述", "极其机密的答复", "C-机密-1")
    case_id = centre.case(subject=secret[0], description=secret[1], answer=secret[2], external_id=secret[3])
    call = centre.start(centre.callback(li, case_id=case_id), li)
    for choice in (None, "1", "2", "1"):
        call = call if choice is None else centre.talk(call, li, choice)
        assert call.about is None
        assert not [word for word in secret if word in said(call)], choice
    call = centre.talk(call, li, "1")
    assert call.about is not None
    assert secret[2] in said(call)
    with centre.sessions.begin() as session:
        call = attempts.back(session, handle=call.attempt, agent_id=li, version=call.version, now=centre.now)
    assert call.about is None
    assert call.identity_at is None
    assert not [word for word in secret if word in said(call)]


def test_no_question_is_asked_before_the_person_is_confirmed(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    call = centre.start(centre.callback(li, purpose=Purpose.ANSWER), li)
    with pytest.raises(RuleBroken) as refused, centre.sessions.begin() as session:
        attempts.answer(session, handle=call.attempt, agent_id=li, question="solved", value=True, now=now)
    assert refused.value.code == "identity_first"


def test_who_opted_out_of_surveys_is_told_the_answer_but_not_asked(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case()
    with centre.sessions.begin() as session:
        session.add(
            Suppression(
                customer_id=session.get_one(Case, case_id).customer_id,
                scope=SuppressionScope.SURVEY,
                reason="said so",
                created_at=now - timedelta(days=1),
            )
        )
    call = centre.talk(centre.start(centre.callback(li, case_id=case_id), li), li, *TOLD_AND_ACCEPTED)
    assert call.no_questions == "suppressed_survey"
    with pytest.raises(RuleBroken), centre.sessions.begin() as session:
        attempts.question(session, handle=call.attempt, agent_id=li, now=now)


# ── Leases ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_call_comes_back_to_its_agent_and_counts(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    case_id = centre.case()
    handle = centre.callback(li, case_id=case_id)
    call = centre.talk(centre.start(handle, li), li, *REACHED, "1", "1", "1")
    later = now + timedelta(minutes=31)
    assert attempts.release_expired(centre.sessions, now=now + timedelta(minutes=29)) == 0
    assert all_at_once(*[lambda: attempts.release_expired(centre.sessions, now=later)] * 4) == ["ok"] * 4

    callback = centre.look(handle)
    assert (callback.state, callback.agent_id, callback.attempts_made) == (CallbackState.ASSIGNED, li, 1)
    assert centre.attempt(call.attempt).state is AttemptState.UNKNOWN
    assert centre.the_case(case_id).told_at == now
    with centre.sessions() as session:
        assert session.scalars(select(CaseHandler.agent_id)).all() == [li]
        assert session.scalar(select(func.count()).where(Decision.rule == "lease_expired")) == 1
    assert attempts.release_expired(centre.sessions, now=later) == 0

    back = centre.start(handle, li, now=later)
    assert (back.attempt, back.state) == (call.attempt, AttemptState.UNKNOWN)
    done = centre.finish(back, li, Disposition.BREAK_OFF, now=later)
    assert done.callback_state is CallbackState.DONE
    assert centre.look(handle).attempts_made == 1


def test_another_agent_who_takes_over_ends_the_lost_attempt_and_keeps_its_needs(centre: Centre, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    case_id = centre.case()
    handle = centre.callback(li, case_id=case_id)
    call = centre.talk(centre.start(handle, li), li, *TOLD_AND_ACCEPTED[:-1], ("3", {"need": "要发票"}))
    later = now + timedelta(minutes=31)
    attempts.release_expired(centre.sessions, now=later)
    centre.place(handle, wang, later)
    taken_over = centre.start(handle, wang, now=later)

    assert taken_over.attempt != call.attempt
    lost = centre.attempt(call.attempt)
    assert (lost.state, lost.disposition, lost.counts) == (AttemptState.ENDED, Disposition.TECHNICAL_FAILURE, True)
    with centre.sessions() as session:
        assert session.scalars(select(Case.subject).where(Case.parent_id == case_id)).all() == ["要发票"]
    with pytest.raises(Conflict):
        centre.finish(call, li, Disposition.COMPLETED)


def test_a_renewed_lease_is_not_released(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    call = centre.start(handle, li)
    centre.talk(call, li, "1", now=now + timedelta(minutes=25))
    assert attempts.release_expired(centre.sessions, now=now + timedelta(minutes=31)) == 0
    assert centre.look(handle).state is CallbackState.IN_PROGRESS


# ── Starting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_placeholder_without_text_is_an_error_before_the_call_and_nothing_has_changed(centre: Centre) -> None:
    li = centre.agent("li")
    handle = centre.callback(li, case_id=centre.case(answer=None))
    with pytest.raises(CallbackError) as refused:
        centre.start(handle, li)
    assert refused.value.code == "script_placeholder_missing"
    callback = centre.look(handle)
    assert (callback.state, callback.version) == (CallbackState.ASSIGNED, 1)
    with centre.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 0


def test_a_case_edited_in_the_call_does_not_break_the_script(centre: Centre) -> None:
    li = centre.agent("li")
    case_id = centre.case()
    call = centre.start(centre.callback(li, case_id=case_id), li)
    with centre.sessions.begin() as session:
        session.get_one(Case, case_id).answer = None
    call = centre.talk(call, li, *REACHED, "1", "1")
    assert call.node is not None
    assert "维修已经完成" in call.node.say


def test_next_puts_off_what_is_forbidden_and_hands_over_what_cannot_be_said(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    abroad = centre.customer(time_zone="America/New_York", country="US", language="en", phones=["+12125550100"])
    forbidden = centre.callback(li, case_id=centre.case(abroad), priority=90)
    unsayable = centre.callback(li, case_id=centre.case(answer=None), priority=80)
    good = centre.callback(li, priority=10)
    with centre.sessions.begin() as session:
        call = attempts.start_next(session, agent_id=li, now=now, settings=centre.settings)
    assert call is not None
    assert call.callback == good
    put_off = centre.look(forbidden)
    assert (put_off.state, put_off.next_try_at) == (CallbackState.WAITING, datetime.fromisoformat("2026-03-11T13:00Z"))
    handed_over = centre.look(unsayable)
    assert (handed_over.state, handed_over.blocked_by) == (CallbackState.BLOCKED, "needs_data")


def test_next_waits_for_its_moment(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    centre.callback(li, next_try_at=now + timedelta(minutes=5))
    centre.callback(li, planned_at=now + timedelta(hours=4))
    with centre.sessions.begin() as session:
        assert attempts.start_next(session, agent_id=li, now=now, settings=centre.settings) is None


def test_what_was_handed_in_is_compared_by_content() -> None:
    one = HandedIn(outcome=Disposition.BUSY, notes="x")
    assert one.digest() == HandedIn(notes="x", outcome=Disposition.BUSY).digest()
    assert one.digest() != HandedIn(outcome=Disposition.BUSY, notes="y").digest()
