"""A customer calls us: confirmed first, then helped where the house stopped, with every hard rule kept."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from callback.bootstrap import House
from callback.db.tables import Appointment, AuditEntry, Callback, Case, CaseHandler, Decision, IncomingCall
from callback.domain.words import AppointmentState, BlockedBy, CallbackState, CaseStatus, Channel, Purpose
from callback.services import cases, notes
from callback.services.plans import plan
from tests.integration.call_centre import Centre
from tests.integration.conftest import Desk, StandingClock

HTMX = {"HX-Request": "true"}


@pytest.fixture
def centre(house: House, clock: StandingClock) -> Centre:
    return Centre(house.sessions, house.settings, clock()).open()


def _confirmed(client: TestClient, customer: int) -> str:
    """The address of the call's page."""
    answer = client.post(f"/search/{customer}/confirm", headers=HTMX)
    assert answer.status_code == 204
    address: str = answer.headers["HX-Redirect"]
    return address


def _acts(house: House, customer: int) -> list[str]:
    with house.sessions() as session:
        query = select(AuditEntry.action).where(
            AuditEntry.subject_kind == "customer", AuditEntry.subject_id == str(customer)
        )
        return list(session.scalars(query.order_by(AuditEntry.id)))


def test_identity_comes_first_and_every_step_is_on_record(desk: Desk, centre: Centre, house: House) -> None:
    li = desk.agent("li")
    customer = centre.customer()
    centre.callback(desk.ids["li"], case_id=centre.case(customer))
    person = li.get(f"/search/{customer}").text
    assert "first: is it this person?" in person.lower()
    assert "tell the answer" in person
    assert "电梯" not in person
    assert "维修" not in person

    assert li.post(f"/search/{customer}/somebody-else", headers=HTMX).headers["HX-Redirect"] == "/search"
    address = _confirmed(li, customer)
    assert _confirmed(li, customer) == address  # a double click
    page = li.get(address).text
    assert "电梯经常停运" in page
    assert "维修已经完成" in page
    assert _acts(house, customer) == ["customer.looked_up", "customer.not_confirmed", "customer.confirmed"]
    with house.sessions() as session:
        assert session.scalar(select(func.count()).select_from(IncomingCall)) == 1


def test_the_call_is_the_agents_own_and_does_not_last_for_ever(
    desk: Desk, centre: Centre, clock: StandingClock
) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    address = _confirmed(li, centre.customer())
    assert wang.get(address, headers=HTMX).status_code == 404
    clock.advance(minutes=61)
    late = li.get(address, headers=HTMX)
    assert late.status_code == 403
    assert "more than an hour" in late.text
    assert li.get("/search/999999", headers=HTMX).status_code == 404


def test_a_colleagues_callback_is_taken_over_and_goes_on(desk: Desk, centre: Centre, house: House) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    customer = centre.customer()
    handle = centre.callback(desk.ids["li"], case_id=centre.case(customer))
    address = _confirmed(wang, customer)
    started = wang.post(f"{address}/callbacks/{handle}/continue", headers=HTMX)
    assert started.headers["HX-Redirect"].startswith("/calls/")
    again = wang.post(f"{address}/callbacks/{handle}/continue", headers=HTMX)
    assert again.headers["HX-Redirect"] == started.headers["HX-Redirect"]
    taken = centre.look(handle)
    assert (taken.agent_id, taken.state) == (desk.ids["wang"], CallbackState.IN_PROGRESS)
    assert "callback.taken_over" in _acts(house, customer)
    with house.sessions() as session:
        decision = session.scalars(select(Decision).where(Decision.rule == "customer_called")).one()
        assert decision.inputs == {"agent_id": desk.ids["wang"], "from": desk.ids["li"]}
    refused = li.post(f"/day/{handle}/start", headers=HTMX)
    assert refused.status_code == 409


def test_a_second_call_is_not_taken_over_by_who_handled_the_case(desk: Desk, centre: Centre, house: House) -> None:
    desk.agent("li")
    wang = desk.agent("wang")
    customer = centre.customer()
    case = centre.case(customer)
    centre.flag(case, raised_at=centre.now - timedelta(days=2))
    handle = centre.callback(desk.ids["li"], case_id=case, purpose=Purpose.SECOND_CALL)
    with house.sessions.begin() as session:
        session.add(CaseHandler(case_id=case, agent_id=desk.ids["wang"], role="answered", at=centre.now))
    address = _confirmed(wang, customer)
    refused = wang.post(f"{address}/callbacks/{handle}/continue", headers=HTMX)
    assert refused.status_code == 409
    assert "A rule forbids this now" in refused.text
    assert centre.look(handle).agent_id == desk.ids["li"]


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"pinned": True}, "Only a supervisor"),
        (
            {"state": CallbackState.BLOCKED, "blocked_by": BlockedBy.NOBODY_QUALIFIES, "planned_at": None},
            "Only a supervisor",
        ),
        ({"channel": Channel.SMS, "state": CallbackState.WAITING, "planned_at": None}, "goes out by itself"),
        ({"state": CallbackState.DONE}, "has ended"),
    ],
)
def test_what_may_not_be_moved_stays(desk: Desk, centre: Centre, columns: dict[str, Any], word: str) -> None:
    desk.agent("li")
    wang = desk.agent("wang")
    customer = centre.customer()
    handle = centre.callback(desk.ids["li"], case_id=centre.case(customer), **columns)
    address = _confirmed(wang, customer)
    for act in ("continue", "appointment"):
        if act == "appointment" and "pinned" in columns:
            continue  # the customer's own wish for a time goes before a supervisor's choice of person
        refused = wang.post(f"{address}/callbacks/{handle}/{act}", data={"at": "2026-03-12T15:00"}, headers=HTMX)
        assert (refused.status_code, word in refused.text) == (409, True)


def test_nobody_reaches_another_customers_callback(desk: Desk, centre: Centre) -> None:
    wang = desk.agent("wang")
    other = centre.callback(None, case_id=centre.case(centre.customer(phones=["+8613900000001"])))
    address = _confirmed(wang, centre.customer())
    assert wang.post(f"{address}/callbacks/{other}/continue", headers=HTMX).status_code == 404
    case = centre.look(other).case_id
    refused = wang.post(f"{address}/note", data={"case_id": str(case), "text": "x"}, headers=HTMX)
    assert refused.status_code == 404


def test_what_the_customer_says_is_kept_and_read_by_who_has_to_call(desk: Desk, centre: Centre, house: House) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    customer = centre.customer()
    case = centre.case(customer)
    handle = centre.callback(desk.ids["li"], case_id=case)
    address = _confirmed(wang, customer)
    for words in ("lift stands still again", "since this morning"):
        kept = wang.post(f"{address}/note", data={"case_id": str(case), "text": words}, headers=HTMX)
        assert kept.headers["HX-Redirect"] == address
    page = wang.get(address).text
    assert "lift stands still again" in page
    assert "since this morning" in page
    day = li.get("/day").text
    assert "2 unread" in day
    assert "lift stands still again" not in day  # not before the person is confirmed
    with house.sessions() as session:
        assert len(notes.unread_of(session, desk.ids["li"])[handle].messages) == 2
    empty = wang.post(f"{address}/note", data={"case_id": str(case), "text": " "}, headers=HTMX)
    assert empty.status_code == 422


def test_another_matter_becomes_a_child_case_with_its_callback(
    desk: Desk, centre: Centre, house: House, clock: StandingClock
) -> None:
    """By the same rules as one heard in a call that we made: the leader's case, and a call when the answer is found."""
    wang = desk.agent("wang")
    team = centre.team()
    leader = centre.agent("leader", team_id=team, leads_team=True)
    customer = centre.customer()
    parent = centre.case(customer, team_id=team, status=CaseStatus.CLOSED, told_at=centre.now, closed_at=centre.now)
    other = centre.case(centre.customer(phones=["+8613900000001"]))
    address = _confirmed(wang, customer)
    page = wang.get(address).text
    assert 'data-key="n"' in page
    assert f'<option value="{parent}">' in page
    assert f'<option value="{other}">' not in page

    form = {"case_id": str(parent), "text": " <b>A new</b>\nlift key "}
    for _ in range(2):  # a double click
        kept = wang.post(f"{address}/need", data=form, headers=HTMX)
        assert (kept.status_code, kept.headers["HX-Redirect"]) == (204, address)
    with house.sessions() as session:
        child = session.scalars(select(Case).where(Case.parent_id == parent)).one()
        took = session.scalars(
            select(CaseHandler.agent_id).where(CaseHandler.case_id == child.id, CaseHandler.role == "took")
        )
        assert took.all() == [desk.ids["wang"]]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "customer.new_need")).one()
    assert (child.subject, child.description) == ("<b>A new</b> lift key", "<b>A new</b>\nlift key")
    assert (child.customer_id, child.team_id, child.owner_id) == (customer, team, leader)
    assert (child.status, child.plan_at) == (CaseStatus.PENDING, centre.now)
    assert entry.actor_id == desk.ids["wang"]
    assert entry.details == {"incoming": address.rsplit("/", 1)[1], "case_id": child.id, "parent_id": parent}
    assert "&lt;b&gt;A new&lt;/b&gt; lift key" in wang.get(address).text

    def owed() -> list[Purpose]:
        plan(house.sessions, now=clock(), carriers=frozenset())
        with house.sessions() as session:
            return list(session.scalars(select(Callback.purpose).where(Callback.case_id == child.id)))

    assert owed() == []  # nothing is promised for today
    clock.advance(days=3)
    assert owed() == [Purpose.HOLDING]
    with house.sessions.begin() as session:
        cases.answer_case(session, case=session.get_one(Case, child.id), text="It lies ready.", by=leader, now=clock())
    assert Purpose.FOLLOW_UP in owed()


@pytest.mark.parametrize(
    ("text", "foreign", "status", "word"),
    [
        (" ", False, 422, "Write down what the customer needs"),
        ("x" * 1_001, False, 422, "The need has 1001 characters"),
        ("a key", True, 404, "case"),
    ],
)
def test_a_matter_that_is_refused_leaves_no_case(
    desk: Desk, centre: Centre, house: House, *, text: str, foreign: bool, status: int, word: str
) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    customer = centre.customer()
    case = centre.case(centre.customer(phones=["+8613900000001"]) if foreign else customer)
    address = _confirmed(wang, customer)
    form = {"case_id": str(case), "text": text}
    refused = wang.post(f"{address}/need", data=form, headers=HTMX)
    assert (refused.status_code, word in refused.text) == (status, True)
    assert li.post(f"{address}/need", data={**form, "text": "a key"}, headers=HTMX).status_code == 404
    with house.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1


def test_the_customer_names_a_time(desk: Desk, centre: Centre, house: House) -> None:
    li = desk.agent("li")
    customer = centre.customer()
    handle = centre.callback(desk.ids["li"], case_id=centre.case(customer))
    address = _confirmed(li, customer)
    wish = f"{address}/callbacks/{handle}/appointment"
    at_night = li.post(wish, data={"at": "2026-03-12T22:30"}, headers=HTMX)
    assert at_night.status_code == 409
    assert "The next legal moment is" in at_night.text
    for wrong in ("", "soon", "2026-03-12T15:00+08:00"):
        assert li.post(wish, data={"at": wrong}, headers=HTMX).status_code == 422
    assert li.post(wish, data={"at": "2026-03-10T15:00"}, headers=HTMX).status_code == 422  # yesterday

    kept = li.post(wish, data={"at": "2026-03-12T15:00", "with_me": "true"}, headers=HTMX)
    assert kept.headers["HX-Redirect"] == address
    moved = centre.look(handle)
    assert (moved.state, moved.agent_id) == (CallbackState.WAITING, None)
    assert moved.next_try_at == (centre.now + timedelta(days=1)).replace(hour=7)
    with house.sessions() as session:
        appointment = session.scalars(select(Appointment).where(Appointment.state == AppointmentState.OPEN)).one()
        assert (appointment.at, appointment.agent_id) == (moved.next_try_at, desk.ids["li"])
