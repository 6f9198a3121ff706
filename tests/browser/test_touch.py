"""What an agent touches on a telephone is large enough to be met (WCAG 2.2, 2.5.8), without leaning on exceptions."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import PHONE, Site
from tests.browser.test_calls import begin, press

_SMALL = """(least) => {
  const found = [];
  for (const one of document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")) {
    if (!one.checkVisibility({ checkVisibilityCSS: true })) continue;
    const label = one.matches("[type=checkbox], [type=radio]") ? one.closest("label") : null;
    const box = (label ?? one).getBoundingClientRect();
    const inSentence = one.matches("a") && getComputedStyle(one).display === "inline";
    if (box.width && !inSentence && (box.height < least - .5 || box.width < least - .5))
      found.push(`${one.outerHTML.slice(0, 140)}: ${Math.round(box.width)} x ${Math.round(box.height)}`);
  }
  return found;
}"""
_INLINE = """() => [...document.querySelectorAll("main a[href]")].filter((link) => link.checkVisibility()
    && getComputedStyle(link).display === "inline" && link.getBoundingClientRect().height < 24
    && link.parentElement.textContent.trim() === link.textContent.trim()).map((link) => link.outerHTML.slice(0, 140))"""
"""Links that stand alone: the exception is for those in a sentence."""


def large_enough(page: Page) -> None:
    assert page.evaluate(_SMALL, 24) == []
    assert page.evaluate(_INLINE) == []


@pytest.mark.parametrize("path", ["/day", "/search", "/handover", "/notices"])
def test_pages(site: Site, path: str) -> None:
    page = site.open(path, login="limin", width=PHONE, language="zh")
    large_enough(page)
    page.locator(".menu-button").click()
    large_enough(page)


def test_a_customer_who_calls(site: Site) -> None:
    page = site.open("/search", login="limin", width=PHONE, language="zh")
    page.locator("#q").fill("王")
    page.locator("#found .person").first.wait_for()
    large_enough(page)
    page.locator("#found .person").first.click()
    page.wait_for_url("**/search/*")
    large_enough(page)
    page.keyboard.press("1")
    page.wait_for_url("**/incoming/*")
    for summary in page.locator("main summary").all():
        summary.click()
    large_enough(page)


@pytest.mark.parametrize("path", ["/board", "/work", "/setup/teams", "/setup/skills"])
def test_links_in_rows(site: Site, path: str) -> None:
    large_enough(site.open(path, login="zhou", width=PHONE, language="zh"))


def test_the_call(site: Site) -> None:
    page = site.open(begin(site), login="limin", width=PHONE, language="zh")
    page.locator(".reply summary").first.wait_for()
    for tip in page.locator(".call-tips details").all():
        tip.locator("summary").click()
        large_enough(page)
    page.locator(".reply summary").first.click()
    large_enough(page)
    press(page, "1", "1", "1", "1")
    large_enough(page)
    press(page, "1", "1", "1", "1", "1", "1")
    for more in page.locator("#call-script summary").all():
        more.click()
    large_enough(page)
    for main in page.locator("#call-script .answer, #call-script .btn, .call-bar .btn").all():
        box = main.bounding_box()
        assert box is None or box["height"] >= 43, main.inner_text()
    page.keyboard.press("f")
    page.locator("#close-form").wait_for()
    page.locator(".call-more summary").click()
    large_enough(page)
