"""The demonstration behind scripts/demo: a fresh house with the sample in it, planned, shown, and served."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from callback.bootstrap import House, build
from callback.db.engine import reading
from callback.db.migrate import upgrade
from callback.db.tables import Agent
from callback.services import samples, scripts
from callback.services.agents import by_login
from callback.services.callbacks import Entry, find_callback, todays_list
from callback.services.housekeeping import break_promises
from callback.services.planning import Planned, plan_day
from callback.settings import Settings, load_settings
from callback.texts import Language, say

ROOT = Path(__file__).resolve().parents[2]
CHANNELS = "sandbox_sms,sandbox_voice,sandbox_email"
"""Surveys go out, to a page on which one answers them as the customer."""
NAMES = ("company", "centre", "department", "company_zh", "centre_zh", "department_zh")
console = Console(width=max(Console().width, 124))


def main() -> None:
    wanted = _arguments()
    os.environ["CALLBACK_ENV_FILE"] = os.devnull
    if not wanted.once and not _is_free(wanted.port):
        sys.exit(
            f"Port {wanted.port} is in use, perhaps by a demo that still runs; nothing was changed. "
            f"Stop it, or name another port: scripts/demo --port {wanted.port + 1}"
        )
    if wanted.once:
        with tempfile.TemporaryDirectory(prefix="callback-demo-") as folder:
            _show(_settings(wanted, Path(folder) / "demo.db"))
        return
    database = wanted.folder / "demo.db"
    for left_over in database.parent.glob("demo.db*"):
        left_over.unlink()
    settings = _settings(wanted, database)
    _show(settings)
    sys.exit(_serve(settings))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Try Callback out on a sample centre.")
    parser.add_argument("--once", action="store_true", help="show everything and end, without serving")
    parser.add_argument("--port", type=int, default=8000, help="port to serve on (default: 8000)")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="language of the output (default: en)")
    parser.add_argument("--folder", type=Path, default=ROOT / "var", help="where demo.db is made anew (default: var)")
    return parser.parse_args()


def _settings(wanted: argparse.Namespace, database: Path) -> Settings:
    return load_settings(
        database_url=f"sqlite:///{database}",
        port=wanted.port,
        public_url=f"http://127.0.0.1:{wanted.port}",
        language=wanted.language,
        company="Harbour Home",
        centre="Service Centre",
        department="Customer Care",
        company_zh="海港家居",
        centre_zh="客户服务中心",
        department_zh="客服部",
        twilio_account_sid=None,
        channels=CHANNELS,
        log_level="WARNING",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _show(settings: Settings) -> None:
    """Set the house up and print what is in it."""
    house = build(settings)
    try:
        upgrade(house.engine, settings)
        loaded = samples.load(house.sessions, settings, clock=house.clock)
        with house.sessions.begin() as session:
            break_promises(session, now=house.clock())  # some were due earlier today
        planned = plan_day(house.sessions, now=house.clock(), zone=house.zone, carriers=house.carriers)
        _print_plan(planned, loaded, settings.language)
        shown = _first_list(house, loaded)
        _print_list(house, shown)
        _print_script(house, shown)
        _print_logins(settings, loaded)
    finally:
        house.close()


def _print_plan(planned: Planned, loaded: samples.Loaded, language: Language) -> None:
    console.rule("Planned")
    console.print(f"{loaded.cases.created} cases; {planned.callbacks.assigned} callbacks in agents' lists:")
    for name, count in planned.cases.created.most_common():
        console.print(f"  {count:3} {say(f'purpose.{name}', language)}", highlight=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """The agent whose next callback comes first, and the list of that day: at midnight it is tomorrow's."""

    agent: Agent
    entries: tuple[Entry, ...]


def _first_list(house: House, loaded: samples.Loaded) -> Shown:
    with reading(house.sessions) as session:
        found = []
        for login in loaded.logins:
            agent = by_login(session, login.login)
            entries = _next_list(session, agent, house.clock())
            if entries:
                found.append(Shown(agent, entries))
    if not found:
        sys.exit("Nothing could be planned for the next days: all of them are public holidays.")
    return min(found, key=lambda shown: shown.entries[0].planned_at)


def _next_list(session: Session, agent: Agent, now: datetime) -> tuple[Entry, ...]:
    """Today's list, or when nothing is left today, the list of the next day that has one."""
    zone = ZoneInfo(agent.time_zone)
    today = todays_list(session, agent_id=agent.id, now=now, zone=zone, limit=12)
    if today.entries or today.next_planned_at is None:
        return today.entries
    return todays_list(session, agent_id=agent.id, now=today.next_planned_at, zone=zone, limit=12).entries


def _print_list(house: House, shown: Shown) -> None:
    console.rule(f"The list of {shown.agent.name} ({shown.agent.login})")
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("Planned", "Customer's time", "Purpose", "Customer", "Telephone", "Due"):
        table.add_column(heading, no_wrap=True)
    own = ZoneInfo(shown.agent.time_zone)
    for entry in shown.entries:
        table.add_row(
            f"{entry.planned_at.astimezone(own):%d %b %H:%M}",
            f"{entry.planned_at.astimezone(ZoneInfo(entry.time_zone)):%H:%M}",
            say(f"purpose.{entry.purpose}", house.settings.language),
            entry.salutation or entry.customer_name or "–",
            entry.address or "–",
            f"{entry.due_at.astimezone(own):%d %b %H:%M}",
        )
    console.print(table)


def _print_script(house: House, shown: Shown) -> None:
    """The first callback's script as the agent will read it: from node to node by the first choice of each."""
    first = shown.entries[0]
    with reading(house.sessions) as session:
        callback = find_callback(session, first.handle)
        prepared = scripts.prepare(
            session, callback_id=callback.id, agent_id=shown.agent.id, now=house.clock(), settings=house.settings
        )
    console.rule(f"The script “{prepared.key}” for {first.salutation or first.customer_name or '–'}")
    node, seen = prepared.nodes[prepared.begin().node], set()
    while node.node not in seen:
        seen.add(node.node)
        console.print(f"[bold]{node.stage}[/bold]")
        console.print(f"  {node.say or node.note}", markup=False, highlight=False)
        if node.is_end:
            break
        console.print("  → " + " │ ".join(choice.label for choice in node.choices), markup=False, style="dim")
        node = prepared.nodes.get(node.choices[0].goto, node)


def _print_logins(settings: Settings, loaded: samples.Loaded) -> None:
    console.rule("Logins")
    for role in dict.fromkeys(login.role for login in loaded.logins):
        people = ", ".join(f"{login.login} ({login.name})" for login in loaded.logins if login.role is role)
        console.print(f"{role}: {people}", highlight=False, markup=False)
    console.print(f"Password of them all: {samples.PASSWORD}", highlight=False)
    console.print(f"Address: {settings.public_url}   API: {settings.public_url}/api/v1/openapi.json", highlight=False)
    console.print(
        f"Be the customer: log in as a supervisor, open {settings.public_url}/sandbox and answer messages and calls.",
        highlight=False,
    )


def _serve(settings: Settings) -> int:
    """The real commands, `serve` and `worker`, until one of them ends or we are told to stop."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CALLBACK_")},
        "CALLBACK_ENV_FILE": os.devnull,
        "CALLBACK_DATABASE_URL": settings.database_url,
        "CALLBACK_PORT": str(settings.port),
        "CALLBACK_PUBLIC_URL": settings.public_url,
        "CALLBACK_LANGUAGE": settings.language,
        "CALLBACK_CHANNELS": CHANNELS,
        **{f"CALLBACK_{name.upper()}": getattr(settings, name) for name in NAMES},
        "CALLBACK_LOG_LEVEL": settings.log_level,
    }
    console.print("Serving until Ctrl+C.", style="bold")
    command = [sys.executable, "-m", "callback"]
    worker = subprocess.Popen([*command, "worker"], env=environment, cwd=ROOT)
    server = subprocess.Popen([*command, "serve"], env=environment, cwd=ROOT)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        return max(server.wait(), 0)
    finally:
        worker.terminate()
        worker.wait(45)


main()
