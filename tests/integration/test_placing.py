"""Callbacks placed by hand, and the page that does it: the rules named, two at once, undone. On both databases."""

import json
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from callback.bootstrap import House
from callback.db.tables import Appointment, AuditEntry, Callback, CaseHandler, Decision, Slot
from callback.domain.words import AppointmentState, CallbackState, CaseStatus
from callback.errors import Conflict, RuleBroken
from callback.services import moves, placing
from callback.services.planning import plan_day
from tests.integration.conftest import Desk
from tests.town import add_agent, add_case, add_customer, make_unhappy

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)


def at(hour: int, minute: int = 0, day: int = 11) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


def centre(house: House, now: datetime) -> tuple[int, int, str]:
    """Li has one call, Zhao none; their ids and the call's handle."""
    with house.sessions.begin() as session:
        li = add_agent(session, "li", now=now).id
        add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR)
    plan_day(house.sessions, now=now, zone=house.zone)
    with house.sessions.begin() as session:
        zhao = add_agent(session, "zhao", now=now, hours=((time(9), time(13)), (time(14), time(20)))).id
    plan_day(house.sessions, now=now, zone=house.zone)
    with house.sessions() as session:
        return li, zhao, session.scalars(select(Callback.handle)).one()


def callback(house: House) -> Callback:
    with house.sessions() as session:
        return session.scalars(select(Callback)).one()


def place(house: House, now: datetime, agent_id: int, starts_at: datetime, *, version: int | None = None) -> int:
    found = callback(house)
    with house.sessions.begin() as session:
        placed = placing.place(
            session, found.handle, agent_id=agent_id, starts_at=starts_at, version=version or found.version, by=None,
            now=now,
        )  # fmt: skip
        return placed.move_id


def refused(house: House, now: datetime, agent_id: int, starts_at: datetime) -> str:
    before = callback(house)
    with pytest.raises(RuleBroken) as error:
        place(house, now, agent_id, starts_at)
    after = callback(house)
    assert (after.agent_id, after.planned_at, after.version) == (before.agent_id, before.planned_at, before.version)
    refusals = error.value.details["refusals"]
    assert isinstance(refusals, list)
    assert all(refusals[0]["sentences"].values())
    return str(refusals[0]["rule"])


def test_it_is_placed_pinned_decided_and_undone(house: House, now: datetime) -> None:
    li, zhao, handle = centre(house, now)
    before = callback(house)
    move = place(house, now, zhao, at(15))
    after = callback(house)
    assert (after.agent_id, after.planned_at, after.pinned) == (zhao, at(15), True)
    plan_day(house.sessions, now=now, zone=house.zone, afresh=True)
    assert callback(house).planned_at == at(15), "the planner leaves it there"
    with house.sessions() as session:
        assert session.scalars(select(Decision.rule).where(Decision.about == "reassignment")).one() == "by_hand"
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "callback.placed")).one()
        assert (entry.subject_id, entry.details["from_agent"]) == (handle, li)
    with house.sessions.begin() as session:
        assert moves.undo(session, move, by=None, now=now, zone=SHANGHAI).restored == 1
    undone = callback(house)
    assert (undone.agent_id, undone.planned_at, undone.slot_id, undone.pinned) == (
        before.agent_id,
        before.planned_at,
        before.slot_id,
        before.pinned,
    )


def test_each_rule_says_no_by_its_own_name(house: House, now: datetime) -> None:
    li, zhao, _ = centre(house, now)
    assert refused(house, now, zhao, at(12)) == "outside_window"
    assert refused(house, now, zhao, at(9)) == "past"
    assert refused(house, now, zhao, at(13)) == "no_shift"
    assert refused(house, now, 4711, at(15)) == "no_shift"
    with house.sessions.begin() as session:
        session.execute(update(Callback).values(earliest_at=at(16), version=Callback.version + 1))
    assert refused(house, now, zhao, at(15)) == "too_early"
    with house.sessions.begin() as session:
        wish = {"callback_id": callback(house).id, "state": AppointmentState.OPEN, "created_at": now}
        session.add(Appointment(at=at(17, 10), **wish))
    assert refused(house, now, zhao, at(16)) == "appointment"
    place(house, now, zhao, at(17))
    assert callback(house).planned_at == at(17, 10)
    with house.sessions.begin() as session:
        session.execute(update(Callback).values(channel="sms"))
    assert refused(house, now, li, at(17)) == "automatic"
    with house.sessions.begin() as session:
        under_way = {"channel": "agent", "state": CallbackState.IN_PROGRESS, "lease_until": now + HOUR}
        session.execute(update(Callback).values(under_way))
    assert refused(house, now, li, at(17)) == "in_progress"


def test_a_second_call_goes_to_another_person_at_another_time(house: House, now: datetime) -> None:
    with house.sessions.begin() as session:
        li = add_agent(session, "li", now=now)
        other = add_agent(session, "zhao", now=now)
        case = add_case(
            session, add_customer(session, now=now), now=now, status=CaseStatus.CLOSED, closed_at=now, told_at=now
        )
        session.add(CaseHandler(case_id=case.id, agent_id=li.id, role="answered", at=now))
        make_unhappy(session, case, at=now - HOUR)
        li_id, other_id = li.id, other.id
    plan_day(house.sessions, now=now, zone=house.zone)
    assert refused(house, now, li_id, at(15)) == "handled_case"
    assert refused(house, now, other_id, at(10, 30)) in ("cool_off", "same_part_of_day_morning")
    with house.sessions.begin() as session:
        found = session.scalars(select(Callback)).one()
        session.add(
            Decision(
                case_id=found.case_id, callback_id=found.id, about="override", rule="negative_affinity",
                verdict="allowed", inputs={"agent_id": li_id}, at=now,
            )
        )  # fmt: skip
    place(house, now, li_id, at(15))
    assert callback(house).agent_id == li_id, "a supervisor has overruled the rule for this agent"


def test_who_comes_later_is_told(house: House, now: datetime) -> None:
    _, zhao, _ = centre(house, now)
    version = callback(house).version
    place(house, now, zhao, at(15))
    with pytest.raises(Conflict, match="changed"):
        place(house, now, zhao, at(16), version=version)


def test_a_full_slot_takes_one_more_by_hand(house: House, now: datetime) -> None:
    """On top, at its end; pinned, so that the plan stays sound."""
    li, zhao, _ = centre(house, now)
    with house.sessions.begin() as session:
        slot = session.scalars(select(Slot.id).where(Slot.agent_id == zhao, Slot.starts_at == at(15))).one()
        for _ in range(6):
            customer = add_customer(session, now=now)
            case = add_case(session, customer, now=now, plan_at=None)
            session.add(
                Callback(
                    handle=f"full-{case.id:08}", case_id=case.id, customer_id=customer.id, purpose="answer",
                    channel="agent", state="assigned", priority=50, earliest_at=now, due_at=now + HOUR,
                    agent_id=zhao, slot_id=slot, planned_at=at(15), created_at=now, updated_at=now,
                )
            )  # fmt: skip
    with house.sessions.begin() as session:
        found = session.scalars(select(Callback).where(Callback.agent_id == li)).one()
        placed = placing.place(
            session, found.handle, agent_id=zhao, starts_at=at(15), version=found.version, by=None, now=now
        )
    assert placed.at == at(15, 29)


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def chief(desk: Desk) -> TestClient:
    client = desk.supervisor()
    client.headers["HX-Request"] = "true"
    return client


def notice(answer: object) -> dict[str, str]:
    headers = answer.headers  # type: ignore[attr-defined]
    told: dict[str, dict[str, str]] = json.loads(headers["HX-Trigger"])
    return told["desk:notice"]


def test_dragging_asks_where_and_then_moves(house: House, chief: TestClient, now: datetime) -> None:
    li, zhao, handle = centre(house, now)
    page = chief.get("/plan?day=2026-03-11")
    assert f'id="c-{handle}"' in page.text
    assert f'data-at="{at(15).isoformat()}"' in page.text
    told = chief.get(f"/plan/targets/{handle}?day=2026-03-11").json()
    assert (told["who"], told["stuck"]) == ({}, None)
    assert "09:00–12:00" in told["when"][at(12).isoformat()]
    assert at(15).isoformat() not in told["when"]

    form = {"handle": handle, "agent": str(zhao), "at": at(15).isoformat(), "version": str(callback(house).version)}
    answer = chief.post("/plan/move", data=form)
    assert answer.status_code == 204
    assert "Zhao calls at 15:00" in notice(answer)["text"]
    assert chief.post("/plan/move", data=form).status_code == 409
    assert chief.post(notice(answer)["undo"]).status_code == 204
    assert callback(house).agent_id == li

    no = chief.post("/plan/move", data=form | {"at": at(12).isoformat(), "version": str(callback(house).version)})
    assert no.status_code == 409
    assert "contacts are made 09:00–12:00" in no.text


def test_pinning_and_letting_go(house: House, chief: TestClient, now: datetime) -> None:
    _, _, handle = centre(house, now)
    for wanted in ("1", "0"):
        form = {"handle": handle, "pinned": wanted, "version": str(callback(house).version)}
        assert chief.post("/plan/pin", data=form).status_code == 204
        assert callback(house).pinned is (wanted == "1")
        assert chief.post("/plan/pin", data=form).status_code == 409
    form = {"handle": handle, "pinned": "1", "version": str(callback(house).version)}
    undo = notice(chief.post("/plan/pin", data=form))["undo"]
    chief.post(undo)
    assert callback(house).pinned is False


def test_the_dialog_offers_who_may_and_when(house: House, chief: TestClient, now: datetime) -> None:
    _, zhao, handle = centre(house, now)
    with house.sessions.begin() as session:
        add_agent(session, "mary", now=now, languages=["en"])
    page = chief.get(f"/plan/chip/{handle}?agent={zhao}&day=2026-03-11")
    assert "Zhao</option>" in page.text
    assert "does not speak the customer" in page.text
    assert f'value="{at(15).isoformat()}"' in page.text
    assert chief.get(f"/plan/chip/{handle}?day=nonsense").status_code == 200
    assert chief.get("/plan/chip/no-such-handle").status_code == 404


def test_an_absence_over_the_page(house: House, chief: TestClient, now: datetime) -> None:
    li, zhao, _ = centre(house, now)
    preview = chief.post(f"/plan/absent/{li}/preview")
    assert "1 would go" in preview.text
    assert callback(house).agent_id == li
    answer = chief.post(f"/plan/absent/{li}", data={"first": "2026-03-11", "last": "2026-03-12", "reason": "<b>ill"})
    assert notice(answer)["text"] == "Li is absent; 1 went to others."
    assert callback(house).agent_id == zhao
    assert "is-absent" in chief.get("/plan").text
    chief.post(notice(answer)["undo"])
    assert callback(house).agent_id == li
    assert chief.post(f"/plan/absent/{li}", data={"first": "x"}).status_code == 422
    assert chief.post(f"/plan/absent/{li}", data={"first": "2026-03-12", "last": "2026-03-11"}).status_code == 422
    assert chief.post("/plan/absent/4711/preview").status_code == 404


@pytest.mark.parametrize(
    "form",
    [{}, {"agent": "x", "version": "1", "at": "2026-03-11T07:00:00+00:00"}, {"agent": "1", "version": "1", "at": "x"},
     {"agent": "1", "version": "1", "at": "2026-03-11T07:00:00"}, {"agent": "9" * 100, "version": "1", "at": "x"}],
)  # fmt: skip
def test_nonsense_is_refused_in_words(chief: TestClient, form: dict[str, str]) -> None:
    answer = chief.post("/plan/move", data={"handle": "some-handle", **form})
    assert answer.status_code == 422
    assert "Choose an agent and a time" in answer.text


def test_agents_may_not(desk: Desk) -> None:
    agent = desk.agent("somebody")
    for path in ("/plan", "/plan/grid", "/plan/targets/some-handle", "/plan/chip/some-handle"):
        assert agent.get(path).status_code == 403
    for path in ("/plan/move", "/plan/pin", "/plan/absent/1", "/plan/absent/1/preview"):
        assert agent.post(path).status_code == 403


def test_pages_of_agents(house: House, chief: TestClient, now: datetime) -> None:
    with house.sessions.begin() as session:
        for n in range(15):
            add_agent(session, f"agent{n:02}", now=now)
    assert chief.get("/plan").text.count('<tr id="a-') == 12
    assert chief.get("/plan?page=2").text.count('<tr id="a-') == 3
    assert chief.get("/plan?q=AGENT07").text.count('<tr id="a-') == 1
    assert chief.get("/plan?page=99").text.count('<tr id="a-') == 0
