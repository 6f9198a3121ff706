"""A form → a questionnaire. What cannot be carried is collected with its sheet and row; nothing is guessed."""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callback.domain.document import Problem
from callback.domain.expression import Comparison, ExpressionError
from callback.domain.relevance import each_comparison, parse_relevant, write_condition
from callback.domain.survey import SurveyError, parse_definition
from callback.errors import Invalid
from callback.services import renderings
from callback.services.xlsform.words import (
    FORM,
    HIGH_LABEL,
    LOW_LABEL,
    NO,
    ROLE,
    TITLE_ZH,
    YES,
)

MOST_BYTES = 1_000_000
_MOST_UNPACKED = 30_000_000
_MOST_ROWS = 500

_LEFT_OUT = frozenset({"start", "end", "today", "deviceid", "phonenumber", "username", "email", "audit", "note"})
"""What other tools record by themselves or only show: nothing that could be answered is lost without them."""
_NO_COUNTERPART = (
    "calculation",
    "default",
    "repeat_count",
    "choice_filter",
    "trigger",
    "readonly",
    "image",
    "audio",
    "video",
)
_UNDERSTOOD = frozenset({"type", "name", "required", "relevant", "constraint", "parameters", "appearance", ROLE, FORM})
_LENGTH = re.compile(r"string-length\(\s*\.\s*\)\s*<=\s*(\d{1,4})")
_YES_WORDS = frozenset({"yes", "true", "true()", "1"})
_PLACE = re.compile(r"pages\[(\d+)\](?:\.elements\[(\d+)\])?(?:\.(.*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """One thing that cannot be carried; its sentence is `content.<code>`. `row` is Excel's own number; 0: none."""

    sheet: str
    row: int
    column: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class XlsForm:
    """What a form says. `definition` is None when there are `problems`; `left_out` would not be missed."""

    key: str
    definition: dict[str, Any] | None
    problems: tuple[RowProblem, ...]
    left_out: tuple[RowProblem, ...]


Row = Mapping[str, str]


def read_form(content: bytes) -> XlsForm:
    """Read an XLSX file. Raises `Invalid` (`xlsform_unreadable`, `xlsform_too_large`) when no form is in it at all."""
    survey, choices, settings = _sheets(content)
    reading = _Reading(choices)
    pages, places = reading.pages(survey)
    title = {"default": settings.get("form_title", ""), "zh-cn": settings.get(TITLE_ZH, "")}
    definition = {"title": {name: text for name, text in title.items() if text}, "pages": pages}
    problems = [*reading.problems]
    if not problems:
        problems = [_with_row(problem, places) for problem in _faults(definition)]
    return XlsForm(
        key=settings.get("form_id", ""),
        definition=None if problems else definition,
        problems=tuple(problems),
        left_out=tuple(reading.left_out),
    )


def _sheets(content: bytes) -> tuple[list[Row], dict[str, list[tuple[int, Row]]], Row]:
    from pyxform.errors import PyXFormError  # noqa: PLC0415  half a second, for a page that few open
    from pyxform.xls2json_backends import get_xlsform  # noqa: PLC0415

    _check_size(content)
    try:
        book = get_xlsform(content, file_type=".xlsx")
    except (PyXFormError, KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise Invalid("xlsform_unreadable") from error
    survey = [_clean(row) for row in book.survey or ()]
    if not survey:
        raise Invalid("xlsform_unreadable")
    if len(survey) > _MOST_ROWS:
        raise Invalid("xlsform_too_large", rows=_MOST_ROWS)
    lists: dict[str, list[tuple[int, Row]]] = {}
    for number, row in enumerate(map(_clean, book.choices or ()), start=2):
        if row:
            lists.setdefault(row.get("list_name", row.get("list name", "")), []).append((number, row))
    settings = next((row for row in map(_clean, book.settings or ()) if row), {})
    return survey, lists, settings


def _check_size(content: bytes) -> None:
    """Before anything is unpacked: a small file may hold a large one."""
    if len(content) > MOST_BYTES:
        raise Invalid("xlsform_too_large", rows=_MOST_ROWS)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except zipfile.BadZipFile as error:
        raise Invalid("xlsform_unreadable") from error
    if unpacked > _MOST_UNPACKED:
        raise Invalid("xlsform_too_large", rows=_MOST_ROWS)


def _clean(row: Mapping[str, object]) -> Row:
    return {str(name).strip(): str(value).strip() for name, value in row.items() if str(value or "").strip()}


def _faults(definition: Mapping[str, Any]) -> Sequence[Problem]:
    """What a questionnaire of our own would be refused for: the same rules, and what a channel could not carry."""
    try:
        return renderings.lint(parse_definition(definition))
    except SurveyError as error:
        return error.problems


def _with_row(problem: Problem, places: Mapping[tuple[int, int], tuple[int, str]]) -> RowProblem:
    found = _PLACE.match(problem.path)
    if found is not None and found[2] is not None:
        row, _name = places[int(found[1]), int(found[2])]
        return RowProblem(sheet="survey", row=row, column=found[3] or "", code=problem.code, params=problem.params)
    by_name = next((row for row, name in places.values() if name == problem.path), 0)
    sheet = "settings" if problem.path.startswith("title") else "survey"
    return RowProblem(sheet=sheet, row=by_name, column="", code=problem.code, params=problem.params)


class _Reading:
    """One pass over the rows of `survey`."""

    def __init__(self, choices: Mapping[str, list[tuple[int, Row]]]) -> None:
        self._choices = choices
        self._asked: dict[str, dict[str, Any]] = {}
        """Elements by name: what a condition may look back to."""
        self.problems: list[RowProblem] = []
        self.left_out: list[RowProblem] = []

    def pages(self, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], dict[tuple[int, int], tuple[int, str]]]:
        """The pages, and for each element (page, place) its row and name. Groups are pages; questions outside of one
        are pages of their own."""
        pages: list[dict[str, Any]] = []
        places: dict[tuple[int, int], tuple[int, str]] = {}
        depth, fresh, heading = 0, True, {}
        for number, row in enumerate(rows, start=2):
            if not row or "type" not in row:
                if row:
                    self._complain(number, "type", "xlsform_type_missing")
                continue
            kind = re.sub(r"[\s_]+", " ", row["type"].lower()).strip()
            if kind in ("begin group", "end group"):
                depth += 1 if kind == "begin group" else -1
                fresh = depth <= 1
                heading = _wording(row, "label") if kind == "begin group" and depth == 1 else {}
                if "relevant" in row:
                    self._complain(number, "relevant", "xlsform_group_condition")
                continue
            element = self._element(number, row)
            if element is None:
                continue
            if fresh or not pages:
                title = {"title": heading} if heading else {}
                pages.append({"name": f"page{len(pages) + 1}", **title, "elements": []})
                fresh = False
            pages[-1]["elements"].append(element)
            places[len(pages) - 1, len(pages[-1]["elements"]) - 1] = (number, str(element.get("name", "")))
            self._asked[str(element.get("name", ""))] = element
        return pages, places

    def _element(self, number: int, row: Row) -> dict[str, Any] | None:
        kind, _, argument = row["type"].replace("select one", "select_one").partition(" ")
        if kind.lower() in _LEFT_OUT:
            self._leave_out(number, "type", "xlsform_left_out", type=kind)
            return None
        makers = {"select_one": self._select, "range": self._range, "text": self._text}
        if kind not in makers:
            self._complain(number, "type", "xlsform_type_unknown", type=row["type"])
            return None
        for column in _NO_COUNTERPART:
            if column in row:
                self._expression_unknown(number, column, row[column])
        if any(column.split("::")[0] == "hint" for column in row):
            self._leave_out(number, "hint", "xlsform_hint_left_out")
        made = makers[kind](number, row, argument.strip())
        if made is None:
            return None
        element = {**made, "name": row.get("name", ""), "title": _wording(row, "label")}
        if row.get("required", "").lower() in _YES_WORDS:
            element["isRequired"] = True
        if ROLE in row:
            element["role"] = row[ROLE]
        if FORM in row:
            element["form"] = row[FORM].replace(",", " ").split()
        if "relevant" in row and (condition := self._condition(number, row["relevant"])):
            element["visibleIf"] = condition
        if made["type"] not in ("text", "comment") and "constraint" in row:
            self._expression_unknown(number, "constraint", row["constraint"])
        return element

    def _select(self, number: int, row: Row, list_name: str) -> dict[str, Any] | None:
        options = self._choices.get(list_name)
        if not options:
            self._complain(number, "type", "xlsform_list_missing", list=list_name)
            return None
        names = [option.get("name", option.get("value", "")) for _, option in options]
        if set(names) == {YES, NO} and len(names) == 2:
            labels = {name: _wording(option, "label") for name, (_, option) in zip(names, options, strict=True)}
            return {"type": "boolean", "labelTrue": labels[YES], "labelFalse": labels[NO]}
        if all(name.isdecimal() and len(name) < 3 for name in names):
            values: list[dict[str, Any]] = [
                {"value": int(name), "text": _wording(option, "label")}
                for name, (_, option) in zip(names, options, strict=True)
            ]
            return {"type": "rating", "rateValues": values, **_ends(row)}
        return {
            "type": "radiogroup",
            "choices": [
                {"value": name, "text": _wording(option, "label")}
                for name, (_, option) in zip(names, options, strict=True)
            ],
        }

    def _range(self, number: int, row: Row, _argument: str) -> dict[str, Any] | None:
        given = dict(part.split("=", 1) for part in re.split(r"[\s,;]+", row.get("parameters", "")) if "=" in part)
        low, high, step = (
            given.get(name, fallback) for name, fallback in (("start", "1"), ("end", "5"), ("step", "1"))
        )
        if not (low.isdecimal() and high.isdecimal()) or step != "1":
            self._complain(number, "parameters", "xlsform_range_unknown", parameters=row.get("parameters", ""))
            return None
        return {"type": "rating", "rateMin": int(low), "rateMax": int(high), **_ends(row)}

    def _text(self, number: int, row: Row, _argument: str) -> dict[str, Any]:
        made: dict[str, Any] = {"type": "comment" if "multiline" in row.get("appearance", "") else "text"}
        if "constraint" in row:
            length = _LENGTH.fullmatch(row["constraint"])
            if length is None:
                self._complain(
                    number,
                    "constraint",
                    "xlsform_expression_unknown",
                    expression=row["constraint"],
                    column="constraint",
                )
            else:
                made["maxLength"] = int(length[1])
        return made

    def _condition(self, number: int, text: str) -> str | None:
        try:
            return write_condition(each_comparison(parse_relevant(text), self._in_our_values))
        except ExpressionError:
            self._expression_unknown(number, "relevant", text)
            return None

    def _in_our_values(self, comparison: Comparison) -> Comparison:
        """`'no'` of a yes-or-no question is false here, `'2'` of a scale is 2."""
        asked = self._asked.get(comparison.question, {})
        literal = comparison.literal
        if asked.get("type") == "boolean" and literal in (YES, NO):
            literal = literal == YES
        elif asked.get("type") == "rating" and isinstance(literal, str) and literal.isdecimal():
            literal = int(literal)
        return Comparison(comparison.question, comparison.operator, literal)

    def _expression_unknown(self, row: int, column: str, expression: str) -> None:
        self._complain(row, column, "xlsform_expression_unknown", expression=expression)

    def _leave_out(self, row: int, column: str, code: str, /, **params: object) -> None:
        self.left_out.append(RowProblem(sheet="survey", row=row, column=column, code=code, params=params))

    def _complain(self, row: int, column: str, code: str, /, **params: object) -> None:
        self.problems.append(RowProblem(sheet="survey", row=row, column=column, code=code, params=params))


def _wording(row: Row, column: str) -> dict[str, str]:
    """A text in both languages, by the language code or name in the column's own name."""
    found: dict[str, str] = {}
    for name, text in row.items():
        base, _, language = name.partition("::")
        if base.strip().lower() == column and (code := _language(language)):
            found[code] = text
    return found


def _language(name: str) -> str | None:
    """`English (en)`, `en`, `English` → `default`; `中文 (zh)`, `Chinese`, `zh-CN` → `zh-cn`."""
    said = name.strip().lower()
    if "(en" in said or said in ("en", "english", "default"):
        return "default"
    if "(zh" in said or said.startswith(("zh", "chinese", "中文", "简体")):
        return "zh-cn"
    return None


def _ends(row: Row) -> dict[str, Any]:
    ends = {"minRateDescription": _wording(row, LOW_LABEL), "maxRateDescription": _wording(row, HIGH_LABEL)}
    return {name: wording for name, wording in ends.items() if wording}
