"""The customer's page on both databases: nothing before the person is confirmed, every answer kept, then closed."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from callback.bootstrap import House
from callback.db.tables import Attempt, Callback, ContactPoint, Decision, Response, Suppression
from callback.domain.words import (
    AttemptState,
    CallbackState,
    Channel,
    ContactState,
    Disposition,
    ResponseState,
    SuppressionScope,
)
from callback.web import survey as page_module
from callback.web.throttle import Throttle
from tests.integration.conftest import StandingClock
from tests.integration.surveyed import Surveyed, look, survey

SUBJECT = "宽带经常掉线"
HAPPY = {
    "solved": "true", "accepted": "true", "attitude": "5", "speed": "5", "product": "4", "one_contact": "true",
    "effort": "7", "expectation": "4", "renewal": "yes", "recommend": "10", "improve": "<b>都好</b>",
}  # fmt: skip


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of the process would carry over from one test to the next."""
    monkeypatch.setattr(page_module, "VISITS", Throttle(burst=1000, per_minute=1000))
    monkeypatch.setattr(page_module, "GUESSES", Throttle(burst=1000, per_minute=1000))


@pytest.fixture
def asked(house: House) -> Surveyed:
    return survey(house.sessions, house.clock(), channel=Channel.EMAIL, name="Mei Wang")


def confirmed(desk: Any, asked: Surveyed) -> Any:
    client = desk.anonymous()
    answer = client.post(f"/s/{asked.handle}", data={"act": "confirm"}, follow_redirects=False)
    assert answer.status_code == 303
    return client


def give(client: Any, asked: Surveyed, question: str, value: str, act: str = "answer") -> Any:
    return client.post(f"/s/{asked.handle}", data={"act": act, "question": question, "value": value})


def question_of(text: str) -> str:
    found = re.search(r'name="question" value="(\w+)"', text)
    return found.group(1) if found else ""


def test_a_stranger_learns_nothing(desk: Any, asked: Surveyed) -> None:
    answer = desk.anonymous().get(f"/s/{asked.handle}")
    assert answer.status_code == 200
    assert "M**" in answer.text
    for secret in ("Mei", "Wang", SUBJECT, "solved", asked.phone):
        assert secret not in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "<script" not in answer.text
    assert not re.findall(r'(?:src|href)="https?:', answer.text)


def test_a_whole_survey_without_a_script(desk: Any, house: House, asked: Surveyed) -> None:
    client = confirmed(desk, asked)
    text = client.get(f"/s/{asked.handle}").text
    assert SUBJECT in text
    seen = []
    while question := question_of(text):
        seen.append(question)
        answer = give(client, asked, question, HAPPY[question])
        assert answer.status_code == 200
        text = answer.text
    assert seen == list(HAPPY)
    assert "Your answers have arrived" in text
    found = look(house.sessions, asked)
    assert found.answers["improve"] == "<b>都好</b>"
    assert found.answers["solved"] is True
    assert found.response is not None
    assert (found.response.state, found.response.confirmed_at) == (ResponseState.COMPLETE, house.clock())
    assert (found.attempt.disposition, found.callback.state) == (Disposition.COMPLETED, CallbackState.DONE)
    again = client.get(f"/s/{asked.handle}").text
    assert question_of(again) == ""
    assert SUBJECT not in again


def test_it_goes_on_where_it_was_left_on_the_same_browser_alone(desk: Any, house: House, asked: Surveyed) -> None:
    client = confirmed(desk, asked)
    give(client, asked, "solved", "true")
    assert question_of(client.get(f"/s/{asked.handle}").text) == "accepted"
    other = desk.anonymous()
    text = other.get(f"/s/{asked.handle}").text
    assert question_of(text) == ""
    assert SUBJECT not in text
    give(other, asked, "accepted", "false")
    assert look(house.sessions, asked).answers == {"solved": True}


def test_an_earlier_answer_is_looked_at_and_changed(desk: Any, house: House, asked: Surveyed) -> None:
    client = confirmed(desk, asked)
    give(client, asked, "solved", "true")
    text = client.get(f"/s/{asked.handle}", params={"q": "solved"}).text
    assert question_of(text) == "solved"
    assert re.search(r'value="True"[^>]* checked', text)
    give(client, asked, "solved", "false")
    assert look(house.sessions, asked).answers == {"solved": False}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "choose or write"),
        ("5", "one of the answers"),
        ("x\x00y", "one of the answers"),
    ],
)
def test_what_is_no_answer_is_asked_again(desk: Any, house: House, asked: Surveyed, value: str, fault: str) -> None:
    client = confirmed(desk, asked)
    text = give(client, asked, "solved", value).text
    assert fault in text
    assert question_of(text) == "solved"
    assert look(house.sessions, asked).answers == {}


def test_a_question_may_be_skipped_when_it_need_not_be_answered(desk: Any, house: House, asked: Surveyed) -> None:
    client = confirmed(desk, asked)
    assert "choose or write" in give(client, asked, "solved", "true", act="skip").text
    give(client, asked, "effort", "", act="skip")
    for name, value in HAPPY.items():
        if name != "effort":
            give(client, asked, name, value)
    found = look(house.sessions, asked)
    assert "effort" not in found.answers
    assert found.attempt.disposition is Disposition.COMPLETED


def test_a_bad_answer_raises_the_flag(desk: Any, house: House, asked: Surveyed) -> None:
    client = confirmed(desk, asked)
    give(client, asked, "solved", "false")
    assert len(look(house.sessions, asked).flags) == 1


def test_the_link_expires_and_others_do_not_exist(desk: Any, house: House, clock: Any, asked: Surveyed) -> None:
    client = confirmed(desk, asked)
    clock.advance(days=15)
    for address in (f"/s/{asked.handle}", "/s/" + "x" * 32, "/s/a"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "no longer valid" in answer.text
    give(client, asked, "solved", "true")
    assert look(house.sessions, asked).answers == {}
    with house.sessions.begin() as session:
        session.get_one(Response, asked.response).expires_at = None
    assert client.get(f"/s/{asked.handle}").status_code == 404


def test_somebody_else_sees_nothing_and_it_is_on_record(desk: Any, house: House, asked: Surveyed) -> None:
    text = desk.anonymous().post(f"/s/{asked.handle}", data={"act": "not_me"}).text
    assert "not meant for you" in text
    assert SUBJECT not in text
    with house.sessions() as session:
        assert "page_not_the_person" in set(session.scalars(select(Decision.rule)))


def test_the_address_of_somebody_else_is_marked_and_its_try_is_over(desk: Any, house: House, asked: Surveyed) -> None:
    desk.anonymous().post(f"/s/{asked.handle}", data={"act": "not_me"})
    found = look(house.sessions, asked)
    assert (found.attempt.disposition, found.attempt.aapor_code) == (Disposition.WRONG_NUMBER, "3.30")
    assert found.callback.state is CallbackState.BLOCKED
    with house.sessions() as session:
        assert session.scalars(select(ContactPoint.state)).all() == [ContactState.WRONG]


def test_a_forwarded_link_takes_nothing_from_whoever_has_confirmed(desk: Any, house: House, asked: Surveyed) -> None:
    confirmed(desk, asked)
    desk.anonymous().post(f"/s/{asked.handle}", data={"act": "not_me"})
    assert look(house.sessions, asked).attempt.state is not AttemptState.ENDED


def test_no_more_such_questions(desk: Any, house: House, asked: Surveyed) -> None:
    text = desk.anonymous().post(f"/s/{asked.handle}", data={"act": "opt_out"}).text
    assert "will not ask you" in text
    with house.sessions() as session:
        entry = session.scalars(select(Suppression)).one()
        assert (entry.scope, entry.customer_id) == (SuppressionScope.SURVEY, asked.customer)
        assert entry.evidence["page"] == "survey"
    assert look(house.sessions, asked).attempt.disposition is Disposition.REFUSED


def test_the_one_click_of_a_mail_program(desk: Any, house: House, asked: Surveyed) -> None:
    """RFC 8058: a POST without a cookie stops it; what only follows links, as scanners of mail do, stops nothing."""
    reader = desk.anonymous()
    opened = reader.get(f"/s/{asked.handle}/unsubscribe", follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, f"/s/{asked.handle}")
    with house.sessions() as session:
        assert session.scalars(select(Suppression)).all() == []
    for _ in range(2):
        done = reader.post(f"/s/{asked.handle}/unsubscribe", data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
    with house.sessions() as session:
        assert len(session.scalars(select(Suppression)).all()) == 1


def test_what_was_never_a_link_confirms_no_opt_out(desk: Any, house: House) -> None:
    """Whoever has half a link must not believe that it was kept."""
    for path, form in (("/s/nothing-of-ours/unsubscribe", {}), ("/s/nothing-of-ours", {"act": "opt_out"})):
        told = desk.anonymous().post(path, data=form)
        assert (told.status_code, "will not ask you" in told.text) == (404, False)


def test_a_wish_is_kept_after_the_link_has_expired(
    desk: Any, house: House, asked: Surveyed, clock: StandingClock
) -> None:
    clock.advance(days=60)
    assert desk.anonymous().get(f"/s/{asked.handle}").status_code == 404
    done = desk.anonymous().post(f"/s/{asked.handle}/unsubscribe", data={"List-Unsubscribe": "One-Click"})
    assert (done.status_code, "will not ask you" in done.text) == (200, True)
    with house.sessions() as session:
        assert session.scalars(select(Suppression)).one().customer_id == asked.customer


def test_both_languages(desk: Any, house: House, asked: Surveyed) -> None:
    client = desk.anonymous()
    assert "请问您是" in client.get(f"/s/{asked.handle}", params={"lang": "zh"}).text
    english = client.get(f"/s/{asked.handle}", params={"lang": "nonsense"}).text
    assert 'lang="en"' in english
    assert "web." not in english


def test_answered_after_the_last_try_had_ended(desk: Any, house: House, asked: Surveyed) -> None:
    """Between two tries nothing is open; the answers settle the duty all the same."""
    with house.sessions.begin() as session:
        attempt = session.get_one(Attempt, asked.attempt)
        attempt.state, attempt.disposition = AttemptState.ENDED, Disposition.NO_RESPONSE
        callback = session.get_one(Callback, asked.callback)
        callback.state, callback.lease_until = CallbackState.WAITING, None
    client = confirmed(desk, asked)
    for name, value in HAPPY.items():
        give(client, asked, name, value)
    found = look(house.sessions, asked)
    assert found.response is not None
    assert found.response.state is ResponseState.COMPLETE
    assert (found.callback.state, found.callback.result) == (CallbackState.DONE, "completed")


def test_it_is_limited(desk: Any, asked: Surveyed, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(page_module, "GUESSES", Throttle(burst=3, per_minute=6, clock=lambda: now[0]))
    client = desk.anonymous()
    codes = [client.get(f"/s/{'y' * 31}{i}").status_code for i in range(5)]
    assert codes == [404, 404, 404, 429, 429]
    late = client.get("/s/" + "z" * 32)
    assert late.headers["retry-after"] == "10"
    assert client.get(f"/s/{asked.handle}").status_code == 200  # who has a link is not kept out
    now[0] += 10
    assert client.get("/s/" + "z" * 32).status_code == 404


def test_the_clicks_of_a_mail_provider_are_not_limited(
    desk: Any, house: House, asked: Surveyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come from a few addresses and are not told again: one that is refused would be a wish that is lost."""
    monkeypatch.setattr(page_module, "VISITS", Throttle(burst=1, per_minute=1))
    monkeypatch.setattr(page_module, "GUESSES", Throttle(burst=1, per_minute=1))
    client = desk.anonymous()
    codes = [client.get(f"/s/{asked.handle}").status_code for _ in range(2)]
    codes += [client.post(f"/s/{'y' * 31}{i}/unsubscribe").status_code for i in range(2)]
    assert codes == [200, 429, 404, 429]
    assert client.post(f"/s/{asked.handle}/unsubscribe").status_code == 200
    with house.sessions() as session:
        assert session.scalars(select(Suppression)).one().customer_id == asked.customer


def test_the_style_is_ours(desk: Any) -> None:
    answer = desk.anonymous().get("/s/-/survey.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert "http" not in answer.text


def test_a_throttle_forgets_and_refills() -> None:
    now = [0.0]
    throttle = Throttle(burst=2, per_minute=60, clock=lambda: now[0])
    assert [throttle.wait("a"), throttle.wait("a"), throttle.wait("a"), throttle.wait("b")] == [0, 0, 1, 0]
    now[0] += timedelta(seconds=1).total_seconds()
    assert throttle.wait("a") == 0
