"""The handover: open points are found, remarks are kept, one gives and another signs, once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.tables import Appointment, AuditEntry, Handover
from callback.domain.words import AppointmentState, CaseStatus, Disposition, HandoverState, OpenPoint, Purpose
from callback.services import handovers, notes
from tests.integration.call_centre import REACHED, Centre
from tests.integration.conftest import Desk, StandingClock

HTMX = {"HX-Request": "true"}


@pytest.fixture
def centre(house: House, clock: StandingClock) -> Centre:
    return Centre(house.sessions, house.settings, clock()).open()


def _draft(house: House, agent_id: int, now: datetime) -> handovers.Draft:
    with house.sessions() as session:
        return handovers.draft_of(session, agent_id=agent_id, now=now, zone=house.zone)


def _new(centre: Centre, number: int, **columns: Any) -> int:
    return centre.case(centre.customer(phones=[f"+86138000099{number:02}"]), **columns)


def test_every_kind_of_open_point_is_found_and_named_once(centre: Centre, house: House, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    under_way = centre.callback(li, case_id=_new(centre, 1))
    centre.start(under_way, li)
    promised = centre.callback(li, case_id=_new(centre, 2, promised_at=now + timedelta(hours=3)))
    appointed = centre.callback(li, case_id=_new(centre, 3, promised_at=now + timedelta(hours=2)))
    unhappy = centre.callback(li, case_id=_new(centre, 4), purpose=Purpose.SECOND_CALL)
    asked = centre.callback(li, case_id=_new(centre, 5))
    centre.callback(li, case_id=_new(centre, 6))  # nothing special: the planner knows of it
    centre.callback(wang, case_id=_new(centre, 7, promised_at=now))  # somebody else's
    child = _new(centre, 8, parent_id=_new(centre, 9), owner_id=li)
    _new(centre, 10, parent_id=child, owner_id=li, status=CaseStatus.CLOSED, closed_at=now)
    with house.sessions.begin() as session:
        session.add(
            Appointment(
                callback_id=centre.look(appointed).id,
                at=now + timedelta(hours=26),
                state=AppointmentState.OPEN,
                created_at=now,
            )
        )
        notes.leave(session, callback=asked, text="rang twice", by=wang, now=now)

    found = {(point.kind, point.callback) for point in _draft(house, li, now).points}
    assert found == {
        (OpenPoint.UNFINISHED_CALL, under_way),
        (OpenPoint.APPOINTMENT, appointed),
        (OpenPoint.PROMISE, promised),
        (OpenPoint.UNHAPPY, unhappy),
        (OpenPoint.MESSAGE, asked),
        (OpenPoint.CHILD_CASE, None),
    }
    assert next(point.kind for point in _draft(house, li, now).points) is OpenPoint.UNFINISHED_CALL


def test_who_was_unhappy_today_is_named_though_the_call_is_over(centre: Centre, house: House, now: datetime) -> None:
    li = centre.agent("li")
    handle = centre.callback(li, case_id=_new(centre, 1))
    call = centre.talk(centre.start(handle, li), li, *REACHED)
    centre.finish(call, li, Disposition.BREAK_OFF, unhappy=True)
    [point] = _draft(house, li, now).points
    assert (point.kind, point.callback, point.settled) == (OpenPoint.UNHAPPY, handle, False)


def test_a_draft_is_kept_given_and_signed_by_the_team(desk: Desk, centre: Centre, house: House, now: datetime) -> None:
    team = centre.team()
    li, wang = desk.agent("li", team_id=team), desk.agent("wang", team_id=team)
    stranger = desk.agent("zhao")
    handle = centre.callback(desk.ids["li"], case_id=_new(centre, 1, promised_at=now + timedelta(hours=3)))
    callback_id = centre.look(handle).id
    subject = f"callback-{callback_id}"
    form = {
        "subject": [subject, "callback-999"],
        "remark": ["call after three", "gone"],
        "remarks": "<b>line</b> 2 is down",
    }
    assert li.post("/handover/save", data={**form, "version": "0"}, headers=HTMX).status_code == 204
    stale = li.post("/handover/save", data={**form, "version": "0"}, headers=HTMX)
    assert (stale.status_code, "another window" in stale.text) == (409, True)
    page = li.get("/handover").text
    assert "call after three" in page
    assert "&lt;b&gt;line&lt;/b&gt; 2 is down" in page

    given = li.post("/handover/give", data={**form, "version": "1", "to": "team"}, headers=HTMX)
    address = given.headers["HX-Redirect"]
    assert "waits for your signature" in wang.get("/day").text
    assert "waits for your signature" not in li.get("/day").text
    assert stranger.get(address, headers=HTMX).status_code == 404
    assert stranger.post(f"{address}/sign", headers=HTMX).status_code == 403
    assert li.post(f"{address}/sign", headers=HTMX).status_code == 403
    read = wang.get(address).text
    assert "call after three" in read
    assert "电梯" not in read
    for _ in range(2):  # a double click
        assert wang.post(f"{address}/sign", headers=HTMX).status_code == 204
    assert li.post(f"{address}/take-back", headers=HTMX).status_code == 409
    with house.sessions() as session:
        kept = session.scalars(select(Handover)).one()
        assert (kept.state, kept.given_at, kept.signed_at) == (HandoverState.SIGNED, now, now)
        assert kept.signed_by_id == desk.ids["wang"]
        acts = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_kind == "handover")).all()
        assert acts == ["handover.given", "handover.signed"]
        messages = notes.messages_of(session, callback_id)
        assert [message.text for message in messages] == ["call after three"]


def test_to_a_named_colleague_and_back_again(desk: Desk, centre: Centre, house: House, now: datetime) -> None:
    team = centre.team()
    li, wang = desk.agent("li", team_id=team), desk.agent("wang", team_id=team)
    mate = desk.agent("zhao", team_id=team)
    handle = centre.callback(desk.ids["li"], case_id=_new(centre, 1, promised_at=now + timedelta(hours=3)))
    form = {"subject": f"callback-{centre.look(handle).id}", "remark": "call after three"}
    first = li.post("/handover/give", data={**form, "to": str(desk.ids["wang"]), "version": "0"}, headers=HTMX)
    address = first.headers["HX-Redirect"]
    assert mate.post(f"{address}/sign", headers=HTMX).status_code == 403
    assert li.post(f"{address}/take-back", headers=HTMX).headers["HX-Redirect"] == "/handover"
    assert wang.get(address, headers=HTMX).status_code == 404
    version = _draft(house, desk.ids["li"], now).version
    again = li.post("/handover/give", data={**form, "to": "team", "version": str(version)}, headers=HTMX)
    assert again.headers["HX-Redirect"] == address
    with house.sessions() as session:  # the remark is not said twice
        assert len(notes.messages_of(session, centre.look(handle).id)) == 1
    assert mate.post(f"{address}/sign", headers=HTMX).status_code == 204
    assert wang.post(f"{address}/sign", headers=HTMX).status_code == 409


@pytest.mark.parametrize(
    ("to", "status", "word"),
    [("team", 422, "in no team"), ("", 422, "Choose to whom"), ("x", 422, "Choose to whom"), ("999999", 404, "")],
)
def test_it_goes_to_somebody(desk: Desk, to: str, status: int, word: str) -> None:
    li = desk.agent("li")
    refused = li.post("/handover/give", data={"to": to, "version": "0"}, headers=HTMX)
    assert (refused.status_code, word in refused.text) == (status, True)
    myself = li.post("/handover/give", data={"to": str(desk.ids["li"]), "version": "0"}, headers=HTMX)
    assert "somebody else" in myself.text


def test_nothing_too_long_is_kept_and_nothing_is_lost(desk: Desk) -> None:
    li = desk.agent("li")
    long = li.post("/handover/save", data={"remarks": "x" * 100_000, "version": "0"}, headers=HTMX)
    assert (long.status_code, "5000 are allowed" in long.text) == (422, True)


def test_supervisors_see_what_nobody_has_signed(desk: Desk, centre: Centre) -> None:
    team = centre.team()
    li, chief = desk.agent("li", team_id=team), desk.supervisor()
    given = li.post("/handover/give", data={"to": "team", "version": "0", "remarks": "all quiet"}, headers=HTMX)
    page = chief.get("/handover").text
    assert "Not signed yet, all teams" in page
    assert given.headers["HX-Redirect"] in page
    assert "all quiet" in chief.get(given.headers["HX-Redirect"]).text
