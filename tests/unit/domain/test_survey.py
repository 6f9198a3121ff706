"""The questionnaire: what is refused when it is saved, and the machine that asks it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callback.domain.survey import (
    Ask,
    Complete,
    Definition,
    Dropped,
    Form,
    Given,
    Invalid,
    Saved,
    SurveyError,
    SurveyState,
    Value,
    advance,
    current,
    parse_definition,
    progress,
    start,
    understand,
    visible,
)

SHIPPED = Path(__file__).parents[3] / "callback" / "content" / "questionnaires" / "satisfaction.json"


def both(text: str) -> dict[str, str]:
    return {"default": text, "zh-cn": f"问{text}"}


def ratings(*numbers: int) -> list[dict[str, Any]]:
    return [{"value": number, "text": both(str(number))} for number in numbers]


def small() -> dict[str, Any]:
    """A questionnaire with one of everything."""
    return {
        "title": both("Small"),
        "pages": [
            {
                "name": "one",
                "elements": [
                    {
                        "type": "boolean",
                        "name": "solved",
                        "title": both("Solved?"),
                        "isRequired": True,
                        "role": "solved",
                    },
                    {
                        "type": "comment",
                        "name": "why",
                        "title": both("Why not?"),
                        "visibleIf": "{solved} = false",
                        "maxLength": 10,
                    },
                    {"type": "rating", "name": "speed", "title": both("Speed"), "role": "csat", "form": ["full"]},
                    {
                        "type": "rating",
                        "name": "recommend",
                        "title": both("Recommend"),
                        "rateMin": 0,
                        "rateMax": 10,
                        "minRateDescription": both("no"),
                        "maxRateDescription": both("yes"),
                        "role": "nps",
                    },
                ],
            },
            {
                "name": "two",
                "title": both("More"),
                "elements": [
                    {
                        "type": "radiogroup",
                        "name": "renewal",
                        "title": both("Go on?"),
                        "choices": [{"value": "yes", "text": both("Yes")}, {"value": "no", "text": both("No")}],
                        "visibleIf": "{why} notempty or {speed} <= 2",
                        "form": ["full"],
                    },
                    {"type": "text", "name": "name", "title": both("Name")},
                ],
            },
        ],
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    """`small` with the member at `path` replaced (`...` removes it). `q/N`: the n-th question of the first page."""
    document = small()
    place: Any = document
    *way, last = path.replace("q/", "pages/0/elements/").split("/")
    for name in way:
        place = place[int(name)] if isinstance(place, list) else place[name]
    key: Any = int(last) if isinstance(place, list) else last
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return document


SMALL = parse_definition(small())
Q = "pages[0].elements"
R = "pages[1].elements[0]"
FAULTS: list[tuple[str, Any, str, str]] = [
    ("extra", 1, "extra", "unknown_property"),
    ("title", "Small", "title", "wording_expected"),
    ("title", {"default": "Small"}, "title", "translation_missing"),
    ("title", {**both("x"), "de": "Klein"}, "title.de", "unknown_property"),
    ("title", both("x" * 301), "title.default", "too_long"),
    ("pages", [], "pages", "list_expected"),
    ("pages/0", 5, "pages[0]", "object_expected"),
    ("pages/0/name", ..., "pages[0].name", "text_expected"),
    ("pages/0/title", 5, "pages[0].title", "wording_expected"),
    ("pages/0/visibleIf", "{x} = 1", "pages[0].visibleIf", "unknown_property"),
    ("pages/0/elements", [], "pages[0].elements", "list_expected"),
    ("q/0", "x", f"{Q}[0]", "object_expected"),
    ("q/0/type", "matrix", f"{Q}[0].type", "unknown_type"),
    ("q/0/type", ["boolean"], f"{Q}[0].type", "unknown_type"),
    ("q/0/validators", [], f"{Q}[0].validators", "unknown_property"),
    ("q/0/choices", [], f"{Q}[0].choices", "unknown_property"),
    ("q/0/name", "Bad Name", f"{Q}[0].name", "bad_name"),
    ("q/0/name", 5, f"{Q}[0].name", "text_expected"),
    ("q/1/name", "solved", f"{Q}[1].name", "name_twice"),
    ("q/0/isRequired", "yes", f"{Q}[0].isRequired", "flag_expected"),
    ("q/0/labelTrue", "Yes", f"{Q}[0].labelTrue", "wording_expected"),
    ("q/0/role", "weather", f"{Q}[0].role", "unknown_role"),
    ("q/0/role", "csat", f"{Q}[0].role", "role_needs_type"),
    ("q/2/rateMax", 7, f"{Q}[2].role", "role_needs_scale"),
    ("q/2/role", "nps", "pages", "role_twice"),
    ("q/2/rateMin", 2, f"{Q}[2].rateMin", "number_expected"),
    ("q/2/rateMin", True, f"{Q}[2].rateMin", "number_expected"),
    ("q/2/rateMax", "5", f"{Q}[2].rateMax", "number_expected"),
    ("q/2/form", ["long"], f"{Q}[2].form[0]", "unknown_form"),
    ("q/2/form", [5], f"{Q}[2].form[0]", "unknown_form"),
    ("q/2/form", [], f"{Q}[2].form", "list_expected"),
    ("q/1/maxLength", 0, f"{Q}[1].maxLength", "number_expected"),
    ("q/1/visibleIf", "", f"{Q}[1].visibleIf", "text_expected"),
    ("q/1/visibleIf", "{solved} =", f"{Q}[1].visibleIf", "condition_not_understood"),
    ("q/1/visibleIf", "{speed} = 1", f"{Q}[1].visibleIf", "condition_unknown_question"),
    ("q/1/visibleIf", "{why} notempty", f"{Q}[1].visibleIf", "condition_unknown_question"),
    ("q/1/visibleIf", "{solved} = 'yes'", f"{Q}[1].visibleIf", "condition_never_true"),
    ("q/1/visibleIf", "{solved} > 1", f"{Q}[1].visibleIf", "condition_never_true"),
    ("q/1/visibleIf", "{solved} = 1.5", f"{Q}[1].visibleIf", "condition_never_true"),
    ("q/2/visibleIf", "{why} = 5", f"{Q}[2].visibleIf", "condition_never_true"),
    ("q/3/visibleIf", "{speed} < 3", f"{Q}[3].visibleIf", "condition_other_form"),
    ("pages/1/elements/0/visibleIf", "{speed} < 'x'", f"{R}.visibleIf", "condition_never_true"),
    ("pages/1/elements/0/visibleIf", "{speed} < true", f"{R}.visibleIf", "condition_never_true"),
    ("pages/1/elements/0/visibleIf", "{speed} = 6", f"{R}.visibleIf", "condition_never_true"),
    ("pages/1/elements/0/choices", [{"value": "yes", "text": both("Yes")}], f"{R}.choices", "one_choice"),
    ("pages/1/elements/0/choices/0/value", "no", f"{R}.choices[1].value", "value_twice"),
    ("pages/1/elements/0/choices/0/value", 1, f"{R}.choices[0].value", "text_expected"),
    ("pages/1/elements/0/choices/0/text", ..., f"{R}.choices[0].text", "wording_expected"),
    ("pages/1/elements/0/choices/0/icon", "x", f"{R}.choices[0].icon", "unknown_property"),
    (
        "q/2/rateValues",
        ratings(2, 1),
        f"{Q}[2].rateValues",
        "not_ascending",
    ),
    (
        "q/3/rateValues",
        ratings(1, 2),
        f"{Q}[3].rateMin",
        "rate_values_or_range",
    ),
]


@pytest.mark.parametrize(("path", "value", "place", "code"), FAULTS)
def test_a_fault_is_refused_with_its_place(path: str, value: Any, place: str, code: str) -> None:
    with pytest.raises(SurveyError) as refused:
        parse_definition(changed(path, value))
    assert (place, code) in [(problem.path, problem.code) for problem in refused.value.problems]


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(SurveyError):
        parse_definition("questions")


def test_a_form_needs_questions_and_there_is_a_limit_to_them() -> None:
    document = small()
    only = [{"type": "text", "name": f"q{i}", "title": both("x"), "form": ["full"]} for i in range(30)]
    document["pages"] = [{"name": "p", "elements": only}]
    with pytest.raises(SurveyError) as refused:
        parse_definition(document)
    assert [problem.code for problem in refused.value.problems] == ["form_empty", "form_empty"]
    more = [{"type": "text", "name": f"r{i}", "title": both("x")} for i in range(30)]
    document["pages"].append({"name": "r", "elements": more})
    with pytest.raises(SurveyError) as refused:
        parse_definition(document)
    assert [problem.code for problem in refused.value.problems] == ["too_many"]


def test_questions_know_their_scale_and_their_words() -> None:
    speed, recommend, solved = (SMALL.question(name) for name in ("speed", "recommend", "solved"))
    assert speed is not None
    assert recommend is not None
    assert solved is not None
    assert (speed.scale, recommend.scale, solved.scale) == (5, None, None)
    yes = solved.wording_of(True)
    assert yes is not None
    assert (yes.said_in("zh"), yes.said_in("en")) == ("是", "Yes")
    assert solved.wording_of(1) is None
    assert recommend.low_label is not None
    assert SMALL.roles()["speed"] == "csat"
    assert SMALL.question("weather") is None


def test_a_customer_who_is_happy_is_not_asked_why() -> None:
    state = start()
    state, effects = advance(SMALL, state, Given("solved", True))
    speed = SMALL.question("speed")
    assert speed is not None
    assert effects == (Saved("solved", True), Ask(speed))
    assert progress(SMALL, state) == (1, 4)
    for name, value in (("speed", 5), ("recommend", None), ("name", " Wang ")):
        state, effects = advance(SMALL, state, Given(name, value))
    assert effects == (Saved("name", "Wang"), Complete())
    assert current(SMALL, state) is None
    assert state.answers == {"solved": True, "speed": 5, "recommend": None, "name": "Wang"}


def test_an_earlier_answer_that_changes_drops_what_it_makes_meaningless() -> None:
    state = start()
    for name, value in (("solved", False), ("why", "too slow"), ("speed", 3), ("renewal", "no")):
        state, _ = advance(SMALL, state, Given(name, value))
    state, effects = advance(SMALL, state, Given("solved", True))
    assert effects[:3] == (Saved("solved", True), Dropped("why"), Dropped("renewal"))
    assert set(state.answers) == {"solved", "speed"}


def test_the_short_form_asks_fewer() -> None:
    assert [question.name for question in visible(SMALL, start(Form.SHORT))] == ["solved", "recommend", "name"]


@pytest.mark.parametrize(
    ("question", "value", "reason"),
    [
        ("weather", 1, "question_unknown"),
        ("why", "x", "question_not_asked"),
        ("solved", None, "answer_required"),
        ("solved", " ", "answer_required"),
        ("solved", 1, "answer_not_a_choice"),
        ("solved", "yes", "answer_not_a_choice"),
        ("speed", 6, "answer_not_a_choice"),
        ("speed", 4.0, "answer_not_a_choice"),
        ("speed", True, "answer_not_a_choice"),
        ("speed", ["4"], "answer_not_a_choice"),
        ("name", 5, "answer_not_text"),
        ("name", "a\x00b", "answer_not_text"),
        ("name", "\udc00", "answer_not_text"),
        ("name", "x" * 201, "answer_too_long"),
    ],
)
def test_an_answer_that_is_none_changes_nothing(question: str, value: object, reason: str) -> None:
    assert advance(SMALL, start(), Given(question, value)) == (start(), (Invalid(question, reason),))


@pytest.mark.parametrize(
    ("question", "said", "value"),
    [
        ("solved", "是的。", True),
        ("solved", "Yes!", True),
        ("solved", "没有", False),
        ("solved", "N", False),
        ("solved", "1", True),
        ("solved", "２", False),
        ("solved", "3", None),
        ("speed", "4", 4),
        ("speed", "４。", 4),
        ("speed", "9", None),
        ("speed", "问", None),
        ("recommend", "0", 0),
        ("renewal", "Yes", "yes"),
        ("renewal", "问no", "no"),
        ("renewal", "no", "no"),
        ("renewal", "2", "no"),
        ("renewal", "7", None),
        ("name", " 王 ", "王"),
        ("name", "  ", None),
    ],
)
def test_what_people_say_is_understood(question: str, said: str, value: Value | None) -> None:
    asked = SMALL.question(question)
    assert asked is not None
    understood = understand(asked, said)
    assert (understood, type(understood)) == (value, type(value))


def shipped() -> Definition:
    return parse_definition(json.loads(SHIPPED.read_text(encoding="utf-8"))["questionnaire"])


def test_the_shipped_questionnaire() -> None:
    definition = shipped()
    assert [question.name for question in definition.of_form(Form.SHORT)] == [
        "solved", "accepted", "attitude", "speed", "recommend", "improve",
    ]  # fmt: skip
    assert [question.name for question in definition.of_form(Form.FULL)] == [
        "solved", "accepted", "attitude", "speed", "product", "one_contact", "effort", "expectation", "renewal",
        "recommend", "improve",
    ]  # fmt: skip
    speed = definition.question("speed")
    assert speed is not None
    assert [option.wording.zh for option in speed.options] == ["很不满意", "不满意", "一般", "满意", "很满意"]


DEFINITIONS = [SMALL, shipped()]


@st.composite
def fillings(draw: st.DrawFn) -> tuple[Definition, Form, list[Given]]:
    """Answers to any questions in any order, sensible and not."""
    definition = draw(st.sampled_from(DEFINITIONS))
    names = [question.name for question in definition.questions]
    givens = []
    for name in draw(st.lists(st.sampled_from([*names, "weather"]), max_size=30)):
        question = definition.question(name)
        options = [option.value for option in question.options] if question else []
        values = [*options, None, "快一点", "x" * 3000, 99, True, ""]
        givens.append(Given(name, draw(st.sampled_from(values))))
    return definition, draw(st.sampled_from(Form)), givens


@given(fillings(), st.data())
def test_a_survey_resumed_anywhere_is_the_same_survey(
    filling: tuple[Definition, Form, list[Given]], data: st.DataObject
) -> None:
    """Cut anywhere, written down, read back: nothing is different from one that went through."""
    definition, form, givens = filling
    cut = data.draw(st.integers(0, len(givens)))
    through = interrupted = start(form)
    for number, given_ in enumerate(givens):
        if number == cut:
            interrupted = SurveyState.from_json(json.loads(json.dumps(interrupted.to_json())))
        through, effects = advance(definition, through, given_)
        interrupted, again = advance(definition, interrupted, given_)
        assert (through, effects) == (interrupted, again)


@given(fillings())
def test_nothing_invisible_is_asked_or_kept(filling: tuple[Definition, Form, list[Given]]) -> None:
    definition, form, givens = filling
    state = start(form)
    for given_ in givens:
        before = state
        state, effects = advance(definition, state, given_)
        shown = visible(definition, state)
        assert set(state.answers) <= {question.name for question in shown}
        match effects[-1]:
            case Ask(question):
                assert question in shown
                assert question.name not in state.answers
            case Complete():
                assert current(definition, state) is None
            case Invalid():
                assert state == before
        done, total = progress(definition, state)
        assert 0 <= done <= total


@given(st.sampled_from(DEFINITIONS), st.sampled_from(Form), st.data())
def test_answering_what_is_asked_comes_to_an_end(definition: Definition, form: Form, data: st.DataObject) -> None:
    state = start(form)
    asked: list[str] = []
    while (question := current(definition, state)) is not None:
        assert len(asked) <= len(definition.questions)
        asked.append(question.name)
        possible = ["好"] if question.is_text else [option.value for option in question.options]
        state, effects = advance(definition, state, Given(question.name, data.draw(st.sampled_from(possible))))
        assert isinstance(effects[0], Saved)
    assert len(set(asked)) == len(asked)
