"""What people type is theirs: a paste that is too long is never cut."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import BOTH, Site

PASTE = "长" * 5_000


@BOTH
def test_a_paste_that_is_too_long_is_counted_and_never_cut(site: Site, language: str) -> None:
    page = site.open("/setup/replies", login="zhou", language="zh" if language == "zh" else "en")
    page.keyboard.press("n")
    form = page.locator("#new form")
    form.locator("[name=category]").fill("x")
    form.locator("[name=title]").fill("x")
    body = form.locator("[name=body]")
    body.focus()
    page.keyboard.insert_text(PASTE)
    assert body.input_value() == PASTE
    expect(form.locator(".counter:visible")).to_have_text("5000 / 4000")
    form.locator("button:not([type=button])").click()
    expect(form.locator(".field-fault").first).to_contain_text("5000")
    assert body.input_value() == PASTE


@pytest.mark.parametrize("path", ["/suppressions", "/campaigns/new", "/work?kind=exhausted", "/setup/replies"])
def test_no_field_for_sentences_cuts_what_is_pasted(site: Site, path: str) -> None:
    page = site.open(path, login="zhou")
    assert page.locator("textarea[maxlength], input[name=reason][maxlength]").count() == 0
