"""A questionnaire as JSON, a strict subset of SurveyJS: what the subset does not know is refused with its place.

Pages group questions for the eye alone; the order is theirs. Custom properties: `role` and `form` (a list of `full`,
`short` and `call`; all when it is absent). A condition may look back only, which makes the machine finite.
"""

import re
from collections.abc import Mapping
from typing import Any

from callback.domain.document import DocumentError, Problem, Reader, reader_of
from callback.domain.expression import Comparison, Expression, ExpressionError, comparisons, parse
from callback.domain.survey.definition import (
    Definition,
    Form,
    Option,
    Question,
    QuestionRole,
    QuestionType,
    Value,
    Wording,
)

MAX_PAGES = 20
MAX_QUESTIONS = 50
MAX_CHOICES = 20
MAX_TITLE = 300
MAX_LABEL = 100
MAX_ANSWER = 2000
DEFAULT_LENGTH = {QuestionType.COMMENT: MAX_ANSWER, QuestionType.TEXT: 200}

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_COMMON = ("type", "name", "title", "isRequired", "visibleIf", "role", "form")
_BY_TYPE = {
    QuestionType.BOOLEAN: ("labelTrue", "labelFalse"),
    QuestionType.RADIOGROUP: ("choices",),
    QuestionType.RATING: ("rateMin", "rateMax", "rateValues", "minRateDescription", "maxRateDescription"),
    QuestionType.COMMENT: ("maxLength",),
    QuestionType.TEXT: ("maxLength",),
}
_YES = Wording(en="Yes", zh="是")
_NO = Wording(en="No", zh="否")
_RATINGS: dict[QuestionRole, tuple[int, int]] = {
    QuestionRole.CSAT: (1, 5),
    QuestionRole.EXPECTATION: (1, 5),
    QuestionRole.CES: (1, 7),
    QuestionRole.NPS: (0, 10),
}
"""The scales that the scores are defined on (see `domain/score.py`)."""
_TYPES_OF_ROLE: dict[QuestionRole, tuple[QuestionType, ...]] = {
    QuestionRole.SOLVED: (QuestionType.BOOLEAN,),
    QuestionRole.ACCEPTED: (QuestionType.BOOLEAN,),
    QuestionRole.ONE_CONTACT: (QuestionType.BOOLEAN,),
    QuestionRole.RENEWAL: (QuestionType.BOOLEAN, QuestionType.RADIOGROUP),
    QuestionRole.IMPROVE: (QuestionType.COMMENT, QuestionType.TEXT),
    **dict.fromkeys(_RATINGS, (QuestionType.RATING,)),
}
_ONLY_ONCE = frozenset(QuestionRole) - {QuestionRole.CSAT, QuestionRole.IMPROVE}


class SurveyError(DocumentError):
    """A questionnaire that cannot be saved, with every fault and its place."""


def parse_definition(value: Any) -> Definition:
    """Read a questionnaire. Raises `SurveyError` naming every fault and its place."""
    problems: list[Problem] = []
    reader = reader_of(value, "", problems)
    if reader is None:
        raise SurveyError(problems)
    reader.only("title", "pages")
    title = _wording(reader, "title", limit=MAX_TITLE)
    elements = [element for page in reader.objects("pages", limit=MAX_PAGES) for element in _elements(page)]
    if len(elements) > MAX_QUESTIONS:
        reader.complain("pages", "too_many", limit=MAX_QUESTIONS, length=len(elements))
    questions: dict[str, Question] = {}
    for element in elements:
        question = _question(element, questions)
        if question is not None:
            questions[question.name] = question
    definition = Definition(title=title, questions=tuple(questions.values()))
    _check_whole(reader, definition)
    if problems:
        raise SurveyError(problems)
    return definition


def _elements(page: Reader) -> list[Reader]:
    page.only("name", "title", "elements")
    page.text("name", limit=64)
    _wording(page, "title", limit=MAX_TITLE, required=False)
    return page.objects("elements", limit=MAX_QUESTIONS)


def _check_whole(reader: Reader, definition: Definition) -> None:
    for form in Form:
        if definition.questions and not definition.of_form(form):
            reader.complain("pages", "form_empty", form=form.value)
    roles = list(definition.roles().values())
    for role in sorted(_ONLY_ONCE):
        if roles.count(role) > 1:
            reader.complain("pages", "role_twice", role=role.value)


def _question(reader: Reader, earlier: Mapping[str, Question]) -> Question | None:
    type_name = reader.value.get("type")
    if not isinstance(type_name, str) or type_name not in set(QuestionType):
        reader.complain("type", "unknown_type", type=str(type_name), known=", ".join(QuestionType))
        return None
    kind = QuestionType(type_name)
    reader.only(*_COMMON, *_BY_TYPE[kind])
    forms = _forms(reader)
    return Question(
        name=_name(reader, earlier),
        type=kind,
        title=_wording(reader, "title", limit=MAX_TITLE),
        required=reader.flag("isRequired"),
        visible_if=_condition(reader, earlier, forms),
        role=_role(reader, kind),
        forms=forms,
        options=_options(reader, kind),
        low_label=_label(reader, "minRateDescription"),
        high_label=_label(reader, "maxRateDescription"),
        max_length=_max_length(reader, kind),
    )


def _name(reader: Reader, earlier: Mapping[str, Question]) -> str:
    name = reader.text("name", limit=64)
    if name and not _NAME.fullmatch(name):
        reader.complain("name", "bad_name", name=name)
    if name in earlier:
        reader.complain("name", "name_twice", name=name)
    return name


def _max_length(reader: Reader, kind: QuestionType) -> int:
    if kind not in DEFAULT_LENGTH:
        return 0
    return reader.integer("maxLength", low=1, high=MAX_ANSWER, fallback=DEFAULT_LENGTH[kind])


def _forms(reader: Reader) -> frozenset[Form]:
    if "form" not in reader.value:
        return frozenset(Form)
    found = set()
    for path, name in reader.items("form", limit=len(Form)):
        if isinstance(name, str) and name in set(Form):
            found.add(Form(name))
        else:
            reader.problems.append(Problem(path, "unknown_form", {"form": str(name), "known": ", ".join(Form)}))
    return frozenset(found)


def _role(reader: Reader, kind: QuestionType) -> QuestionRole | None:
    name = reader.value.get("role")
    if name is None:
        return None
    if not isinstance(name, str) or name not in set(QuestionRole):
        reader.complain("role", "unknown_role", role=str(name), known=", ".join(QuestionRole))
        return None
    role = QuestionRole(name)
    if kind not in _TYPES_OF_ROLE[role]:
        reader.complain("role", "role_needs_type", role=name, type=" / ".join(_TYPES_OF_ROLE[role]))
    elif role in _RATINGS:
        low, high = _RATINGS[role]
        values = [option.value for option in _rating(reader, [])]
        if values and values != list(range(low, high + 1)):
            reader.complain("role", "role_needs_scale", role=name, low=low, high=high)
    return role


def _options(reader: Reader, kind: QuestionType) -> tuple[Option, ...]:
    if kind is QuestionType.BOOLEAN:
        yes, no = (_label(reader, name) for name in ("labelTrue", "labelFalse"))
        return Option(True, yes or _YES), Option(False, no or _NO)
    if kind is QuestionType.RADIOGROUP:
        return _values(reader, "choices", numbers=False)
    return _rating(reader, reader.problems) if kind is QuestionType.RATING else ()


def _rating(reader: Reader, problems: list[Problem]) -> tuple[Option, ...]:
    """The values of a rating: named one by one by `rateValues`, else from `rateMin` (1) to `rateMax` (5)."""
    quiet = Reader(reader.value, reader.path, problems)
    if "rateValues" in quiet.value:
        for name in ("rateMin", "rateMax"):
            if name in quiet.value:
                quiet.complain(name, "rate_values_or_range")
        options = _values(quiet, "rateValues", numbers=True)
        values = [int(option.value) for option in options]
        if values != sorted(values):
            quiet.complain("rateValues", "not_ascending")
        return options
    low = quiet.integer("rateMin", low=0, high=1, fallback=1)
    high = quiet.integer("rateMax", low=2, high=10, fallback=5)
    return tuple(Option(value, Wording(en=str(value), zh=str(value))) for value in range(low, high + 1))


def _values(reader: Reader, name: str, *, numbers: bool) -> tuple[Option, ...]:
    found: list[Option] = []
    for item in reader.objects(name, limit=MAX_CHOICES):
        item.only("value", "text")
        value: Value = item.integer("value", low=0, high=10, fallback=-1) if numbers else item.text("value", limit=64)
        if any(option.value == value for option in found):
            item.complain("value", "value_twice", value=value)
        found.append(Option(value, _wording(item, "text", limit=MAX_LABEL)))
    if len(found) == 1:
        reader.complain(name, "one_choice")
    return tuple(found)


def _wording(reader: Reader, name: str, *, limit: int, required: bool = True) -> Wording:
    """A text in both languages; a missing translation is a fault, not a fallback."""
    value = reader.value.get(name)
    if value is None and not required:
        return Wording(en="", zh="")
    if not isinstance(value, Mapping):
        reader.complain(name, "wording_expected")
        return Wording(en="", zh="")
    texts = Reader(value, reader.at(name), reader.problems)
    texts.only("default", "zh-cn")
    return Wording(en=_translation(texts, "default", limit), zh=_translation(texts, "zh-cn", limit))


def _translation(texts: Reader, language: str, limit: int) -> str:
    if language not in texts.value:
        texts.complain("", "translation_missing", language=language)
        return ""
    return texts.text(language, limit=limit)


def _label(reader: Reader, name: str) -> Wording | None:
    return _wording(reader, name, limit=MAX_LABEL) if name in reader.value else None


def _condition(reader: Reader, earlier: Mapping[str, Question], forms: frozenset[Form]) -> Expression | None:
    if "visibleIf" not in reader.value:
        return None
    text = reader.text("visibleIf", limit=500)
    if not text:
        return None
    try:
        expression = parse(text)
    except ExpressionError as error:
        reader.complain("visibleIf", "condition_not_understood", position=error.position)
        return None
    for comparison in comparisons(expression):
        asked = earlier.get(comparison.question)
        if asked is None:
            reader.complain("visibleIf", "condition_unknown_question", question=comparison.question)
        elif not forms <= asked.forms:
            reader.complain("visibleIf", "condition_other_form", question=comparison.question)
        elif not _comparable(asked, comparison):
            reader.complain("visibleIf", "condition_never_true", question=comparison.question)
    return expression


def _comparable(question: Question, comparison: Comparison) -> bool:
    """Whether the literal could be an answer: a typing error would otherwise hide a question for ever."""
    if comparison.operator in ("empty", "notempty"):
        return True
    literal = comparison.literal
    if comparison.operator in ("=", "!="):
        if question.is_text:
            return isinstance(literal, str)
        return isinstance(literal, bool | int | str) and question.wording_of(literal) is not None
    return question.type is QuestionType.RATING and isinstance(literal, int | float) and not isinstance(literal, bool)
