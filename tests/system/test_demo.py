"""scripts/demo as somebody runs it who has just fetched the project; the environment is the one of the tests."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, str(ROOT / "scripts" / "parts" / "demo.py")]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("CALLBACK_")},
    "PYTHONPATH": str(ROOT),
}


def run(command: list[str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_once_shows_a_list_a_script_and_the_logins(tmp_path: Path, language: str) -> None:
    command = [*DEMO, "--once", "--language", language]
    shown = run(command, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for part in ("200 cases", "The list of", "The script", "try-callback-out", "http://127.0.0.1:8000", "zhou"):
        assert part in shown.stdout
    assert "{{" not in shown.stdout
    assert re.search(r"\+\d+ ?\d*\*{4}\d{3,4}", shown.stdout)
    assert not re.search(r"\+\d{9,}", shown.stdout)


def test_a_port_in_use_is_said_and_nothing_is_touched() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [*DEMO, "--port", str(taken.getsockname()[1])]
        shown = run(command)
    assert shown.returncode == 1
    assert "is in use" in shown.stderr


@pytest.mark.slow
def test_it_serves_until_it_is_stopped(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = subprocess.Popen(
        [*DEMO, "--port", str(port), "--folder", str(tmp_path)], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert _answers(f"http://127.0.0.1:{port}/readyz")
    finally:
        demo.send_signal(signal.SIGTERM)
        output, _ = demo.communicate(timeout=90)
    assert demo.returncode == 0, output


def _answers(url: str) -> bool:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            return httpx.get(url, timeout=5).is_success
        except httpx.TransportError:
            time.sleep(0.3)
    return False
