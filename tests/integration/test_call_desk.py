"""The page of a call: who may, what it shows when, and that nothing breaks or is lost."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from callback.bootstrap import House
from callback.db.tables import Attempt, AuditEntry, Callback, Customer, Dissatisfaction
from callback.domain.words import CallbackState, Disposition, Purpose, Severity
from callback.services.attempts.talk import MOST_NOTES
from tests.integration.call_centre import Centre
from tests.integration.conftest import StandingClock

CASE_WORDS = ("电梯经常停运", "三号楼的电梯上周停了四次", "维修已经完成")
TOLD = ("1", "1", "1", "1", "1", "1", "1", "1")
"""From "somebody answers" to "no new need"."""


@pytest.fixture
def centre(house: House, now: datetime) -> Centre:
    return Centre(house.sessions, house.settings, now).open()


class Caller:
    """One agent with one call, over HTTP."""

    def __init__(self, desk: Any, centre: Centre, *, login: str = "li", **columns: Any) -> None:
        self.desk, self.centre = desk, centre
        self.client = desk.agent(login)
        self.client.headers["HX-Request"] = "true"
        self.agent_id = desk.ids[login]
        self.callback = centre.callback(self.agent_id, **columns)
        self.handle = centre.start(self.callback, self.agent_id).attempt
        self.address = f"/calls/{self.handle}"

    def page(self) -> str:
        answer = self.client.get(self.address)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def post(self, path: str, status: int = 200, **form: Any) -> Any:
        answer = self.client.post(self.address + path, data=form)
        assert answer.status_code == status, answer.text
        return answer

    def step(self, *choices: str, **fields: str) -> str:
        text = ""
        for choice in choices:
            form: dict[str, Any] = {
                "choice": choice,
                "version": self.version(),
                **{f"field.{k}": v for k, v in fields.items()},
            }
            text = self.post("/steps", **form).text
        return text

    def version(self) -> int:
        return self.attempt().version

    def attempt(self) -> Attempt:
        return self.centre.attempt(self.handle)

    def answer(self, question: str, **said: Any) -> str:
        return str(self.post("/answers", question=question, **said).text)


@pytest.fixture
def caller(desk: Any, centre: Centre) -> Callable[..., Caller]:
    return lambda **columns: Caller(desk, centre, **columns)


def test_nothing_of_the_case_before_the_person_is_confirmed(caller: Callable[..., Caller]) -> None:
    call = caller()
    number = call.centre.the_case(call.attempt().case_id).external_id
    hidden = (*CASE_WORDS, f">{number}<")
    for step in ((), ("1",), ("2",), ("1",)):
        call.step(*step)
        for text in (call.page(), call.client.get(call.address + "/script?closing=true").text):
            assert not [word for word in hidden if word in text]
    shown = call.step("1")
    assert not [word for word in hidden if word not in shown]
    undone = call.post("/back", version=call.version()).text
    assert not [word for word in hidden if word in undone]
    assert not [word for word in hidden if word in call.page()]


def test_a_whole_call(caller: Callable[..., Caller]) -> None:
    call = caller()
    assert "+86 138****000" in call.page() or "****" in call.page()
    call.step(*TOLD)
    assert "您反映的问题解决了吗" in call.step("1")
    call.answer("solved", place=0)
    call.answer("accepted", place=0)
    call.answer("attitude", place=4)
    assert "处理的速度" in call.client.get(call.address + "/script?question=speed").text
    call.answer("speed", place=4)
    assert "0 分不会推荐" in call.answer("speed", place=3)  # corrected
    call.answer("recommend", place=10)
    assert "All questions are answered" in call.answer("improve")
    end = call.step("1")
    assert re.search(r'<option value="completed"\s+selected>', end)
    answer = call.post("/finish", 204, outcome="completed", attitude="warm", hung_up_first="customer", notes="都好")
    assert answer.headers["HX-Redirect"] == call.address
    attempt = call.attempt()
    assert (attempt.disposition, attempt.notes, attempt.attitude) == (Disposition.COMPLETED, "都好", "warm")
    assert call.centre.look(call.callback).state is CallbackState.DONE
    assert "The matter is settled" in call.page()
    again = {"outcome": "completed", "attitude": "warm", "hung_up_first": "customer", "notes": "都好"}
    call.post("/finish", 204, **again)
    call.post("/finish", 409, outcome="partial", notes="another")


def test_an_answer_that_is_none_is_refused_in_words(caller: Callable[..., Caller]) -> None:
    call = caller()
    call.step(*TOLD, "1")
    assert "no answer to this question" in call.post("/answers", 422, question="solved", place=7).text
    assert "no answer to this question" in call.post("/answers", 422, question="solved").text  # required
    for name in ("solved", "accepted"):
        call.answer(name, place=0)
    for name in ("attitude", "speed"):
        call.answer(name, place=4)
    call.answer("recommend", place=0)
    assert "1000 characters" in call.post("/answers", 422, question="improve", text="好" * 1001).text
    assert "gone on in another window" not in call.answer("improve", text="好")


def test_another_window_was_faster(caller: Callable[..., Caller]) -> None:
    call = caller()
    version = call.version()
    call.step("1")
    late = call.post("/steps", choice="2", version=version)
    assert "another window" in late.headers["HX-Trigger"]
    assert "请问您是王小明吗" in late.text
    assert len(call.attempt().script_state["walk"]["trail"]) == 1  # type: ignore[index]


def test_fields_of_a_choice(caller: Callable[..., Caller]) -> None:
    call = caller()
    call.step("1", "1", "1")
    assert "script" in call.post("/steps", 422, choice="9", version=call.version(), **{"field.zz": "1"}).text.lower()
    call.step("2")
    missing = call.post("/steps", 422, choice="1", version=call.version())
    assert missing.headers["HX-Retarget"] == "#problem"
    offered = call.client.get(call.address + "/moments?field=appointment_at&key=1").text
    moment = re.findall(r'name="field.appointment_at"\s+value="([^"]+)"', offered)[3]
    end = call.post(
        "/steps", choice="1", version=call.version(), with_me="true", **{"field.appointment_at": moment}
    ).text
    assert re.search(r'name="appointment_with_me"\s+value="true"\s+checked', end)
    call.post("/finish", 204, outcome="not_convenient", appointment_with_me="true")
    assert "Appointment: the customer is called at" in call.page()


def test_notes_of_two_windows_are_both_kept(caller: Callable[..., Caller]) -> None:
    call = caller()
    version = call.version()
    assert call.post("/notes", notes="一", base="").json() == {"notes": "一"}
    assert call.post("/notes", notes="二", base="").json() == {"notes": "一\n二"}
    assert call.post("/notes", notes="一\r\n二 三", base="一\n二").json() == {"notes": "一\n二 三"}
    assert call.version() == version  # the script is not disturbed
    too_long = call.client.post(
        call.address + "/notes", data={"notes": "x" * 100_000, "base": ""}, headers={"Accept": "application/json"}
    )
    assert (too_long.status_code, too_long.json()["code"]) == (422, "notes_too_long")
    assert call.attempt().notes == "一\n二 三"
    call.post("/finish", 422, outcome="no_answer", notes="x" * (MOST_NOTES + 1))
    call.step("2")
    call.post("/finish", 204, outcome="no_answer", notes="<b>bold</b>")
    call.post("/notes", 409, notes="spät", base="")


def test_marks(caller: Callable[..., Caller], house: House, clock: StandingClock) -> None:
    call = caller()
    call.post("/judge", 409, severity="major")  # nobody is confirmed yet
    call.step("1", "1")
    call.post("/judge", severity="major")
    call.post("/special", special="true")
    assert "The customer is waiting" in call.post("/pause").text
    clock.advance(seconds=40)
    assert 'data-key="1"' not in call.page()
    assert 'data-key="1"' in call.post("/resume").text
    call.step("9")
    assert re.search(r'<option value="major"\s+selected>', call.page())
    call.post("/finish", 204, outcome="break_off", severity="critical")
    customer_id = call.attempt().customer_id
    with house.sessions() as session:
        actions = set(session.scalars(select(AuditEntry.action).where(AuditEntry.actor_id == call.agent_id)))
        assert {"call.judge", "customer.special"} <= actions
        assert session.get_one(Customer, customer_id).special
        flag = session.scalars(select(Dissatisfaction)).one()
        assert flag.severity is Severity.CRITICAL
    page = call.page()
    assert "for notes" in page
    assert "a second call at another time" in page


def test_who_may(caller: Callable[..., Caller], desk: Any) -> None:
    call = caller()
    other, chief = desk.agent("zhao"), desk.supervisor()
    assert other.get(call.address).status_code == 404
    seen = chief.get(call.address)
    assert seen.status_code == 200
    assert 'data-key="1"' not in seen.text
    for client in (other, chief):
        for path, form in (
            ("/steps", {"choice": "1", "version": 1}),
            ("/back", {"version": 1}),
            ("/notes", {"notes": "x"}),
            ("/pause", {}),
            ("/special", {"special": "true"}),
            ("/dial", {}),
            ("/alive", {}),
        ):
            answer = client.post(call.address + path, data=form)
            assert answer.status_code == 404, (path, answer.text)
        assert client.post(call.address + "/finish", data={"outcome": "busy"}).status_code == 409
    assert call.attempt().version == 1


def test_the_number_is_shown_when_it_is_dialled_and_that_is_on_record(
    caller: Callable[..., Caller], house: House
) -> None:
    call = caller()
    assert "+8613800138000" not in call.page()
    assert "tel:+8613800138000" in call.post("/dial").text
    with house.sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "customer.reveal")).one()
        assert entry.details["attempt"] == call.handle
    assert "+8613800138000" not in call.step("1")


def test_the_questions_are_not_begun_where_they_may_not_be_asked(caller: Callable[..., Caller], centre: Centre) -> None:
    customer = centre.customer()
    first = caller(case_id=centre.case(customer))
    first.step(*TOLD, "2")
    first.post("/finish", 204, outcome="completed")
    second = Caller(first.desk, centre, case_id=centre.case(customer))
    text = second.step(*TOLD)
    assert "The questions are not asked in this call" in text
    assert 'value="1"' not in re.sub(r'name="version"\s+value="\d+"', "", text)


def test_markup_in_names_stays_text(caller: Callable[..., Caller], centre: Centre) -> None:
    customer = centre.customer(name="<b>王</b>", salutation=None)
    call = caller(case_id=centre.case(customer, subject="<script>x</script>"))
    text = call.step("1", "1")
    assert "<b>王</b>" not in text
    assert "&lt;b&gt;王&lt;/b&gt;" in text
    assert "<script>x" not in text


def test_next(caller: Callable[..., Caller], centre: Centre) -> None:
    call = caller()
    assert call.client.post("/calls/next").headers["HX-Redirect"] == call.address  # the one under way
    call.step("2")
    call.post("/finish", 204, outcome="no_answer")
    assert call.client.post("/calls/next").headers["HX-Redirect"] == "/day"
    centre.callback(call.agent_id, purpose=Purpose.ANSWER)
    assert call.client.post("/calls/next").headers["HX-Redirect"].startswith("/calls/")


def test_a_new_promise(caller: Callable[..., Caller], centre: Centre) -> None:
    call = caller(case_id=centre.case(answer=None, answered_at=None), purpose=Purpose.HOLDING)
    call.step("1", "1", "1", "1", "1")
    offered = call.client.get(call.address + "/moments?field=promise_at&key=1").text
    moment = re.findall(r'name="field.promise_at"\s+value="([^"]+)"', offered)[5]
    call.step("1", promise_at=moment)
    assert "New promise:" in call.step("1")
    call.post("/finish", 204, outcome="completed")
    page = call.page()
    assert "New promise: the customer hears from us by" in page
    assert "the customer is called again with the answer" in page
    assert "The matter is settled" not in page


def test_who_wants_no_more_calls_is_not_told_to_be_called_again(caller: Callable[..., Caller]) -> None:
    call = caller()
    call.step("1", "1")
    call.post("/finish", 204, outcome="not_convenient", opt_out="all")
    page = call.page()
    assert "wants no more calls; a supervisor decides" in page
    assert "called again" not in page
    assert "calling windows" not in page


def test_a_text_that_is_too_long_is_told_by_the_name_of_its_field(caller: Callable[..., Caller]) -> None:
    """Not as the key of the field, and without a word about times."""
    call = caller()
    call.step("1", "1", "1", "1", "1", "1", "1")
    sent = {"choice": "3", "version": call.version()}
    told = call.post("/steps", 422, **sent, **{"field.need": "好" * 2001}).text
    assert "2001 characters; 2000 at most" in told
    assert "need" not in told
    assert "2026-" not in told
    told = call.post("/steps", 422, **sent).text  # left empty
    assert "need" not in told
    told = call.post("/finish", 422, outcome="break_off", new_need="好" * 2001).text
    assert "nobody has written down yet&#34; has 2001 characters" in told
    call.post("/back", version=call.version())
    call.post("/back", version=call.version())
    call.post("/back", version=call.version())
    call.post("/back", version=call.version())
    call.step("2")
    told = call.post("/steps", 422, choice="1", version=call.version(), **{"field.appointment_at": "soon"}).text
    assert "is no time that can be understood" in told
    assert "appointment_at" not in told


def test_what_the_call_is_prepared_with(desk: Any, centre: Centre) -> None:
    """That there were contacts and how they ended; not what was said in them."""
    wang = centre.agent("wang", name="王强")
    case_id = centre.case()
    first = centre.start(centre.callback(wang, case_id=case_id), wang)
    centre.finish(first, wang, Disposition.NO_ANSWER, notes="电梯又停了")
    with centre.sessions.begin() as session:  # it was the day before yesterday
        days_ago = centre.now - timedelta(days=2)
        session.execute(update(Attempt).values(started_at=days_ago, ended_at=days_ago))
        session.execute(update(Callback).values(state=CallbackState.DONE, finished_at=days_ago))
    call = Caller(desk, centre, case_id=case_id)
    page = call.page()
    assert "王强" in page
    assert "No answer" in page
    assert "电梯" not in page
    assert "the case opens with the confirmation" in page or "核实之后个案才会打开" in page
    confirmed = call.step("1", "1")
    assert "电梯又停了" in confirmed
