"""The sandbox as a product: a survey by message and one by call, answered through the API, nothing leaving."""

from typing import Any

import pytest
from sqlalchemy import select

from callback.db.tables import Attempt, Send
from callback.domain.words import Channel, Disposition, SendState
from tests.integration.conftest import Desk
from tests.integration.post_office import PostOffice
from tests.integration.test_conversations import _contented


def test_a_survey_by_message(sandbox: PostOffice, chief: Any) -> None:
    handle = sandbox.due(point={"fictional": True})
    for _ in range(12):
        sandbox.round()
        if sandbox.attempts(handle)[0].disposition is not None:
            break
        last = chief.get("/api/v1/sandbox/outbox").json()["items"][-1]
        told = chief.post(f"/api/v1/sandbox/messages/{last['handle']}", json={"text": _contented(last["body"])})
        assert told.status_code == 200, told.text
        sandbox.clock.advance(seconds=10)
    assert sandbox.attempts(handle)[0].disposition is Disposition.COMPLETED


def test_a_survey_by_call(sandbox: PostOffice, chief: Any) -> None:
    handle = sandbox.due(channel=Channel.VOICE, point={"fictional": True})
    sandbox.round(channel=Channel.VOICE)
    (call,) = chief.get("/api/v1/sandbox/outbox").json()["items"]
    state: dict[str, Any] = {}
    for _ in range(20):
        told = chief.post(f"/api/v1/sandbox/calls/{call['handle']}", json=state)
        assert told.status_code == 200, told.text
        turn = told.json()
        if turn["over"]:
            break
        state = {"digits": "1", "step": turn["step"], "tries": turn["tries"], "since": turn["since"]}
        sandbox.clock.advance(seconds=8)
    assert sandbox.attempts(handle)[0].disposition is Disposition.COMPLETED


def test_nobody_takes_the_call_and_nothing_real_is_reached(sandbox: PostOffice, chief: Any) -> None:
    handle = sandbox.due(channel=Channel.VOICE)
    sandbox.round(channel=Channel.VOICE)
    (call,) = chief.get("/api/v1/sandbox/outbox").json()["items"]
    assert chief.post(f"/api/v1/sandbox/calls/{call['handle']}/hang-up").status_code == 204
    assert sandbox.attempts(handle)[0].disposition is Disposition.NO_ANSWER
    assert chief.post(f"/api/v1/sandbox/messages/{call['handle']}", json={"text": "1"}).status_code == 404


@pytest.mark.parametrize("hours", [0, 6, 12, 18])
def test_an_invented_customer_is_surveyed_at_any_hour(
    sandbox: PostOffice, request: pytest.FixtureRequest, hours: int
) -> None:
    """Whatever the hour is here, somewhere it is a decent one; nothing is bent for it."""
    sandbox.clock.advance(hours=hours)
    chief = request.getfixturevalue("chief")
    told = chief.post("/sandbox/invite", data={"channel": "sms", "spoken": "zh"}, follow_redirects=False)
    assert told.status_code == 303, told.text
    sandbox.plan()
    sandbox.round()
    assert "【Callback Demo】" in chief.get(told.headers["location"]).text


def test_a_double_click_is_one_message(sandbox: PostOffice, chief: Any) -> None:
    there = chief.post("/sandbox/invite", data={"channel": "sms"}, follow_redirects=False).headers["location"]
    assert chief.post(f"{there}/messages", data={"text": "1", "once": "a-click"}).status_code == 404  # nothing sent yet
    sandbox.plan()
    sandbox.round()
    for _ in range(2):
        assert chief.post(f"{there}/messages", data={"text": "1\x00", "once": "a-click"}).status_code == 200
    assert chief.get("/api/v1/messages").json()["items"][1:] == []
    with sandbox.house.sessions() as session:
        queued = session.scalars(select(Send).where(Send.state == SendState.QUEUED)).all()
    assert len(queued) == 1


def test_a_machine_takes_the_call(sandbox: PostOffice, chief: Any) -> None:
    there = chief.post("/sandbox/invite", data={"channel": "voice"}, follow_redirects=False).headers["location"]
    sandbox.plan()
    sandbox.round(channel=Channel.VOICE)
    (call,) = chief.get("/api/v1/sandbox/outbox").json()["items"]
    assert chief.post(f"/sandbox/calls/{call['handle']}", data={"machine": "true"}).status_code == 200
    with sandbox.house.sessions() as session:
        (attempt,) = session.scalars(select(Attempt)).all()
    assert attempt.disposition is Disposition.ANSWERING_MACHINE
    assert "completed" not in chief.get(f"{there}/live").text


def test_who_may_not(sandbox: PostOffice, chief: Any, desk: Desk) -> None:
    assert chief.post("/sandbox/invite", data={"channel": "email"}).status_code == 409  # not switched on
    assert chief.get("/sandbox/4711").status_code == 404
    assert chief.post("/sandbox/calls/not-a-call-of-ours", data={}).status_code == 404
    for address in ("/sandbox", "/sandbox/1", "/sandbox/1/live"):
        assert desk.agent().get(address).status_code == 403
    assert "CALLBACK_CHANNELS=sandbox_sms" in desk.supervisor("other").get("/sandbox").text
