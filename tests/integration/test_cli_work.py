"""The agent's work in the terminal, driven by options as a demonstration does it."""

import json
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

import callback.cli.commands  # noqa: F401  registers the commands
from callback.cli import app
from callback.db.engine import SessionFactory
from callback.domain.words import CallbackState, DissatisfactionState, Purpose, Role
from callback.settings import Settings
from tests.integration.call_centre import Centre

AS_OF = "2026-03-11T10:00:00+08:00"
TOLD = "1,1,1,1,1,1,1,1"


@pytest.fixture
def centre(sessions: SessionFactory, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Centre:
    monkeypatch.setenv("CALLBACK_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CALLBACK_LANGUAGE", "zh")
    monkeypatch.setenv("COLUMNS", "200")
    return Centre(sessions, settings, now).open()


def run(*arguments: str, code: int = 0, typed: str | None = None) -> str:
    result = CliRunner().invoke(app, [*arguments, "--as-of", AS_OF], input=typed)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


def test_today(centre: Centre, now: datetime) -> None:
    li = centre.agent("li")
    assert "目前没有需要回访的客户" in run("today", "--agent", "li")
    handle = centre.callback(li)
    output = run("today", "--agent", "li")
    assert handle in output
    assert "+86 138****8000" in output
    assert "电梯" not in output
    assert [entry["handle"] for entry in json.loads(run("today", "--agent", "li", "--json"))] == [handle]
    assert "error." not in run("today", "--agent", "nobody", code=2)


def test_a_call_by_options(centre: Centre) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    answers = {"solved": "是", "accepted": "是", "attitude": "5", "speed": "2", "recommend": "8"}
    options = [part for name, value in answers.items() for part in ("--answer", f"{name}={value}")]
    output = run("work", handle, "--agent", "li", "--choices", f"{TOLD},1,1", *options, "--attitude", "friendly")
    assert "维修已经完成" in output
    assert "AAPOR 1.1" in output
    assert "不满意" in output
    assert centre.look(handle).state is CallbackState.DONE


def test_choices_that_end_too_soon_leave_the_call_open_and_it_goes_on(centre: Centre) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    assert handle in run("work", handle, "--agent", "li", "--choices", "1,1")
    assert centre.look(handle).state is CallbackState.IN_PROGRESS
    run("work", "--agent", "li", "--choices", "1,1,1,1,1,1,2", "--notes", "好")
    assert centre.look(handle).state is CallbackState.DONE


def test_a_call_at_the_keyboard(centre: Centre) -> None:
    li = centre.agent("li")
    handle = centre.callback(li)
    output = run("work", handle, "--agent", "li", typed="1\n1\n1\nb\n1\n2\n1\n2026-03-11 15:00\n下午再打\n")
    assert "2026" in output or "03-11 15:00" in output
    callback = centre.look(handle)
    assert (callback.state, callback.next_try_at) == (CallbackState.WAITING, centre.now + timedelta(hours=5))


def test_a_forbidden_call_is_a_sentence_and_exit_2(centre: Centre) -> None:
    li, wang = centre.agent("li"), centre.agent("wang")
    handle = centre.callback(li)
    assert "不在您名下" in run("work", handle, "--agent", "wang", code=2)
    assert wang
    assert centre.look(handle).state is CallbackState.ASSIGNED


def test_a_supervisor_in_the_terminal(centre: Centre, now: datetime) -> None:
    wang, li = centre.agent("wang"), centre.agent("li")
    centre.agent("chief", role=Role.SUPERVISOR)
    assert "目前没有不满意的客户" in run("dissatisfaction", "list")
    case_id = centre.case()
    number = str(centre.flag(case_id))
    assert "评分偏低" in run("dissatisfaction", "list")
    run("dissatisfaction", "assign", number, "--to", "li", "--by", "wang", code=2)
    assert "li" in run("dissatisfaction", "assign", number, "--to", "li", "--by", "chief")
    with centre.sessions() as session:
        from callback.db.dissatisfactions import live_second_call

        callback = live_second_call(session, case_id)
    assert callback is not None
    assert (callback.agent_id, callback.purpose) == (li, Purpose.SECOND_CALL)
    assert wang
    assert number in run("dissatisfaction", "close", number, "--cause", "attitude", "--by", "chief")
    assert "已退款" not in run("dissatisfaction", "list", "--state", DissatisfactionState.CLOSED.value)
