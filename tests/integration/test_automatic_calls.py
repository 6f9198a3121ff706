"""The automatic call on both databases: keys and speech, silence, wrong keys, hanging up, a person, a machine."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from callback.db.engine import SessionFactory
from callback.db.tables import Attempt, Callback, Case, ContactPoint, Suppression
from callback.db.work import Kind, Wanted, counts
from callback.domain.plan import BASE_PRIORITY
from callback.domain.words import (
    AttemptState,
    CallbackState,
    Channel,
    ContactState,
    Disposition,
    Purpose,
    ResponseState,
    SuppressionScope,
)
from callback.services import automatic_calls, visits
from callback.services.automatic_calls import Heard
from callback.settings import Settings
from tests.fake_carrier import twiml
from tests.integration.surveyed import Surveyed, look, survey

ACTION = "https://callback.example/carrier/voice/abc"


@dataclass
class Line:
    """One call as the carrier sees it: follows the address of every turn."""

    sessions: SessionFactory
    settings: Settings
    under_way: Surveyed
    now: datetime
    query: dict[str, str]
    text: str = ""
    xml: str = ""
    over: bool = False

    def turn(self, digits: str = "", speech: str = "", *, seconds: float = 10, **more: Any) -> str:
        self.now += timedelta(seconds=seconds)
        heard = Heard(
            step=self.query.get("step", ""),
            tries=int(self.query.get("tries", 0)),
            since=int(self.query.get("since", 0)),
            digits=digits,
            speech=speech,
            **more,
        )
        with self.sessions.begin() as session:
            attempt = session.get_one(Attempt, self.under_way.attempt)
            xml = automatic_calls.turn(
                session, attempt=attempt, heard=heard, action=ACTION, now=self.now, settings=self.settings
            )
        self.xml = xml
        return self._read(xml)

    def _read(self, xml: str) -> str:
        root = ET.fromstring(xml)  # noqa: S314  our own
        assert root.tag == "Response"
        gather = root.find("Gather")
        self.over = gather is None
        if gather is None:
            assert [child.tag for child in root][-1] == "Hangup"
            self.text = " ".join(say.text or "" for say in root.findall("Say"))
            return self.text
        address = urlsplit(gather.get("action", ""))
        assert f"{address.scheme}://{address.netloc}{address.path}" == ACTION
        self.query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.text = " ".join(say.text or "" for say in gather.findall("Say"))
        return self.text


@pytest.fixture
def line(sessions: SessionFactory, settings: Settings, now: datetime) -> Line:
    under_way = survey(sessions, now, channel=Channel.VOICE, opened=False, name="Mei Wang")
    return Line(sessions, settings, under_way, now, {})


def test_a_whole_call_by_keys_and_words(sessions: SessionFactory, line: Line) -> None:
    assert "Mei Wang" in line.turn()
    assert "problem" not in line.text
    assert look(sessions, line.under_way).response is None
    assert "Has your problem been solved?" in line.turn("1")
    turns: tuple[dict[str, Any], ...] = ({"digits": "1"}, {"speech": "yes"}, {"digits": "5"}, {"speech": "very good"})
    for said in turns:
        assert not line.over
        line.turn(**said)
    assert "improve" in line.text
    assert line.turn(speech="Answer the telephone faster.") == "Thank you for your answers. Goodbye."
    seen = look(sessions, line.under_way)
    assert seen.answers == {
        "solved": True, "accepted": True, "attitude": 5, "speed": 5, "improve": "Answer the telephone faster.",
    }  # fmt: skip
    assert seen.response is not None
    assert seen.response.state is ResponseState.COMPLETE
    assert (seen.attempt.disposition, seen.callback.state) == (Disposition.COMPLETED, CallbackState.DONE)
    assert line.turn("1") == ""  # after the end there is nothing more to say


@pytest.mark.parametrize("since", [2**40, 1_900_000_000])
def test_a_call_that_began_in_the_future_begins_now(line: Line, since: int) -> None:
    """Whatever is in the address: the five minutes are counted, and no calendar ends."""
    line.turn()
    line.query["since"] = str(since)
    assert "Has your problem been solved?" in line.turn("1")
    assert int(line.query["since"]) <= line.now.timestamp()


def test_in_chinese(sessions: SessionFactory, settings: Settings, now: datetime) -> None:
    under_way = survey(sessions, now, channel=Channel.VOICE, opened=False, language="zh", salutation="王女士")
    line = Line(sessions, settings, under_way, now, {})
    assert "请问您是王女士吗" in line.turn()
    assert "解决了，请按1" in line.turn(speech="是的")
    line.turn(speech="没有解决")
    assert look(sessions, under_way).answers == {"solved": False}


def test_the_same_turn_again_answers_nothing_twice(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    line.turn("1")
    before = dict(line.query)
    line.turn("2")
    following = dict(line.query)
    line.query = before
    line.turn("1")  # repeated by the carrier, even with another key
    assert line.query["step"] == following["step"] == "accepted"
    assert look(sessions, line.under_way).answers == {"solved": False}


def test_star_repeats_and_silence_is_asked_once_more(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    first = line.turn("1")
    assert line.turn("*") in first
    assert line.query["tries"] == "1"
    assert "did not hear" in line.turn()
    assert "not one of the answers" in line.turn("7") or line.over
    assert line.over
    seen = look(sessions, line.under_way)
    assert (seen.attempt.disposition, seen.response is not None) == (Disposition.BREAK_OFF, True)


def test_wrong_keys_end_the_call_with_what_was_said(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    line.turn("1")
    line.turn("1")
    assert "not one of the answers" in line.turn("9")
    line.turn("8")
    assert line.over
    seen = look(sessions, line.under_way)
    assert seen.answers == {"solved": True}
    assert seen.attempt.disposition is Disposition.PARTIAL
    assert seen.response is not None
    assert seen.response.state is ResponseState.PARTIAL


def test_what_may_be_left_out_is(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    for key in ("1", "1", "1", "4", "4"):
        line.turn(key)
    assert line.query["step"] == "improve"
    line.turn("#")
    seen = look(sessions, line.under_way)
    assert "improve" not in seen.answers
    assert seen.attempt.disposition is Disposition.COMPLETED


def test_hanging_up_keeps_what_was_said(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    line.turn("1")
    line.turn("2")
    seen = look(sessions, line.under_way)
    assert seen.answers == {"solved": False}
    assert seen.attempt.state is AttemptState.CONNECTED
    assert len(seen.flags) == 1


@pytest.mark.parametrize("said", [{"digits": "2"}, {"speech": "No."}, {"speech": "不是"}, {"speech": "She's not here"}])
def test_somebody_else_hears_nothing(sessions: SessionFactory, line: Line, said: dict[str, Any]) -> None:
    line.turn()
    assert "sorry to have troubled you" in line.turn(**said)
    seen = look(sessions, line.under_way)
    assert (seen.attempt.disposition, seen.attempt.identity_at, seen.response) == (Disposition.THIRD_PARTY, None, None)


@pytest.mark.parametrize("said", ["No, sorry wrong number.", "打错了"])
def test_a_wrong_number_is_marked_as_one(sessions: SessionFactory, line: Line, said: str) -> None:
    line.turn()
    assert "sorry to have troubled you" in line.turn(speech=said)
    seen = look(sessions, line.under_way)
    assert (seen.attempt.disposition, seen.attempt.aapor_code) == (Disposition.WRONG_NUMBER, "3.30")
    with sessions() as session:
        assert session.scalars(select(ContactPoint.state)).all() == [ContactState.WRONG]


def test_a_wrong_number_that_wants_no_calls_takes_nothing_from_the_customer(
    sessions: SessionFactory, line: Line
) -> None:
    line.turn()
    line.turn(speech="Wrong number, don't call me again")
    with sessions() as session:
        (entry,) = session.scalars(select(Suppression)).all()
        assert (entry.scope, entry.address, entry.customer_id) == (SuppressionScope.ALL, line.under_way.phone, None)
    assert look(sessions, line.under_way).attempt.disposition is Disposition.WRONG_NUMBER


@pytest.mark.parametrize("said", ["Yes, speaking.", "It's me.", "嗯，是的", "this is Mei Wang"])
def test_the_person_is_heard_as_people_speak(line: Line, said: str) -> None:
    line.turn()
    assert "Has your problem been solved?" in line.turn(speech=said)


@pytest.mark.parametrize("said", ["No problem, go ahead.", "Yes, this is his wife"])
def test_what_confirms_nothing_and_denies_nothing_is_asked_again(line: Line, said: str) -> None:
    line.turn()
    assert "Mei Wang" in line.turn(speech=said)
    assert not line.over


@pytest.mark.parametrize("words", ["Stop.", "Quit", "退订", "别打了", "Unsubscribe"])
@pytest.mark.parametrize("confirmed", [True, False])
def test_a_word_said_aloud_stops_it_at_any_turn(
    sessions: SessionFactory, line: Line, words: str, confirmed: bool
) -> None:
    line.turn()
    if confirmed:
        line.turn("1")
    assert "will not be called" in line.turn(speech=words)
    assert line.over
    assert look(sessions, line.under_way).attempt.disposition is Disposition.REFUSED


def test_an_answer_and_a_stop_in_one_breath_are_both_kept(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    line.turn("1")
    line.turn(speech="No, stop calling me.")
    seen = look(sessions, line.under_way)
    assert (seen.answers, seen.attempt.disposition) == ({"solved": False}, Disposition.PARTIAL)
    with sessions() as session:
        assert set(session.scalars(select(Suppression.scope))) == {SuppressionScope.ALL}


def test_a_question_without_a_confirmed_person_is_not_asked(line: Line) -> None:
    line.query = {"step": "solved", "tries": "1", "since": "0"}
    assert "Mei Wang" in line.turn("1")


def test_silence_at_the_start_is_nobody(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    line.turn()
    assert not line.over
    line.turn()
    assert line.over
    assert look(sessions, line.under_way).attempt.disposition is Disposition.IDENTITY_NOT_CONFIRMED


def test_a_machine_is_told_nothing(sessions: SessionFactory, line: Line) -> None:
    assert line.turn(answered_by="machine_start") == ""
    assert look(sessions, line.under_way).attempt.disposition is Disposition.ANSWERING_MACHINE


def test_zero_calls_for_a_person(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    line.turn("1")
    line.turn("1")
    assert "colleague will call" in line.turn("0")
    with sessions() as session:
        made = session.scalars(select(Callback).where(Callback.purpose == Purpose.VISIT)).one()
        assert (made.channel, made.case_id, made.state) == (Channel.AGENT, line.under_way.case, CallbackState.WAITING)
        assert (made.priority, made.priority_floor) == (BASE_PRIORITY[Purpose.ANSWER],) * 2
        promised = Wanted(kind=Kind.WAITING, promised=True)
        courtesy = Wanted(kind=Kind.WAITING, promised=False)
        found = counts(session, {"promised": promised, "courtesy": courtesy}, now=line.now, day_starts=line.now)
        assert found == {"promised": 1, "courtesy": 0}
    assert look(sessions, line.under_way).attempt.disposition is Disposition.PARTIAL


@pytest.mark.parametrize("state", [CallbackState.WAITING, CallbackState.ASSIGNED])
def test_a_visit_weeks_ahead_is_pulled_forward_when_the_customer_asks_for_a_person(
    sessions: SessionFactory, line: Line, make_agent: Any, state: CallbackState
) -> None:
    later = line.now + timedelta(weeks=3)
    agent = make_agent("li") if state is CallbackState.ASSIGNED else None
    with sessions.begin() as session:
        case = session.get_one(Case, line.under_way.case)
        visit = visits.arrange(
            session, case=case, earliest_at=later, due_at=later + timedelta(days=7), by=None, now=line.now
        )
        visit.state, visit.agent_id, visit.planned_at = state, agent, None if agent is None else later
        visit.pinned = agent is not None
    line.turn()
    assert "colleague will call" in line.turn("0")
    with sessions() as session:
        made = session.scalars(select(Callback).where(Callback.purpose == Purpose.VISIT)).one()
        assert (made.state, made.agent_id, made.planned_at) == (CallbackState.WAITING, None, None)
        assert made.priority == BASE_PRIORITY[Purpose.ANSWER]
        assert made.earliest_at <= line.now
        assert made.due_at == line.now + timedelta(days=1)


@pytest.mark.parametrize(
    ("words", "scopes"),
    [
        ("please stop calling me", {SuppressionScope.ALL}),
        ("no more surveys please", {SuppressionScope.VOICE, SuppressionScope.SURVEY}),
    ],
)
def test_a_wish_said_aloud_is_kept(
    sessions: SessionFactory, line: Line, words: str, scopes: set[SuppressionScope]
) -> None:
    line.turn()
    line.turn(speech=words)
    assert line.over
    with sessions() as session:
        entries = session.scalars(select(Suppression)).all()
        assert {entry.scope for entry in entries} == scopes
        assert all(entry.evidence["words"] == words for entry in entries)
    assert look(sessions, line.under_way).attempt.disposition is Disposition.REFUSED


def test_the_call_ends_within_five_minutes_whatever_happens(sessions: SessionFactory, line: Line) -> None:
    line.turn()
    line.turn("1", seconds=20)
    line.turn("1", seconds=120)
    line.turn("1", seconds=140)
    assert "do not want to take more of your time" in line.text
    assert line.over
    assert look(sessions, line.under_way).attempt.disposition is Disposition.PARTIAL


def test_no_free_text_is_begun_that_the_limit_would_cut_off(sessions: SessionFactory, line: Line) -> None:
    """At 240 s a key could still be pressed; thirty seconds of speech would end after the carrier has hung up."""
    line.turn()
    line.turn("1", seconds=20)
    for seconds in (60, 60, 60):
        line.turn("1", seconds=seconds)
        assert not line.over
    line.turn("1", seconds=45)
    assert line.over
    assert "do not want to take more of your time" in line.text
    seen = look(sessions, line.under_way)
    assert (seen.attempt.disposition, len(seen.answers)) == (Disposition.PARTIAL, 4)


def test_the_recording_is_announced(sessions: SessionFactory, settings: Settings, now: datetime) -> None:
    under_way = survey(sessions, now, channel=Channel.VOICE, opened=False)
    recorded = settings.model_copy(update={"record_calls": True})
    line = Line(sessions, recorded, under_way, now, {})
    assert "recorded" in line.turn()
    assert "<Recording" not in line.xml
    line.turn(digits="5")  # not understood: nobody has confirmed anything
    assert "<Recording" not in line.xml
    line.turn(digits="1")
    assert line.xml.count("<Recording") == 1
    assert not twiml.faults(line.xml)
    line.turn(digits="1")
    assert "<Recording" not in line.xml


def test_nobody_is_recorded_who_was_not_told(line: Line) -> None:
    assert "recorded" not in line.turn()
    line.turn(digits="1")
    assert "<Recording" not in line.xml
