"""A script as JSON, read strictly: what is not understood is refused with its place.

    {"title": "…", "begin": "prepare", "nodes": {"prepare": {"stage": "prepare", "say": "…", "note": "…", "choices": [
        {"key": "1", "label": "…", "goto": "identity", "effects": ["told"], "outcome": "busy", "data": {},
         "fields": [{"name": "need", "label": "…", "kind": "text", "required": true}]}]}}}

`say` and `note` hold placeholders as `{{ name }}` and no other template syntax.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from callback.domain.document import Problem, Reader, reader_of
from callback.domain.script.graph import (
    AFTER_IDENTITY,
    CASE_PLACEHOLDERS,
    PUBLIC_PLACEHOLDERS,
    Choice,
    EffectKind,
    Field,
    FieldKind,
    Node,
    Script,
    ScriptError,
    Stage,
)
from callback.domain.text import is_storable
from callback.domain.words import Disposition

MAX_NODES = 200
MAX_TEXT = 2000
MAX_LABEL = 120
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_TEMPLATE_SYNTAX = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_WRITABLE = {kind.value: kind for kind in EffectKind if kind not in (EffectKind.OUTCOME, EffectKind.CLOSE)}
_NEEDS_FIELD = {
    EffectKind.NEW_NEED: Field("need", "", FieldKind.TEXT),
    EffectKind.PROMISE_TAKEN: Field("promise_at", "", FieldKind.MOMENT),
    EffectKind.CAUSE: Field("cause", "", FieldKind.TEXT),
}
"""The engine's readers rely on these fields, so a script that lacks one is refused."""
_KNOWN_MOMENTS = {"appointment_at", "promise_at"}


def parse_script(value: Any) -> Script:
    """Read a script. Raises `ScriptError` naming every fault and its place."""
    problems: list[Problem] = []
    reader = reader_of(value, "", problems)
    if reader is None:
        raise ScriptError(problems)
    reader.only("title", "begin", "nodes")
    script = Script(
        title=reader.text("title", limit=MAX_LABEL), begin=reader.text("begin", limit=40), nodes=_nodes(reader)
    )
    if not problems:
        problems.extend(_faults_of_flow(script))
    if not problems:
        problems.extend(_identity_faults(script))
    if problems:
        raise ScriptError(problems)
    return script


def placeholders(text: str) -> tuple[str, ...]:
    """The names of the placeholders in a text, in order."""
    return tuple(_PLACEHOLDER.findall(text))


def _nodes(reader: Reader) -> dict[str, Node]:
    nodes = reader.value.get("nodes")
    if not isinstance(nodes, Mapping) or not nodes:
        reader.complain("nodes", "nodes_expected")
        return {}
    if len(nodes) > MAX_NODES:
        reader.complain("nodes", "too_many", limit=MAX_NODES, length=len(nodes))
        return {}
    found = {}
    for name, value in nodes.items():
        path = f"nodes.{name}"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            reader.problems.append(Problem(path, "bad_name", {"name": str(name)}))
        node = reader_of(value, path, reader.problems)
        if node is not None:
            found[str(name)] = _node(str(name), node)
    return found


def _node(name: str, reader: Reader) -> Node:
    reader.only("stage", "say", "note", "choices")
    stage = reader.text("stage", limit=40)
    if stage and stage not in set(Stage):
        reader.complain("stage", "unknown_stage", stage=stage)
    choices = tuple(_choice(choice) for choice in reader.objects("choices", limit=9, required=False))
    keys = [choice.key for choice in choices]
    if len(set(keys)) < len(keys):
        reader.complain("choices", "key_twice")
    say, note = (reader.text(part, limit=MAX_TEXT, required=False) for part in ("say", "note"))
    if not say and not note:
        reader.complain("say", "text_expected")
    for part, text in (("say", say), ("note", note)):
        _check_template(reader, part, text)
    return Node(
        name=name,
        stage=Stage(stage) if stage in set(Stage) else Stage.PREPARE,
        say=say,
        note=note,
        choices=choices,
    )


def _check_template(reader: Reader, part: str, text: str) -> None:
    if _TEMPLATE_SYNTAX.search(_PLACEHOLDER.sub("", text)):
        reader.complain(part, "template_not_simple")
    for name in placeholders(text):
        if name not in PUBLIC_PLACEHOLDERS | CASE_PLACEHOLDERS:
            known = ", ".join(sorted(PUBLIC_PLACEHOLDERS | CASE_PLACEHOLDERS))
            reader.complain(part, "unknown_placeholder", placeholder=name, known=known)


def _choice(reader: Reader) -> Choice:
    reader.only("key", "label", "goto", "effects", "outcome", "fields", "data")
    key = reader.text("key", limit=1)
    if key and key not in "123456789":
        reader.complain("key", "bad_key")
    label = reader.text("label", limit=MAX_LABEL)
    if _TEMPLATE_SYNTAX.search(label):
        reader.complain("label", "template_not_simple")
    fields = tuple(_field(field) for field in reader.objects("fields", limit=5, required=False))
    if len({field.name for field in fields}) < len(fields):
        reader.complain("fields", "field_twice")
    effects = _effects(reader)
    data = _data(reader)
    for effect in effects:
        needed = _NEEDS_FIELD.get(effect)
        if needed and not _provides(fields, data, needed):
            reader.complain(
                "fields", "effect_needs_field", effect=effect.value, field=needed.name, kind=needed.kind.value
            )
    if fields and not effects and "outcome" not in reader.value:
        # What an agent types must go somewhere: without an effect nothing would keep it.
        reader.complain("fields", "field_without_effect")
    return Choice(
        key=key,
        label=label,
        goto=reader.text("goto", limit=40),
        effects=effects,
        outcome=_outcome(reader),
        fields=fields,
        data=data,
    )


def _provides(fields: tuple[Field, ...], data: Mapping[str, Any], needed: Field) -> bool:
    """Whether the choice always yields that field: asked for, or (a text) fixed in the script."""
    if needed.kind is FieldKind.TEXT and isinstance(data.get(needed.name), str):
        return True
    return any((f.name, f.kind, f.required) == (needed.name, needed.kind, True) for f in fields)


def _effects(reader: Reader) -> tuple[EffectKind, ...]:
    found = []
    for path, name in reader.items("effects", limit=6, required=False):
        if isinstance(name, str) and name in _WRITABLE:
            found.append(_WRITABLE[name])
        else:
            reader.problems.append(
                Problem(path, "unknown_effect", {"effect": str(name), "known": ", ".join(_WRITABLE)})
            )
    return tuple(found)


def _outcome(reader: Reader) -> Disposition | None:
    outcome = reader.value.get("outcome")
    if outcome is None:
        return None
    if isinstance(outcome, str) and outcome in set(Disposition):
        return Disposition(outcome)
    reader.complain("outcome", "unknown_outcome", outcome=str(outcome), known=", ".join(Disposition))
    return None


def _data(reader: Reader) -> dict[str, Any]:
    """Fixed payload: a flag, number or short text by name."""
    data = reader.value.get("data", {})
    if not isinstance(data, Mapping) or not all(_NAME.fullmatch(str(n)) and _is_plain(v) for n, v in data.items()):
        reader.complain("data", "bad_data")
        return {}
    return dict(data)


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_LABEL and is_storable(value)
    return isinstance(value, int) and abs(value) < 10**9


def _field(reader: Reader) -> Field:
    reader.only("name", "label", "kind", "required")
    name = reader.text("name", limit=40)
    if name and not _NAME.fullmatch(name):
        reader.complain("name", "bad_name", name=name)
    kind = reader.text("kind", limit=20, required=False, fallback=FieldKind.TEXT.value)
    if kind not in set(FieldKind) or (name in _KNOWN_MOMENTS and kind != FieldKind.MOMENT):
        reader.complain("kind", "bad_field_kind", field=name)
        kind = FieldKind.TEXT.value
    return Field(
        name=name,
        label=reader.text("label", limit=MAX_LABEL),
        kind=FieldKind(kind),
        required=reader.flag("required", fallback=True),
    )


def _faults_of_flow(script: Script) -> Iterator[Problem]:
    """Every way leads somewhere, every node is reached, and from every node the call can end."""
    if script.begin not in script.nodes:
        yield Problem("begin", "unknown_node", {"node": script.begin})
        return
    dangling = False
    for node in script.nodes.values():
        for index, choice in enumerate(node.choices):
            if choice.goto not in script.nodes:
                dangling = True
                yield Problem(f"nodes.{node.name}.choices[{index}].goto", "unknown_node", {"node": choice.goto})
    if dangling:
        return
    reached = _reached(script, script.begin)
    for name in script.nodes:
        if name not in reached:
            yield Problem(f"nodes.{name}", "unreachable")
        elif not any(script.nodes[other].is_end for other in _reached(script, name)):
            yield Problem(f"nodes.{name}", "no_way_out")


def _reached(script: Script, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(choice.goto for choice in script.nodes[name].choices)
    return seen


def _identity_faults(script: Script) -> Iterator[Problem]:
    """Walk every path on which the person is not yet confirmed: nothing of the case may be said or told on it."""
    seen: set[str] = set()
    waiting = [script.begin]
    while waiting:
        node = script.nodes[waiting.pop()]
        if node.name in seen:
            continue
        seen.add(node.name)
        for part, text in (("say", node.say), ("note", node.note)):
            for name in placeholders(text):
                if name in CASE_PLACEHOLDERS:
                    yield Problem(f"nodes.{node.name}.{part}", "case_before_identity", {"placeholder": name})
        for index, choice in enumerate(node.choices):
            if EffectKind.IDENTITY_CONFIRMED in choice.effects:
                continue
            for effect in choice.effects:
                if effect in AFTER_IDENTITY:
                    place = f"nodes.{node.name}.choices[{index}].effects"
                    yield Problem(place, "effect_before_identity", {"effect": effect.value})
            waiting.append(choice.goto)
