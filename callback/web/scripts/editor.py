"""The editor: the whole script is one form; the preview beside it speaks it with example values while it is written."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Response

from callback.db.tables import Script
from callback.domain.account import Scope
from callback.domain.script import EffectKind, FieldKind, Stage
from callback.domain.script.graph import CASE_PLACEHOLDERS, PUBLIC_PLACEHOLDERS
from callback.domain.words import Disposition, Purpose
from callback.errors import Invalid
from callback.services import scripts
from callback.services.scripts import PreparedScript
from callback.texts import Language
from callback.web.desk import Desk, at_desk
from callback.web.documents import Fields, document, moved

router = APIRouter(prefix="/setup/scripts")
Writer = Annotated[Desk, Depends(at_desk(Scope.SCRIPTS_WRITE))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
EFFECTS = tuple(kind for kind in EffectKind if kind not in (EffectKind.OUTCOME, EffectKind.CLOSE))
_NODE = re.compile(r"nodes\.([a-z][a-z0-9_]*)")


@router.get("/{script_id}/edit")
def edit(script_id: Id, desk: Writer) -> Response:
    """The editor, filled with a version; what is saved is a new one."""
    row = _row(desk, script_id)
    return desk.page("scripts/edit.html", again=False, **_editing(desk, row, row.definition))


@router.post("/{script_id}/edit")
def change(script_id: Id, fields: Fields, desk: Writer, act: Annotated[str, Form()] = "") -> Response:
    """The form as it stands, with one act done: a step or a choice added, moved or taken out. Nothing is saved."""
    definition = definition_of(document(fields))
    opened = _act(definition, act)
    shown = _editing(desk, _row(desk, script_id), definition, opened=opened)
    return desk.fragment("scripts/form.html", again=True, **shown)


@router.post("/{script_id}/check")
def check(script_id: Id, fields: Fields, desk: Writer) -> Response:
    """The form as it stands, spoken; and what is wrong with it."""
    shown = _editing(desk, _row(desk, script_id), definition_of(document(fields)))
    return desk.fragment("scripts/preview.html", **shown)


@router.post("/{script_id}/drafts")
def save(script_id: Id, fields: Fields, desk: Writer) -> Response:
    """The form as a new draft; with faults it comes back with each beside its step."""
    old = _row(desk, script_id)
    definition = definition_of(document(fields))
    language: Language = "zh" if old.language == "zh" else "en"
    try:
        with desk.begin() as session:
            row = scripts.save_draft(
                session,
                key=old.key,
                language=language,
                purposes=[Purpose(name) for name in old.purposes],
                definition=definition,
                now=desk.now,
                author_id=desk.me.agent_id,
            )
    except Invalid as error:
        if error.code != "script_refused":
            raise
        return desk.fragment("scripts/form.html", status=422, again=True, **_editing(desk, old, definition))
    return desk.go(f"/setup/scripts/{row.id}", said="scripts_desk.saved", version=row.version)


def definition_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The script that a form describes; empty fields are absent members."""
    nodes: dict[str, Any] = {}
    for one in fields.get("steps") or ():
        if isinstance(one, Mapping) and one.get("name"):
            nodes[str(one["name"])] = _node(one)
    return {"title": fields.get("title", ""), "begin": fields.get("begin", ""), "nodes": nodes}


def _node(fields: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"stage": fields.get("stage", "")}
    made |= {part: fields[part].strip() for part in ("say", "note") if str(fields.get(part, "")).strip()}
    choices = [_choice(one) for one in fields.get("choices") or () if isinstance(one, Mapping)]
    if choices:
        made["choices"] = choices
    return made


def _choice(fields: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {name: str(fields.get(name, "")).strip() for name in ("key", "label", "goto")}
    effects = fields.get("effects")
    if effects:
        made["effects"] = [effects] if isinstance(effects, str) else list(effects)
    if fields.get("outcome"):
        made["outcome"] = fields["outcome"]
    asked = [_asked(one) for one in fields.get("fields") or () if isinstance(one, Mapping) and one.get("name")]
    if asked:
        made["fields"] = asked
    if fields.get("data"):
        try:
            made["data"] = json.loads(fields["data"])
        except ValueError:
            made["data"] = fields["data"]
    return made


def _asked(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": fields["name"],
        "label": fields.get("label", ""),
        "kind": fields.get("kind", FieldKind.TEXT.value),
        "required": fields.get("required") == "yes",
    }


def _act(definition: dict[str, Any], act: str) -> str | None:
    """Do one thing to the script; the name of the step that shall be open after it."""
    verb, _, argument = act.partition(":")
    name, _, place = argument.partition(":")
    nodes = definition["nodes"]
    if verb == "add":
        free = next(f"step{n}" for n in range(1, len(nodes) + 2) if f"step{n}" not in nodes)
        nodes[free] = {"stage": Stage.TELL.value}
        return free
    node = nodes.get(name)
    if node is None:
        return None
    choices = node.setdefault("choices", [])
    if verb == "remove":
        del nodes[name]
        return None
    if verb == "choice":
        taken = {choice["key"] for choice in choices}
        key = next((str(n) for n in range(1, 10) if str(n) not in taken), "")
        choices.append({"key": key, "label": "", "goto": definition["begin"]})
    elif verb in ("up", "down") and place.isdecimal():
        moved(choices, int(place), -1 if verb == "up" else 1)
    elif verb == "less" and place.isdecimal() and int(place) < len(choices):
        del choices[int(place)]
    elif verb == "field" and place.isdecimal() and int(place) < len(choices):
        asked = choices[int(place)].setdefault("fields", [])
        asked.append({"name": f"field{len(asked) + 1}", "label": "", "kind": "text", "required": True})
    if not choices:
        del node["choices"]
    return name


def _editing(desk: Desk, row: Script, definition: Mapping[str, Any], *, opened: str | None = None) -> dict[str, Any]:
    """What the editor and its preview show of a script, sound or not."""
    faults: dict[str, list[str]] = {}
    prepared: PreparedScript | None = None
    try:
        scripts.check(dict(definition))
        spoken = Script(id=row.id, key=row.key, language=row.language, version=row.version, definition=dict(definition))
        prepared = scripts.example(spoken, settings=desk.house.settings)
    except Invalid as error:
        problems = error.details.get("problems")
        for problem in problems if isinstance(problems, list) else []:
            found = _NODE.match(problem["path"])
            faults.setdefault(found[1] if found else "", []).append(problem[desk.language])
        if not faults:
            faults[""] = [desk.say(f"error.{error.code}", **error.params)]
    return {
        "row": row,
        "definition": definition,
        "faults": faults,
        "opened": opened,
        "prepared": prepared,
        "stages": list(Stage),
        "effects": EFFECTS,
        "outcomes": list(Disposition),
        "placeholders": sorted(PUBLIC_PLACEHOLDERS | CASE_PLACEHOLDERS),
        "as_json": lambda value: json.dumps(value, ensure_ascii=False),
    }


def _row(desk: Desk, script_id: int) -> Script:
    with desk.reading() as session:
        return scripts.find_script(session, script_id)
