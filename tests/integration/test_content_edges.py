"""Scripts, questionnaires and responses at the edges: the API and the command line."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import callback.cli.commands  # noqa: F401  registers every command
from callback.bootstrap import House
from callback.cli import app as command_line
from callback.domain.words import Channel, Purpose
from callback.services import questionnaires, scripts, surveys
from tests.integration.conftest import Desk
from tests.integration.test_scripts import add_callback, answered
from tests.town import add_customer


@pytest.fixture
def seeded(house: House, now: datetime) -> House:
    with house.sessions.begin() as session:
        scripts.seed_content(session, now)
        questionnaires.seed_content(session, now)
    return house


def respond(house: House, now: datetime, **columns: Any) -> str:
    """A response with two answers; gives its handle."""
    with house.sessions.begin() as session:
        case = answered(session, add_customer(session, now=now), now=now)
        callback = add_callback(session, case, Purpose.SURVEY, now=now, **columns)
        response = surveys.open_response(session, callback=callback, channel=Channel.AGENT, now=now)
        surveys.give_answer(session, response=response, said="没有解决", channel=Channel.AGENT, now=now)
        surveys.give_answer(
            session, response=response, question="improve", value="快一点", channel=Channel.AGENT, now=now
        )
        return response.handle


def test_a_script_from_draft_to_publication(desk: Desk, seeded: House) -> None:
    chief = desk.supervisor()
    listed = chief.get("/api/v1/scripts", params={"key": "outbound", "language": "zh"}).json()["items"]
    assert [(row["version"], row["state"]) for row in listed] == [(1, "published")]
    old = chief.get(f"/api/v1/scripts/{listed[0]['id']}").json()
    body = {name: old[name] for name in ("key", "language", "purposes", "definition")}
    body["definition"]["title"] = "新的答复回访"
    once = {"Idempotency-Key": "draft-1"}
    made = chief.post("/api/v1/scripts", json=body, headers=once)
    assert made.status_code == 201
    assert chief.post("/api/v1/scripts", json=body, headers=once).json() == made.json()
    draft = made.json()["id"]
    seen = chief.get(f"/api/v1/scripts/{draft}/preview").json()
    assert (seen["title"], seen["begin"], seen["language"]) == ("新的答复回访", "prepare", "zh")
    assert next(node for node in seen["nodes"] if node["node"] == "identity")["say"] == "您好！请问您是王女士吗？"
    assert chief.post(f"/api/v1/scripts/{draft}/publish").json()["state"] == "published"
    again = chief.post(f"/api/v1/scripts/{draft}/publish")
    assert (again.status_code, again.json()["code"]) == (409, "version_not_draft")
    listed = chief.get("/api/v1/scripts", params={"key": "outbound", "language": "zh"}).json()["items"]
    assert [row["state"] for row in listed] == ["retired", "published"]


def test_a_refused_definition_names_every_place_in_both_languages(desk: Desk, seeded: House) -> None:
    chief = desk.supervisor()
    body = {"key": "mine", "definition": {"title": "x", "pages": [{"name": "p", "elements": [{"type": "matrix"}]}]}}
    refused = chief.post("/api/v1/questionnaires", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "questionnaire_refused")
    problems = {problem["path"]: problem for problem in refused.json()["problems"]}
    assert set(problems) == {"title", "pages[0].elements[0].type"}
    assert "matrix" in problems["pages[0].elements[0].type"]["zh"]
    refused = chief.post(
        "/api/v1/scripts", json={"key": "mine", "language": "en", "purposes": [], "definition": {"nodes": 5}}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "script_refused")


def test_a_questionnaire_from_draft_to_publication(desk: Desk, seeded: House) -> None:
    chief = desk.supervisor()
    (row,) = chief.get("/api/v1/questionnaires").json()["items"]
    old = chief.get(f"/api/v1/questionnaires/{row['id']}").json()
    made = chief.post("/api/v1/questionnaires", json={"key": old["key"], "definition": old["definition"]})
    assert (made.status_code, made.json()["version"]) == (201, 2)
    seen = chief.get(
        f"/api/v1/questionnaires/{made.json()['id']}/preview",
        params={"form": "short"},
        headers={"Accept-Language": "zh-CN"},
    ).json()
    assert [question["name"] for question in seen["questions"]][-1] == "improve"
    assert seen["questions"][0]["options"][0] == {"value": True, "text": "解决了"}
    assert chief.post(f"/api/v1/questionnaires/{made.json()['id']}/publish").json()["state"] == "published"


@pytest.mark.parametrize("noun", ["scripts", "questionnaires"])
def test_agents_read_and_supervisors_write(desk: Desk, seeded: House, noun: str) -> None:
    agent = desk.agent()
    row = agent.get(f"/api/v1/{noun}").json()["items"][0]
    assert agent.post(f"/api/v1/{noun}/{row['id']}/publish").status_code == 403
    body = {"key": "mine", "definition": {}, "language": "en", "purposes": []}
    if noun == "questionnaires":
        body = {"key": "mine", "definition": {}}
    assert agent.post(f"/api/v1/{noun}", json=body).status_code == 403
    assert desk.anonymous().get(f"/api/v1/{noun}").status_code == 401
    assert agent.get(f"/api/v1/{noun}/999999").status_code == 404


def test_a_response_is_read_by_who_worked_on_it(desk: Desk, seeded: House, now: datetime) -> None:
    mine = desk.agent("li")
    handle = respond(seeded, now, agent_id=desk.ids["li"])
    read = mine.get(f"/api/v1/responses/{handle}", headers={"Accept-Language": "zh"})
    assert read.status_code == 200
    response = read.json()
    assert [
        (answer["question"], answer["value"], answer["text"], answer["said"]) for answer in response["answers"]
    ] == [
        ("solved", False, "没有解决", "没有解决"),
        ("improve", "快一点", None, None),
    ]
    assert (response["state"], response["done"], response["next_question"]["name"]) == ("open", 2, "accepted")
    assert (response["questionnaire"], response["csat"]) == ("satisfaction", None)
    other = desk.agent("zhao")
    assert other.get(f"/api/v1/responses/{handle}").status_code == 404
    assert desk.supervisor().get(f"/api/v1/responses/{handle}").status_code == 200
    assert mine.get("/api/v1/responses/nobody-knows-this").status_code == 404


@pytest.fixture
def command(seeded: House, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one command on the house's database."""
    monkeypatch.setenv("CALLBACK_DATABASE_URL", seeded.settings.database_url)
    monkeypatch.setattr("callback.cli.script.check_schema", lambda _house: None)
    monkeypatch.setattr("callback.cli.questionnaire.check_schema", lambda _house: None)

    def run(*words: str) -> Any:
        return CliRunner().invoke(command_line, words)

    return run


@pytest.mark.parametrize(("noun", "member"), [("script", "script"), ("questionnaire", "questionnaire")])
def test_the_commands_take_a_file_from_show_to_publication(
    command: Any, tmp_path: Path, seeded: House, noun: str, member: str
) -> None:
    shown = command(noun, "show", "1")
    assert shown.exit_code == 0
    file = tmp_path / "content.json"
    file.write_text(shown.output, encoding="utf-8")
    assert command(noun, "check", str(file)).exit_code == 0
    assert command(noun, "draft", str(file)).exit_code == 0
    assert "draft" in command(noun, "list").output
    with seeded.sessions() as session:
        rows = scripts.versions(session) if noun == "script" else questionnaires.versions(session)
        draft = max(row.id for row in rows)
    assert command(noun, "preview", str(draft)).exit_code == 0
    assert command(noun, "publish", str(draft)).exit_code == 0
    again = command(noun, "publish", str(draft))
    assert again.exit_code == 2
    document = json.loads(file.read_text(encoding="utf-8"))
    document[member]["colour"] = "red"
    file.write_text(json.dumps(document), encoding="utf-8")
    refused = command(noun, "check", str(file))
    assert refused.exit_code == 2
    assert "colour: " in refused.output
    assert command(noun, "seed").exit_code == 0


@pytest.mark.parametrize("content", [None, "{", "[]", '{"script": 5}', '"\\u0000"'])
def test_a_file_that_cannot_be_used_says_so(command: Any, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "content.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    for verb in ("check", "draft"):
        refused = command("script", verb, str(file))
        assert refused.exit_code == 2
        assert refused.exception is None or isinstance(refused.exception, SystemExit)
