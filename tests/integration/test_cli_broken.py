"""Commands with settings that cannot work: one sentence that says what to do, and never a traceback or a secret."""

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import callback.cli.commands  # noqa: F401  registers the commands
from callback.cli import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def told(result: Result, *words: str) -> None:
    assert isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == 2, result.output
    sentence = " ".join(result.output.split())  # the terminal of the tests is narrow
    for word in words:
        assert word in sentence
    assert len(sentence) < 400, sentence


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_DATABASE_URL", f"sqlite:///{tmp_path}/callback.db")
    monkeypatch.setenv("CALLBACK_LANGUAGE", "en")


@pytest.mark.parametrize(
    "url", ["callback.db", "", "mysql://li:geheim@h/d", "nosuch://li:geheim@h/d", "postgresql://li:geheim@h:port/d"]
)
def test_no_address_of_a_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_DATABASE_URL", url)
    result = run("plan")
    told(result, "CALLBACK_DATABASE_URL")
    assert "geheim" not in result.output


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CALLBACK_DATABASE_URL", f"sqlite:///{tmp_path}/file/below/callback.db")
    told(run("doctor"), "cannot be made")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "callback.db").write_bytes(b"a letter to the editor " * 100)
    told(run("migrate"), "is not a database of this program")


@pytest.mark.parametrize("command", ["plan", "doctor", "worker", "findings", "serve"])
def test_a_database_that_was_never_migrated(command: str) -> None:
    told(run(command), "Run `callback migrate`")


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    assert run("migrate").exit_code == 0
    with sqlite3.connect(tmp_path / "callback.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in ("plan", "doctor", "worker", "serve"):
        told(run(command), "9999")
    told(run("migrate"), "9999", "newer version")
    told(run("migrate", "--down", "base"), "9999", "newer version")


def test_a_revision_that_there_is_not() -> None:
    told(run("migrate", "no-such-revision"), "no such revision")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc/passwd"),
        ("TIME_ZONE", "Asia"),
        ("LOG_LEVEL", "loud"),
        ("PORT", "99999"),
        ("PUBLIC_URL", "http://["),
        ("PUBLIC_URL", "callback.example"),
        ("TWILIO_API_URL", "https://host:port"),
    ],
)
def test_a_setting_that_cannot_work(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"CALLBACK_{name}", value)
    told(run("serve"), f"CALLBACK_{name}: ")


def test_a_settings_file_that_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "callback.env").write_bytes(b"\xff\xfe\x00CALLBACK_PORT=1")
    monkeypatch.setenv("CALLBACK_ENV_FILE", f"{tmp_path}/callback.env")
    told(run("plan"), "CALLBACK_ENV_FILE", "UTF-8")


def test_a_gateway_file_that_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gateway.toml").write_bytes(b"\xff\xfe\x00")
    for path in (f"{tmp_path}/gateway.toml", "~nobody-of-this-name/gateway.toml"):
        monkeypatch.setenv("CALLBACK_GATEWAY_FILE", path)
        told(run("plan"), "gateway's file cannot be used")


@pytest.mark.parametrize("moment", ["9999-12-31T23:59", "0001-01-01"])
def test_a_moment_at_the_end_of_the_calendar(moment: str) -> None:
    assert run("migrate").exit_code == 0
    told(run("plan", "--as-of", moment), moment)
