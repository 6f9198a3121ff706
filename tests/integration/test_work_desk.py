"""The pages behind the board, asked as a browser asks them: who may, what is refused, what two people do at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.engine import SessionFactory
from callback.db.tables import Callback, ContactPoint
from callback.domain.words import BlockedBy, CallbackState
from callback.services import escalations, handovers, supervision
from callback.settings import Settings
from tests.integration.call_centre import Centre
from tests.integration.conftest import Desk

HTMX = {"HX-Request": "true"}


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime) -> Centre:
    return Centre(sessions, settings, now).open()


@pytest.fixture
def chief(desk: Desk) -> TestClient:
    return desk.supervisor()


def post(client: TestClient, path: str, **fields: Any) -> Any:
    return client.post(path, data=fields, headers=HTMX)


def block(centre: Centre) -> str:
    return centre.callback(None, state=CallbackState.BLOCKED, blocked_by=BlockedBy.NOBODY_QUALIFIES)


def test_agents_do_not_see_the_board(desk: Desk, centre: Centre) -> None:
    handle = block(centre)
    li = desk.agent()
    for path in ("/board", "/work", f"/callbacks/{handle}", "/cases/1"):
        assert li.get(path, follow_redirects=False).status_code == 403, path
    for path in (f"/callbacks/{handle}/assign", f"/callbacks/{handle}/cancel", "/work/exhausted", "/cases/1/contact"):
        assert post(li, path, reason="x", version=1, text="1", act="rest").status_code == 403, path
    assert desk.anonymous().get("/board", follow_redirects=False).headers["location"] == "/login?next=/board"


@pytest.mark.parametrize(
    "kind", ["owed", "overdue", "soon", "waiting", "assigned", "calling", "done_today", "exhausted"]
)
def test_every_list_opens_empty_and_full(centre: Centre, chief: TestClient, now: datetime, kind: str) -> None:
    assert chief.get(f"/work?kind={kind}&team=&agent=&purpose=").status_code == 200
    made = [centre.callback(None, due_at=now - timedelta(minutes=nth)) for nth in range(1, 52)]
    answer = chief.get(f"/work?kind={kind}")
    assert answer.status_code == 200
    if kind == "overdue":
        assert made[50] in answer.text
        assert made[0] not in answer.text
        onwards = answer.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
        assert made[0] in chief.get(onwards).text


@pytest.mark.parametrize("kind", ["broken", "without_address", *(reason.value for reason in BlockedBy)])
def test_every_other_list_opens(centre: Centre, chief: TestClient, kind: str) -> None:
    centre.case(plan_rule="needs_phone", subject="<b>loud</b>")
    for reason in BlockedBy:
        centre.callback(
            None, case_id=centre.case(subject="<b>loud</b>"), state=CallbackState.BLOCKED, blocked_by=reason
        )
    answer = chief.get(f"/work?kind={kind}")
    assert answer.status_code == 200
    assert "<b>loud" not in answer.text
    assert ("&lt;b&gt;loud" in answer.text) is (kind != "broken")


def test_what_was_escalated_and_not_signed_opens_from_the_board(centre: Centre, chief: TestClient) -> None:
    li = centre.agent("li", team_id=centre.team())
    handle = centre.callback(li, case_id=centre.case(subject="<b>loud</b>"), due_at=centre.now - timedelta(hours=9))
    with centre.sessions.begin() as session:
        given = handovers.give(
            session, agent_id=li, to_id=None, remarks="all quiet", by_subject={}, version=0,
            now=centre.now - timedelta(hours=3), zone=ZoneInfo("Asia/Shanghai"),
        ).handle  # fmt: skip
    escalations.look(centre.sessions, now=centre.now)
    board = chief.get("/board").text
    for kind, count in (("marked", 2), ("unsigned", 1)):
        assert f'href="/work?kind={kind}"' in board
        assert f">{count}<" in board.split(f'href="/work?kind={kind}"')[1].split("</a>")[0]
    marked = chief.get("/work?kind=marked").text
    assert "&lt;b&gt;loud" in marked
    assert "A callback is overdue" in marked
    assert f"/callbacks/{handle}" in marked
    assert 'href="/work?kind=unsigned"' in marked
    unsigned = chief.get("/work?kind=unsigned").text
    assert f"/handover/{given}" in unsigned
    assert chief.get(f"/handover/{given}").status_code == 200
    assert "Every handover is signed" in chief.get("/work?kind=unsigned&after=2099-01-01T00:00:00Z~1").text


@pytest.mark.parametrize(
    "query", ["kind=nonsense", "purpose=nonsense", "team=0", "after=yesterday", "after=2026-01-01~3"]
)
def test_a_filter_that_does_not_exist_is_refused(chief: TestClient, query: str) -> None:
    assert chief.get(f"/work?{query}").status_code == 422


def test_given_on_the_spot_and_only_once(desk: Desk, centre: Centre, chief: TestClient) -> None:
    li, handle = centre.agent("li"), block(centre)
    assert "Li" in chief.get(f"/callbacks/{handle}").text
    assert post(chief, f"/callbacks/{handle}/assign", version=1, agent_id="").status_code == 422
    assert post(chief, f"/callbacks/{handle}/assign", version=1, agent_id=li, at="soon").status_code == 422
    done = post(chief, f"/callbacks/{handle}/assign", version=1, agent_id=li)
    assert (done.status_code, done.headers["hx-redirect"]) == (204, f"/callbacks/{handle}")
    stale = post(chief, f"/callbacks/{handle}/assign", version=1, agent_id=li)
    assert (stale.status_code, stale.headers["hx-retarget"]) == (409, "#problem")
    assert centre.look(handle).agent_id == li


def test_an_exception_needs_its_reason(centre: Centre, chief: TestClient) -> None:
    li, handle = centre.agent("li", languages=["en"]), block(centre)
    page = chief.get(f"/callbacks/{handle}").text
    assert f'value="{li}" data-against="Agent Li does not speak' in page
    refused = post(chief, f"/callbacks/{handle}/assign", version=1, agent_id=li, reason=" ")
    assert refused.status_code == 409
    assert "Li does not speak" in refused.text
    assert post(chief, f"/callbacks/{handle}/assign", version=1, agent_id=li, reason="she does").status_code == 204


def test_cancelled_with_a_long_reason(centre: Centre, chief: TestClient) -> None:
    handle = block(centre)
    assert post(chief, f"/callbacks/{handle}/cancel", version=1, reason="").status_code == 422
    assert post(chief, f"/callbacks/{handle}/cancel", version=1, reason="x" * 100_000).status_code == 422
    assert post(chief, f"/callbacks/{handle}/cancel", version=1, reason="<b>called in</b>").status_code == 204
    page = chief.get(f"/callbacks/{handle}").text
    assert "&lt;b&gt;called in" in page
    assert "<b>called in" not in page


def test_several_that_came_to_nothing_are_decided_at_once(
    centre: Centre, chief: TestClient, desk: Desk, now: datetime
) -> None:
    handles = [centre.callback(None, state=CallbackState.EXHAUSTED, finished_at=now) for _ in range(3)]
    with centre.sessions.begin() as session:
        supervision.let_rest(session, handle=handles[0], reason="elsewhere", by=desk.ids["chief"], now=now)
    assert post(chief, "/work/exhausted", act="rest", reason="x").status_code == 422
    assert post(chief, "/work/exhausted", act="rest", reason="", handles=handles).status_code == 422
    done = chief.post(
        "/work/exhausted",
        data={"act": "again", "reason": "they called", "handles": handles},
        headers={**HTMX, "HX-Current-URL": "http://callback.test/work?kind=exhausted&team=3"},
    )
    assert done.headers["hx-redirect"] == "/work?kind=exhausted&team=3"
    with centre.sessions() as session:
        results = session.execute(select(Callback.result, Callback.decided_at).order_by(Callback.id)).all()
    assert [(row.result, row.decided_at) for row in results] == [(None, now), *[("called_again", now)] * 2]


def test_one_that_came_to_nothing(centre: Centre, chief: TestClient, now: datetime) -> None:
    again, rest = (centre.callback(None, state=CallbackState.EXHAUSTED, finished_at=now) for _ in range(2))
    assert post(chief, f"/callbacks/{again}/again", reason="").status_code == 422
    assert post(chief, f"/callbacks/{again}/again", reason="they called").status_code == 204
    assert post(chief, f"/callbacks/{rest}/rest", reason="moved away").status_code == 204
    assert post(chief, f"/callbacks/{rest}/again", reason="they called").status_code == 409


def test_a_number_that_was_found(centre: Centre, chief: TestClient) -> None:
    case_id = centre.case(centre.customer(phones=()), plan_rule="needs_data")
    assert post(chief, f"/cases/{case_id}/contact", text="no number").status_code == 422
    assert post(chief, f"/cases/{case_id}/contact", text="13800138009").headers["hx-redirect"] == f"/cases/{case_id}"
    assert post(chief, f"/cases/{case_id}/contact", text="13800138009").status_code == 409
    with centre.sessions() as session:
        assert session.scalars(select(ContactPoint.address)).all() == ["+8613800138009"]
    assert centre.the_case(case_id).plan_at == centre.now
    page = chief.get(f"/cases/{case_id}").text
    assert "13800138009" not in page
    assert "138****8009" in page
    assert chief.get("/cases/99999").status_code == 404


def test_the_worker_is_asked_to_look_ahead(house: House, chief: TestClient, make_agent: Callable[..., int]) -> None:
    assert post(chief, "/board/look-ahead").status_code == 204
    assert chief.get("/board?team=").status_code == 200
    assert chief.get("/board/live?team=7").status_code == 200


def test_of_many_teams_only_those_opened_come_with_their_people(
    centre: Centre, chief: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callback.web.board.FEW", 1)
    teams = [centre.team(name) for name in ("North", "South")]
    people = [centre.agent(f"a{team}", team_id=team) for team in teams]

    def shown(query: str) -> list[bool]:
        text = chief.get(f"/board/live?{query}").text
        return [f'id="agent-{agent}"' in text for agent in people]

    assert shown("opened=") == [False, False]
    assert shown(f"opened={teams[1]}") == [False, True]
    assert shown(f"opened={teams[0]}-{teams[1]}-0") == [True, True]
    assert shown(f"team={teams[0]}") == [True, False]
    assert chief.get("/board/live?opened=north").status_code == 422
