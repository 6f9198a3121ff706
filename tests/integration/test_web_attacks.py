"""What somebody with a login, or without one, would try against the pages."""

from datetime import datetime
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError
from structlog.testing import capture_logs

from callback.api.intake import JSON_LIMIT
from callback.bootstrap import House
from callback.db.tables import AuditEntry, Decision, Escalation, EscalationNotice, Upload
from callback.domain.words import EscalationTold, EscalationTrigger
from callback.services import survey_pages, uploads
from tests.integration.call_centre import Centre
from tests.integration.conftest import Desk, StandingClock

HTMX = {"HX-Request": "true"}
SECRET = "she says the boiler leaks again"


@pytest.fixture
def centre(house: House, clock: StandingClock) -> Centre:
    return Centre(house.sessions, house.settings, clock()).open()


# ── Identity first ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_colleagues_wrote_is_told_to_the_caller_only_once_the_person_is_confirmed(
    desk: Desk, centre: Centre
) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    handle = centre.callback(desk.ids["li"])
    wang.post(f"/callbacks/{handle}/messages", data={"text": SECRET}, headers=HTMX)
    call = centre.start(handle, desk.ids["li"])

    def shown() -> list[str]:
        places = (
            "/day",
            "/day/list",
            f"/callbacks/{handle}/messages",
            f"/api/v1/callbacks/{handle}/notes",
            f"/calls/{call.attempt}",
            f"/calls/{call.attempt}/messages",
            f"/calls/{call.attempt}/script",
        )
        return [place for place in places if SECRET in li.get(place).text]

    assert shown() == []
    assert li.get(f"/callbacks/{handle}/messages/list").status_code == 404  # a fragment that told it to any page
    centre.talk(call, desk.ids["li"], "1", "1")
    assert {f"/calls/{call.attempt}", f"/calls/{call.attempt}/messages", f"/callbacks/{handle}/messages"} <= {*shown()}


def test_a_customer_who_is_on_the_line_and_confirmed_opens_the_messages_too(desk: Desk, centre: Centre) -> None:
    li, wang = desk.agent("li"), desk.agent("wang")
    customer = centre.customer()
    handle = centre.callback(desk.ids["li"], case_id=centre.case(customer))
    wang.post(f"/callbacks/{handle}/messages", data={"text": SECRET}, headers=HTMX)
    li.get(f"/search/{customer}")
    assert SECRET not in li.get(f"/callbacks/{handle}/messages").text
    li.post(f"/search/{customer}/confirm", headers=HTMX)
    assert SECRET in li.get(f"/callbacks/{handle}/messages").text


def test_a_leader_who_is_an_agent_is_told_which_case_is_late_and_not_what_it_is_about(
    desk: Desk, centre: Centre, house: House
) -> None:
    leader, chief = desk.agent("li", leads_team=True, team_id=centre.team()), desk.supervisor()
    case = centre.the_case(centre.case(subject=SECRET))
    with house.sessions.begin() as session:
        raised = Escalation(
            rule="late", trigger=EscalationTrigger.OVERDUE, subject_id=case.id, case_id=case.id,
            since=house.clock(), raised_at=house.clock(), marked=True, told=EscalationTold.LEADER,
        )  # fmt: skip
        session.add(raised)
        session.flush()
        for login in ("li", "chief"):
            session.add(EscalationNotice(escalation_id=raised.id, agent_id=desk.ids[login], created_at=house.clock()))
    assert case.external_id in leader.get("/notices").text
    assert SECRET not in leader.get("/notices").text
    assert SECRET in chief.get("/notices").text


# ── Hard rules ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("at", ["2999-03-12T10:00", "9999-12-30T23:59", "9999-12-31T23:59"])
def test_a_promise_is_not_put_off_for_years(desk: Desk, centre: Centre, at: str) -> None:
    chief = desk.supervisor()
    li = centre.agent("li")
    handle = centre.callback(None)
    before = centre.look(handle)
    refused = chief.post(
        f"/callbacks/{handle}/assign", data={"agent_id": li, "version": before.version, "at": at}, headers=HTMX
    )
    assert refused.status_code == 422
    assert centre.look(handle).version == before.version


def test_a_time_that_has_passed_is_no_way_around_the_windows(desk: Desk, centre: Centre, clock: StandingClock) -> None:
    li = centre.agent("li")
    handle = centre.callback(None)
    clock.now = datetime.fromisoformat("2026-03-11T23:00:00+08:00")  # nobody is called now
    chief = desk.supervisor()
    refused = chief.post(
        f"/callbacks/{handle}/assign",
        data={"agent_id": li, "version": centre.look(handle).version, "at": "2026-03-11T10:00"},
        headers=HTMX,
    )
    assert refused.status_code == 409
    assert centre.look(handle).agent_id is None


def test_overruling_a_language_overrules_no_hard_rule(desk: Desk, centre: Centre, house: House) -> None:
    """A drag in the plan asks anew who spoke with the customer before."""
    from callback.services import placing

    li = centre.agent("li")
    handle = centre.callback(None)
    seen = centre.look(handle)
    for rule, known in (("language", False), ("negative_affinity", True)):
        with house.sessions.begin() as session:
            session.add(
                Decision(case_id=seen.case_id, callback_id=seen.id, about="override", rule=rule, verdict="overridden",
                         inputs={"agent_id": li}, at=house.clock())
            )  # fmt: skip
        with house.sessions() as session:
            assert (li in placing.wish(session, handle, now=house.clock()).overridden) is known


# ── Addresses in full ───────────────────────────────────────────────────────────────────────────────────────────────


def test_taking_out_the_rejects_is_on_record_and_stays_in_no_cache(desk: Desk, house: House) -> None:
    chief = desk.supervisor()
    with house.sessions.begin() as session:
        upload = uploads.receive(
            session, file_name="cases.csv", content=b"id,subject\n1,x\n", by=desk.ids["chief"], now=house.clock()
        )
        upload.rejects = b"row,column,value\n1,phone,+86138001380001\n"
        handle, number = upload.handle, upload.id
    taken = chief.get(f"/setup/import/{handle}/rejects")
    assert b"138001380001" in taken.content
    assert taken.headers["Cache-Control"] == "no-store"
    with house.sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "upload.rejects")).one()
        assert (entry.actor_id, entry.subject_id) == (desk.ids["chief"], str(number))
    assert desk.agent("li").get(f"/setup/import/{handle}/rejects").status_code == 403


@pytest.mark.parametrize("path", ["/setup/import/template", "/unsent/export", "/unhappy/export.csv", "/day", "/search"])
def test_nothing_behind_the_log_in_stays_in_a_cache(desk: Desk, path: str) -> None:
    answer = desk.administrator().get(path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


# ── Nonsense ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_no_address_is_refused_and_breaks_nothing(desk: Desk) -> None:
    anonymous, chief = desk.anonymous(), desk.supervisor()
    for onwards in ("//[", "http://[", "/\\evil.example", "/\t/evil.example", "//evil.example"):
        page = anonymous.get(f"/login?{urlencode({'next': onwards})}")
        assert page.status_code == 200
        assert "evil" not in page.text
    language = {"language": "zh"}
    back = anonymous.post("/language", data=language, headers={"Referer": "http://["}, follow_redirects=False)
    assert (back.status_code, back.headers["Location"]) == (303, "/")
    assert anonymous.post("/language", data=language, headers={"Origin": "http://["}).status_code == 403
    refused = chief.post(
        "/work/exhausted",
        data={"act": "again", "handles": "none", "reason": "x"},
        headers={**HTMX, "HX-Current-URL": "http://["},
    )
    assert refused.status_code == 204


def test_a_list_of_meanings_without_texts_is_no_server_error(desk: Desk, house: House) -> None:
    chief = desk.supervisor()
    with house.sessions.begin() as session:
        handle = uploads.receive(
            session, file_name="a.csv", content=b"id,subject,status\n1,x,open\n", by=desk.ids["chief"],
            now=house.clock(),
        ).handle  # fmt: skip
    form = {"columns.external_id": "id", "columns.subject": "subject", "status[0].means": "open"}
    for act in ("preview", "start"):
        assert chief.post(f"/setup/import/{handle}/{act}", data=form, headers=HTMX).status_code < 500
    with house.sessions() as session:
        assert session.scalars(select(Upload.state).where(Upload.handle == handle)).one() in ("open", "queued")


# ── Each may do what is theirs ──────────────────────────────────────────────────────────────────────────────────────


def test_a_colleagues_call_does_not_exist(desk: Desk, centre: Centre) -> None:
    """Every address of a call, found from the routes themselves, so that a new one is asked too."""
    from fastapi.routing import iter_route_contexts

    desk.agent("li")
    wang = desk.agent("wang")
    call = centre.start(centre.callback(desk.ids["li"]), desk.ids["li"])
    forms = {"choice": "1", "version": "1", "question": "q", "outcome": "refused", "special": "true"}
    asked = 0
    for route in iter_route_contexts(desk.app.routes):
        if route.path is None or not route.path.startswith("/calls/{handle}"):
            continue
        address = route.path.replace("{handle}", call.attempt)
        for method in (route.methods or set()) - {"HEAD"}:
            query = {"field": "appointment_at", "key": "1"}
            answer = wang.request(method, address, params=query, data=forms if method == "POST" else None, headers=HTMX)
            # The end of a call is refused to another with "somebody else is at it", as a double click is.
            assert answer.status_code == (409 if address.endswith("/finish") else 404), (method, address)
            asked += 1
    assert asked >= 15
    assert centre.attempt(call.attempt).version == call.version


# ── Without a login ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path", ["/api/v1/carrier/twilio/inbound", "/api/v1/carrier/gateway/reports", "/s/" + "x" * 32]
)
def test_where_anybody_may_knock_nobody_is_read_as_an_upload(desk: Desk, path: str) -> None:
    """Fifty megabytes of each stranger were taken into memory before the signature was looked at."""
    large = b"--b\r\n" + b"x" * (JSON_LIMIT + 1)
    answer = desk.anonymous().post(path, content=large, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 413


def test_a_fault_of_ours_leaves_no_link_in_the_log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StatementError("a fault of ours", None, None, TypeError("x"))

    monkeypatch.setattr(survey_pages, "look", broken)
    link = "k" * 32
    with capture_logs() as logged:
        assert desk.anonymous().get(f"/s/{link}").status_code == 500
    assert [one for one in logged if one["event"] == "unhandled error"]
    assert link not in str([{name: str(value) for name, value in one.items()} for one in logged])
