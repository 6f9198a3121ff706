"""`/setup/agents/import`: many agents from a file. Looked over first, written whole or not at all, taken back at once.

Nothing is kept between looking and writing: the browser sends the file again, with the fingerprint of what was shown.
"""

import base64
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile

from callback.db.agents import team_names
from callback.domain.account import Scope
from callback.services import agents
from callback.services.agent_files.columns import COLUMNS
from callback.services.agent_files.plan import Person, Plan, plan
from callback.services.agent_files.reading import MOST_BYTES, MOST_ROWS, AgentFile, read_content
from callback.services.agent_files.template import write_template
from callback.services.agent_files.writing import FirstPassword, Wishes, passwords_csv, write
from callback.texts import Language
from callback.web.desk import Desk, at_desk
from callback.web.imports import XLSX
from callback.web.setup.differences import Difference, agent_differences
from callback.web.setup.forms import Fields, Form

router = APIRouter(prefix="/setup/agents/import")
Writer = Annotated[Desk, Depends(at_desk(Scope.AGENTS_WRITE))]
SHOWN = 200
"""People of each kind on the page; the rest is counted."""
PLACES = {
    "agents_file_teams": "make_teams",
    "agents_file_changed": "file",
    "agents_file_faults": "file",
}
_NEW = ("role", "team_id", "leads_team", "languages", "skills", "daily_capacity", "time_zone", "phone")
"""What is said of somebody new, beside their name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One person as the page shows them."""

    row: int
    name: str
    login: str
    number: str
    changes: Sequence[Difference]


@router.get("")
def page(desk: Writer) -> Response:
    return desk.page("setup/agents/import.html", columns=COLUMNS, most=MOST_ROWS, fields=Fields(desk))


@router.get("/template/{language}")
def template(_desk: Writer, language: Literal["zh", "en"]) -> Response:
    with tempfile.TemporaryDirectory(prefix="callback-template-") as folder:
        path = Path(folder) / "agents.xlsx"
        write_template(path, language)
        content = path.read_bytes()
    name = f'attachment; filename="callback-agents-{language}.xlsx"'
    return Response(content, media_type=XLSX, headers={"Content-Disposition": name})


@router.post("")
def look(desk: Writer, form: Form) -> Response:
    """What the file would do, with every fault by row. Writes nothing."""
    fields = Fields(desk, form)
    file = _file(desk, fields, form)
    return _looked(desk, fields, file, seen=False)


@router.post("/write")
def write_file(desk: Writer, form: Form) -> Response:
    """All of it at once. The first passwords are shown here, once, and kept nowhere."""
    fields = Fields(desk, form)
    file = _file(desk, fields, form)
    if file is None:
        return _looked(desk, fields, None, seen=True)
    written = None
    with fields.telling(PLACES, otherwise="file"), desk.begin() as session:
        written = write(
            session,
            file,
            Wishes(
                make_teams=fields.on("make_teams"), take_back=fields.on("take_back"), passwords=fields.on("passwords")
            ),
            time_zone=desk.house.settings.time_zone,
            now=desk.now,
            actor_id=desk.me.agent_id,
            seen=fields.raw("seen"),
        )
    if written is None:
        return _looked(desk, fields, file, seen=True)
    return desk.fragment(
        "setup/agents/import_done.html", written=written, passwords=_as_link(desk.language, written.passwords)
    )


def _file(desk: Desk, fields: Fields, form: FormData) -> AgentFile | None:
    """What was sent; None with a fault when it cannot be read."""
    sent = form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        fields.fault("file", "agents_file.choose_file")
        return None
    with fields.telling({}, otherwise="file"):
        content = sent.file.read(MOST_BYTES + 1)
        return read_content(sent.filename, content, country=desk.house.settings.country)
    return None


def _looked(desk: Desk, fields: Fields, file: AgentFile | None, *, seen: bool) -> Response:
    """`seen`: the page has shown the file before, so the boxes are as they were ticked."""
    if file is None:
        return desk.fragment("setup/agents/import_looked.html", status=422, fields=fields, plan=None)
    with desk.reading() as session:
        found = plan(session, file, take_back=fields.on("take_back"), time_zone=desk.house.settings.time_zone)
        return desk.fragment(
            "setup/agents/import_looked.html",
            status=422 if fields.faults else 200,
            fields=fields,
            plan=found,
            ticked=fields.on if seen else (lambda name: name == "passwords"),
            faults=[(fault.row, fault.told(desk.language)) for fault in found.faults],
            **_people(desk, session, found),
        )


def _people(desk: Desk, session: Session, found: Plan) -> dict[str, Any]:
    teams = team_names(session) | {number: name for name, number in found.new_teams.items()}
    return {
        "made": [_shown(desk, teams, person) for person in found.made[:SHOWN]],
        "changed": [_shown(desk, teams, person) for person in found.changed[:SHOWN]],
    }


def _shown(desk: Desk, teams: Mapping[int, str], person: Person) -> Shown:
    if person.agent is None:
        before, after = {}, {name: person.changes[name] for name in _NEW if name in person.changes}
    else:
        before, after = agents.document_of(person.agent), dict(person.changes)
    changes = tuple(agent_differences(desk, teams, before, after))
    return Shown(person.row, person.shown("name"), person.shown("login"), person.shown("number"), changes)


def _as_link(language: Language, passwords: Sequence[FirstPassword]) -> str | None:
    """The file inside the page itself: behind an address of its own it would have to be kept."""
    if not passwords:
        return None
    content = passwords_csv(passwords, language)
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(content).decode()
