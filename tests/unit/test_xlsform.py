"""Questionnaires as XLSForm: the standard's own tool accepts what we write; what we cannot ask is named by its row."""

import io
import json
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from pyxform import xls2xform

from callback.domain.survey import parse_definition
from callback.errors import Invalid
from callback.services.contents import CONTENT
from callback.services.xlsform import read_form, write_form
from callback.texts import catalogue

SHIPPED: dict[str, Any] = json.loads((CONTENT / "questionnaires" / "satisfaction.json").read_text(encoding="utf-8"))
HEAD = ["type", "name", "label::English (en)", "label::中文 (zh)"]


def _form(survey: list[list[Any]], choices: list[list[Any]] | None = None, **settings: str) -> bytes:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "survey"
    for row in survey:
        first.append(row)
    second = book.create_sheet("choices")
    for row in [["list_name", "name", "label::English (en)", "label::中文 (zh)"], *(choices or [])]:
        second.append(row)
    third = book.create_sheet("settings")
    told = {"form_title": "T", "form_title_zh": "题", "form_id": "mine", **settings}
    third.append(list(told))
    third.append(list(told.values()))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


WHY = "${speed} <= '2' and ${solved} != 'yes'"
YES_NO = [["yes_no", "yes", "Yes", "是"], ["yes_no", "no", "No", "否"]]


def test_the_shipped_questionnaire_goes_out_and_comes_back_the_same() -> None:
    written = write_form("satisfaction", SHIPPED["questionnaire"], version=3)
    read = read_form(written)
    assert (read.problems, read.left_out, read.key) == ((), (), "satisfaction")
    assert parse_definition(read.definition) == parse_definition(SHIPPED["questionnaire"])


def test_the_standards_own_tool_accepts_what_we_write() -> None:
    written = write_form("satisfaction", SHIPPED["questionnaire"], version=3)
    made = xls2xform.convert(written, file_type=".xlsx", validate=False)
    assert "您反映的问题解决了吗" in made.xform
    assert "relevant=" in made.xform


def test_a_text_that_begins_like_a_formula_stays_a_text() -> None:
    definition = json.loads(json.dumps(SHIPPED["questionnaire"]))
    definition["pages"][0]["elements"][0]["title"]["default"] = "=1+1 solved?"
    written = write_form("satisfaction", definition, version=1)
    assert load_workbook(io.BytesIO(written))["survey"]["C3"].data_type == "s"
    read = read_form(written)
    assert read.definition is not None
    assert read.definition["pages"][0]["elements"][0]["title"]["default"] == "=1+1 solved?"


def test_a_form_of_another_tool_is_understood() -> None:
    read = read_form(
        _form(
            [
                [*HEAD, "required", "relevant", "parameters", "role", "appearance", "constraint"],
                ["start", "start"],
                ["select_one yes_no", "solved", "Solved?", "解决了吗？", "yes", None, None, "solved"],
                [],
                ["range", "speed", "How quick?", "速度如何？", None, "selected(${solved}, 'no')", "start=1 end=5"],
                ["text", "why", "Why?", "为什么？", None, WHY, None, None, "multiline", "string-length(.) <= 300"],
            ],
            YES_NO,
        )
    )  # fmt: skip
    assert read.problems == ()
    assert [one.code for one in read.left_out] == ["xlsform_left_out"]
    definition = parse_definition(read.definition)
    speed, why = definition.question("speed"), definition.question("why")
    assert speed is not None
    assert speed.scale == 5
    assert why is not None
    assert why.max_length == 300
    assert read.definition is not None
    assert read.definition["pages"][0]["elements"][2]["visibleIf"] == "{speed} <= 2 and {solved} != true"


def test_what_cannot_be_asked_is_named_by_its_row_and_column() -> None:
    read = read_form(
        _form(
            [
                [*HEAD, "relevant", "calculation", "parameters", "constraint"],
                ["integer", "age", "Age", "年龄"],
                ["select_one nowhere", "a", "A", "甲"],
                ["select_multiple yes_no", "b", "B", "乙"],
                ["text", "c", "C", "丙", "string-length(${b}) > 2"],
                ["text", "d", "D", "丁", None, "1 + 1"],
                ["range", "e", "E", "戊", None, None, "start=1 end=10 step=3"],
                ["text", "f", "F", "己", None, None, None, "regex(., 'x')"],
                ["begin_repeat", "g", "G", "庚"],
                [None, "h", "H", "辛"],
            ],
            YES_NO,
        )
    )
    assert read.definition is None
    assert [(one.row, one.column, one.code) for one in read.problems] == [
        (2, "type", "xlsform_type_unknown"),
        (3, "type", "xlsform_list_missing"),
        (4, "type", "xlsform_type_unknown"),
        (5, "relevant", "xlsform_expression_unknown"),
        (6, "calculation", "xlsform_expression_unknown"),
        (7, "parameters", "xlsform_range_unknown"),
        (8, "constraint", "xlsform_expression_unknown"),
        (9, "type", "xlsform_type_unknown"),
        (10, "type", "xlsform_type_missing"),
    ]
    for problem in read.problems:
        for language in ("zh", "en"):
            assert f"content.{problem.code}" in catalogue(language)


def test_faults_of_a_questionnaire_are_told_with_the_row_of_the_question() -> None:
    read = read_form(
        _form(
            [
                [*HEAD, "relevant"],
                [],
                ["text", "first", "First", "第一"],
                ["text", "Bad Name", "Second", None, "${later} = 'x'"],
                ["text", "later", "Look at https://x.test", "看"],
            ]
        )
    )
    assert {(one.row, one.code) for one in read.problems} == {
        (4, "bad_name"),
        (4, "translation_missing"),
        (4, "condition_unknown_question"),
    }


def test_what_a_channel_could_not_carry_is_told_with_the_row() -> None:
    read = read_form(_form([HEAD, ["text", "first", "Look at https://x.test/now", "看"]]))
    assert [(one.row, one.code) for one in read.problems] == [(2, "link_in_question")]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"<html></html>", _form([])])
def test_what_is_no_form_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read_form(content)
    assert refused.value.code == "xlsform_unreadable"


MANY = _form([HEAD, *(["text", f"q{n}", "Q", "问"] for n in range(501))])


@pytest.mark.parametrize("content", [b"x" * 1_000_001, MANY])
def test_a_form_that_is_too_large_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read_form(content)
    assert refused.value.code == "xlsform_too_large"
