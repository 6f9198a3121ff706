"""What people type is theirs: a paste that is too long is never cut, and the keyboard goes on where it was."""

import pytest
from playwright.sync_api import expect

from tests.browser.busy import unhappy_customer
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


def test_the_keyboard_goes_on_from_the_button_that_was_pressed(site: Site) -> None:
    """A button under way is switched off and loses the focus: with the answer it has both again."""
    page = site.open(f"/unhappy/{unhappy_customer(site)}", login="zhou")
    site.forgiven = ("422",)
    button = page.get_by_role("button", name="Save and close")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("cause").first.wait_for()
    expect(button).to_be_focused()


def test_a_quick_reply_of_spaces_is_told_by_the_name_that_the_page_gives_the_field(site: Site) -> None:
    page = site.open("/setup/replies", login="zhou", language="zh")
    site.forgiven = ("422",)
    page.keyboard.press("n")
    form = page.locator("#new form")
    form.locator("[name=category]").fill("  ")
    form.locator("[name=title]").fill("标题")
    form.locator("[name=body]").fill("内容")
    form.locator("button:not([type=button])").click()
    expect(page.get_by_text("“类别”现有 0 字")).to_be_visible()


def test_a_draft_covers_nothing_that_somebody_else_has_written_meanwhile(site: Site) -> None:
    number = unhappy_customer(site)
    mine, theirs = (site.open(f"/unhappy/{number}", login=login) for login in ("zhou", "admin"))
    mine.get_by_label("Lesson").fill("Mine.")
    mine.locator("select[name=validity]").select_option(index=1)
    theirs.get_by_label("Lesson").fill("Theirs.")
    theirs.locator("select[name=validity]").select_option(index=2)
    chosen = theirs.locator("select[name=validity]").input_value()
    theirs.get_by_role("button", name="Save", exact=True).click()
    theirs.get_by_text("Saved.").wait_for()
    mine.reload()
    expect(mine.get_by_label("Lesson")).to_have_value("Theirs.\nMine.")
    expect(mine.locator("select[name=validity]")).to_have_value(chosen)
    expect(mine.locator(".notice")).to_contain_text("Somebody else has changed this page meanwhile")
    mine.reload()
    expect(mine.get_by_label("Lesson")).to_have_value("Theirs.\nMine.")  # once, not again and again
    mine.get_by_role("button", name="Save", exact=True).click()
    mine.get_by_text("Saved.").wait_for()
    expect(mine.get_by_label("Lesson")).to_have_value("Theirs.\nMine.")
    assert mine.evaluate("Object.keys(localStorage).filter((key) => key.includes('lesson:'))") == []


def test_at_a_shared_computer_nobody_finds_what_a_colleague_began(site: Site) -> None:
    number = unhappy_customer(site)
    page, other = (site.open(f"/unhappy/{number}", login=login) for login in ("zhou", "admin"))
    page.get_by_label("Lesson").fill("Mine.")
    mine = page.context.cookies()
    for one in other.context.cookies():  # the colleague has logged in
        page.context.add_cookies([{"name": one["name"], "value": one["value"], "url": site.url}])
    page.reload()
    expect(page.get_by_label("Lesson")).to_have_value("")
    for one in mine:
        page.context.add_cookies([{"name": one["name"], "value": one["value"], "url": site.url}])
    page.reload()
    expect(page.get_by_label("Lesson")).to_have_value("Mine.")
