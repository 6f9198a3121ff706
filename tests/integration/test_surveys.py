"""Responses on both databases: every answer kept, nothing asked twice, scores at the end."""

import json
import threading
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.tables import Answer, Callback, Response
from callback.domain.survey import Form, Value
from callback.domain.words import Channel, Purpose, ResponseState, VersionState
from callback.errors import Conflict, Invalid, NotFound
from callback.services import questionnaires, surveys
from callback.services.surveys import Step
from tests.integration.test_scripts import add_callback, answered
from tests.town import add_customer

HAPPY: dict[str, Value] = {
    "solved": True, "accepted": True, "attitude": 5, "speed": 4, "product": 3, "one_contact": True, "effort": 6,
    "expectation": 4, "renewal": "yes", "recommend": 9, "improve": "无",
}  # fmt: skip


@pytest.fixture
def callback_id(sessions: SessionFactory, now: datetime) -> int:
    with sessions.begin() as session:
        assert questionnaires.seed_content(session, now) == 1
        case = answered(session, add_customer(session, now=now), now=now)
        return add_callback(session, case, Purpose.SURVEY, now=now).id


def opened(sessions: SessionFactory, callback_id: int, now: datetime, **how: Any) -> str:
    with sessions.begin() as session:
        callback = session.get_one(Callback, callback_id)
        return surveys.open_response(session, callback=callback, **{"channel": Channel.AGENT, "now": now, **how}).handle


def give(sessions: SessionFactory, handle: str, now: datetime, **what: Any) -> Step:
    with sessions.begin() as session:
        response = surveys.find_response(session, handle)
        return surveys.give_answer(session, response=response, **{"channel": Channel.AGENT, "now": now, **what})


def closed(sessions: SessionFactory, handle: str, now: datetime) -> Response:
    with sessions.begin() as session:
        return surveys.close_response(session, response=surveys.find_response(session, handle), now=now)


def answers(sessions: SessionFactory, handle: str) -> dict[str, Any]:
    with sessions() as session:
        response = surveys.find_response(session, handle)
        found = session.scalars(select(Answer).where(Answer.response_id == response.id))
        return {answer.question: answer.value for answer in found}


def test_a_whole_response(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    handle = opened(sessions, callback_id, now)
    asked = []
    with sessions() as session:
        step = surveys.where(session, surveys.find_response(session, handle))
    while step.question is not None:
        asked.append(step.question.name)
        step = give(sessions, handle, now, value=HAPPY[step.question.name])
        assert step.invalid is None
    assert asked == list(HAPPY)
    assert (step.done, step.total, step.is_complete) == (11, 11, True)
    response = closed(sessions, handle, now)
    assert response.state is ResponseState.COMPLETE
    assert (response.csat, response.nps, response.ces) == (66.67, 9, 6.0)
    assert answers(sessions, handle) == HAPPY
    stored = answers(sessions, handle)
    assert stored["solved"] is True
    assert type(stored["recommend"]) is int


def test_the_short_form_over_sms(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    handle = opened(sessions, callback_id, now, form=Form.SHORT, channel=Channel.SMS)
    for said in ("是", "1", "５", "满意", "10"):
        step = give(sessions, handle, now, said=said, channel=Channel.SMS)
        assert step.invalid is None
    assert step.question is not None
    assert step.question.name == "improve"
    response = closed(sessions, handle, now)
    assert (response.state, response.csat, response.nps, response.ces) == (ResponseState.PARTIAL, 100.0, 10, None)
    with sessions() as session:
        speed = session.scalar(select(Answer).where(Answer.response_id == response.id, Answer.question == "speed"))
        assert speed is not None
        assert (speed.value, speed.said, speed.channel) == (4, "满意", Channel.SMS)


def test_opening_again_is_the_same_response_and_resumes_it(
    sessions: SessionFactory, callback_id: int, now: datetime
) -> None:
    handle = opened(sessions, callback_id, now)
    give(sessions, handle, now, value=False)
    assert closed(sessions, handle, now).state is ResponseState.PARTIAL
    assert opened(sessions, callback_id, now, channel=Channel.WEB, form=Form.SHORT) == handle
    with sessions() as session:
        step = surveys.where(session, surveys.find_response(session, handle))
        assert step.response.state is ResponseState.OPEN
        assert step.question is not None
        assert step.question.name == "accepted"
        assert surveys.answers_of(step.response) == {"solved": False}


def test_nothing_said_is_expired_and_a_complete_one_stays_closed(
    sessions: SessionFactory, callback_id: int, now: datetime
) -> None:
    handle = opened(sessions, callback_id, now)
    assert closed(sessions, handle, now).state is ResponseState.EXPIRED
    opened(sessions, callback_id, now)
    for name, value in HAPPY.items():
        give(sessions, handle, now, question=name, value=value)
    first = closed(sessions, handle, now)
    opened(sessions, callback_id, now)
    again = closed(sessions, handle, now)
    assert (again.state, again.version) == (ResponseState.COMPLETE, first.version)
    with pytest.raises(Conflict, match="closed"):
        give(sessions, handle, now, question="speed", value=1)
    assert give(sessions, handle, now, question="speed", value=4).is_complete  # said twice: harmless


def test_the_same_answer_twice_is_one_answer(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    handle = opened(sessions, callback_id, now)
    give(sessions, handle, now, question="solved", value=True)
    step = give(sessions, handle, now, question="solved", value=True)
    assert step.question is not None
    assert step.question.name == "accepted"
    assert answers(sessions, handle) == {"solved": True}


def test_a_changed_answer_takes_the_meaningless_with_it(
    sessions: SessionFactory, callback_id: int, now: datetime
) -> None:
    handle = opened(sessions, callback_id, now)
    for name in ("solved", "accepted", "one_contact"):
        give(sessions, handle, now, question=name, value=True)
    give(sessions, handle, now, question="solved", value=False)
    assert answers(sessions, handle) == {"solved": False, "accepted": True}


def test_a_skipped_question_has_no_answer(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    handle = opened(sessions, callback_id, now)
    give(sessions, handle, now, question="effort", value=7)
    step = give(sessions, handle, now, question="effort", value=None)
    assert step.invalid is None
    assert answers(sessions, handle) == {}


@pytest.mark.parametrize(
    ("what", "invalid"),
    [
        ({"value": None}, "answer_required"),
        ({"value": 1}, "answer_not_a_choice"),
        ({"said": "大概吧"}, "answer_not_understood"),
        ({"question": "improve", "value": "x" * 1001}, "answer_too_long"),
        ({"question": "improve", "value": 5}, "answer_not_text"),
    ],
)
def test_an_answer_that_is_none_is_asked_again(
    sessions: SessionFactory, callback_id: int, now: datetime, what: dict[str, Any], invalid: str
) -> None:
    handle = opened(sessions, callback_id, now)
    step = give(sessions, handle, now, **what)
    assert step.invalid == invalid
    assert step.question is not None
    assert step.question.name == "solved"
    assert answers(sessions, handle) == {}


@pytest.mark.parametrize("question", ["one_contact", "weather"])
def test_what_is_not_asked_is_a_conflict(
    sessions: SessionFactory, callback_id: int, now: datetime, question: str
) -> None:
    handle = opened(sessions, callback_id, now)
    with pytest.raises(Conflict, match="not being asked"):
        give(sessions, handle, now, question=question, value=True)


def test_two_channels_at_once_lose_no_answer(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    """Eleven answers given at the same moment, each from a thread of its own: all of them are there."""
    handle = opened(sessions, callback_id, now)
    give(sessions, handle, now, question="solved", value=True)
    barrier = threading.Barrier(len(HAPPY))
    failures: list[BaseException] = []

    def answer(name: str, value: Value) -> None:
        barrier.wait()
        try:
            give(sessions, handle, now, question=name, value=value, channel=Channel.WEB)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=answer, args=item) for item in HAPPY.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert answers(sessions, handle) == HAPPY
    assert closed(sessions, handle, now).state is ResponseState.COMPLETE


def test_opened_from_many_sides_at_once_it_is_one(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    barrier = threading.Barrier(6)
    handles: list[str] = []

    def open_one() -> None:
        barrier.wait()
        handles.append(opened(sessions, callback_id, now, channel=Channel.WEB))

    threads = [threading.Thread(target=open_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(handles) == 6
    assert len(set(handles)) == 1


def test_a_response_keeps_the_version_it_began_with(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    handle = opened(sessions, callback_id, now)
    with sessions.begin() as session:
        (first,) = questionnaires.versions(session)
        fewer = json.loads(json.dumps(first.definition))
        fewer["pages"] = fewer["pages"][:1]
        draft = questionnaires.save_draft(session, key="satisfaction", definition=fewer, now=now)
        questionnaires.publish(session, questionnaire_id=draft.id, now=now)
        with pytest.raises(Conflict, match="not a draft"):
            questionnaires.publish(session, questionnaire_id=first.id, now=now)
        states = [row.state for row in questionnaires.versions(session, key="satisfaction")]
        assert states == [VersionState.PUBLISHED, VersionState.RETIRED]
    with sessions() as session:
        assert surveys.where(session, surveys.find_response(session, handle)).total > 6


def test_two_publishers_at_once_leave_one_version_in_force(
    sessions: SessionFactory, callback_id: int, now: datetime
) -> None:
    with sessions.begin() as session:
        (first,) = questionnaires.versions(session)
        drafts = [
            questionnaires.save_draft(session, key="satisfaction", definition=first.definition, now=now).id
            for _ in range(4)
        ]
    barrier = threading.Barrier(len(drafts))
    failures: list[BaseException] = []

    def publish(draft: int) -> None:
        barrier.wait()
        try:
            with sessions.begin() as session:
                questionnaires.publish(session, questionnaire_id=draft, now=now)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=publish, args=(draft,)) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(failure, Conflict) for failure in failures)
    with sessions() as session:
        states = [row.state for row in questionnaires.versions(session)]
        assert states.count(VersionState.PUBLISHED) == 1


def test_a_bad_questionnaire_is_refused(sessions: SessionFactory, callback_id: int, now: datetime) -> None:
    with sessions.begin() as session:
        (first,) = questionnaires.versions(session)
        with pytest.raises(Invalid) as refused:
            questionnaires.save_draft(session, key="mine", definition=first.definition | {"logo": "x"}, now=now)
        assert refused.value.code == "questionnaire_refused"
        assert refused.value.params["place"] == "logo"
        with pytest.raises(Invalid, match="cannot name"):
            questionnaires.save_draft(session, key="Mine!", definition=first.definition, now=now)
        with pytest.raises(NotFound):
            questionnaires.publish(session, questionnaire_id=10**6, now=now)
        assert questionnaires.seed_content(session, now) == 0


def test_without_a_questionnaire_nothing_opens(sessions: SessionFactory, now: datetime) -> None:
    with sessions.begin() as session:
        case = answered(session, add_customer(session, now=now), now=now)
        call = add_callback(session, case, Purpose.SURVEY, now=now)
        with pytest.raises(NotFound, match="No version"):
            surveys.open_response(session, callback=call, channel=Channel.AGENT, now=now)
        with pytest.raises(NotFound):
            surveys.find_response(session, "nobody-knows")
