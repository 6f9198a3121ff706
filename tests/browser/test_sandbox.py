"""The sandbox: a customer is played on the page, by message to the end, and on the keypad."""

from typing import Literal

import pytest
from playwright.sync_api import Page

from callback.texts import say
from tests.browser.conftest import BOTH, DESKTOP, PHONE, WIDTHS, Site
from tests.browser.looking import Look
from tests.browser.worker import work

Lang = Literal["en", "zh"]


POLLS_MS = 1_500
"""How often the page looks for itself: callback/web/static/sandbox.js."""


def _looks_for_itself(page: Page) -> None:
    """The moment at which the page looks whether there is something new is not waited for."""
    page.clock.fast_forward(POLLS_MS)


def _invite(site: Site, page: Page, language: Lang, channel: str) -> None:
    page.get_by_role("button", name=say("sandbox_desk.invite", language)).click()
    page.get_by_text(say(f"channel.{channel}", language), exact=True).click()
    with page.expect_navigation():
        page.get_by_role("button", name=say("sandbox_desk.invite_go", language)).click()
    page.get_by_text(say("sandbox_desk.invited", language)).wait_for()
    work(site.house)


@BOTH
@WIDTHS
def test_a_conversation_by_message_ends_in_a_second_call(site: Site, look: Look, language: Lang, width: int) -> None:
    page = site.open("/sandbox", login="zhou", language=language, width=width)
    page.clock.install()
    _invite(site, page, language, "sms")
    page.locator("#screen .bubble").first.wait_for()
    replies = ["1", "1", "很不满意" if language == "zh" else "1", "2", "3", "慢" if language == "zh" else "too slow"]
    for number, said in enumerate(replies, start=1):
        page.get_by_label(say("sandbox_desk.reply_label", language)).fill(said)
        page.keyboard.press("Enter")
        page.locator("#screen .is-mine").nth(number - 1).wait_for()
        site.clock.advance(seconds=20)
        work(site.house, plan=False)
        _looks_for_itself(page)
        page.locator("#screen .bubble-line:not(.is-mine)").nth(number).wait_for()
    _looks_for_itself(page)
    page.get_by_text(say("sandbox_desk.unhappy", language)).wait_for()
    work(site.house)
    _looks_for_itself(page)
    page.get_by_text(say("purpose.second_call", language)).wait_for()
    look(page, "sandbox")


@pytest.mark.parametrize(("language", "width"), [("zh", DESKTOP), ("en", PHONE)])
def test_a_call_is_taken_and_answered_on_the_keypad(site: Site, look: Look, language: Lang, width: int) -> None:
    page = site.open("/sandbox", login="zhou", language=language, width=width)
    _invite(site, page, language, "voice")
    page.get_by_role("button", name=say("sandbox_desk.take", language), exact=True).click()
    lines = page.locator("#transcript p")
    lines.first.wait_for()
    for key in "1112":  # it is I; solved; accepted; a low score
        spoken = lines.count()
        page.keyboard.press(key) if width == DESKTOP else page.get_by_role("button", name=key, exact=True).click()
        lines.nth(spoken + 1).wait_for()
        page.wait_for_timeout(150)  # as long as a person takes for the next key
        site.clock.advance(seconds=8)
    look(page, "sandbox-call")
    page.get_by_label(say("sandbox_desk.speak", language), exact=True).fill("这是什么" if language == "zh" else "what?")
    page.keyboard.press("Enter")
    lines.filter(has_text="抱歉" if language == "zh" else "Sorry").wait_for()
    page.get_by_role("button", name=say("sandbox_desk.hang_up", language)).click()
    page.get_by_text(say("sandbox_desk.call.completed", language)).wait_for()
    page.get_by_text(say("sandbox_desk.survey_partial", language)).wait_for()
    page.get_by_text(say("sandbox_desk.unhappy", language)).wait_for()


def test_a_letter_leads_to_the_survey_page(site: Site) -> None:
    page = site.open("/sandbox", login="zhou")
    _invite(site, page, "en", "email")
    with page.context.expect_page() as opened:
        page.locator(".letter a").click()
    opened.value.wait_for_load_state()
    assert opened.value.get_by_role("heading").count() > 0
    assert "/s/" in opened.value.url


def test_nobody_answers_and_a_long_paste_breaks_nothing(site: Site) -> None:
    page = site.open("/sandbox", login="zhou")
    _invite(site, page, "en", "voice")
    page.get_by_role("button", name=say("sandbox_desk.decline", "en"), exact=True).click()
    page.get_by_text(say("sandbox_desk.call.no-answer", "en")).wait_for()
    _invite(site, page, "en", "sms")
    page.locator("#screen .bubble").first.wait_for()
    page.get_by_label("Write back as the customer").fill("<b>x</b> " * 12_000)
    page.keyboard.press("Enter")
    page.locator("#screen .is-mine").wait_for()
    assert page.locator("#screen .is-mine b").count() == 0


def test_the_empty_page_says_what_to_do(site: Site, look: Look) -> None:
    page = site.open("/sandbox", login="zhou", language="zh")
    page.get_by_text(say("sandbox_desk.empty_title", "zh")).wait_for()
    look(page, "sandbox-empty", picture=False)
