"""Supervisors move callbacks; explanations say why; visits are arranged. Through the API, on both databases."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from callback.bootstrap import House
from callback.db.engine import SessionFactory
from callback.db.tables import AuditEntry, Callback, CaseHandler, Decision
from callback.domain.words import CallbackState, CaseStatus, Purpose
from callback.services import explanations
from callback.services.planning import plan_day
from callback.texts import LANGUAGES
from tests.integration.conftest import Desk
from tests.town import add_agent, add_case, add_customer, make_unhappy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def planned(house: House) -> None:
    plan_day(house.sessions, now=house.clock(), zone=house.zone)


def handles(sessions: SessionFactory, **where: object) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(Callback.handle).filter_by(**where).order_by(Callback.id)))


def test_everything_of_an_absent_agent_goes_to_the_others(house: House, desk: Desk, now: datetime) -> None:
    with house.sessions.begin() as session:
        ill = add_agent(session, "li", now=now)
        ill_id = ill.id
        for _ in range(60):
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    planned(house)
    assert len(handles(house.sessions, agent_id=ill_id)) == 60
    with house.sessions.begin() as session:
        others = {add_agent(session, name, now=now).id for name in ("zhao", "qian")}
    chief = desk.supervisor()
    body = {"from_agent": ill_id, "reason": "ill today"}

    preview = chief.post("/api/v1/reassignments", json=body | {"dry_run": True}).json()
    assert len(preview["moved"]) == 60
    assert len(handles(house.sessions, agent_id=ill_id)) == 60

    outcome = chief.post("/api/v1/reassignments", json=body).json()
    assert (len(outcome["moved"]), outcome["stays"]) == (60, [])
    assert {m["agent_id"] for m in outcome["moved"]} == others
    assert handles(house.sessions, agent_id=ill_id) == []
    with house.sessions() as session:
        assert session.scalar(select(func.count()).where(Decision.about == "reassignment")) == 60
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "callbacks.reassigned")).one()
        assert (entry.actor_id, entry.details["moved"]) == (desk.ids["chief"], 60)


def test_a_second_call_is_not_moved_to_somebody_who_handled_the_case(house: House, desk: Desk, now: datetime) -> None:
    with house.sessions.begin() as session:
        handler, other = add_agent(session, "li", now=now), add_agent(session, "zhao", now=now)
        case = add_case(
            session, add_customer(session, now=now), now=now, status=CaseStatus.CLOSED, closed_at=now, told_at=now
        )
        session.add(CaseHandler(case_id=case.id, agent_id=handler.id, role="answered", at=now))
        make_unhappy(session, case, at=now - HOUR)
        handler_id, other_id = handler.id, other.id
    planned(house)
    (handle,) = handles(house.sessions, agent_id=other_id)
    chief = desk.supervisor()

    body = {"callbacks": [handle], "to": [handler_id], "reason": "knows the case"}
    (stays,) = chief.post("/api/v1/reassignments", json=body).json()["stays"]

    assert stays["reason"] == "rule.handled_case"
    assert handles(house.sessions, agent_id=other_id) == [handle]

    explained = chief.get(f"/api/v1/callbacks/{handle}/explanation", headers={"Accept-Language": "zh"}).json()
    assert explained["may_not"] == {str(handler_id): "handled_case"}
    assert other_id in explained["may"]
    assert not explained["allowed_now"]  # the cool-off runs
    assert any("冷静期" in sentence for sentence in explained["sentences"])


def test_every_rule_that_forbids_it_is_named(house: House, desk: Desk, now: datetime) -> None:
    with house.sessions.begin() as session:
        li = add_agent(session, "li", now=now, languages=["en"])
        add_agent(session, "zhao", now=now, skills=["billing"])
        customer = add_customer(session, now=now)
        add_case(session, customer, now=now, promised_at=now + HOUR, required_skill="billing")
        li_id = li.id
    planned(house)
    body = {"callbacks": handles(house.sessions), "to": [li_id], "reason": "holiday", "dry_run": True}
    chief = desk.supervisor()
    (stays,) = chief.post("/api/v1/reassignments", json=body, headers={"Accept-Language": "en"}).json()["stays"]
    assert stays["reason"] == "rule.agent_language"
    assert stays["sentence"] == (
        "Agent Li does not speak the customer's language (Chinese). "
        "Agent Li lacks the skill that the case needs (billing)."
    )
    form = {"chosen": body["callbacks"], "to": str(li_id), "reason": "holiday"}
    page = chief.post("/reassign/preview", data=form, headers={"HX-Request": "true"}).text
    assert "(Chinese)" in page
    assert ">billing</span>" in page


def test_a_call_under_way_stays(house: House, desk: Desk, now: datetime) -> None:
    with house.sessions.begin() as session:
        add_agent(session, "li", now=now)
        zhao = add_agent(session, "zhao", now=now)
        add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    planned(house)
    with house.sessions.begin() as session:
        callback = session.scalars(select(Callback)).one()
        callback.state, callback.lease_until = CallbackState.IN_PROGRESS, now + HOUR
        handle, zhao_id = callback.handle, zhao.id
    body = {"callbacks": [handle], "to": [zhao_id], "reason": "difficult"}
    outcome = desk.supervisor().post("/api/v1/reassignments", json=body).json()
    assert outcome["moved"] == []
    assert outcome["stays"][0]["reason"] == "stays.in_progress"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "x"}, "reassign_which"),
        ({"callbacks": ["nonexistent"], "reason": "x"}, "callback_not_found"),
        ({"from_agent": 1, "to": [999999], "reason": "x"}, "reassign_nothing"),
    ],
)
def test_bad_wishes_are_refused_with_a_code(desk: Desk, body: dict[str, object], code: str) -> None:
    answer = desk.supervisor().post("/api/v1/reassignments", json=body)
    assert answer.status_code in (404, 422)
    assert answer.json()["code"] == code


def test_agents_may_not_move_callbacks(desk: Desk) -> None:
    body = {"from_agent": 1, "reason": "lazy"}
    assert desk.agent().post("/api/v1/reassignments", json=body).status_code == 403


def test_a_visit_is_arranged_once_and_planned(house: House, desk: Desk, now: datetime) -> None:
    with house.sessions.begin() as session:
        add_agent(session, "li", now=now)
        case_id = add_case(
            session, add_customer(session, now=now), now=now, status=CaseStatus.CLOSED, closed_at=now - 90 * DAY,
            told_at=now - 90 * DAY,
        ).id  # fmt: skip
    chief = desk.supervisor()
    body = {"earliest_at": now.isoformat(), "due_at": (now + DAY).isoformat()}
    key = {"Idempotency-Key": "once"}
    first = chief.post(f"/api/v1/cases/{case_id}/visits", json=body, headers=key)
    again = chief.post(f"/api/v1/cases/{case_id}/visits", json=body, headers=key)
    assert (first.status_code, again.json()) == (201, first.json())
    assert chief.post(f"/api/v1/cases/{case_id}/visits", json=body).status_code == 409
    planned(house)
    with house.sessions() as session:
        visit = session.scalars(select(Callback)).one()
        assert (visit.purpose, visit.state) == (Purpose.VISIT, CallbackState.ASSIGNED)


def test_every_callback_and_case_is_explained_in_both_languages(house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        add_agent(session, "li", now=now)
        add_agent(session, "mary", now=now, languages=["en"])
        for columns in (
            {"promised_at": now + HOUR},
            {"promised_at": now + 9 * DAY},
            {"answer": "好", "answered_at": now},
            {"status": CaseStatus.CLOSED, "closed_at": now - DAY, "told_at": now - DAY},
            {"status": CaseStatus.CLOSED, "closed_at": now - 20 * DAY, "told_at": now - DAY},
        ):
            add_case(session, add_customer(session, now=now), now=now, **columns)
        unhappy = add_case(session, add_customer(session, now=now), now=now)
        make_unhappy(session, unhappy, at=now)
        add_case(session, add_customer(session, now=now, phone=None), now=now)
    planned(house)
    with house.sessions() as session:
        lines: list[str] = []
        for language in LANGUAGES:
            for callback in session.scalars(select(Callback)):
                lines += explanations.tell(explanations.explain(session, callback, now=now), language)
            for case_id in range(1, 8):
                lines += explanations.tell_case(session, str(case_id), language)
    assert len(lines) > 60
    unfinished = [line for line in lines if "{" in line or "plan." in line or "decided_by." in line or "rule." in line]
    assert unfinished == []
