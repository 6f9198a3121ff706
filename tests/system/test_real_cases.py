"""The whole loop on real cases: three files in, a plan, one worked callback of each purpose, a second call by another.

Needs ../shared. The clock stands on Monday after the last ticket of the English file.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Callback, Case, CaseHandler, Dissatisfaction
from callback.domain.words import (
    CallbackState,
    CaseStatus,
    Disposition,
    DissatisfactionState,
    Purpose,
)
from callback.services import cases, explanations, visits
from callback.services.attempts import CallSheet
from callback.services.doctor import INVARIANTS, examine
from callback.services.imports.profile import load_profile
from callback.services.imports.run import Order, import_file
from callback.services.planning import plan_day
from callback.settings import Settings
from callback.texts import LANGUAGES
from tests.integration.call_centre import REACHED, TOLD_AND_ACCEPTED, Centre

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
FILES = {"cases_zh_answered": ".xlsx", "cases_zh_open": ".xlsx", "tickets_en": ".csv"}
MORNING = datetime(2023, 6, 5, 1, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
CALLABLE = datetime(2023, 6, 5, 15, 0, tzinfo=UTC)
"""Eleven in the morning in New York: the English file's customers may be called."""


def read_in(sessions: SessionFactory, settings: Settings, shared: Path, rejects: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, ending in FILES.items():
        order = Order(
            path=shared / "data" / f"{name}{ending}",
            profile=load_profile(str(ROOT / "docs" / "import-profiles" / f"{name}.toml")),
            language="en",
            rejects=rejects / f"{name}.csv",
            fictional_phones=True,
        )
        summary = import_file(sessions, settings, order, clock=lambda: MORNING).as_json()
        counts.update(
            {key: summary[key] for key in ("created", "unchanged", "updated", "rejected", "dissatisfactions")}
        )
    return counts


def one(sessions: SessionFactory, purpose: Purpose, source: str = "tickets_en") -> Callback:
    """A callback of this purpose that nobody has touched yet."""
    with sessions() as session:
        return session.scalars(
            select(Callback)
            .join(Case, Case.id == Callback.case_id)
            .where(
                Callback.purpose == purpose,
                Callback.state.in_((CallbackState.ASSIGNED, CallbackState.WAITING)),
                Callback.attempts_made == 0,
                Case.source == source,
            )
            .order_by(Callback.id)
            .limit(1)
        ).one()


def call(centre: Centre, callback: Callback, agent_id: int, now: datetime, *choices: object) -> CallSheet:
    centre.place(callback.handle, agent_id, now)
    sheet = centre.start(callback.handle, agent_id, now=now)
    return centre.talk(sheet, agent_id, *choices, now=now)  # type: ignore[arg-type]


def test_the_whole_loop_on_real_cases(
    sessions: SessionFactory, settings: Settings, shared: Path, tmp_path: Path
) -> None:
    counts = read_in(sessions, settings, shared, tmp_path)
    assert +counts == {"created": 2_816 + 4_326 + 8_469, "dissatisfactions": 1_102}
    assert read_in(sessions, settings, shared, tmp_path)["unchanged"] == 2_816 + 4_326 + 8_469
    with sessions() as session:
        tickets = select(Case.status, func.count()).where(Case.source == "tickets_en").group_by(Case.status)
        assert dict(session.execute(tickets).tuples().all()) == {
            CaseStatus.OPEN: 2_819,
            CaseStatus.PENDING: 2_881,
            CaseStatus.CLOSED: 2_769,
        }

    centre = Centre(sessions, settings, MORNING).open()
    people = [centre.agent(f"agent{n}", daily_capacity=200) for n in range(12)]
    li, zhao = people[:2]
    planned = plan_day(sessions, now=MORNING, zone=ZONE)
    assert planned.cases.looked_at == 2_816 + 4_326 + 8_469
    assert planned.cases.created["second_call"] == 1_102
    assert planned.cases.created["answer"] == 2_816
    assert planned.callbacks.assigned > 1_000
    again = plan_day(sessions, now=MORNING, zone=ZONE)
    assert (sum(again.cases.created.values()), again.callbacks.assigned) == (0, 0)

    # The answer to a Chinese case is told and accepted, and the questionnaire asked in the same call.
    answer = one(sessions, Purpose.ANSWER, "messages_zh")
    sheet = call(centre, answer, li, MORNING, *TOLD_AND_ACCEPTED, "1")
    centre.answer(sheet, li, {}, now=MORNING)
    sheet = centre.talk(sheet, li, "1", now=MORNING)
    assert centre.finish(sheet, li, Disposition.COMPLETED, now=MORNING).callback_state is CallbackState.DONE

    # No answer yet: a new promise is taken.
    holding = one(sessions, Purpose.HOLDING)
    promise = (CALLABLE + timedelta(days=2)).isoformat()
    sheet = call(centre, holding, li, CALLABLE, *REACHED, "1", "1", "1", ("1", {"promise_at": promise}), "1")
    assert centre.finish(sheet, li, Disposition.COMPLETED, now=CALLABLE).new_promise_at is not None

    # A survey turns out badly ...
    survey = one(sessions, Purpose.SURVEY)
    sheet = call(centre, survey, li, CALLABLE, *REACHED, "1", "1", "1", "1")
    centre.answer(sheet, li, {"solved": False, "attitude": 1}, now=CALLABLE)
    done = centre.finish(sheet, li, Disposition.COMPLETED, now=CALLABLE)
    assert done.dissatisfaction_state is DissatisfactionState.OPEN

    # ... and the second call is another agent's, at another time of the day, after the cool-off.
    plan_day(sessions, now=CALLABLE, zone=ZONE)
    with sessions() as session:
        second = session.scalars(
            select(Callback).where(Callback.case_id == survey.case_id, Callback.purpose == Purpose.SECOND_CALL)
        ).one()
        assert second.agent_id != li
        handlers = set(session.scalars(select(CaseHandler.agent_id).where(CaseHandler.case_id == survey.case_id)))
        assert handlers == {li}
    evening = CALLABLE + timedelta(hours=5)
    choices = (*REACHED, "1", "1", "1", ("1", {"words": "too slow"}), "1", "1", "1", "1", "1", "2")
    sheet = call(centre, second, zhao, evening, *choices)
    done = centre.finish(sheet, zhao, Disposition.COMPLETED, now=evening)
    assert done.dissatisfaction_state is DissatisfactionState.RECOVERED
    with sessions() as session:
        spoke = select(Attempt.agent_id).where(Attempt.case_id == survey.case_id).order_by(Attempt.id)
        assert session.scalars(spoke).all() == [li, zhao]
        assert session.scalar(select(func.count()).where(Dissatisfaction.state == DissatisfactionState.OPEN)) == 1_102

    # A new need becomes a child case; its answer, the follow-up.
    quiet = one(sessions, Purpose.ANSWER, "messages_zh").case_id
    with sessions.begin() as session:
        parent = session.get_one(Case, answer.case_id)
        child = cases.create_child_case(
            session, parent=parent, subject="发票", description="发票何时寄出？", by=li, now=MORNING
        )
        cases.answer_case(session, case=child, text="发票已于今日寄出。", by=zhao, now=MORNING)
        visit = visits.arrange(
            session,
            case=session.get_one(Case, quiet),
            earliest_at=MORNING,
            due_at=MORNING + timedelta(days=9),
            by=None,
            now=MORNING,
        )
        child_id, visit_handle = child.id, visit.handle
    plan_day(sessions, now=evening, zone=ZONE)
    tomorrow = MORNING + timedelta(days=1)
    with sessions() as session:
        follow_up = session.scalars(select(Callback).where(Callback.case_id == child_id)).one()
        regular = session.scalars(select(Callback).where(Callback.handle == visit_handle)).one()
    sheet = call(centre, follow_up, li, tomorrow, *TOLD_AND_ACCEPTED, "2")
    assert centre.finish(sheet, li, Disposition.COMPLETED, now=tomorrow).callback_state is CallbackState.DONE
    sheet = call(centre, regular, li, tomorrow, *REACHED, "1", "1", "1", "2", "1")
    assert centre.finish(sheet, li, Disposition.COMPLETED, now=tomorrow).callback_state is CallbackState.DONE

    with sessions() as session:
        for worked in (answer, holding, survey, second, follow_up, regular):
            for language in LANGUAGES:
                callback = explanations.find(session, worked.handle)
                lines = explanations.tell(explanations.explain(session, callback, now=tomorrow), language)
                assert len(lines) >= 6
                assert not [line for line in lines if "{" in line or "decided_by." in line or "verdict." in line]
    with sessions() as session:
        assert [check for check in examine(session, INVARIANTS, now=tomorrow) if check.broken] == []
