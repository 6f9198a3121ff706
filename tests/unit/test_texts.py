"""Every sentence exists in both languages, with the same placeholders."""

import ast
import re
import string
from pathlib import Path

import callback
from callback import errors
from callback.texts import catalogue, say, with_one

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


NO_FIGURES = {"name", "who", "agent", "agent_id", "file", "handle", "login", "team", "customer", "why", "reason"}
"""Placeholders that are no numbers."""
LIMITS = {"most", "most_pixels", "limit", "length", "capacity", "total", "of", "ms"}
"""Placeholders of figures that are never one."""
NEVER_ONE = {
    *("error.absence_too_long", "error.period_not_valid", "error.appointment_too_far", "error.xlsform_too_large"),
    *("import.reject.too_long", "import.summary.speed", "explain.never", "reassign_desk.count_more"),
    *("content.too_long_to_say", "content.call_too_long", "content.too_many_segments", "sample.loaded"),
    *("setup_retry.fault.delay_not_possible", "setup_retry.fault.too_fast_uncounted", "unsent_desk.reasons_note"),
    *("setup_escalation.fault.delay_not_possible", "day_desk.wait_many"),
    # With a decimal place: “1.0 points”.
    *("explain.wish_not_kept", "price.value", "price.wish", "price.value_more"),
    *("contact.evidence.none_yet", "contact.evidence.helps", "contact.evidence.harms"),
    *("board.shortage", "plan_desk.shortage", "warning.shortage"),
}
"""Sentences that name a limit of ours, or come with another sentence for one."""
VERBS = {
    *("is", "was", "has", "had", "needs", "lacks", "does", "ends", "holds", "calls", "follows", "counts", "overlaps"),
    *("already", "waits", "stays", "speaks", "keeps", "says"),
}
BEFORE = r"(?:(?:more|new|open|waiting|quick|unhappy|agent|due|legal) )*"
MANY = re.compile(r"\{(\w+)\} " + BEFORE + r"([a-z]+s|people|are|have|were|wait|stay|find)\b")


def test_no_english_sentence_with_a_number_is_wrong_with_one() -> None:
    """“1 callbacks”: what names a number before a plural has a form for one, or another wording (“callbacks: 1”)."""
    wrong = {
        f"{code}: {found[0]}"
        for code, text in catalogue("en").items()
        for found in MANY.finditer(text)
        if code not in NEVER_ONE and found[1] not in LIMITS | NO_FIGURES and found[2] not in VERBS
        and with_one("en").get(code, ("",))[0] != found[1]
    }  # fmt: skip
    assert wrong == set()


def test_one_is_told_as_one_and_only_then() -> None:
    assert say("reassign_desk.count", "en", count=1) == "1 callback"
    assert say("reassign_desk.count", "en", count=11) == "11 callbacks"
    assert say("reassign_desk.count", "zh", count=1) == say("reassign_desk.count", "zh", count=2).replace("2", "1")


def test_a_form_for_one_fills_in_what_the_other_fills_in() -> None:
    assert {
        code for code, (_, one) in with_one("en").items() if _placeholders(one) != _placeholders(catalogue("en")[code])
    } == set()
