"""Unhappy customers: what is on record, what a supervisor writes down, the list and its file."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.tables import AuditEntry, Dissatisfaction, DissatisfactionStep
from callback.domain.words import (
    Cause,
    Disposition,
    DissatisfactionState,
    RecoveryStep,
    Severity,
    SubCause,
)
from callback.services import recoveries, stories, unhappy
from callback.settings import Settings
from tests.integration.call_centre import Centre
from tests.integration.conftest import Desk
from tests.integration.test_second_call import FAILED, RECOVERED, not_accepted, plan, second_call_of, the_flag

HTMX = {"HX-Request": "true"}


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


@pytest.fixture
def chief(desk: Desk) -> TestClient:
    return desk.supervisor()


def post(client: TestClient, path: str, **fields: Any) -> Any:
    return client.post(path, data=fields, headers=HTMX)


def steps(centre: Centre) -> list[RecoveryStep]:
    with centre.sessions() as session:
        return list(session.scalars(select(DissatisfactionStep.step).order_by(DissatisfactionStep.id)))


@pytest.mark.parametrize("second", [RECOVERED, FAILED])
def test_the_first_contact_against_the_second(centre: Centre, now: datetime, second: tuple[Any, ...]) -> None:
    """Two real calls: what was changed between them is told as facts, and the steps that were taken are on record."""
    north, south = centre.team("North"), centre.team("South")
    li, wang = centre.agent("li", team_id=north), centre.agent("wang", team_id=south)
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    with centre.sessions() as session:
        before = recoveries.dossier(session, the_flag(centre).id, "zh")
    assert (before.changes.person, before.changes.place, before.changes.time) == (None, None, None)
    plan(centre, now)
    callback = second_call_of(centre, case_id)
    later = callback.planned_at
    assert later is not None
    call = centre.talk(centre.start(callback.handle, wang, now=later), wang, *second, now=later)
    if second is RECOVERED:
        centre.answer(call, wang, {"attitude": 5}, now=later)
    centre.finish(call, wang, Disposition.COMPLETED, now=later)
    with centre.sessions() as session:
        found = recoveries.dossier(session, the_flag(centre).id, "zh")
    assert found.changes.all
    assert (found.first_attempt.agent_id, found.second_attempt.agent_id) == (li, wang)  # type: ignore[union-attr]
    assert found.flag.cause is Cause.SERVICE
    won = second is RECOVERED
    assert steps(centre) == [RecoveryStep.LISTEN, RecoveryStep.ANALYSE, *([RecoveryStep.TELL] if won else [])]
    if won:
        attitude = next(one for one in found.scores if one.name == "attitude")
        assert attitude.second is not None
        assert (attitude.first, attitude.second.answer, attitude.change) == (None, "很满意", None)


def test_side_by_side_with_what_was_gained(centre: Centre) -> None:
    def answered(name: str, value: Any, *, is_level: bool = True) -> Any:
        words = None if value is None else str(value)
        return stories.Answered(question=name, name=name, answer=words, value=value, is_level=is_level)

    rows = recoveries.compared(
        [answered("a", 2), answered("b", None), answered("c", "x", is_level=False)],
        [answered("a", 5), answered("b", 3), answered("c", "y", is_level=False), answered("d", 1)],
    )
    assert [(row.name, row.change) for row in rows] == [("a", 3), ("b", None), ("c", None), ("d", None)]


def test_written_down_step_by_step_and_closed(centre: Centre, chief: TestClient, now: datetime) -> None:
    number = centre.flag(centre.case())
    page = chief.get(f"/unhappy/{number}")
    assert page.status_code == 200
    assert post(chief, f"/unhappy/{number}/close", version=1, sub_cause="").status_code == 422
    assert post(chief, f"/unhappy/{number}/steps", version=1, step="review").status_code == 422
    assert post(chief, f"/unhappy/{number}/share", version=1).status_code == 422
    assert post(chief, f"/unhappy/{number}/steps", version=1, step="find", note="<b>new</b> part").status_code == 204
    stale = post(chief, f"/unhappy/{number}/review", version=1, sub_cause="defect")
    assert (stale.status_code, stale.headers["hx-retarget"]) == (409, "#problem")
    found = {"sub_cause": "defect", "validity": "valid", "nature": "help", "content": "quality", "lesson": " 先测 "}
    assert post(chief, f"/unhappy/{number}/review", version=2, **found).status_code == 204
    assert post(chief, f"/unhappy/{number}/review", version=3, lesson="x" * 100_000).status_code == 422
    assert post(chief, f"/unhappy/{number}/share", version=3).status_code == 204
    assert post(chief, f"/unhappy/{number}/close", version=4, sub_cause="", lesson="先测").status_code == 204
    assert post(chief, f"/unhappy/{number}/close", version=5, sub_cause="defect").status_code == 409
    flag = the_flag(centre)
    assert (flag.state, flag.cause, flag.sub_cause) == (DissatisfactionState.CLOSED, Cause.PRODUCT, SubCause.DEFECT)
    assert (flag.lesson, flag.lesson_shared_at, flag.closed_at) == ("先测", now, now)
    assert steps(centre) == [RecoveryStep.FIND, RecoveryStep.ANALYSE, RecoveryStep.REVIEW]
    page = chief.get(f"/unhappy/{number}")
    assert "&lt;b&gt;new" in page.text
    assert "<b>new" not in page.text
    # What was learned later can still be written down.
    assert post(chief, f"/unhappy/{number}/review", version=5, sub_cause="equipment", lesson="").status_code == 204
    assert the_flag(centre).sub_cause is SubCause.EQUIPMENT


def test_the_second_call_is_given_on_the_spot(desk: Desk, centre: Centre, chief: TestClient, now: datetime) -> None:
    li, wang = centre.agent("li"), centre.agent("wang", languages=["en"])
    number = centre.flag(centre.case(), raised_at=now - timedelta(days=1))
    page = chief.get(f"/unhappy/{number}").text
    assert f'<option value="{li}" translate="no">Li</option>' in page
    assert f'<option value="{wang}" data-against="' in page
    address = f"/unhappy/{number}/second-call"
    assert post(chief, address, version=1, agent_id="").status_code == 422
    refused = post(chief, address, version=1, agent_id=wang)
    assert refused.status_code == 409
    assert "Wang" in refused.text
    assert post(chief, address, version=1, agent_id=wang, reason="she is learning").status_code == 204
    assert post(chief, address, version=1, agent_id=li).status_code == 409
    with centre.sessions() as session:
        assert session.get_one(Dissatisfaction, number).second_call_id is not None
    assert chief.get(f"/unhappy/{number}").status_code == 200


def test_agents_see_none_of_it(desk: Desk, centre: Centre) -> None:
    number = centre.flag(centre.case())
    li = desk.agent()
    for path in ("/unhappy", f"/unhappy/{number}", "/unhappy/export.csv"):
        assert li.get(path, follow_redirects=False).status_code == 403
    for act in ("second-call", "review", "close", "steps", "share"):
        assert post(li, f"/unhappy/{number}/{act}", version=1, step="find").status_code == 403


def test_the_list_by_state_severity_age_team_and_cause(centre: Centre, chief: TestClient, now: datetime) -> None:
    team = centre.team()
    fresh = centre.flag(centre.case(team_id=team), raised_at=now - timedelta(hours=1), severity=Severity.CRITICAL)
    old = centre.flag(centre.case(), raised_at=now - timedelta(days=5), cause=Cause.PRODUCT)
    done = centre.flag(
        centre.case(),
        state=DissatisfactionState.CLOSED,
        cause=Cause.SERVICE,
        sub_cause=SubCause.ATTITUDE,
        closed_at=now,
    )

    def shown(query: str) -> set[int]:
        text = chief.get(f"/unhappy?{query}").text
        return {number for number in (fresh, old, done) if f'id="flag-{number}"' in text}

    assert shown("") == {fresh, old}
    assert shown("state=closed") == {done}
    assert shown("state=all&severity=&age=&team=&cause=") == {fresh, old, done}
    assert shown("severity=critical") == {fresh}
    assert shown("age=0") == {fresh}
    assert shown("age=3") == {old}
    assert shown("age=1") == set()
    assert shown(f"team={team}") == {fresh}
    assert shown("cause=product") == {old}
    assert chief.get("/unhappy?age=4").status_code == 422
    assert chief.get("/unhappy/99999").status_code == 404


def test_many_are_paged(centre: Centre, chief: TestClient, now: datetime) -> None:
    customer = centre.customer()
    numbers = [
        centre.flag(centre.case(customer), raised_at=now - timedelta(days=9, minutes=nth // 2)) for nth in range(52)
    ]
    first = chief.get("/unhappy").text
    onwards = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = chief.get(onwards).text
    on = [sum(f'id="flag-{number}"' in text for number in numbers) for text in (first, second)]
    assert on == [50, 2]


def test_what_the_list_adds_up_to(centre: Centre, now: datetime) -> None:
    for state, cause, sub_cause in (
        (DissatisfactionState.OPEN, None, None),
        (DissatisfactionState.RECOVERED, Cause.SERVICE, None),
        (DissatisfactionState.RECOVERED, Cause.SERVICE, SubCause.ATTITUDE),
        (DissatisfactionState.CLOSED, Cause.PRODUCT, SubCause.DEFECT),
        (DissatisfactionState.ESCALATED, None, None),
    ):
        centre.flag(centre.case(), state=state, cause=cause, sub_cause=sub_cause)
    centre.flag(centre.case(), raised_at=now - timedelta(days=100))
    team = centre.team()
    with centre.sessions() as session:
        seen = unhappy.overview(session, now=now, team_id=None)
        nobody = unhappy.overview(session, now=now, team_id=team)
    assert (seen.raised, seen.unknown, seen.recovered.count, seen.recovered.of) == (5, 2, 2, 4)
    service = seen.causes[0]
    assert (service[:2], dict(service[2])) == (
        (Cause.SERVICE, 2),
        {SubCause.EXPLANATION: 0, SubCause.AGREEMENT: 0, SubCause.ATTITUDE: 1, None: 1},
    )
    assert [number for _, number, _ in seen.causes] == [2, 0, 1]
    assert seen.ages == (0, 0, 2, 1)
    assert (nobody.raised, nobody.recovered.share) == (0, None)


def test_the_file_holds_the_list_masked_and_harmless(centre: Centre, chief: TestClient, now: datetime) -> None:
    customer = centre.customer(name="=HYPERLINK(1)", phones=("+8613800138000", "+8613900139000"))
    number = centre.flag(centre.case(customer, subject='@sum, "quoted"\nline'), lesson="+1", cause=Cause.SERVICE)
    centre.flag(centre.case(), state=DissatisfactionState.RECOVERED, closed_at=now)
    answer = chief.get("/unhappy/export.csv?state=live&severity=")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header, *lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(lines) == 1
    line = dict(zip(header, lines[0], strict=True))
    assert (line["Number"], line["Customer"]) == (str(number), "'=HYPERLINK(1)")
    assert (line["Subject"], line["Lesson"]) == ('\'@sum, "quoted"\nline', "'+1")
    assert line["Telephone (masked)"] in ("+86 138****8000", "'+86 138****8000")
    assert line["Cause"] == "What we said or did"
    assert b"13800138000" not in answer.content
    with centre.sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "dissatisfaction.export")).one()
    assert entry.details["lines"] == 1


def test_words_of_the_customer_are_shown_as_text(centre: Centre, chief: TestClient) -> None:
    number = centre.flag(
        centre.case(), evidence=[{"rule": "free_text", "words": ["<script>"], "at": "2026-03-11T02:00:00+00:00"}]
    )
    page = chief.get(f"/unhappy/{number}").text
    assert "&lt;script&gt;" in page


def test_over_the_api(desk: Desk, centre: Centre, chief: TestClient) -> None:
    number = centre.flag(centre.case())
    address = f"/api/v1/dissatisfactions/{number}"
    wrong = chief.post(f"{address}/review", json={"cause": "product", "sub_cause": "attitude", "version": 1})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "cause_not_of_kind")
    found = chief.post(f"{address}/review", json={"sub_cause": "attitude", "validity": "valid", "version": 1}).json()
    assert (found["cause"], found["validity"], found["version"]) == ("service", "valid", 2)
    taken = chief.post(f"{address}/steps", json={"step": "handle", "note": "refunded", "version": 2})
    assert taken.status_code == 200
    assert chief.post(f"{address}/close", json={"version": 3}).json()["state"] == "closed"


def test_what_is_unsettled_goes_with_its_case_to_another_team(centre: Centre, chief: TestClient, now: datetime) -> None:
    north, south = centre.team("North"), centre.team("South")
    li = centre.agent("li", team_id=north)
    case_id = centre.case()
    not_accepted(centre, li, case_id)
    assert the_flag(centre).team_id == north  # the case has no team: it is of whoever called
    moved = chief.patch(
        f"/api/v1/cases/{case_id}", json={"team_id": south, "version": centre.the_case(case_id).version}
    )
    assert moved.status_code == 200
    assert the_flag(centre).team_id == south
    assert 'id="flag-' in chief.get(f"/unhappy?team={south}").text
    assert 'id="flag-' not in chief.get(f"/unhappy?team={north}").text
