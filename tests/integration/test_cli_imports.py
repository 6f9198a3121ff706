"""`callback import` and `callback cases` as an operator types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import callback.cli.commands  # noqa: F401  registers the commands
from callback.cli import app
from callback.settings import Settings

TEXT = "Case number,Status,Subject,Telephone\nK1,open,Noise,13812345678\nK2,open,Smell,\nK3,open,Leak,12\n"


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    monkeypatch.setenv("CALLBACK_DATABASE_URL", settings.database_url)
    monkeypatch.setattr("callback.cli.imports.check_schema", lambda _: None)  # made without migrations here
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.csv").write_text(TEXT, encoding="utf-8")
    return CliRunner()


def test_a_file_is_imported_and_summed_up(run: CliRunner, tmp_path: Path) -> None:
    done = run.invoke(app, ["import", "cases.csv", "--json", "--rejects", "bad.csv"])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert (summary["created"], summary["rejected"], summary["needs_data"]) == (2, 1, 1)
    assert summary["rejects_file"] == "bad.csv"
    assert (tmp_path / "bad.csv").is_file()
    told = run.invoke(app, ["import", "cases.csv"])
    assert "unchanged" in told.stdout
    listed = run.invoke(app, ["cases", "--needs-data", "--json"])
    assert [json.loads(line)["external_id"] for line in listed.stdout.splitlines()] == ["K2"]
    assert "1 of 1" in run.invoke(app, ["cases", "--needs-data"]).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["import", "nothing.csv"], "There is no file nothing.csv"),
        (["import"], "--template"),
        (["import", "cases.csv", "--profile", "nothing"], "There is no import profile nothing"),
        (["import", "--template", "cases.csv"], "exists already"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(run: CliRunner, arguments: list[str], sentence: str) -> None:
    refused = run.invoke(app, arguments)
    assert refused.exit_code == 2
    assert sentence in " ".join(refused.stderr.split())


def test_made_up_numbers_beside_a_real_carrier_are_refused(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    refused = run.invoke(app, ["import", "cases.csv", "--fictional-phones"])
    assert refused.exit_code == 2
    assert "real carrier" in " ".join(refused.stderr.split())
