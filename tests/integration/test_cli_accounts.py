"""`callback init`, `callback agent`, `callback token`, `callback serve`, as an operator types them."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import callback.cli.commands  # noqa: F401  registers the commands
from callback.cli import app
from callback.cli.serve import listen
from callback.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("agent", "list")`; `typed` is what comes through the pipe."""
    monkeypatch.setenv("CALLBACK_DATABASE_URL", database_url)
    monkeypatch.setenv("CALLBACK_ENV_FILE", "/dev/null")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("CALLBACK_ADMIN_PASSWORD", raising=False)

    def invoke(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed)

    return invoke


def test_a_house_is_set_up_and_peopled(run: Run) -> None:
    first = run("init", "--login", "root", typed="one two three four\n")
    assert first.exit_code == 0, first.output
    assert "Administrator root made" in first.output
    again = run("init", typed="one two three four\n")
    assert again.exit_code == 2
    assert "administrator already" in again.output
    made = run("agent", "add", "li", "--name", "李娜", "--number", "1001", "--team", "北", typed="five six seven\n")
    assert made.exit_code == 0, made.output
    listed = run("agent", "list").output
    assert "李娜" in listed
    assert "北" in listed
    token = run("token", "create", "crm", "--agent", "li", "--scope", "cases:read", "--days", "30")
    assert token.exit_code == 0, token.output
    assert re.fullmatch(r"cb_[\w-]{43}", token.output.strip().splitlines()[-1])
    tokens = run("token", "list", "--agent", "li").output
    assert "crm" in tokens
    assert "cb_" not in tokens
    token_id = re.search(r"Token (\d+)", token.output)
    assert token_id is not None
    assert run("token", "revoke", token_id[1]).exit_code == 0
    assert run("agent", "password", "li", typed="eight nine ten eleven\n").exit_code == 0
    assert run("agent", "deactivate", "li").exit_code == 0
    assert "李娜" not in run("agent", "list").output
    assert "李娜" in run("agent", "list", "--all").output


@pytest.mark.parametrize(
    ("arguments", "typed", "says"),
    [
        (("init",), "short\n", "at least 10 characters"),
        (("init",), "", "A password is needed"),
        (("agent", "deactivate", "nobody"), None, "Nobody has the login nobody"),
        (
            ("agent", "add", "x", "--name", "x", "--number", "1", "--zone", "Mars", "--no-password"),
            None,
            "no time zone",
        ),
        (("token", "create", "x", "--agent", "nobody", "--scope", "me"), None, "Nobody has the login"),
        (("token", "revoke", "77"), None, "no such token"),
    ],
)
def test_what_goes_wrong_is_said(run: Run, arguments: tuple[str, ...], typed: str | None, says: str) -> None:
    result = run(*arguments, typed=typed)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def test_an_unknown_scope_is_told_with_the_known_ones(run: Run) -> None:
    run("agent", "add", "li", "--name", "Li", "--number", "1", "--no-password")
    result = run("token", "create", "x", "--agent", "li", "--scope", "everything")
    assert result.exit_code == 2
    assert "callbacks:read" in result.output


def test_a_database_without_a_schema_is_told_so(run: Run, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    result = run("init", typed="one two three four\n")
    assert result.exit_code == 2
    assert "callback migrate" in result.output


def test_a_page_does_not_wait_for_the_readers_acknowledgement() -> None:
    """asyncio switches Nagle's algorithm off on what says that it is TCP, and only there."""
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def test_several_servers_need_postgresql(run: Run, settings: Settings) -> None:
    if settings.is_postgresql:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            result = run("serve", "--port", str(taken.getsockname()[1]))
        assert "is taken" in result.output
    else:
        result = run("serve", "--workers", "2")
        assert "need PostgreSQL" in result.output
    assert result.exit_code == 2


@pytest.mark.slow
def test_a_server_serves_until_it_is_stopped(run: Run, settings: Settings) -> None:
    """A real process: two of them on PostgreSQL. Finishes at SIGTERM."""
    assert run("init", typed="one two three four\n").exit_code == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = ["--workers", "2"] if settings.is_postgresql else []
    command = [sys.executable, "-m", "callback", "serve", "--port", str(port), *workers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert _answer(f"http://127.0.0.1:{port}/readyz") == {"status": "ok"}
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/v1/sessions",
                data=json.dumps({"login": "admin", "password": "one two three four"}).encode(),
                headers={"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
                assert response.status == 201
                assert response.headers["Server"] is None
        finally:
            server.terminate()
        output, _ = server.communicate(timeout=40)
    assert server.returncode in (0, -15), output
    assert "one two three four" not in output
    assert "callback_session" not in output


def _answer(url: str) -> object:
    """The JSON at `url`, once the server is up; 30 seconds at the most."""
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
                return json.load(response)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def test_a_file_of_agents_is_tried_then_read(run: Run, tmp_path: Path) -> None:
    run("init", "--login", "root", typed="one two three four\n")
    file, kept = tmp_path / "agents.csv", tmp_path / "passwords.csv"
    file.write_text("login,name,number,team\nli,Li Min,1001,North\n", encoding="utf-8")
    tried = run("agent", "import", str(file), "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "New: 1" in tried.output
    assert "--make-teams" in tried.output
    assert run("agent", "import", str(file)).exit_code == 2
    assert "Li Min" not in run("agent", "list").output
    # A file that is there already is not written over, and then nobody is made.
    kept.write_text("mine", encoding="utf-8")
    refused = run("agent", "import", str(file), "--make-teams", "--passwords", str(kept))
    assert (refused.exit_code, kept.read_text(encoding="utf-8")) == (2, "mine")
    kept.unlink()
    done = run("agent", "import", str(file), "--make-teams", "--passwords", str(kept))
    assert done.exit_code == 0, done.output
    assert kept.stat().st_mode & 0o777 == 0o600
    password = kept.read_text(encoding="utf-8-sig").splitlines()[1].rsplit(",", 1)[1]
    assert password not in done.output
    file.write_text("login,role\nroot,agent\n", encoding="utf-8")
    faulty = run("agent", "import", str(file))
    assert faulty.exit_code == 2
    assert "Row 2" in faulty.output
    template = tmp_path / "empty.xlsx"
    assert run("agent", "import", "--template", str(template)).exit_code == 0
    assert template.is_file()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("command", ["serve", "worker", "doctor"])
def test_nothing_real_leaves_before_its_address_and_name_are_set(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, language: str
) -> None:
    for name, value in {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "x",
        "TWILIO_FROM": "+15005550006",
        "LANGUAGE": language,
    }.items():
        monkeypatch.setenv(f"CALLBACK_{name}", value)
    refused = run(command)
    assert refused.exit_code == (1 if command == "doctor" else 2)
    assert "CALLBACK_PUBLIC_URL" in refused.output
    monkeypatch.setenv("CALLBACK_PUBLIC_URL", "https://callback.example")
    refused = run(command)
    assert "CALLBACK_COMPANY" in refused.output
    assert ("客户" in refused.output) is (language == "zh")
    monkeypatch.setenv("CALLBACK_COMPANY", "Harbour Home")
    assert run("doctor").exit_code == 0
