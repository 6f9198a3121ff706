"""The demonstration behind scripts/demo: a fresh house with the sample in it, planned, shown, and served."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from callback.bootstrap import House, build
from callback.db.callbacks import agent_list
from callback.db.engine import reading
from callback.db.migrate import upgrade
from callback.db.tables import Agent
from callback.domain.address import mask
from callback.services import samples, scripts
from callback.services.agents import by_login
from callback.services.housekeeping import break_promises
from callback.services.planning import Planned, plan_day
from callback.settings import Settings, load_settings
from callback.texts import say

ROOT = Path(__file__).resolve().parents[2]
console = Console(width=max(Console().width, 110))


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
    database = ROOT / "var" / "demo.db"
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
    return parser.parse_args()


def _settings(wanted: argparse.Namespace, database: Path) -> Settings:
    return load_settings(
        database_url=f"sqlite:///{database}",
        port=wanted.port,
        public_url=f"http://127.0.0.1:{wanted.port}",
        language=wanted.language,
        twilio_account_sid=None,
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
        _print_plan(planned, loaded)
        agent = _busiest(house, loaded)
        _print_list(house, agent)
        _print_script(house, agent)
        _print_logins(settings, loaded)
    finally:
        house.close()


def _print_plan(planned: Planned, loaded: samples.Loaded) -> None:
    purposes = ", ".join(f"{count} × {name}" for name, count in planned.cases.created.most_common())
    console.rule("Planned")
    console.print(f"{loaded.cases.created} cases → {purposes}; {planned.callbacks.assigned} in agents' lists")


def _horizon(now: datetime) -> datetime:
    return now + timedelta(days=4)


def _busiest(house: House, loaded: samples.Loaded) -> Agent:
    """The agent whose next callback comes first: at midnight that is somebody's tomorrow, or another continent."""
    now = house.clock()
    with reading(house.sessions) as session:
        firsts = []
        for login in loaded.logins:
            agent = by_login(session, login.login)
            rows = agent_list(session, agent_id=agent.id, until=_horizon(now), after=None, limit=1)
            firsts += [(row.Callback.planned_at, agent.id, agent) for row in rows]
        if not firsts:
            sys.exit("Nothing could be planned for the next days: all of them are public holidays.")
        return min(firsts)[2]


def _print_list(house: House, agent: Agent) -> None:
    now = house.clock()
    with reading(house.sessions) as session:
        rows = agent_list(session, agent_id=agent.id, until=_horizon(now), after=None, limit=12)
    console.rule(f"The list of {agent.name} ({agent.login})")
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("Planned", "Customer's time", "Purpose", "Customer", "Telephone", "Due"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        planned = row.Callback.planned_at
        table.add_row(
            f"{planned.astimezone(ZoneInfo(agent.time_zone)):%d %b %H:%M}",
            f"{planned.astimezone(ZoneInfo(row.time_zone)):%H:%M}",
            say(f"purpose.{row.Callback.purpose}", house.settings.language),
            row.salutation or row.name or "–",
            mask(row.address) if row.address else "–",
            f"{row.Callback.due_at.astimezone(ZoneInfo(agent.time_zone)):%d %b %H:%M}",
        )
    console.print(table)


def _print_script(house: House, agent: Agent) -> None:
    """The first callback's script as the agent will read it: from node to node by the first choice of each."""
    now = house.clock()
    with reading(house.sessions) as session:
        first = agent_list(session, agent_id=agent.id, until=_horizon(now), after=None, limit=1)[0]
        prepared = scripts.prepare(
            session, callback_id=first.Callback.id, agent_id=agent.id, now=now, settings=house.settings
        )
    console.rule(f"The script “{prepared.key}” for {first.salutation or first.name or '–'}")
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
    console.print(f"Address: {settings.public_url}   API: {settings.public_url}/docs", highlight=False)


def _serve(settings: Settings) -> int:
    """The real commands, `serve` and `worker`, until one of them ends or we are told to stop."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CALLBACK_")},
        "CALLBACK_ENV_FILE": os.devnull,
        "CALLBACK_DATABASE_URL": settings.database_url,
        "CALLBACK_PORT": str(settings.port),
        "CALLBACK_PUBLIC_URL": settings.public_url,
        "CALLBACK_LANGUAGE": settings.language,
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
