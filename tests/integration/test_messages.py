"""Replies that a person deals with, on both databases: as an answer, a call, an opt-out; and never twice."""

from typing import Any

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.tables import AuditEntry, Callback, InboundMessage, Send, Suppression
from callback.domain.words import CallbackState, Purpose, ResponseState, SendKind, SendState, SuppressionScope
from callback.services import replies, surveys
from tests.integration.conftest import StandingClock
from tests.integration.surveyed import CENTRE, PHONE, Surveyed, look, survey

GO = {"follow_redirects": False}


def _write(house: House, *texts: str, phone: str = PHONE) -> list[int]:
    for text in texts:
        with house.sessions.begin() as session:
            replies.receive(
                session, from_address=phone, to_address=CENTRE, text=text, provider_id=f"SM{hash(text)}",
                now=house.clock(), settings=house.settings,
            )  # fmt: skip
    with house.sessions() as session:
        return list(session.scalars(select(InboundMessage.id).order_by(InboundMessage.id)))


@pytest.fixture
def unclear(house: House) -> tuple[Surveyed, int]:
    """Twice not understood: the second message waits for a person."""
    under_way = survey(house.sessions, house.clock())
    return under_way, _write(house, "hm", "hm hm")[-1]


def test_as_an_answer_the_survey_goes_on(desk: Any, house: House, unclear: tuple[Surveyed, int]) -> None:
    under_way, message = unclear
    chief = desk.supervisor()
    assert "hm hm" in chief.get(f"/messages/{message}").text
    assert chief.post(f"/messages/{message}/answer", data={"value": "perhaps"}, **GO).status_code == 422
    assert chief.post(f"/messages/{message}/answer", data={"value": "True"}, **GO).status_code == 303
    found = look(house.sessions, under_way)
    assert (found.answers, found.said) == ({"solved": True}, {"solved": "hm hm"})
    with house.sessions() as session:
        queued = session.scalars(select(Send).where(Send.state == SendState.QUEUED)).all()
        done = session.scalars(select(AuditEntry).where(AuditEntry.action == "message.answer")).one()
    assert [send.kind for send in queued] == [SendKind.QUESTION]
    assert "acceptable" in queued[0].body
    assert done.actor_id == desk.ids["chief"]
    again = chief.post(f"/messages/{message}/answer", data={"value": "True"}, **GO)
    assert again.status_code == 409
    assert "Chief has dealt with this message already" in again.text


def test_an_answer_after_the_end_is_kept_and_judged(desk: Any, house: House, unclear: tuple[Surveyed, int]) -> None:
    under_way, message = unclear
    with house.sessions.begin() as session:
        callback = session.get_one(Callback, under_way.callback)
        callback.state, callback.lease_until, callback.finished_at = CallbackState.DONE, None, house.clock()
        response = surveys.of_callback(session, callback.id)
        assert response is not None
        surveys.close_response(session, response=response, now=house.clock())
    assert desk.supervisor().post(f"/messages/{message}/answer", data={"value": "False"}, **GO).status_code == 303
    found = look(house.sessions, under_way)
    assert found.response is not None
    assert (found.response.state, found.answers) == (ResponseState.PARTIAL, {"solved": False})
    assert len(found.flags) == 1
    with house.sessions() as session:
        assert session.scalars(select(Send)).all() == []


def test_a_question_that_was_answered_since(desk: Any, house: House, unclear: tuple[Surveyed, int]) -> None:
    _, message = unclear
    _write(house, "yes")
    chief = desk.supervisor()
    assert "has answered this question since" in chief.get(f"/messages/{message}").text
    assert chief.post(f"/messages/{message}/answer", data={"value": "True"}, **GO).status_code == 409
    assert chief.post(f"/messages/{message}/handled", **GO).status_code == 303  # the refused one took nothing


def test_at_night_the_next_question_waits(
    desk: Any, house: House, clock: StandingClock, unclear: tuple[Surveyed, int]
) -> None:
    _, message = unclear
    clock.advance(hours=11)  # 21:00
    assert desk.supervisor().post(f"/messages/{message}/answer", data={"value": "True"}, **GO).status_code == 303
    with house.sessions() as session:
        (send,) = session.scalars(select(Send)).all()  # the sender judges the hour (`test_conversations_held_up.py`)
        assert send.state is SendState.QUEUED


def test_somebody_calls(desk: Any, house: House, unclear: tuple[Surveyed, int]) -> None:
    under_way, message = unclear
    other = _write(house, "please call me")[-1]
    chief = desk.supervisor()
    for one in (message, other):
        assert chief.post(f"/messages/{one}/callback", **GO).status_code == 303
    with house.sessions() as session:
        visit = session.scalars(select(Callback).where(Callback.purpose == Purpose.VISIT)).one()
    assert visit.case_id == under_way.case


@pytest.mark.parametrize("scope", ["sms", "survey", "all"])
def test_an_opt_out_ends_the_conversation(desk: Any, house: House, unclear: tuple[Surveyed, int], scope: str) -> None:
    under_way, message = unclear
    chief = desk.supervisor()
    assert chief.post(f"/messages/{message}/opt-out", data={"scope": "agent"}, **GO).status_code == 422
    assert chief.post(f"/messages/{message}/opt-out", data={"scope": scope}, **GO).status_code == 303
    with house.sessions() as session:
        kept = session.scalars(select(Suppression)).all()
    assert {entry.scope for entry in kept} == {SuppressionScope(scope)}
    assert all(entry.evidence["words"] == "hm hm" for entry in kept)
    found = look(house.sessions, under_way)
    assert found.response is not None
    assert found.response.state is ResponseState.EXPIRED


def test_a_stranger(desk: Any, house: House) -> None:
    (message,) = _write(house, "who are you?", phone="+14155550999")
    chief = desk.supervisor()
    assert "No case is known" in chief.get(f"/messages/{message}").text
    assert chief.post(f"/messages/{message}/callback", **GO).status_code == 409
    assert chief.post(f"/messages/{message}/opt-out", data={"scope": "survey"}, **GO).status_code == 422
    assert chief.post(f"/messages/{message}/opt-out", data={"scope": "sms"}, **GO).status_code == 303


def test_read_done_and_taken_back(desk: Any, house: House, unclear: tuple[Surveyed, int]) -> None:
    _, message = unclear
    chief, other = desk.supervisor(), desk.supervisor("other")
    assert chief.post(f"/messages/{message}/handled", **GO).status_code == 303
    assert other.post(f"/messages/{message}/back", **GO).status_code == 409
    assert chief.post(f"/messages/{message}/back", **GO).status_code == 303
    assert other.post(f"/messages/{message}/callback", **GO).status_code == 303
    assert chief.get("/messages/4711").status_code == 404
    for group in ("open", "words", "thanks", "stops", "all"):
        assert chief.get("/messages", params={"group": group, "before": ""}).status_code == 200
    assert desk.agent().get("/messages").status_code == 403
    assert desk.agent().post(f"/messages/{message}/handled").status_code == 403
