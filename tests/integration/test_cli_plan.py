"""`callback plan` asked questions from outside, on both databases."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

import callback.cli.commands  # noqa: F401  registers the commands
from callback.cli import app
from callback.db.engine import SessionFactory
from callback.db.tables import Callback
from callback.domain.duration import Durations
from callback.domain.words import CaseStatus, Purpose
from callback.services import demands
from tests.town import add_agent, add_case, add_customer

HOUR = timedelta(hours=1)


@pytest.fixture
def plan(database_url: str, sessions: SessionFactory, now: datetime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A planned little centre; the options that every command needs to see it at `now`."""
    monkeypatch.setenv("CALLBACK_DATABASE_URL", database_url)
    monkeypatch.setenv("CALLBACK_LANGUAGE", "en")
    with sessions.begin() as session:
        add_agent(session, "li", now=now)
        add_agent(session, "mute", now=now, languages=[])
        answered = {"answer": "已修好", "answered_at": now, "status": CaseStatus.PENDING, "promised_at": now + HOUR}
        for _ in range(12):
            add_case(session, add_customer(session, now=now), now=now, **answered)
    as_of = ["--as-of", now.isoformat()]
    result = CliRunner().invoke(app, ["plan", *as_of, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["assigned"] == 12
    return as_of


def test_what_if_in_numbers(plan: list[str]) -> None:
    result = CliRunner().invoke(app, ["plan", *plan, "--what-if", "absent=li", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    # With the ones that begin within the half hour: whoever is absent does not keep them either.
    assert (found["otherwise"]["placed"], found["today"]["placed"]) == (0, 12)
    assert found["otherwise"]["left"] == {"nobody_qualifies": found["today"]["placed"]}


def test_one_more_agent_in_numbers(plan: list[str]) -> None:
    today = "2026-03-11"
    alone = CliRunner().invoke(app, ["plan", *plan, "--what-if", "absent=li", "--json"])
    wishes = ["--what-if", "absent=li", "--what-if", f"agent=zh+en/billing:{today}:10:00-12:00"]
    helped = CliRunner().invoke(app, ["plan", *plan, *wishes, "--json"])
    assert helped.exit_code == 0, helped.output
    more = json.loads(helped.stdout)["otherwise"]["placed"]
    assert json.loads(alone.stdout)["otherwise"]["placed"] == 0 < more == json.loads(helped.stdout)["today"]["placed"]


@pytest.mark.parametrize(
    "wish", ["absent=nobody", "agent=zh:tomorrow", "shift=li:tomorrow", "no_such_figure=1", "nonsense"]
)
def test_a_what_if_that_makes_no_sense_is_told(plan: list[str], wish: str) -> None:
    result = CliRunner().invoke(app, ["plan", *plan, "--what-if", wish])
    assert result.exit_code == 2


def test_a_figure_that_no_policy_can_have_is_named_in_words(plan: list[str]) -> None:
    result = CliRunner().invoke(app, ["plan", *plan, "--what-if", "slot=999999"])
    assert result.exit_code == 2
    assert "Length of a slot: Between 5 min and 240 min." in result.stderr


def test_export_replay_and_a_file_that_is_none(plan: list[str], tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    assert CliRunner().invoke(app, ["plan", *plan, "--export", str(file)]).exit_code == 0
    assert CliRunner().invoke(app, ["plan", *plan, "--replay", str(file)]).exit_code == 0
    file.write_text(
        file.read_text(encoding="utf-8").replace('"placed":[[', '"placed":[[9,9,9,"x"],[', 1), encoding="utf-8"
    )
    assert CliRunner().invoke(app, ["plan", *plan, "--replay", str(file)]).exit_code == 1
    file.write_text("{}", encoding="utf-8")
    assert CliRunner().invoke(app, ["plan", *plan, "--replay", str(file)]).exit_code == 2


def test_findings_and_explain_speak_plainly(plan: list[str], sessions: SessionFactory) -> None:
    result = CliRunner().invoke(app, ["findings", *plan])
    assert result.exit_code == 0, result.output
    assert "Mute has no language" in result.stdout
    with sessions() as session:
        handle = session.scalars(select(Callback.handle).order_by(Callback.id)).first()
    result = CliRunner().invoke(app, ["explain", str(handle), *plan])
    assert result.exit_code == 0, result.output
    assert "What lost against this place" in result.stdout
    assert "the due time would be missed" in result.stdout


def test_a_planning_says_what_one_more_agent_would_bring(
    plan: list[str], sessions: SessionFactory, now: datetime
) -> None:
    assert "One more agent" not in CliRunner().invoke(app, ["plan", *plan]).stdout, "everything has its place"
    with sessions.begin() as session:
        answered = {"answer": "已修好", "answered_at": now, "status": CaseStatus.PENDING, "promised_at": now + HOUR}
        for _ in range(12):
            add_case(session, add_customer(session, now=now), now=now, **answered)
    result = CliRunner().invoke(app, ["plan", *plan])
    assert result.exit_code == 0, result.output
    assert "One more agent like Li (English, Chinese, the same hours): due times kept more: " in result.stdout
    (gain,) = json.loads(CliRunner().invoke(app, ["plan", *plan, "--json"]).stdout)["gains"]
    assert gain["like"] == "Li"
    assert gain["in_time"] > 0


def test_where_calls_differ_in_length_the_figure_is_called_an_estimate(
    plan: list[str], sessions: SessionFactory, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = Durations(360.0, {Purpose.ANSWER: 600, Purpose.HOLDING: 240})
    monkeypatch.setattr(demands, "read_durations", lambda *_, **__: lengths)
    with sessions.begin() as session:
        for n in range(40):
            told = {"answer": "已修好", "answered_at": now} if n % 2 else {}
            add_case(session, add_customer(session, now=now), now=now, promised_at=now + HOUR, **told)
    result = CliRunner().invoke(app, ["plan", *plan])
    assert result.exit_code == 0, result.output
    said = re.sub(r"[\s\d]+", " ", result.stdout)  # the figure stands in the middle of the sentence's lines
    assert "(an estimate: the calls differ in length)" in said
    assert "no plan can keep" not in result.stdout
