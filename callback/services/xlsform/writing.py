"""A questionnaire → a form that any XLSForm tool opens, and that `reading` reads back to the same questionnaire."""

import io
from collections.abc import Mapping
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font

from callback.domain.expression import Comparison, parse
from callback.domain.relevance import each_comparison, write_relevant
from callback.services.xlsform.words import (
    CHINESE,
    ENGLISH,
    FORM,
    HIGH_LABEL,
    LANGUAGE_COLUMNS,
    LOW_LABEL,
    NO,
    ROLE,
    TITLE_ZH,
    YES,
)

_SURVEY = (
    "type",
    "name",
    *(f"label::{name}" for name in LANGUAGE_COLUMNS.values()),
    "required",
    "relevant",
    "constraint",
    "parameters",
    "appearance",
    *(f"{label}::{name}" for label in (LOW_LABEL, HIGH_LABEL) for name in LANGUAGE_COLUMNS.values()),
    ROLE,
    FORM,
)
_CHOICES = ("list_name", "name", *(f"label::{name}" for name in LANGUAGE_COLUMNS.values()))
_SETTINGS = ("form_title", TITLE_ZH, "form_id", "version", "default_language")
_DEFAULT_YES = {"default": "Yes", "zh-cn": "是"}
_DEFAULT_NO = {"default": "No", "zh-cn": "否"}


def write_form(key: str, definition: Mapping[str, Any], *, version: int) -> bytes:
    """The XLSX file. `definition` has passed the checks of a questionnaire."""
    book = Workbook()
    book.remove(book.worksheets[0])
    survey, choices, settings = (book.create_sheet(name) for name in ("survey", "choices", "settings"))
    types: dict[str, str] = {
        element["name"]: element["type"] for page in definition["pages"] for element in page["elements"]
    }
    rows: list[dict[str, Any]] = []
    lists: list[dict[str, Any]] = []
    for number, page in enumerate(definition["pages"], start=1):
        rows.append({"type": "begin_group", "name": f"page{number}"} | _labels("label", page.get("title")))
        for element in page["elements"]:
            row, options = _row(element, types)
            rows.append(row)
            lists += options
        rows.append({"type": "end_group"})
    title = definition["title"]
    about = {
        "form_title": title["default"],
        TITLE_ZH: title["zh-cn"],
        "form_id": key,
        "version": str(version),
        "default_language": ENGLISH,
    }
    for sheet, columns, content in (
        (survey, _SURVEY, rows),
        (choices, _CHOICES, lists),
        (settings, _SETTINGS, [about]),
    ):
        sheet.append(list(columns))
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        for entry in content:
            sheet.append([entry.get(column) for column in columns])
            for cell in sheet[sheet.max_row]:
                if cell.data_type == "f":
                    cell.data_type = "s"  # a text that begins with "=" is no formula
        sheet.freeze_panes = "A2"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _row(element: Mapping[str, Any], types: Mapping[str, str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    name = element["name"]
    row: dict[str, Any] = {"name": name} | _labels("label", element["title"])
    options: list[dict[str, Any]] = []
    match element["type"]:
        case "boolean":
            row["type"] = f"select_one {name}"
            texts = {YES: element.get("labelTrue", _DEFAULT_YES), NO: element.get("labelFalse", _DEFAULT_NO)}
            options = [_choice(name, value, text) for value, text in texts.items()]
        case "rating" if "rateValues" not in element:
            row["type"] = "range"
            row["parameters"] = f"start={element.get('rateMin', 1)} end={element.get('rateMax', 5)} step=1"
        case "rating":
            row["type"] = f"select_one {name}"
            options = [_choice(name, str(item["value"]), item["text"]) for item in element["rateValues"]]
        case "radiogroup":
            row["type"] = f"select_one {name}"
            options = [_choice(name, item["value"], item["text"]) for item in element["choices"]]
        case kind:
            row["type"] = "text"
            if kind == "comment":
                row["appearance"] = "multiline"
            if "maxLength" in element:
                row["constraint"] = f"string-length(.) <= {element['maxLength']}"
    row |= _labels(LOW_LABEL, element.get("minRateDescription"))
    row |= _labels(HIGH_LABEL, element.get("maxRateDescription"))
    if element.get("isRequired"):
        row["required"] = "yes"
    if "role" in element:
        row[ROLE] = element["role"]
    if "form" in element:
        row[FORM] = " ".join(element["form"])
    if "visibleIf" in element:
        row["relevant"] = write_relevant(each_comparison(parse(element["visibleIf"]), _in_their_values(types)))
    return row, options


def _in_their_values(types: Mapping[str, str]) -> Any:
    def change(comparison: Comparison) -> Comparison:
        literal = comparison.literal
        if isinstance(literal, bool) and types.get(comparison.question) == "boolean":
            literal = YES if literal else NO
        return Comparison(comparison.question, comparison.operator, literal)

    return change


def _choice(list_name: str, value: str, text: Mapping[str, str]) -> dict[str, Any]:
    return {"list_name": list_name, "name": value} | _labels("label", text)


def _labels(column: str, wording: Mapping[str, str] | None) -> dict[str, str]:
    if not wording:
        return {}
    return {f"{column}::{ENGLISH}": wording["default"], f"{column}::{CHINESE}": wording["zh-cn"]}
