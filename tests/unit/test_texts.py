"""Every sentence exists in both languages, with the same placeholders."""

import ast
import re
import string
from pathlib import Path

import callback
from callback import errors
from callback.texts import catalogue

SOURCE = Path(callback.__file__).parent


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_no_sentence_is_missing_in_one_language() -> None:
    assert set(catalogue("zh")) ^ set(catalogue("en")) == set()


def test_both_languages_fill_in_the_same_values() -> None:
    chinese, english = catalogue("zh"), catalogue("en")
    differing = {code for code in english if _placeholders(english[code]) != _placeholders(chinese[code])}
    assert differing == set()


def test_no_chinese_sentence_is_still_english() -> None:
    """Codes whose text is the same everywhere (a symbol, a name) have no letters to compare."""
    untranslated = {
        code
        for code, text in catalogue("zh").items()
        if code.startswith("error.") and not re.search(r"[\u4e00-\u9fff]", text)
    }
    assert untranslated == set()


def test_every_error_that_is_raised_has_its_sentence() -> None:
    classes = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {
        "PreconditionFailed",
        "PreconditionRequired",
        "Refused",
    }
    silent = {
        f"{path.relative_to(SOURCE)}: {code}"
        for path in SOURCE.rglob("*.py")
        for code in _codes_raised(ast.parse(path.read_text(encoding="utf-8")), classes)
        if f"error.{code}" not in catalogue("en")
    }
    assert silent == set()


def _codes_raised(tree: ast.Module, classes: set[str]) -> set[str]:
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in classes
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
