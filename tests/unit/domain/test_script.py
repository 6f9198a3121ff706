"""The guided call: what a script may say, and the walk through it."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.script import (
    AFTER_IDENTITY,
    CASE_PLACEHOLDERS,
    EffectKind,
    FieldKind,
    Script,
    ScriptError,
    ScriptState,
    Stage,
    StepError,
    back,
    begin,
    parse_script,
    step,
)
from callback.domain.script.document import placeholders
from callback.domain.words import Disposition

SHIPPED = sorted((Path(__file__).parents[3] / "callback" / "content" / "scripts").rglob("*.json"))


def small() -> dict[str, Any]:
    """A script with one of everything."""
    return {
        "title": "Small",
        "begin": "identity",
        "nodes": {
            "identity": {
                "stage": "identity",
                "say": "Is that {{ salutation }}?",
                "choices": [
                    {"key": "1", "label": "Yes", "goto": "tell", "effects": ["identity_confirmed"]},
                    {"key": "2", "label": "No", "goto": "end", "effects": ["wrong_person"], "outcome": "wrong_number"},
                    {
                        "key": "3",
                        "label": "Later",
                        "goto": "end",
                        "effects": ["not_convenient"],
                        "fields": [{"name": "appointment_at", "label": "When", "kind": "moment", "required": False}],
                    },
                ],
            },
            "tell": {
                "stage": "tell",
                "say": "About {{ issue }}: {{ result }}",
                "choices": [
                    {"key": "1", "label": "Accepts", "goto": "need", "effects": ["told", "accepted"]},
                    {"key": "2", "label": "Does not", "goto": "tell", "effects": ["told", "not_accepted"]},
                ],
            },
            "need": {
                "stage": "new_need",
                "note": "Ask.",
                "choices": [
                    {
                        "key": "1",
                        "label": "A need",
                        "goto": "need",
                        "effects": ["new_need"],
                        "data": {"answered": False},
                        "fields": [{"name": "need", "label": "What"}],
                    },
                    {
                        "key": "2",
                        "label": "Promise",
                        "goto": "need",
                        "effects": ["holding_promise_taken", "cause"],
                        "data": {"cause": "service"},
                        "fields": [{"name": "promise_at", "label": "When", "kind": "moment"}],
                    },
                    {"key": "3", "label": "None", "goto": "end", "outcome": "completed"},
                ],
            },
            "end": {"stage": "close", "say": "Goodbye."},
        },
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    """`small` with the member at `path` replaced (or removed by `...`)."""
    document = small()
    place: Any = document
    *way, last = path.split("/")
    for name in way:
        place = place[int(name)] if isinstance(place, list) else place[name]
    key: Any = int(last) if isinstance(place, list) else last
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return document


def walk(script: Script, *choices: str, **fields: Any) -> ScriptState:
    state = begin(script)
    for choice in choices:
        state, _ = step(script, state, choice, **fields)
    return state


def test_a_call_that_goes_well() -> None:
    script = parse_script(small())
    state, effects = step(script, begin(script), "1")
    assert [effect.kind for effect in effects] == [EffectKind.IDENTITY_CONFIRMED]
    state, _ = step(script, state, "2")
    assert state.facts.accepted is False
    state, _ = step(script, state, "1")
    state, _ = step(script, state, "1", need=" a new lamp ")
    state, _ = step(script, state, "2", promise_at="2026-03-12T10:00:00+08:00")
    state, effects = step(script, state, "3")
    assert [effect.kind for effect in effects] == [EffectKind.OUTCOME, EffectKind.CLOSE]
    facts = state.facts
    assert (facts.identity, facts.told, facts.accepted, facts.over) == (True, True, True, True)
    assert facts.new_needs == ({"answered": False, "need": "a new lamp"},)
    assert facts.promise_at == datetime(2026, 3, 12, 2, tzinfo=UTC)
    assert facts.cause == "service"
    assert facts.disposition is Disposition.COMPLETED
    assert (facts.understood, facts.refused, facts.questionnaire, facts.appointment_at) == (False, False, None, None)
    assert script.nodes[state.node].is_end


def test_the_facts_of_a_call_that_has_not_begun() -> None:
    facts = begin(parse_script(small())).facts
    assert (facts.identity, facts.accepted, facts.disposition, facts.cause, facts.over) == (
        False,
        None,
        None,
        None,
        False,
    )
    assert (facts.promise_at, facts.new_needs) == (None, ())


def test_an_appointment_is_a_moment_or_nothing() -> None:
    script = parse_script(small())
    moment = datetime(2026, 3, 12, 2, tzinfo=UTC)
    assert walk(script, "3", appointment_at=moment).facts.appointment_at == moment
    state = walk(script, "3")
    assert state.facts.appointment_at is None
    taken = state.last(EffectKind.NOT_CONVENIENT)
    assert taken is not None
    assert taken.moment("appointment_at") is None


@pytest.mark.parametrize(
    ("choices", "choice", "fields", "code"),
    [
        ((), "9", {}, "script_choice_unknown"),
        ((), "1", {"need": "x"}, "script_field_unknown"),
        ((), "3", {"appointment_at": "tomorrow"}, "script_time_invalid"),
        ((), "3", {"appointment_at": "2026-03-12T10:00:00"}, "script_time_invalid"),
        ((), "3", {"appointment_at": 5}, "script_time_invalid"),
        (("1", "1"), "1", {}, "script_field_missing"),
        (("1", "1"), "1", {"need": "  "}, "script_field_missing"),
        (("1", "1"), "1", {"need": 5}, "script_field_invalid"),
        (("1", "1"), "1", {"need": "a\x00b"}, "script_field_invalid"),
        (("1", "1"), "1", {"need": "x" * 2001}, "script_text_too_long"),
    ],
)
def test_a_step_that_is_not_allowed(choices: tuple[str, ...], choice: str, fields: dict[str, Any], code: str) -> None:
    script = parse_script(small())
    with pytest.raises(StepError) as refused:
        step(script, walk(script, *choices), choice, **fields)
    assert refused.value.code == code


def test_a_state_of_another_script_is_refused() -> None:
    with pytest.raises(StepError) as refused:
        step(parse_script(small()), ScriptState(node="elsewhere"), "1")
    assert refused.value.code == "script_node_unknown"


def test_identity_first_even_for_a_state_that_was_made_up() -> None:
    script = parse_script(small())
    with pytest.raises(StepError) as refused:
        step(script, ScriptState(node="tell"), "1")
    assert refused.value.code == "identity_first"


def test_back_undoes_the_last_step_and_what_it_meant() -> None:
    script = parse_script(small())
    before = walk(script, "1")
    after, effects = step(script, before, "1")
    assert back(script, after) == (before, effects)
    assert back(script, begin(script)) == (begin(script), ())


FAULTS: list[tuple[str, Any, str, str]] = [
    ("title", "", "title", "text_expected"),
    ("title", "x" * 121, "title", "too_long"),
    ("extra", 1, "extra", "unknown_property"),
    ("nodes", {}, "nodes", "nodes_expected"),
    ("nodes", {f"n{i}": {} for i in range(201)}, "nodes", "too_many"),
    ("nodes/end", 5, "nodes.end", "object_expected"),
    ("nodes/Bad Name", {"stage": "close", "say": "x"}, "nodes.Bad Name", "bad_name"),
    ("begin", "nowhere", "begin", "unknown_node"),
    ("nodes/end/stage", "party", "nodes.end.stage", "unknown_stage"),
    ("nodes/end/say", ..., "nodes.end.say", "text_expected"),
    ("nodes/end/colour", "red", "nodes.end.colour", "unknown_property"),
    ("nodes/end/say", "{% if x %}", "nodes.end.say", "template_not_simple"),
    ("nodes/end/say", "{{ company.__class__ }}", "nodes.end.say", "template_not_simple"),
    ("nodes/end/note", "{{ weather }}", "nodes.end.note", "unknown_placeholder"),
    ("nodes/identity/say", "About {{ issue }}", "nodes.identity.say", "case_before_identity"),
    ("nodes/end/note", "{{ result }}", "nodes.end.note", "case_before_identity"),
    ("nodes/identity/choices", 5, "nodes.identity.choices", "list_expected"),
    ("nodes/identity/choices", [{}] * 10, "nodes.identity.choices", "too_many"),
    ("nodes/identity/choices/0", "yes", "nodes.identity.choices[0]", "object_expected"),
    ("nodes/identity/choices/0/key", "2", "nodes.identity.choices", "key_twice"),
    ("nodes/identity/choices/0/key", "0", "nodes.identity.choices[0].key", "bad_key"),
    ("nodes/identity/choices/0/label", "{{ issue }}", "nodes.identity.choices[0].label", "template_not_simple"),
    ("nodes/identity/choices/0/goto", "nowhere", "nodes.identity.choices[0].goto", "unknown_node"),
    ("nodes/identity/choices/0/goto", "end", "nodes.tell", "unreachable"),
    ("nodes/tell/choices/0/goto", "tell", "nodes.tell", "no_way_out"),
    ("nodes/identity/choices/0/effects", ["outcome"], "nodes.identity.choices[0].effects[0]", "unknown_effect"),
    ("nodes/identity/choices/0/effects", [5], "nodes.identity.choices[0].effects[0]", "unknown_effect"),
    ("nodes/identity/choices/1/effects", ["told"], "nodes.identity.choices[1].effects", "effect_before_identity"),
    ("nodes/identity/choices/1/outcome", "great", "nodes.identity.choices[1].outcome", "unknown_outcome"),
    ("nodes/need/choices/0/data", [], "nodes.need.choices[0].data", "bad_data"),
    ("nodes/need/choices/0/data", {"x": {}}, "nodes.need.choices[0].data", "bad_data"),
    ("nodes/need/choices/0/data", {"x": 10**5000}, "nodes.need.choices[0].data", "bad_data"),
    ("nodes/need/choices/0/data", {"x": "\x00"}, "nodes.need.choices[0].data", "bad_data"),
    ("nodes/need/choices/0/data", {"x": True, "A B": 5}, "nodes.need.choices[0].data", "bad_data"),
    ("nodes/end/say", "\ud800", "nodes.end.say", "text_expected"),
    ("nodes/need/choices/0/fields", ..., "nodes.need.choices[0].fields", "effect_needs_field"),
    ("nodes/need/choices/0/fields/0/required", False, "nodes.need.choices[0].fields", "effect_needs_field"),
    ("nodes/need/choices/0/effects", [], "nodes.need.choices[0].fields", "field_without_effect"),
    ("nodes/need/choices/0/fields/0/required", "yes", "nodes.need.choices[0].fields[0].required", "flag_expected"),
    ("nodes/need/choices/0/fields/0/kind", "picture", "nodes.need.choices[0].fields[0].kind", "bad_field_kind"),
    ("nodes/need/choices/1/fields/0/kind", "text", "nodes.need.choices[1].fields[0].kind", "bad_field_kind"),
    ("nodes/need/choices/0/fields/0/name", "Not A Name", "nodes.need.choices[0].fields[0].name", "bad_name"),
    (
        "nodes/need/choices/0/fields",
        [{"name": "need", "label": "a"}, {"name": "need", "label": "b"}],
        "nodes.need.choices[0].fields",
        "field_twice",
    ),
]


@pytest.mark.parametrize(("path", "value", "place", "code"), FAULTS)
def test_a_fault_is_refused_with_its_place(path: str, value: Any, place: str, code: str) -> None:
    with pytest.raises(ScriptError) as refused:
        parse_script(changed(path, value))
    assert (place, code) in [(problem.path, problem.code) for problem in refused.value.problems]
    assert code in str(refused.value)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ScriptError):
        parse_script([])


def test_nothing_is_told_on_any_way_that_has_no_identity() -> None:
    document = small()
    document["nodes"]["identity"]["choices"].append({"key": "4", "label": "Short cut", "goto": "tell"})
    with pytest.raises(ScriptError) as refused:
        parse_script(document)
    found = {(problem.path, problem.code) for problem in refused.value.problems}
    assert ("nodes.tell.say", "case_before_identity") in found
    assert ("nodes.tell.choices[0].effects", "effect_before_identity") in found


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_shipped_scripts_are_sound(path: Path) -> None:
    script = parse_script(json.loads(path.read_text(encoding="utf-8"))["script"])
    stages = {node.stage for node in script.nodes.values()}
    assert {Stage.PREPARE, Stage.IDENTITY, Stage.INTRODUCE, Stage.CONVENIENT, Stage.CLOSE} <= stages
    for node, has_outcome in reachable(script):
        assert has_outcome or not script.nodes[node].is_end, f"a call can end at {node} without an outcome"


def reachable(script: Script) -> set[tuple[str, bool]]:
    """Every node that a call can come to, with and without an outcome on the way."""
    seen: set[tuple[str, bool]] = set()
    waiting = [(script.begin, False)]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            choices = script.nodes[here[0]].choices
            waiting.extend((choice.goto, here[1] or choice.outcome is not None) for choice in choices)
    return seen


def test_both_languages_have_the_same_flow() -> None:
    def skeleton(path: Path) -> Any:
        document = copy.deepcopy(json.loads(path.read_text(encoding="utf-8")))
        for node in document["script"]["nodes"].values():
            node["said"] = sorted(placeholders(node.pop("say", "")))
            node["noted"] = sorted(placeholders(node.pop("note", "")))
            for choice in node.get("choices", []):
                del choice["label"]
                for field in choice.get("fields", []):
                    del field["label"]
        del document["language"], document["script"]["title"]
        return document

    zh = {path.stem: skeleton(path) for path in SHIPPED if path.parent.name == "zh"}
    en = {path.stem: skeleton(path) for path in SHIPPED if path.parent.name == "en"}
    assert zh.keys() == en.keys()
    for name, flow in zh.items():
        assert flow["purposes"] == en[name]["purposes"]
        for node in flow["script"]["nodes"]:
            mine, other = flow["script"]["nodes"][node], en[name]["script"]["nodes"][node]
            assert set(mine["said"]) ^ set(other["said"]) <= {"centre"}, (name, node)
            mine.pop("said"), other.pop("said")
        assert flow == en[name]


SCRIPTS = [parse_script(json.loads(path.read_text(encoding="utf-8"))["script"]) for path in SHIPPED]


@given(st.sampled_from(SCRIPTS), st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=40))
def test_no_walk_says_anything_of_the_case_before_identity(script: Script, moves: list[tuple[int, bool]]) -> None:
    """Any walk, with steps back and a reload at every step."""
    state = begin(script)
    for number, undo in moves:
        node = script.nodes[state.node]
        if not state.facts.identity:
            assert not CASE_PLACEHOLDERS & set(placeholders(node.say + node.note))
            assert not any(state.has(kind) for kind in AFTER_IDENTITY)
        if undo:
            state, _ = back(script, state)
        elif node.choices:
            choice = node.choices[number % len(node.choices)]
            fields = {
                field.name: "2026-03-12T10:00:00+08:00" if field.kind is FieldKind.MOMENT else "x"
                for field in choice.fields
            }
            state, _ = step(script, state, choice.key, **fields)
        assert ScriptState.from_json(json.loads(json.dumps(state.to_json()))) == state
        assert state.facts.over == script.nodes[state.node].is_end
