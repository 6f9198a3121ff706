"""Unhappy customers, from the flag to the close, in a real browser."""

from typing import Literal

from playwright.sync_api import expect

from tests.browser.busy import unhappy_customer
from tests.browser.conftest import BOTH, WIDTHS, Site
from tests.browser.looking import Look


@BOTH
@WIDTHS
def test_the_list_and_one_of_them(site: Site, look: Look, language: Literal["en", "zh"], width: int) -> None:
    number = unhappy_customer(site)
    page = site.open("/unhappy", login="zhou", language=language, width=width)
    look(page, "unhappy")
    page.locator(f"#flag-{number} a").click()
    page.wait_for_url(f"**/unhappy/{number}")
    look(page, "unhappy-one")


def test_from_the_finding_to_the_close(site: Site) -> None:
    """Closing without a cause is refused, what was typed stays; with it, the six steps and the lesson are on record."""
    number = unhappy_customer(site)
    page = site.open(f"/unhappy/{number}", login="zhou")
    page.get_by_label("Lesson").fill("Send the engineer with the part the first time.")
    site.forgiven = ("422",)
    page.get_by_role("button", name="Save and close").click()
    page.get_by_role("alert").get_by_text("cause").first.wait_for()
    assert "engineer" in page.get_by_label("Lesson").input_value()
    page.locator("select[name=sub_cause]").select_option(label="the product has a fault")
    page.get_by_label("Note").fill("New part ordered")
    page.locator("select[name=step]").select_option(label="Carry it out")
    page.get_by_role("button", name="Note this step").click()
    page.get_by_text("Step noted.").wait_for()
    assert "engineer" in page.get_by_label("Lesson").input_value()  # the draft came back with the page
    page.locator("select[name=sub_cause]").select_option(label="the product has a fault")
    page.get_by_role("button", name="Save and close").click()
    page.get_by_text("Closed.", exact=True).wait_for()
    page.get_by_role("button", name="The lesson was passed on").click()
    page.get_by_text("passed on 10:00").wait_for()
    assert page.locator(".unhappy-steps .is-met").count() == 5


def test_the_next_step_is_the_one_that_is_still_to_be_taken(site: Site) -> None:
    """Six steps in their order are six times the button, not six times the list as well."""
    page = site.open(f"/unhappy/{unhappy_customer(site)}", login="zhou")
    chosen = page.locator("select[name=step] option:checked")
    met = page.locator(".unhappy-steps .is-met")
    before, first = met.count(), chosen.inner_text()
    page.get_by_role("button", name="Note this step").click()
    expect(met).to_have_count(before + 1)
    expect(met.filter(has_text=first)).to_have_count(1)
    expect(chosen).not_to_have_text(first)


def test_what_was_chosen_comes_back_when_a_step_is_noted_first(site: Site) -> None:
    """The page is made anew after each act: a cause that was chosen and not saved yet is not forgotten by it."""
    number = unhappy_customer(site)
    page = site.open(f"/unhappy/{number}", login="zhou")
    page.locator("select[name=sub_cause]").select_option(label="the product has a fault")
    page.locator("select[name=step]").select_option(label="Carry it out")
    page.get_by_role("button", name="Note this step").click()
    page.get_by_text("Step noted.").wait_for()
    expect(page.locator("select[name=sub_cause] option:checked")).to_have_text("the product has a fault")
    page.get_by_role("button", name="Save and close").click()
    page.get_by_text("Closed.", exact=True).wait_for()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('finding:'))") == []
